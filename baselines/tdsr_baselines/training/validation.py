"""How good a network is on the validation split, by the protocol's own metrics."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.stack import FrameOrder
from tdsr_baselines.trained import shown_layers, super_resolve_layers
from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.gap import image_gap, ratio_of_means, region_gap, task_gap
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.references import Bench, open_bench
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.scene_score import measure
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.scoring import Look, rows_of, scene_truth
from tdsr_bench.view import show

REPORTED = ("consistency", "grid")
"""Metrics that are logged beside those of the gap."""

TASK_MEASURE = "iou"


@dataclass(frozen=True)
class Scores:
    """What a look at the validation split found.

    Attributes:
        score: what the best checkpoint is chosen by, see `Validation.score`.
        values: all that is logged, by name.
    """

    score: float
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ValidationScene:
    """A scene, and what its zero and its top are."""

    bench: Bench
    view: LowResView
    looks: Sequence[tuple[Look, TaskNetwork]]
    zero: Sequence[ScoreRow]
    top: Sequence[ScoreRow]


@dataclass(frozen=True, eq=False)
class Validation:
    """Scores networks on some scenes. Tasks are looked at by the networks of the set ``loss``; those that score a
    submission are never asked while it is trained or chosen.

    Attributes:
        dataset: whose protocol says what is measured.
        scenes: what is looked at.
        pairs: images of the last look, for a contact sheet.
        shown: what networks are shown of each scene, which is the same at every look.
    """

    dataset: DataSet
    scenes: Sequence[ValidationScene]
    pairs: list[AlignedPair] = field(default_factory=list)
    shown: dict[Hashable, list[Tensor]] = field(default_factory=dict)

    def look(self, network: SrNetwork, *, size: str, order: FrameOrder) -> Scores:
        """The gaps of `network`, and what they are made of."""
        rows: list[ScoreRow] = []
        self.pairs.clear()
        for scene in self.scenes:
            sr = super_resolve_layers(network, self._shown(network, scene, order), size=size)
            pair = scene.bench.pair(sr, scene.view)
            rows += _rows(pair, scene.bench, scene.looks, (*self._keys, *REPORTED))
            self.pairs.append(pair)
        return self.score(rows)

    def _shown(self, network: SrNetwork, scene: ValidationScene, order: FrameOrder) -> list[Tensor]:
        """Registered and fused once, whatever the number of looks."""
        key = (scene.bench.prepared.scene.name, network.frames, network.needs_classical, order)
        if key not in self.shown:
            self.shown[key] = shown_layers(network, scene.view, order)
        return self.shown[key]

    def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Chosen is by the image gap, or by the mean of image gap and task gap, each clipped, where there are tasks.

        By the image gap too where there is no task gap: the reference gives the networks no more than its frames.
        """
        zero = [row for scene in self.scenes for row in scene.zero]
        top = [row for scene in self.scenes for row in scene.top]
        image = image_gap(rows, zero, self._keys, **self._interval)
        values = {"image_gap": _number(image.value)}
        values |= {key: float(np.mean([*region_gap(rows, zero, key).values()])) for key in self._keys}
        values["consistency_ratio"] = _number(ratio_of_means(rows, zero, "consistency"))
        values["grid"] = float(np.mean([row.value for row in rows if row.key == "grid" and row.value is not None]))
        tasks = {look.truth.task.key: (f"{look.truth.task.key}.{TASK_MEASURE}",) for look, _ in self.scenes[0].looks}
        score = values["image_gap"]
        if tasks:
            task = task_gap(rows, [zero], top, tasks, **self._interval)
            values["task_gap_by_loss_networks"] = _number(task.value)
            score = score if task.value is None else (score + task.value) / 2
        return Scores(score, values)

    @property
    def _keys(self) -> tuple[str, ...]:
        gap = self.dataset.protocol.gap
        return tuple(key for key in gap.image if key not in gap.weights_missing)

    @property
    def _interval(self) -> dict[str, Any]:
        interval = self.dataset.protocol.interval
        least = {"confidence": interval.confidence, "least_regions": interval.least_regions}
        return {"clip": self.dataset.protocol.gap.clip, **least}


def open_validation(
    dataset: DataSet,
    names: Sequence[str],
    *,
    several: bool,
    networks: Sequence[TaskNetwork],
    told: Callable[[str, int, int], None] | None = None,
) -> Validation:
    """Prepare the scenes called `names`.

    Args:
        dataset: the arm that is trained on.
        names: of scenes.
        several: whether a network sees several frames.
        networks: those of training losses.
        told: progress.
    """
    validation = Validation(dataset, [])
    scenes = []
    for done, name in enumerate(names, start=1):
        scenes.append(_scene(dataset, name, several, networks, validation._keys))
        if told:
            told(name, done, len(names))
    return replace(validation, scenes=scenes)


def _scene(
    dataset: DataSet, name: str, several: bool, networks: Sequence[TaskNetwork], keys: Sequence[str]
) -> ValidationScene:
    protocol = dataset.protocol
    scene = dataset.read(name)
    bench = open_bench(prepare(scene, protocol), protocol)
    single = show(scene, Track.SISR, protocol.frames)
    bicubic, perfect = bench.pair(enlarge(single.frames[0], "bicubic"), single), bench.perfect_pair()
    looks = [(_look(bench, bicubic, network), network) for network in networks if network.record.task in scene.truth]
    return ValidationScene(
        bench=bench,
        view=show(scene, Track.MISR, protocol.frames) if several else single,
        looks=looks,
        zero=_rows(bicubic, bench, looks, (*keys, "consistency")),
        top=_rows(perfect, bench, looks, ()),
    )


def _look(bench: Bench, pair: AlignedPair, network: TaskNetwork) -> Look:
    task, protocol = network.record.task, bench.protocol
    truth = scene_truth(bench.prepared.scene, task, pair.valid, border=protocol.residual_shift.border)
    return Look(truth, (), protocol.tasks[task].measures).only([f"{task}.{TASK_MEASURE}"])


def _rows(
    pair: AlignedPair, bench: Bench, looks: Sequence[tuple[Look, TaskNetwork]], keys: Sequence[str]
) -> list[ScoreRow]:
    settings = {key: bench.protocol.metrics[key] for key in keys}
    rows = [*measure(pair, settings, bench.prepared.scene)]
    for look, network in looks:
        rows += rows_of(pair.sr, network, look)
    return rows


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
