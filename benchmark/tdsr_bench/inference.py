"""What may be said from few regions: means with intervals, paired tests, and how large a difference they could find.

Regions are what is independent. Everything here takes one value a region; how rows become such values is in `gap`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean

import numpy as np

POWER = 0.8
"""The chance of finding a difference that counts as detectable."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
"""Counts that are spelled out, from 0."""


@dataclass(frozen=True)
class Estimate:
    """A mean over regions with its interval.

    Attributes:
        value: the unweighted mean over regions of the values in `regions`; None where something is missing.
        ci95: its 95 % interval by Student's t over regions; None under three regions.
        regions: the value of each region.
        raw: the mean before clipping.
        missing: what would be needed for a value.
    """

    value: float | None
    ci95: tuple[float, float] | None = None
    regions: Mapping[str, float] = field(default_factory=dict)
    raw: float | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairedResult:
    """Two methods over the same regions.

    Attributes:
        first, second: their names.
        difference: first - second, over regions.
        p: of the paired t test; None under the least number of regions, as all that follows.
        p_holm: the same, adjusted for the other pairs; see `holm`.
        detectable: the least true difference that the test finds in four of five cases where regions differ as much as
            here, before adjustment; see `detectable_difference`.
        confidence: what `difference.ci95` is made with.
    """

    first: str
    second: str
    difference: Estimate
    p: float | None
    p_holm: float | None
    detectable: float | None
    confidence: float

    @property
    def told_apart(self) -> bool:
        """Whether the difference stands after adjustment for all pairs; never without a test."""
        return self.p_holm is not None and self.p_holm < 1 - self.confidence

    @property
    def before_correction(self) -> bool:
        """Whether the pair's own interval leaves zero out; never without an interval."""
        ends = self.difference.ci95
        return ends is not None and not ends[0] <= 0 <= ends[1]


def interval(values: Sequence[float], *, confidence: float, least: int) -> tuple[float, float] | None:
    """Student's t interval of the mean of `values`; None for fewer than `least` of them.

    >>> interval([0.1, 0.2, 0.3], confidence=0.95, least=3)
    (-0.048..., 0.448...)
    """
    if len(values) < least:
        return None
    from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes seconds to import

    spread = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * spread
    centre = fmean(values)
    return centre - reach, centre + reach


def estimate(raw: Mapping[str, float], *, clip: float, confidence: float, least_regions: int) -> Estimate:
    """Mean and interval over the regions of `raw`, each value clipped to +- `clip` first."""
    regions = {region: min(clip, max(-clip, value)) for region, value in raw.items()}
    values = list(regions.values())
    return Estimate(
        value=fmean(values),
        ci95=interval(values, confidence=confidence, least=least_regions),
        regions=regions,
        raw=fmean(raw.values()),
    )


def paired_difference(a: Mapping[str, float], b: Mapping[str, float], *, confidence: float, least: int) -> Estimate:
    """Mean and interval of a - b over the regions of both.

    Raises:
        ValueError: they do not have the same regions.
    """
    if a.keys() != b.keys():
        raise ValueError(f"paired regions have to be the same: {sorted(a)} and {sorted(b)}")
    difference = {region: a[region] - b[region] for region in a}
    return estimate(difference, clip=float("inf"), confidence=confidence, least_regions=least)


def p_value(differences: Sequence[float], *, least: int) -> float | None:
    """Two-sided p-value, 0 to 1, of the paired t test (Student, Biometrika 6, 1908); None for fewer than `least`.

    Equal differences have no spread: then it is 0, or 1 where all are zero.

    Args:
        differences: one for each region.
        least: how many it takes; at least 2.

    Raises:
        ValueError: a difference is not finite.

    >>> p_value([0.02, 0.05, 0.03, 0.06], least=3)
    0.022...
    """
    if len(differences) < least:
        return None
    if not np.isfinite(differences).all():
        raise ValueError(f"differences have to be finite: {list(differences)}")
    from scipy.special import stdtr  # the distribution of Student's t

    largest = max(map(abs, differences))
    if largest == 0:
        return 1.0
    scaled = np.asarray(differences) / largest  # t has no unit; so equal differences are exactly 1, without a spread
    error = float(np.std(scaled, ddof=1)) / len(scaled) ** 0.5
    return 2 * float(stdtr(len(scaled) - 1, -abs(fmean(scaled)) / error)) if error > 0 else 0.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979), in the order of `p_values`.

    The chance that any of the true nulls falls below a level is at most that level, whatever the dependence of the
    tests. The k-th smallest of m is multiplied by m - k + 1; none becomes smaller than the one before it, or more
    than 1. None is no test: it stays None and does not count.

    Raises:
        ValueError: one is outside 0..1.

    >>> holm([0.01, None, 0.04, 0.03, 0.005])
    [0.03, None, 0.06, 0.06, 0.02]
    """
    tests = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    if not all(0 <= p <= 1 for p, _ in tests):
        raise ValueError(f"p-values have to lie in 0..1: {list(p_values)}")
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for done, (p, place) in enumerate(tests):
        largest = max(largest, min(1.0, (len(tests) - done) * p))
        adjusted[place] = largest
    return adjusted


def detectable_difference(
    spread: float, regions: int, *, confidence: float, least: int, power: float = POWER
) -> float | None:
    """The least true difference that a paired t test over `regions` finds with `power`; None under `least` regions.

    By the noncentral t distribution (Johnson and Welch, Biometrika 31, 1940): the noncentrality at which t exceeds its
    two-sided critical value with `power`, times the standard error. A t beyond the critical value on the wrong side is
    not counted as found; at a confidence of 0.95 and a power of 0.8 its chance is under 1e-6.

    Args:
        spread: the standard deviation of the differences between regions (n - 1 in the denominator); any unit, which is
            that of the answer too.
        regions: how many; at least 2.
        confidence: 1 less the level of the test, two-sided.
        least: regions that a test takes.
        power: the chance of finding it.

    Raises:
        ValueError: the spread is negative or not finite, or the power is not between the level and 1.

    >>> detectable_difference(0.1, 6, confidence=0.95, least=3)
    0.143...
    """
    if not 0 <= spread < float("inf"):
        raise ValueError(f"a spread has to be finite and not negative: {spread}")
    if not 1 - confidence < power < 1:
        raise ValueError(f"the power has to be between {1 - confidence:g} and 1: {power}")
    if regions < least:
        return None
    from scipy.special import nctdtrinc, stdtrit

    critical = stdtrit(regions - 1, (1 + confidence) / 2)
    return float(nctdtrinc(regions - 1, 1 - power, critical) * spread / regions**0.5)


def pair_matrix(
    regions_by_method: Mapping[str, Mapping[str, float]], *, confidence: float, least: int
) -> list[PairedResult]:
    """Each two methods over the same regions, in the given order; p-values are adjusted over all of them.

    Args:
        regions_by_method: for each method the value of each region.
        confidence, least: see `interval`.

    Raises:
        ValueError: two methods do not have the same regions.
    """
    pairs = list(combinations(regions_by_method, 2))
    found = [
        paired_difference(regions_by_method[a], regions_by_method[b], confidence=confidence, least=least)
        for a, b in pairs
    ]
    p_values = [p_value(list(difference.regions.values()), least=least) for difference in found]
    return [
        PairedResult(*names, difference, p, p_holm, _detectable(difference, confidence, least), confidence)
        for names, difference, p, p_holm in zip(pairs, found, p_values, holm(p_values), strict=True)
    ]


def in_words(scenes: int, regions: int, least: int) -> str:
    """How many independent regions there are and what can be said from them, for tables and pages.

    Raises:
        ValueError: there is no region, or there are fewer scenes than regions.

    >>> in_words(12, 6, least=3)
    "12 scenes in six independent regions: intervals by Student's t with five degrees of freedom"
    """
    if not 1 <= regions <= scenes:
        raise ValueError(f"a region has a scene at least: {scenes} scenes, {regions} regions")
    counted = f"{scenes} scene{_plural(scenes)} in {_number(regions)} independent region{_plural(regions)}"
    if regions >= least:
        freedom = f"{_number(regions - 1)} degree{_plural(regions - 1)} of freedom"
        return f"{counted}: intervals by Student's t with {freedom}"
    alone = "its value stands alone" if regions == 1 else "each region's value stands alone"
    return f"{counted}: too few for an interval, so {alone} and nothing here is called significant"


def _detectable(difference: Estimate, confidence: float, least: int) -> float | None:
    values = list(difference.regions.values())
    if len(values) < least:
        return None
    return detectable_difference(float(np.std(values, ddof=1)), len(values), confidence=confidence, least=least)


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _plural(count: int) -> str:
    return "" if count == 1 else "s"
