"""From rows to gaps; what may be said from a gap's regions is in `inference`.

A gap is the share of the way from a zero (bicubic interpolation, or what its input gives a task) to perfection (no
error, or what the reference gives the task) that a method closes. Values are summed over the scenes of a region before
the ratio is taken; regions are what is independent, so they alone make the interval.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from tdsr_bench.inference import Estimate, estimate
from tdsr_bench.rows import ScoreRow


def region_gap(rows: Iterable[ScoreRow], zero: Iterable[ScoreRow], key: str) -> dict[str, float]:
    """For each region, the mean over bands of ``1 - sum e(method) / sum e(zero)``, sums over the region's scenes.

    A scene's band that has no value for the zero either (all of it masked, say) counts for no method.

    Raises:
        KeyError: the method lacks a value that the zero has.
    """
    errors = {(row.scene, row.band): row.value for row in rows if row.key == key}
    sums: dict[tuple[str, str | None], list[float]] = {}
    for row in zero:
        if row.key != key or row.value is None:
            continue
        error = errors[row.scene, row.band]
        if error is None:
            raise KeyError(f"{row.scene}, {row.band}: no {key}")
        total = sums.setdefault((row.group, row.band), [0.0, 0.0])
        total[0] += error
        total[1] += row.value
    gaps: dict[str, list[float]] = {}
    for (region, _), (error, zero_error) in sums.items():
        gaps.setdefault(region, []).append(1 - error / zero_error)
    return {region: fmean(values) for region, values in gaps.items()}


def image_gap(
    rows: Sequence[ScoreRow],
    zero: Sequence[ScoreRow],
    keys: Sequence[str],
    *,
    clip: float,
    confidence: float,
    least_regions: int,
) -> Estimate:
    """The image gap of `rows` against the rows of the zero: the mean over `keys` of `region_gap`, region by region.

    A key without a value in any scene makes the gap missing, and is named.
    """
    missing = tuple(_missing(key, rows) for key in keys if _lacks(rows, zero, key))
    if missing:
        return Estimate(None, missing=missing)
    gaps = [region_gap(rows, zero, key) for key in keys]
    raw = {region: fmean(gap[region] for gap in gaps) for region in gaps[0]}
    return estimate(raw, clip=clip, confidence=confidence, least_regions=least_regions)


def region_share(
    rows: Iterable[ScoreRow], zeros: Sequence[Iterable[ScoreRow]], top: Iterable[ScoreRow], key: str
) -> dict[str, float]:
    """For each region, ``(sum v(method) - v0) / (sum v(top) - v0)``; v0 is the greatest of the zeros' sums.

    Sums run over the region's scenes and over networks. A scene without a value for `top` (no truth there) counts for
    nobody. NaN where the top is no better than v0: there is no gap to close.

    Raises:
        KeyError: the method, or a zero, lacks a value that the top has.
    """
    known = _by_look(top, key)
    looks = [_by_look(values, key) for values in (rows, *zeros)]
    regions: dict[str, list[tuple[str, str | None]]] = {}
    for look, (group, value) in known.items():
        if value is not None:
            regions.setdefault(group, []).append(look)
    shares = {}
    for region, members in regions.items():
        method, *zero_sums = (sum(_value(values, look, key) for look in members) for values in looks)
        best, zero = sum(_value(known, look, key) for look in members), max(zero_sums)
        shares[region] = (method - zero) / (best - zero) if best > zero else float("nan")
    return shares


Look = tuple[str, str | None]
"""A scene and the network that looked at it."""


def _by_look(rows: Iterable[ScoreRow], key: str) -> dict[Look, tuple[str, float | None]]:
    return {(row.scene, row.network): (row.group, row.value) for row in rows if row.key == key}


def _value(values: Mapping[Look, tuple[str, float | None]], look: Look, key: str) -> float:
    value = values[look][1]
    if value is None:
        raise KeyError(f"{look}: no {key}")
    return value


def task_gap(
    rows: Sequence[ScoreRow],
    zeros: Sequence[Sequence[ScoreRow]],
    top: Sequence[ScoreRow],
    tasks: Mapping[str, Sequence[str]],
    *,
    clip: float,
    confidence: float,
    least_regions: int,
) -> Estimate:
    """The task gap: region by region the mean over `tasks` of the mean over each task's keys of `region_share`.

    Args:
        rows: of the method.
        zeros: rows of each zero, the better of which counts.
        top: rows of the reference.
        tasks: for each task that counts, the keys that its gap is made of.
        clip: see `tdsr_bench.inference.estimate`.
        confidence, least_regions: see `tdsr_bench.inference.interval`.

    A region counts the tasks that it has truth of; one without any is left out. A region in which the reference is no
    better than the zero makes the gap missing, and is named.
    """
    shares = {key: region_share(rows, zeros, top, key) for keys in tasks.values() for key in keys}
    empty = tuple(
        f"{key}: in {region} the reference is no better than its frames"
        for key, values in shares.items()
        for region, value in values.items()
        if not np.isfinite(value)
    )
    found: dict[str, list[float]] = {}
    for keys in tasks.values():
        for region in set.intersection(*(set(shares[key]) for key in keys)):
            found.setdefault(region, []).append(fmean(shares[key][region] for key in keys))
    if empty or not found:
        return Estimate(None, missing=empty or ("no scene has truth of a task",))
    raw = {region: fmean(found[region]) for region in sorted(found)}
    return estimate(raw, clip=clip, confidence=confidence, least_regions=least_regions)


def combined_gap(image: Estimate, task: Estimate, *, confidence: float, least_regions: int) -> Estimate:
    """The mean of both gaps, each clipped, over the regions that have both."""
    missing = (*image.missing, *task.missing)
    if missing or image.raw is None or task.raw is None:
        return Estimate(None, missing=missing)
    both = {r: (image.regions[r] + task.regions[r]) / 2 for r in image.regions if r in task.regions}
    whole = estimate(both, clip=float("inf"), confidence=confidence, least_regions=least_regions)
    return replace(whole, raw=(image.raw + task.raw) / 2)


def metric_mean(rows: Iterable[ScoreRow], key: str, *, confidence: float, least_regions: int) -> Estimate | None:
    """Mean over regions of the mean over scenes of the mean over bands of a metric; None where it has no value."""
    own = [row for row in rows if row.key == key]
    scenes = scene_means(own, key)
    if not scenes:
        return None
    means = region_means(scenes, {row.scene: row.group for row in own})
    return estimate(means, clip=float("inf"), confidence=confidence, least_regions=least_regions)


def scene_means(rows: Iterable[ScoreRow], key: str) -> dict[str, float]:
    """The mean over bands, or over networks, of each scene that has a value of `key`."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.key == key and row.value is not None:
            values.setdefault(row.scene, []).append(row.value)
    return {scene: fmean(own) for scene, own in values.items()}


def region_means(scenes: Mapping[str, float], groups: Mapping[str, str]) -> dict[str, float]:
    """The mean over scenes of each region; `groups` tells the region of a scene."""
    regions: dict[str, list[float]] = {}
    for scene, value in scenes.items():
        regions.setdefault(groups[scene], []).append(value)
    return {region: fmean(values) for region, values in regions.items()}


def ratio_of_means(rows: Iterable[ScoreRow], zero: Iterable[ScoreRow], key: str) -> float | None:
    """Mean over regions of ``sum e(method) / sum e(zero)``, the mean over bands; None where a value is missing."""
    rows, zero = list(rows), list(zero)
    if _lacks(rows, zero, key):
        return None
    return fmean(1 - gap for gap in region_gap(rows, zero, key).values())


def _lacks(rows: Iterable[ScoreRow], zero: Iterable[ScoreRow], key: str) -> bool:
    """Whether the zero has no value of `key` at all, or the method lacks one that the zero has."""
    have = {(row.scene, row.band) for row in rows if row.key == key and row.value is not None}
    needed = {(row.scene, row.band) for row in zero if row.key == key and row.value is not None}
    return not needed or not needed <= have


def _missing(key: str, rows: Iterable[ScoreRow]) -> str:
    reason = next((row.reason for row in rows if row.key == key and row.reason), None)
    return f"{key}: {reason}" if reason else key
