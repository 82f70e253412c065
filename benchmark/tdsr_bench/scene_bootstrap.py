"""How a gap would move with other scenes of the same regions: scenes are drawn again, regions stay as they are.

Both gaps are means of ``(sum v(method) - v0) / (sum v(best) - v0)`` with v0 the greatest of the zeros' sums. For tasks
that is how `gap` has it; for image metrics v is the error with a minus, and the best is 0. So one function does both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.rows import ScoreRow

SCENES_ONLY = (
    "These scenes only: how the number would move with other scenes of the same regions, not what it is in other ones."
)
"""Stands wherever an interval of `scene_bootstrap` is shown."""

Part = tuple[str, str | None]
"""A key and a band."""

Cell = tuple[str, str, Part, tuple[float, ...]]
"""Region, scene, part; the values there of the method, the best and each zero."""


@dataclass(frozen=True)
class SceneSums:
    """What a gap is a ratio of, scene by scene.

    Attributes:
        regions: the region of each scene, in the order of the first axis of `groups`.
        groups: one array ``[scene, part, column]`` for each image key (its parts are bands) or task (its parts are
            keys). Columns: how many values there are, then the sums of the method, the best and each zero.
        whole: whether a group without one of its parts counts for nobody, as a task does; an image key is the mean of
            the bands that it has.
    """

    regions: Mapping[str, str]
    groups: Sequence[NDArray[np.float64]]
    whole: bool


def image_sums(rows: Sequence[ScoreRow], zero: Sequence[ScoreRow], keys: Sequence[str]) -> SceneSums:
    """What the image gap of `rows` is made of; see `tdsr_bench.gap.image_gap`.

    Raises:
        KeyError: the method lacks a value that the zero has, or the zero has none of a key.
    """
    cells: list[Cell] = []
    for key in keys:
        errors = _by_look(rows, key)
        cells += [
            (row.group, row.scene, (key, row.band), (-_value(errors, row), 0.0, -row.value))
            for row in zero
            if row.key == key and row.value is not None
        ]
    bands = [list(dict.fromkeys(part for _, _, part, _ in cells if part[0] == key)) for key in keys]
    if not all(bands):
        raise KeyError(f"the zero has no value of one of {', '.join(keys)}")
    return _sums(cells, bands, columns=4, whole=False)


def task_sums(
    rows: Sequence[ScoreRow],
    zeros: Sequence[Sequence[ScoreRow]],
    top: Sequence[ScoreRow],
    tasks: Mapping[str, Sequence[str]],
) -> SceneSums:
    """What the task gap of `rows` is made of; see `tdsr_bench.gap.task_gap`.

    Raises:
        KeyError: the method, or a zero, lacks a value that the top has.
    """
    cells: list[Cell] = []
    for key in dict.fromkeys(key for keys in tasks.values() for key in keys):
        looks = [_by_look(values, key) for values in (rows, top, *zeros)]
        cells += [
            (row.group, row.scene, (key, None), tuple(_value(values, row) for values in looks))
            for row in top
            if row.key == key and row.value is not None
        ]
    groups = [[(key, None) for key in keys] for keys in tasks.values()]
    return _sums(cells, groups, columns=3 + len(zeros), whole=True)


def scene_bootstrap(
    *gaps: SceneSums, clip: float, confidence: float, rng: np.random.Generator, draws: int = 2000
) -> tuple[float, float] | None:
    """Percentile interval of a gap, or of the mean of several, over scenes drawn with replacement in their region.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; the same scenes are drawn for all `gaps`.
    Always shown with `SCENES_ONLY`. A drawn region in which the best is no better than the zero has no gap to close: it
    counts as -`clip` for the lower end and as `clip` for the upper. None where there is no region, or one of a single
    scene, which would look as if it could not move.
    """
    # scipy.stats.bootstrap draws strata too, but takes seconds to import; a test compares both
    scenes = _scenes(gaps)
    if not scenes or min(map(len, scenes.values())) < 2:
        return None
    counts: dict[str, NDArray[np.int64]] = {}
    for names in scenes.values():
        drawn = rng.multinomial(len(names), [1 / len(names)] * len(names), size=draws)
        counts |= dict(zip(names, drawn.T, strict=True))
    low, high = (drawn_gap(gaps, counts, clip=clip, unknown=unknown) for unknown in (-np.inf, np.inf))
    tail = (1 - confidence) / 2
    return float(np.quantile(low, tail)), float(np.quantile(high, 1 - tail))


def drawn_gap(
    gaps: Sequence[SceneSums], counts: Mapping[str, NDArray[np.int64]], *, clip: float, unknown: float
) -> NDArray[np.float64]:
    """The mean over regions of the mean of `gaps`, each clipped, for every draw: ``[draw]``.

    Args:
        gaps: what they are made of.
        counts: for each scene, how often each draw has it: ``[draw]``.
        clip: see `tdsr_bench.inference.estimate`.
        unknown: stands for a share where there is no gap to close; an infinity, which is clipped.
    """
    regions = [
        np.mean([np.clip(_region_gap(gap, names, counts, unknown), -clip, clip) for gap in gaps], axis=0)
        for names in _scenes(gaps).values()
    ]
    value = _mean_of_known(np.stack(regions, axis=-1))
    return np.clip(np.nan_to_num(value, nan=unknown), -clip, clip)


def _region_gap(
    gap: SceneSums, names: Sequence[str], counts: Mapping[str, NDArray[np.int64]], unknown: float
) -> NDArray[np.float64]:
    """A gap in the region of the scenes `names`: ``[draw]``; NaN where no scene of a draw has a value."""
    places = {scene: place for place, scene in enumerate(gap.regions) if scene in names}
    drawn = np.stack([counts[scene] for scene in places], axis=-1).astype(float)
    shares = [_shares(np.tensordot(drawn, group[list(places.values())], axes=1), unknown) for group in gap.groups]
    means = [share.mean(axis=-1) if gap.whole else _mean_of_known(share) for share in shares]
    return _mean_of_known(np.stack(means, axis=-1))


def _shares(sums: NDArray[np.float64], unknown: float) -> NDArray[np.float64]:
    """``[draw, part, column]`` to ``[draw, part]``: the share of the way from zero to best; NaN without values."""
    seen, method, best, *zeros = np.moveaxis(sums, -1, 0)
    zero = np.max(zeros, axis=0)
    share = np.where(seen > 0, unknown, np.nan)
    np.divide(method - zero, best - zero, out=share, where=(seen > 0) & (best > zero))
    return share


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the last axis of what is not NaN; NaN where nothing is (`numpy.nanmean` would warn)."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    mean = np.full(count.shape, np.nan)
    np.divide(np.where(known, values, 0).sum(axis=-1), count, out=mean, where=count > 0)
    return mean


def _scenes(gaps: Sequence[SceneSums]) -> dict[str, list[str]]:
    """The scenes of each region that all `gaps` have; sorted, so that the rows' order does not matter to a seed."""
    common = set.intersection(*(set(gap.regions.values()) for gap in gaps))
    regions = {scene: region for gap in gaps for scene, region in gap.regions.items()}
    return {name: sorted(scene for scene, region in regions.items() if region == name) for name in sorted(common)}


def _sums(cells: Iterable[Cell], groups: Sequence[Sequence[Part]], *, columns: int, whole: bool) -> SceneSums:
    """Add what lies in the same scene and part (the networks of a task)."""
    regions: dict[str, str] = {}
    sums: dict[tuple[str, Part], NDArray[np.float64]] = {}
    none = np.zeros(columns)
    for region, scene, part, values in cells:
        regions[scene] = region
        sums[scene, part] = sums.get((scene, part), none) + np.array([1.0, *values])
    arrays = [np.array([[sums.get((scene, part), none) for part in parts] for scene in regions]) for parts in groups]
    return SceneSums(regions, arrays, whole)


Look = tuple[str, str | None, str | None]
"""A scene, a band, and the network that looked at it."""


def _look(row: ScoreRow) -> Look:
    return row.scene, row.band, row.network


def _by_look(rows: Iterable[ScoreRow], key: str) -> dict[Look, float]:
    return {_look(row): row.value for row in rows if row.key == key and row.value is not None}


def _value(values: Mapping[Look, float], row: ScoreRow) -> float:
    if _look(row) not in values:
        raise KeyError(f"{_look(row)}: no {row.key}")
    return values[_look(row)]
