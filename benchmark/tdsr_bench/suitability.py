"""Whether a task can tell a high-resolution image from its frames: only then can it say anything of super-resolution.

The networks that score look at the frame itself (enlarged by blocks), at bicubic and at the reference, with and without
batch-norm adaptation, and their twins that were trained on enlarged frames look at bicubic. A measure of a task suits
when the reference beats both zeros (bicubic; the twins) by more than the paired interval over regions, and does so in
most scenes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.inference import Estimate, paired_difference
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.protocol import BenchmarkProtocol, Interval
from tdsr_bench.references import FRAME_TRAINED, open_bench
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene import Scene, Track
from tdsr_bench.tasks.networks.network import TaskNetwork, adapting
from tdsr_bench.tasks.networks.sets import NetworkSet
from tdsr_bench.tasks.scoring import Look, rows_of, scene_looks
from tdsr_bench.tasks.verdict import Verdict
from tdsr_bench.view import show

FRAME, BICUBIC, HIGHRES = "frame", "bicubic", "reference"
IMAGES = (FRAME, BICUBIC, HIGHRES)
ADAPTED = ", adapted"
"""After an image's name: seen by networks whose batch-norm statistics were estimated anew on such images."""

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SuitabilityLine:
    """One measure of one task.

    Attributes:
        key: such as ``roads.iou``.
        in_gap: whether the task's gap is made of it.
        means: the mean over regions, by what was looked at.
        regions: the values of each region, by what was looked at.
        over_bicubic, over_twins: reference less bicubic, and less the twins, paired by region.
        effect: the smaller of both mean differences over its standard deviation between regions; None of one region.
        kept: the share of scenes in which the reference is above both zeros.
        suits: the verdict on this measure.
    """

    key: str
    in_gap: bool
    means: dict[str, float]
    regions: dict[str, dict[str, float]]
    over_bicubic: Estimate
    over_twins: Estimate
    effect: float | None
    kept: float
    suits: bool


def suitability(dataset: DataSet, split: str, networks: NetworkSet, told: Told | None = None) -> list[SuitabilityLine]:
    """A line for each task and measure of the protocol that `networks` score on the scenes of `split`.

    Raises:
        DataError: a scene cannot be read.
        ProtocolError: no such split.
    """
    names = dataset.names(split)
    changed = _adapted(dataset, names, networks, _named(told, "adapting"))
    rows: list[ScoreRow] = []
    for done, name in enumerate(names, start=1):
        scene = dataset.read(name)
        images, looks = _images(scene, dataset.protocol, networks)
        rows += _scene_rows(images, looks, changed)
        if told:
            told("measuring", done, len(names))
    return [
        line
        for task in networks.tasks
        for key in dataset.protocol.tasks[task].measures
        if (line := _line(rows, f"{task}.{key}", dataset.protocol, in_gap=key in dataset.protocol.tasks[task].gap))
    ]


def verdict(dataset: DataSet, split: str, networks: NetworkSet, lines: Sequence[SuitabilityLine]) -> Verdict:
    """What stands beside the networks: which measures that a gap can be made of suit."""
    suits = {line.key: line.suits for line in lines if line.in_gap}
    about = {"name": dataset.name, "version": dataset.record.version, "arm": dataset.arm, "split": split}
    regions = sorted({dataset.scenes[name].region for name in dataset.names(split)})
    return Verdict(
        data=about | {"protocol": dataset.protocol.id, "regions": regions},
        networks=networks.hashes,
        suits=suits,
        table=tuple(asdict(line) for line in lines),
    )


Images = dict[str, NDArray[np.float32]]


def _images(scene: Scene, protocol: BenchmarkProtocol, networks: NetworkSet) -> tuple[Images, list[Look]]:
    """The images of a scene on its reference's grid, borders cut, and what is there to be found."""
    bench = open_bench(prepare(scene, protocol), protocol)
    view = show(scene, Track.SISR, protocol.frames)
    pairs: dict[str, AlignedPair] = {
        FRAME: bench.pair(enlarge(view.frames[0], "nearest"), view),
        BICUBIC: bench.pair(enlarge(view.frames[0], "bicubic"), view),
        HIGHRES: bench.perfect_pair(),
    }
    valid = pairs[HIGHRES].valid
    looks = scene_looks(scene, valid, networks, protocol.tasks, border=protocol.residual_shift.border)
    return {name: pair.sr for name, pair in pairs.items()}, looks


Adapted = dict[tuple[str, str], TaskNetwork]
"""Networks by the image whose statistics they have, and by the hash of their file."""


def _adapted(dataset: DataSet, names: Sequence[str], networks: NetworkSet, told: Told | None) -> Adapted:
    """Every network that scores, once for each kind of image; all scenes are read once."""
    files = [pair.network for task in networks.tasks for pair in networks.scoring(task)]

    def images() -> Iterator[Images]:
        for done, name in enumerate(names, start=1):
            yield _images(dataset.read(name), dataset.protocol, networks)[0]
            if told:
                told("", done, len(names))

    fresh = {(kind, file.sha256): adapting(file.load()) for kind in IMAGES for file in files}
    for seen in images():
        for (kind, _), network in fresh.items():
            network.see(seen[kind])
    return {key: network.done() for key, network in fresh.items()}


def _scene_rows(images: Images, looks: Sequence[Look], changed: Adapted) -> Iterator[ScoreRow]:
    for look in looks:
        for pair in look.networks:
            for kind, image in images.items():
                yield from _as(kind, rows_of(image, pair.network.load(), look))
                yield from _as(kind + ADAPTED, rows_of(image, changed[kind, pair.network.sha256], look))
            yield from _as(FRAME_TRAINED, rows_of(images[BICUBIC], pair.twin.load(), look))


def _as(method: str, rows: Iterator[ScoreRow]) -> Iterator[ScoreRow]:
    return (replace(row, method=method) for row in rows)


def _line(rows: Sequence[ScoreRow], key: str, protocol: BenchmarkProtocol, *, in_gap: bool) -> SuitabilityLine | None:
    """What the rows say of one measure; None where no scene has truth of its task."""
    found = _by_scene(rows, key)
    if not found:
        return None
    regions = {method: _by_region(scenes) for method, scenes in found.items()}
    reference = regions[HIGHRES]
    over = [_difference(reference, regions[zero], protocol.interval) for zero in (BICUBIC, FRAME_TRAINED)]
    kept = [
        value > max(found[BICUBIC][scene][1], found[FRAME_TRAINED][scene][1])
        for scene, (_, value) in found[HIGHRES].items()
    ]
    clear = all(one.ci95 is not None and one.ci95[0] > 0 for one in over)
    return SuitabilityLine(
        key=key,
        in_gap=in_gap,
        means={method: fmean(values.values()) for method, values in regions.items()},
        regions=regions,
        over_bicubic=over[0],
        over_twins=over[1],
        effect=_effect(min(over, key=lambda one: one.value or 0.0)),
        kept=fmean(kept),
        suits=clear and fmean(kept) > protocol.suitability.least_order_kept,
    )


Scenes = dict[str, tuple[str, float]]
"""Of each scene its region and its value."""


def _by_scene(rows: Sequence[ScoreRow], key: str) -> dict[str, Scenes]:
    """For each method the mean over networks in each scene that has a value."""
    values: dict[str, dict[tuple[str, str], list[float]]] = {}
    for row in rows:
        if row.key == key and row.value is not None and row.method is not None:
            values.setdefault(row.method, {}).setdefault((row.scene, row.group), []).append(row.value)
    return {
        method: {scene: (region, fmean(found)) for (scene, region), found in scenes.items()}
        for method, scenes in values.items()
    }


def _by_region(scenes: Scenes) -> dict[str, float]:
    regions: dict[str, list[float]] = {}
    for region, value in scenes.values():
        regions.setdefault(region, []).append(value)
    return {region: fmean(values) for region, values in sorted(regions.items())}


def _difference(a: dict[str, float], b: dict[str, float], interval: Interval) -> Estimate:
    return paired_difference(a, b, confidence=interval.confidence, least=interval.least_regions)


def _effect(difference: Estimate) -> float | None:
    """The mean difference over its standard deviation between regions (Cohen's d of pairs)."""
    values = list(difference.regions.values())
    if len(values) < 2 or difference.value is None:
        return None
    spread = stdev(values)
    return difference.value / spread if spread > 0 else None


def _named(told: Told | None, what: str) -> Told | None:
    if told is None:
        return None
    return lambda _, done, total: told(what, done, total)
