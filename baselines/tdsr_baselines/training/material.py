"""All that a training needs before its first step: scenes, statistics, losses, and a way to look at the validation
split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from tdsr_baselines.checkpoints import read_checkpoint_record
from tdsr_baselines.losses.base import LossFunction, Surroundings
from tdsr_baselines.networks import find_size
from tdsr_baselines.networks.base import SrNetwork, needs_classical
from tdsr_baselines.training.batches import Statistics, draw_batch, frame_statistics
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.samples import Sample, Wanted, read_samples
from tdsr_baselines.training.start import OURS
from tdsr_baselines.training.validation import Scores, Validation, open_validation
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.files import digest
from tdsr_bench.tasks.networks.sets import NetworkSet, open_networks, shipped_networks

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
        training: scenes to train on.
        known: statistics of the training frames.
        losses: by name.
        look: a look at the validation split.
        validation: what `look` looks at; None where references may not be seen.
        about: what the record says of the data.
    """

    training: Sequence[Sample]
    known: Statistics
    losses: Mapping[str, LossFunction]
    look: Callable[[SrNetwork], Scores]
    validation: Validation | None
    about: Mapping[str, Any]


def read_material(config: TrainingConfig, dataset: DataSet, device: str, progress: Progress) -> Material:
    """Scenes, networks and losses."""
    surroundings = Surroundings(_networks(config, dataset), device)
    losses = {loss.name: loss.build(surroundings) for loss in config.losses}
    through = [surroundings.network(task) for task in config.task_driven]
    network = config.network
    wanted = Wanted(
        frames=network.frames or find_size(network.size).frames,
        order=network.order,
        classical=_needs_classical(config),
        reference=config.sees_references,
        tasks=config.mask_tasks,
    )
    parts = {part: dataset.names(config.data.split(part)) for part in ("train", "validation")}
    training = read_samples(dataset, parts["train"], wanted, through, _told(progress, "reading scenes to train on"))
    told = _told(progress, "reading scenes to validate on")
    validation, look = None, None
    if config.sees_references:
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
    return Material(training, frame_statistics(training), losses, look, validation, about)


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
