"""From an image on its reference's grid to rows: every network that scores segments it, every measure looks at that."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.protocol import TaskRules
from tdsr_bench.rows import ScoreRow, finite_or_none
from tdsr_bench.scene import Scene
from tdsr_bench.tasks import PAIR_TASKS, find_task
from tdsr_bench.tasks.base import SegmentationTask
from tdsr_bench.tasks.measures.base import Segmentation, Truth
from tdsr_bench.tasks.networks.sets import NetworkSet, ScoringNetwork

if TYPE_CHECKING:
    from tdsr_bench.tasks.networks.network import TaskNetwork

MeasureSettings = Mapping[str, Mapping[str, Any]]
"""For each measure that a protocol names, its settings."""


@dataclass(frozen=True, eq=False)
class TaskTruth:
    """What is there of a task in a scene, on the grid that images are scored on (borders cut).

    Attributes:
        task: what is looked for.
        scene: where.
        known: None where the data set does not know.
    """

    task: SegmentationTask
    scene: Scene
    known: Truth | None

    @cached_property
    def missing(self) -> str | None:
        """Why nothing can be measured here, or None."""
        if self.known is None:
            return f"the data set has no truth of {self.task.key} in this scene"
        if not (self.known.mask & self.known.valid).any():
            return f"no {self.task.key} among the valid pixels of this scene's truth"
        return None


def scene_truth(scene: Scene, task: str, valid: NDArray[np.bool_], *, border: int) -> TaskTruth:
    """The truth of `task` in `scene`.

    Args:
        scene: the scene.
        task: its key.
        valid: bool ``[4, H, W]``, the pixels that count, borders cut.
        border: how many pixels were cut on each side.
    """
    mask, lines = scene.truth.get(task), scene.lines.get(task)
    if mask is None:
        return TaskTruth(find_task(task), scene, None)
    known = Truth(
        mask=mask[border:-border, border:-border],
        lines=None if lines is None else tuple(line - border for line in lines),
        valid=np.asarray(valid.all(axis=0)),
        metres_per_pixel=scene.metres_per_pixel,
    )
    return TaskTruth(find_task(task), scene, known)


def segment(image: NDArray[np.float32], network: "TaskNetwork", truth: Truth) -> Segmentation:
    """What `network` finds in `image`, float32 ``[4, H, W]``, beside the truth."""
    probability = network.probability(image)
    return Segmentation(probability, probability >= network.record.threshold, truth)


@dataclass(frozen=True, eq=False)
class Look:
    """A task in a scene: what is there, and who looks for it.

    Attributes:
        truth: what is there.
        networks: that score, with their twins.
        settings: of the measures.
    """

    truth: TaskTruth
    networks: tuple[ScoringNetwork, ...]
    settings: MeasureSettings

    def only(self, keys: Collection[str]) -> "Look":
        """The same with those measures alone whose keys, such as ``roads.iou``, are in `keys`."""
        task = self.truth.task.key
        return replace(self, settings={key: own for key, own in self.settings.items() if f"{task}.{key}" in keys})

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of every network that takes part."""
        return [file.sha256 for pair in self.networks for file in (pair.network, pair.twin)]


def scene_looks(
    scene: Scene, valid: NDArray[np.bool_], networks: NetworkSet | None, rules: Mapping[str, TaskRules], *, border: int
) -> list[Look]:
    """The tasks of a protocol that `networks` score, in one scene.

    Args:
        scene: the scene.
        valid: bool ``[4, H, W]``, the pixels that count, borders cut.
        networks: None where there are none.
        rules: of the protocol.
        border: how many pixels were cut on each side.
    """
    if networks is None:
        return []
    return [
        Look(scene_truth(scene, task, valid, border=border), networks.scoring(task), rule.measures)
        for task, rule in rules.items()
        if task in networks.tasks
    ]


def task_rows(image: NDArray[np.float32], looks: Sequence[Look], *, twins: bool = False) -> Iterator[ScoreRow]:
    """A row for each task, network and measure of `image`, float32 ``[4, H, W]`` on the reference's grid.

    The networks' `twins`, which were trained on enlarged frames, make rows under their partners' names.
    """
    for look in looks:
        for pair in look.networks:
            yield from rows_of(image, (pair.twin if twins else pair.network).load(), look)


def rows_of(image: NDArray[np.float32], network: "TaskNetwork", look: Look) -> Iterator[ScoreRow]:
    """A row for each measure of what one `network` finds in `image`."""
    if not look.settings:
        return
    known = None if look.truth.missing else look.truth.known
    segmentation = segment(image, network, known) if known else None
    for key, options in look.settings.items():
        yield _row(look.truth, network.record.name, key, segmentation, options)


def pair_rows(
    pair: AlignedPair, scene: Scene, settings: Mapping[str, Mapping[str, Any]], asked: Collection[str]
) -> Iterator[ScoreRow]:
    """A row for each measure of the tasks that compare `pair`'s image with its reference.

    Args:
        pair: of the method.
        scene: the scene.
        settings: of each task, by its key; others are left out.
        asked: the tasks that run only on request and are wanted.
    """
    for task in PAIR_TASKS:
        if task.key not in settings or (task.on_request and task.key not in asked):
            continue
        reason = task.unavailable()
        values = {} if reason else task.compute(pair, settings[task.key], None)
        for measure in task.measures:
            value = finite_or_none(values[measure.key]) if values else None
            why = None if value is not None else reason or "undefined on this reference"
            yield ScoreRow(scene.name, scene.region, measure.key, None, value, "1", reason=why)


def _row(
    truth: TaskTruth, network: str, key: str, segmentation: Segmentation | None, options: Mapping[str, Any]
) -> ScoreRow:
    measure = truth.task.measure(key)
    assert measure is not None, f"{truth.task.key} has no measure {key}"  # the protocol was checked when it was read
    value = finite_or_none(measure.compute(segmentation, options)) if segmentation else None
    return ScoreRow(
        scene=truth.scene.name,
        group=truth.scene.region,
        key=f"{truth.task.key}.{key}",
        band=None,
        value=value,
        unit="1",
        reason=None if value is not None else truth.missing or "undefined on this truth",
        network=network,
    )
