"""Trains the task networks of a recipe, one file each, and leaves out those that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tdsr_bench import __version__
from tdsr_bench.errors import ProtocolError
from tdsr_bench.files import digest
from tdsr_bench.scene import BANDS
from tdsr_bench.tasks.measures.overlap import iou
from tdsr_bench.tasks.networks.architectures import build_network
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.record import Input, NetworkRecord, Role, network_file
from tdsr_bench.tasks.networks.weights import save_network
from tdsr_bench.training.batches import Statistics, draw_batch, statistics
from tdsr_bench.training.fit import Fit, Pace, Told, fit
from tdsr_bench.training.losses import segmentation_loss
from tdsr_bench.training.recipe import Entry, Recipe
from tdsr_bench.training.scenes import TrainingScene

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The thresholds that a network's own is chosen from."""


@dataclass(frozen=True)
class Lesson:
    """One network to train: an entry of a recipe, on references or on enlarged frames."""

    entry: Entry
    source: Input

    @property
    def file_name(self) -> str:
        """How the file of its network is called."""
        return network_file(self.entry.task, self.entry.role, self.entry.name, self.source)

    def __str__(self) -> str:
        """How progress calls it."""
        return f"{self.entry.task} {self.entry.role} {self.entry.name}, {self.source}"


def lessons(
    recipe: Recipe, *, tasks: Sequence[str] = (), role: Role | None = None, source: Input | None = None
) -> list[Lesson]:
    """What has to be trained: every network on references, and each that scores also on enlarged frames.

    Raises:
        ProtocolError: nothing is left of the recipe.
    """
    chosen = [e for e in recipe.networks if (not tasks or e.task in tasks) and role in (None, e.role)]
    everything = [Lesson(e, "hr") for e in chosen] + [Lesson(e, "lr") for e in chosen if e.role == "score"]
    left = [lesson for lesson in everything if source in (None, lesson.source)]
    if not left:
        known = ", ".join(sorted({entry.task for entry in recipe.networks}))
        raise ProtocolError(f"The recipe {recipe.name} has no such network; it has networks for {known}.")
    return left


def train_network(
    lesson: Lesson,
    recipe: Recipe,
    training: Sequence[TrainingScene],
    validation: Sequence[TrainingScene],
    folder: Path,
    *,
    data: dict[str, Any],
    device: str = "cpu",
    told: Told | None = None,
) -> Path:
    """Train one network, and write it into `folder`; goes on from a checkpoint of the same recipe and data.

    Args:
        lesson: what to train.
        recipe: says how.
        training, validation: scenes with truth of its task, of the kind that the lesson asks for.
        folder: of the networks.
        data: what the record says of the data set; its fingerprint is part of a checkpoint's key.
        device: of torch.
        told: progress.
    """
    entry, settings = lesson.entry, recipe.training_of(lesson.entry)
    known = statistics(training)
    network = _untrained(lesson, known, device)
    optimizer = torch.optim.AdamW(
        network.module.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=settings.steps)
    run = Fit(network.module, optimizer, schedule)

    def loss(step: int) -> Tensor:
        batch = draw_batch(training, settings, known, seed=entry.seed, step=step)
        images, truth, weight = (part.to(device) for part in batch)
        return segmentation_loss(network.module(images), truth, weight)

    checkpoint = resume_path(folder, lesson)
    fit(
        run,
        loss=loss,
        validate=lambda: best_threshold(network, validation)[1],
        pace=Pace(settings.steps, settings.validate_every, settings.patience),
        checkpoint=checkpoint,
        key=digest(recipe.sha256(entry), lesson.source, data),
        seed=entry.seed,
        told=told,
    )
    path = _save(network, folder, validation, _about(recipe, entry, run, data))
    checkpoint.unlink(missing_ok=True)
    return path


def resume_path(folder: Path, lesson: Lesson) -> Path:
    """What the training of `lesson` goes on from; not there once it is finished."""
    return folder / ".training" / f"{lesson.file_name}.ckpt"


def best_threshold(network: TaskNetwork, scenes: Sequence[TrainingScene]) -> tuple[float, float]:
    """The threshold with the highest IoU, and that IoU: its mean over the first image of each of `scenes`."""
    values = np.zeros(len(THRESHOLDS))
    for scene in scenes:
        found = network.probability(scene.images[0])
        values += [iou(found >= t, scene.truth, scene.weight[0]) for t in THRESHOLDS]
    best = int(values.argmax())
    return THRESHOLDS[best], float(values[best]) / len(scenes)


def _untrained(lesson: Lesson, known: Statistics, device: str) -> TaskNetwork:
    entry = lesson.entry
    with torch.random.fork_rng():
        torch.manual_seed(entry.seed)
        module = build_network(entry.architecture, bands=len(BANDS), settings=entry.settings).to(device)
    record = NetworkRecord(
        task=entry.task,
        role=entry.role,
        name=entry.name,
        input=lesson.source,
        architecture=entry.architecture,
        settings=entry.settings,
        bands=BANDS,
        mean=known[0],
        sd=known[1],
        threshold=0.5,
    )
    return TaskNetwork(module, record)


def _save(network: TaskNetwork, folder: Path, validation: Sequence[TrainingScene], about: dict[str, Any]) -> Path:
    """Choose the threshold, with weights rounded as the file will have them, and write the network once it is whole."""
    network.module.half().float()
    threshold, score = best_threshold(network, validation)
    about["validation"] |= {"iou": round(score, 4), "scenes": [scene.name for scene in validation]}
    record = network.record.model_copy(update={"threshold": threshold, "training": about})
    return save_network(folder, TaskNetwork(network.module, record))


def _about(recipe: Recipe, entry: Entry, run: Fit, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "recipe": {"name": recipe.name, "sha256": recipe.sha256(entry), **recipe.training_of(entry).model_dump()},
        "seed": entry.seed,
        "steps": run.step,
        "validation": {"best_step": run.best_step},
        "data": data,
        "package": __version__,
        "torch": torch.__version__,
    }
