"""Step after step, with looks at the validation split between."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tdsr_baselines.balance import gradient_cosines
from tdsr_baselines.checkpoints import CheckpointRecord, save_checkpoint
from tdsr_baselines.losses.base import Batch
from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.training.batches import draw_batch
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.log import RunLog
from tdsr_baselines.training.material import Material, Progress
from tdsr_baselines.training.sheet import draw_sheet
from tdsr_baselines.training.state import (
    TrainingState,
    averaged_copy,
    half_weights,
    learning_rate,
    save_state,
    update_average,
)
from tdsr_bench.environment import describe
from tdsr_bench.errors import TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

RESUME = "last.ckpt"
"""What a run goes on from; removed once it is finished."""


@dataclass(eq=False)
class Loop:
    """Step after step, with looks between."""

    config: TrainingConfig
    material: Material
    state: TrainingState
    fabric: "Fabric"
    log: RunLog
    path: Path
    key: str
    started_from: dict[str, str] | None
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
        batch = self._draw()
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

    def _draw(self) -> Batch:
        training = self.config.training
        return draw_batch(
            self.material.training,
            training.augmentation,
            batch=training.batch // self.fabric.world_size,
            crop=training.crop,
            seed=self.config.seed,
            step=self.state.step,
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
        state = self.state
        if self.fabric.is_global_zero:
            network = averaged_copy(state.average).half().float()  # as the file will have them
            scores = self.material.look(network)
            score = scores.score if math.isfinite(scores.score) else float("-inf")
            best = score >= state.best
            if best:
                state.best, state.best_step, state.best_values = score, state.step, dict(scores.values)
                state.best_weights = half_weights(network)
            self.log.add("validation", state.step, {"score": scores.score, **scores.values})
            for name, value in scores.values.items():
                board.add_scalar(f"validation/{name}", value, state.step)
            board.flush()  # its thread may be behind what is gone on from
            self._sheet()
            self._keep(network, best=best)
        self.fabric.barrier()

    def _keep(self, network: SrNetwork, *, best: bool) -> None:
        """Keep `network` if it is the `best`, and what to go on from.

        A checkpoint that says that it is finished comes last of all: a run that finds one does nothing any more.
        """
        if self.state.step < self.config.training.steps:
            if best:
                save_checkpoint(self.path, network, self._record())
            self.log.keep()
            save_state(self.path.parent / RESUME, self.state, self.key)
        elif self.state.best_weights:
            self.log.keep()
            network.load_state_dict(self.state.best_weights)
            save_checkpoint(self.path, network, self._record())

    def _sheet(self) -> None:
        training, validation = self.config.training, self.material.validation
        looks = -(-self.state.step // training.validate_every)
        if validation and training.sheet_every and looks % training.sheet_every == 0:
            path = self.path.parent / "sheets" / f"step-{self.state.step:06d}.png"
            draw_sheet(path, validation.pairs)

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
                "started_from": self.started_from,
            },
        )


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
