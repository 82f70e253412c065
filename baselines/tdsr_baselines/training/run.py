"""Trains one network by its configuration, from data set to checkpoint; goes on where an earlier run stopped."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from tdsr_baselines.balance import gradient_cosines, make_balancer
from tdsr_baselines.checkpoints import CheckpointRecord, load_checkpoint, read_checkpoint_record, save_checkpoint
from tdsr_baselines.losses.base import Batch, LossFunction, Surroundings
from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.networks.base import SrNetwork, needs_classical
from tdsr_baselines.training.batches import Statistics, draw_batch, frame_statistics
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.log import RunLog
from tdsr_baselines.training.samples import Sample, Wanted, read_samples
from tdsr_baselines.training.sheet import draw_sheet
from tdsr_baselines.training.state import (
    TrainingState,
    averaged_copy,
    learning_rate,
    resume_state,
    save_state,
    update_average,
)
from tdsr_baselines.training.validation import Scores, Validation, open_validation
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.environment import describe
from tdsr_bench.errors import DataError, ProtocolError, TrainingError
from tdsr_bench.files import digest
from tdsr_bench.tasks.networks.sets import NetworkSet, open_networks, shipped_networks

if TYPE_CHECKING:
    from lightning_fabric import Fabric

RESUME = "last.ckpt"
"""What a run goes on from; removed once it is finished."""

OURS = ".safetensors"
"""How the names of our checkpoints end; other files to start from are published ones."""

VALIDATION_BATCHES = 8
"""Of a training that may not see references: its losses on so many fixed batches of the validation split."""


class Progress(Protocol):
    """Told what is being done, how many steps of it are done, of how many, and how it goes."""

    def __call__(self, what: str, done: int, total: int, how: str = "") -> None:
        """Show it."""
        ...


@dataclass(frozen=True, eq=False)
class Material:
    """All that is read before the first step.

    Attributes:
        training, validation: scenes; `validation` only where references may not be seen.
        known: statistics of the training frames.
        losses: by name.
        surroundings: what losses were built with.
        look: a look at the validation split.
        about: what the record says of the data.
    """

    training: Sequence[Sample]
    known: Statistics
    losses: Mapping[str, LossFunction]
    surroundings: Surroundings
    look: Callable[[SrNetwork], Scores]
    validation: Validation | None
    about: Mapping[str, Any]


def train(
    config: TrainingConfig,
    dataset: DataSet,
    folder: Path,
    *,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress,
) -> Path:
    """Train, and return the path of the checkpoint: the weights of the best look at the validation split.

    Args:
        config: what to train, and how.
        dataset: its data, opened.
        folder: of the run: logs, contact sheets, what to go on from, and the checkpoint.
        device: ``auto``, ``cpu`` or ``cuda``; with several processes (torchrun) each takes one card.
        overwrite: begin anew whatever lies in `folder`.
        progress: shown.

    Raises:
        ProtocolError: networks or weights that a loss needs are not there.
        DataError: the data cannot be trained on; or `folder` holds another training.
        TrainingError: a loss became NaN or infinite; what was good is kept.
    """
    path = folder / f"{config.name}.safetensors"
    fabric = _fabric(config, device)
    _check_alone(path)
    if overwrite:
        _clear(folder, path)
    material = _read(config, dataset, str(fabric.device), progress)
    key = digest(config.sha256, material.about, _origin(config.network.start))
    if path.is_file() and (done := read_checkpoint_record(path).training).get("finished"):
        if done["key"] == key:
            return path
        raise DataError(f"{path} was trained by another configuration or on other data; name another folder by --out, "
                        f"or replace it with --overwrite.")  # fmt: skip
    state = _begin(config, material, fabric)
    log = RunLog(folder)
    resume_state(folder / RESUME, state, key)
    if fabric.is_global_zero:
        log.go_back(state.step)
    _Loop(config, material, state, fabric, log, path, key, progress).run()
    if fabric.is_global_zero:
        (folder / RESUME).unlink(missing_ok=True)
    return path


def _check_alone(path: Path) -> None:
    """A folder is one training's: its logs and what it goes on from are not called by its name."""
    other = next((file for file in sorted(path.parent.glob("*.safetensors")) if file.name != path.name), None)
    if other:
        raise DataError(f"{path.parent} holds {other.name}, of another name than {path.stem}; name another folder by "
                        f"--out.")  # fmt: skip


def _clear(folder: Path, path: Path) -> None:
    for old in (folder / RESUME, path, folder / "train.csv", folder / "validation.csv"):
        old.unlink(missing_ok=True)


def _fabric(config: TrainingConfig, device: str) -> "Fabric":
    """One process, or those that torchrun started."""
    import os

    from lightning_fabric import Fabric

    from tdsr_bench.devices import find_device

    found = "cpu" if find_device(device) == "cpu" else "cuda"
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if config.training.batch % int(os.environ.get("WORLD_SIZE", "1")):
        raise ProtocolError(
            f"A batch of {config.training.batch} crops cannot be shared by {os.environ['WORLD_SIZE']} processes; "
            f"choose a multiple: training.batch."
        )
    bf16 = found == "cuda" and torch.cuda.is_bf16_supported()
    half = {"auto": bf16, "bf16": True, "float32": False}[config.training.precision]
    fabric = Fabric(
        accelerator=found,
        devices=processes if several else 1,
        num_nodes=int(os.environ.get("WORLD_SIZE", "1")) // processes,
        strategy="ddp" if several else "auto",
        precision="bf16-mixed" if half else "32-true",
    )
    fabric.launch()
    return fabric


def _read(config: TrainingConfig, dataset: DataSet, device: str, progress: Progress) -> Material:
    """Scenes, networks and losses."""
    surroundings = Surroundings(_networks(config, dataset), device)
    losses = {loss.name: loss.build(surroundings) for loss in config.losses}
    through = [surroundings.network(task) for task in config.task_driven]
    network = config.network
    wanted = Wanted(
        frames=network.frames or find_size(network.size).frames,
        order=network.order,
        classical=_needs_classical(config),
        reference=config.needs_reference,
        tasks=config.mask_tasks,
    )
    parts = {part: dataset.names(config.data.split(part)) for part in ("train", "validation")}
    training = read_samples(dataset, parts["train"], wanted, through, _told(progress, "reading scenes to train on"))
    told = _told(progress, "reading scenes to validate on")
    validation, look = None, None
    if config.needs_reference:
        validation = open_validation(
            dataset, parts["validation"], several=wanted.frames > 1, networks=through, told=told
        )
        look = _protocol_look(validation, config)
        seen = [scene.bench.prepared.scene.region for scene in validation.scenes]
    else:
        samples = read_samples(dataset, parts["validation"], wanted, through, told)
        look = _loss_look(samples, losses, config, device)
        seen = [sample.region for sample in samples]
    about = {
        "name": dataset.name,
        "version": dataset.record.version,
        "arm": dataset.arm,
        "fold": config.data.fold,
        "protocol": dataset.protocol.id,
        "fingerprint": digest(sorted(sample.sha256 for sample in training)),
        "train": sorted({sample.region for sample in training}),
        "validation": sorted(set(seen)),
        "repeated_frames": sum(len(set(sample.stack.order)) < len(sample.stack.order) for sample in training),
        "loss_networks": {task: _sha256(surroundings.networks, task) for task in config.task_driven},
    }
    return Material(training, frame_statistics(training), losses, surroundings, look, validation, about)


def _needs_classical(config: TrainingConfig) -> bool:
    """Of what a checkpoint to start from says, or else of the configuration."""
    start = config.network.start
    if start is None or start.suffix != OURS:
        return config.network.needs_classical
    record = read_checkpoint_record(start)
    return needs_classical(record.residual, record.views)


def _networks(config: TrainingConfig, dataset: DataSet) -> NetworkSet | None:
    folder = config.networks or shipped_networks(dataset.name, dataset.record.version)
    if folder is None:
        return None
    fold = folder / (config.data.fold or "")
    return open_networks(fold if fold.is_dir() else folder)


def _sha256(networks: NetworkSet | None, task: str) -> str:
    assert networks is not None  # the losses were built with it
    return networks.losing(task)[0].sha256


def _told(progress: Progress, what: str) -> Callable[[str, int, int], None]:
    return lambda scene, done, total: progress(what, done, total, scene)


def _protocol_look(validation: Validation, config: TrainingConfig) -> Callable[[SrNetwork], Scores]:
    def look(network: SrNetwork) -> Scores:
        return validation.look(network, size=config.network.size, order=config.network.order)

    return look


def _loss_look(
    samples: Sequence[Sample], losses: Mapping[str, LossFunction], config: TrainingConfig, device: str
) -> Callable[[SrNetwork], Scores]:
    """Without references: the weighted sum of the losses on fixed crops, the sign turned."""
    training = config.training
    drawn = [
        draw_batch(samples, training.augmentation, batch=training.batch, crop=training.crop, seed=0, step=step,
                   device=device)
        for step in range(VALIDATION_BATCHES)
    ]  # fmt: skip

    @torch.no_grad()
    def look(network: SrNetwork) -> Scores:
        values = dict.fromkeys(losses, 0.0)
        for batch in drawn:
            sr = network(batch.frames, batch.classical)
            for name, loss in losses.items():
                values[name] += float(loss(sr, batch)) / len(drawn)
        weights = {loss.name: loss.weight for loss in config.losses}
        return Scores(-sum(weights[name] * value for name, value in values.items()), values)

    return look


def _begin(config: TrainingConfig, material: Material, fabric: "Fabric") -> TrainingState:
    torch.manual_seed(config.seed)  # the same first weights in every process
    network = _first_network(config, material.known).to(fabric.device)
    training = config.training
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, betas=training.betas)
    balancing = config.balancing
    balancer = make_balancer(
        balancing.method, weights=[loss.weight for loss in config.losses], seed=config.seed, settings=balancing
    )
    average = averaged_copy(network) if training.ema else network
    return TrainingState(network, average, optimizer, balancer)


def _first_network(config: TrainingConfig, known: Statistics) -> SrNetwork:
    """New, or from a checkpoint: ours with its own statistics, or for HAT a published one."""
    size, wanted = find_size(config.network.size), config.network
    if wanted.start is None:
        return build_network(
            size,
            mean=known[0],
            sd=known[1],
            frames=wanted.frames,
            residual=wanted.residual,
            views=wanted.views,
            settings=wanted.settings,
        )
    if wanted.start.suffix == OURS:
        start = load_checkpoint(wanted.start)
        record = start.record
        asked = (wanted.size, wanted.frames or size.frames)
        if (record.size, record.frames) != asked:
            raise DataError(
                f"{wanted.start} holds {record.size} with {record.frames} frames, expected {asked[0]} with "
                f"{asked[1]}; start from another checkpoint, or ask for its size."
            )
        if digest({**size.settings, **record.settings}) != digest({**size.settings, **wanted.settings}):
            raise DataError(
                f"{wanted.start} was built with the settings {record.settings}, expected {wanted.settings}; start from "
                f"another checkpoint, or ask for its network.settings."
            )
        if wanted.residual not in (None, record.residual):
            raise DataError(
                f"{wanted.start} adds its answer to {record.residual!r}, expected {wanted.residual!r}; start from "
                f"another checkpoint, or leave out network.residual."
            )
        return start.module.requires_grad_(True)
    return _from_published(config, known)


def _from_published(config: TrainingConfig, known: Statistics) -> SrNetwork:
    from tdsr_baselines.networks.hat import load_official
    from tdsr_baselines.networks.rams_tensorflow import load_published

    start = config.network.start
    assert start is not None
    size = find_size(config.network.size)
    core = load_published(start) if size.multi_image else load_official(start)[0]
    network = build_network(size, mean=known[0], sd=known[1], frames=config.network.frames,
                            residual=config.network.residual, views=config.network.views, settings=config.network.settings)  # fmt: skip
    needed = {name: value.shape for name, value in network.core.state_dict().items()}
    if needed != {name: value.shape for name, value in core.state_dict().items()}:
        raise DataError(f"{start} is of another size than {size.name}; start from another checkpoint, or ask for its "
                        f"size.")  # fmt: skip
    network.core = core
    return network


@dataclass(eq=False)
class _Loop:
    """Step after step, with looks between."""

    config: TrainingConfig
    material: Material
    state: TrainingState
    fabric: "Fabric"
    log: RunLog
    path: Path
    key: str
    progress: Progress

    def run(self) -> None:
        training, state = self.config.training, self.state
        with closing(self.log.writer(state.step)) if self.fabric.is_global_zero else nullcontext() as board:
            while state.step < training.steps:
                start = time.perf_counter()
                values = self._step()
                state.seconds += time.perf_counter() - start
                if board and (state.step % training.log_every == 0 or state.step == 1):
                    self.log.add("train", state.step, values)
                    for name, value in values.items():
                        board.add_scalar(f"train/{name}", value, state.step)
                if state.step % training.validate_every == 0 or state.step == training.steps:
                    self._look(board)
                how = f"loss {values['total']:.4f}, validation {state.best:.3f} at step {state.best_step}"
                self.progress(self.config.name, state.step, training.steps, how)

    def _step(self) -> dict[str, float]:
        """One batch; what is logged of it."""
        config, state, fabric = self.config, self.state, self.fabric
        training = config.training
        state.network.train()
        batch = self._draw(state.step)
        rate = learning_rate(training, state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad()
        parameters = [parameter for parameter in state.network.parameters() if parameter.requires_grad]
        with self._draws():
            losses = self._losses(batch)
            self._check(losses)
            cosines = self._cosines(losses, parameters)
            weights = state.balancer.backward([*losses.values()], parameters, backward=fabric.backward)
        self._share(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, training.clip or float("inf"))
        if not torch.isfinite(norm):
            raise TrainingError(self._stopped("the gradient"))
        state.optimizer.step()
        with self._draws():
            state.balancer.after_step(lambda: [*self._losses(batch).values()])
        state.step += 1
        if training.ema:
            update_average(state.average, state.network, decay=training.ema, step=state.step)
        found = {name: float(loss.detach()) for name, loss in losses.items()}
        weighed = {f"weight of {name}": float(weight) for name, weight in zip(losses, weights, strict=True)}
        total = sum(float(weight) * value for weight, value in zip(weights, found.values(), strict=True))
        return {**found, **weighed, "total": total, "gradient": float(norm), "rate": rate, **cosines}

    @contextmanager
    def _draws(self) -> Iterator[None]:
        """What a network itself draws in a step, such as dropped paths, is the same however often it is asked."""
        device = self.fabric.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.config.seed + self.state.step)
            yield

    def _draw(self, step: int) -> Batch:
        training = self.config.training
        return draw_batch(
            self.material.training,
            training.augmentation,
            batch=training.batch // self.fabric.world_size,
            crop=training.crop,
            seed=self.config.seed,
            step=step,
            rank=self.fabric.global_rank,
            device=self.fabric.device,
        )

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        with self.fabric.autocast():
            sr = self.state.network(batch.frames, batch.classical)
        return {name: loss(sr.float(), batch) for name, loss in self.material.losses.items()}

    def _check(self, losses: Mapping[str, Tensor]) -> None:
        wrong = next((name for name, loss in losses.items() if not torch.isfinite(loss)), None)
        if wrong:
            raise TrainingError(self._stopped(f"the loss {wrong!r}"))

    def _stopped(self, what: str) -> str:
        step, kept = self.state.step + 1, self.path if self.path.is_file() else None
        saved = f"the checkpoint {kept} is the best look before it" if kept else "no look was made before it"
        return (
            f"{self.config.name}: {what} is NaN or infinite at step {step}, and training stopped; {saved}. Lower "
            f"training.learning_rate or training.clip, or look for values that are not finite in the data."
        )

    def _cosines(self, losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> dict[str, float]:
        training, names = self.config.training, [*losses]
        every = training.cosines_every * training.log_every
        if not every or len(names) < 2 or (self.state.step + 1) % every:
            return {} if not every else {f"cosine of {a} and {b}": float("nan") for a, b in _pairs(names)}
        known = gradient_cosines([*losses.values()], parameters, backward=self.fabric.backward)
        return {f"cosine of {a} and {b}": float(known[names.index(a), names.index(b)]) for a, b in _pairs(names)}

    def _share(self, parameters: Sequence[Tensor]) -> None:
        """The mean over processes of what each found; by hand, since balancers may take several passes a step."""
        if self.fabric.world_size == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.copy_(self.fabric.all_reduce(parameter.grad, reduce_op="mean"))  # type: ignore[arg-type]

    def _look(self, board: Any) -> None:
        """Score the averaged weights as a checkpoint would hold them, keep them if they are the best, and save."""
        state, training = self.state, self.config.training
        if self.fabric.is_global_zero:
            network = averaged_copy(state.average).half().float()  # as the file will have them
            scores = self.material.look(network)
            score = scores.score if math.isfinite(scores.score) else float("-inf")
            if score >= state.best:
                state.best, state.best_step, state.best_values = score, state.step, dict(scores.values)
                save_checkpoint(self.path, network, self._record())
            elif state.step == training.steps:
                self._finish()
            self.log.add("validation", state.step, {"score": scores.score, **scores.values})
            for name, value in scores.values.items():
                board.add_scalar(f"validation/{name}", value, state.step)
            self._sheet()
            save_state(self.path.parent / RESUME, state, self.key)
        self.fabric.barrier()

    def _finish(self) -> None:
        """The best checkpoint is an earlier one: say in it that training is over."""
        best = load_checkpoint(self.path)
        save_checkpoint(self.path, best.module, self._record())

    def _sheet(self) -> None:
        training, validation = self.config.training, self.material.validation
        looks = -(-self.state.step // training.validate_every)
        if validation and training.sheet_every and looks % training.sheet_every == 0:
            path = self.path.parent / "sheets" / f"step-{self.state.step:06d}.png"
            draw_sheet(path, [pair for _, pair in validation.kept])

    def _record(self) -> CheckpointRecord:
        config, state, network = self.config, self.state, self.state.network
        return CheckpointRecord(
            name=config.name,
            size=config.network.size,
            frames=network.frames,
            order=config.network.order,
            residual=network.residual,
            views=network.views,
            settings=config.network.settings,
            mean=network.mean,
            sd=network.sd,
            training={
                "regime": config.regime,
                "config": config.model_dump(mode="json", by_alias=True, exclude_unset=True),
                "key": self.key,
                "finished": state.step == config.training.steps,
                "steps": state.step,
                "seconds": round(state.seconds, 1),
                "best_step": state.best_step,
                "validation": {name: round(value, 4) for name, value in (state.best_values or {}).items()},
                "data": dict(self.material.about),
                "environment": describe(config.seed) | {"device": str(self.fabric.device)},
                "processes": self.fabric.world_size,
                "started_from": _origin(config.network.start),
            },
        )


def _origin(start: Path | None) -> dict[str, str] | None:
    if start is None:
        return None
    from tdsr_bench.tasks.networks.weights import network_sha256

    return {"file": start.name, "sha256": network_sha256(start)}


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
