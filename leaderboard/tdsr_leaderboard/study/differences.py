"""Differences between runs: averaged over the seeds that they share, then told over regions.

Regions are what is independent, so each region gives one value. Seeds are averaged within a region first: three
trainings are no three observations of the ground. A difference uses those seeds alone that all of its trained terms
have, so that what one draw of the initial weights and batches does to both sides cancels, and a variant that was
trained from the first seed of another is held against that very run. Methods that are not trained stand beside each
seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, sqrt
from statistics import fmean, stdev

from tdsr_bench.inference import Estimate, detectable_difference, estimate, p_value
from tdsr_bench.study.record import RunRecord
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS
from tdsr_leaderboard.study.runs import Study

Values = Mapping[str, float]
"""A value of each region."""


@dataclass(frozen=True)
class Difference:
    """A sum of runs less a sum of others, over regions.

    Attributes:
        estimate: the mean over regions with its 95 % interval by Student's t; no interval under three regions.
        p: of the t test against zero; None under three regions.
        effect: Cohen's d_z with Hedges' correction; None under three regions, or where regions do not differ.
        detectable: the least true difference that the test finds in four of five cases, before correction.
        seeds: those that were averaged; none where nothing was trained.
        seed_spread: the standard deviation over seeds of the mean over regions; None under two seeds.
    """

    estimate: Estimate
    p: float | None
    effect: float | None
    detectable: float | None
    seeds: tuple[int, ...]
    seed_spread: float | None

    @property
    def mean(self) -> float:
        """The mean over regions."""
        return fmean(self.estimate.regions.values())

    @property
    def ci95(self) -> tuple[float, float] | None:
        """The interval of the mean."""
        return self.estimate.ci95


@dataclass(frozen=True)
class Missing:
    """A difference that cannot be worked out, and why not."""

    reason: str


@dataclass(frozen=True)
class Compared:
    """A run, or several of one name, held against another.

    Attributes:
        label: in words.
        differences: for each measure what it has more.
    """

    label: str
    differences: Mapping[str, Difference | Missing]

    def of(self, measure: str) -> Difference | None:
        """The difference of a measure; None where it is missing."""
        found = self.differences[measure]
        return found if isinstance(found, Difference) else None


def difference(study: Study, plus: Sequence[str], minus: Sequence[str], measure: str) -> Difference | Missing:
    """What the groups `plus` have of a `measure` more than the groups `minus`; see the module."""
    groups = [*plus, *minus]
    absent = [study.why_missing(group) for group in dict.fromkeys(groups) if group not in study.groups]
    if absent:
        return Missing("; ".join(absent))
    terms = [study.groups[group] for group in groups]
    seeds = shared_seeds(terms)
    if seeds is None:
        return Missing("its runs share no seed")
    signs = [1.0] * len(plus) + [-1.0] * len(minus)
    chosen = [[_of_seed(term, seed) for term in terms] for seed in seeds or (None,)]
    values = [[record.measure(measure) for record in runs] for runs in chosen]
    without = sorted({run.name for runs, own in zip(chosen, values, strict=True)
                      for run, found in zip(runs, own, strict=True) if not found})  # fmt: skip
    if without:
        return Missing(f"no value of {measure}: {', '.join(without)}")
    by_seed = [signed_sum(own, signs) for own in values]
    shared = [region for region in by_seed[0] if all(region in one for one in by_seed)]
    if not shared:
        return Missing("its runs share no region")
    regions = {region: fmean(one[region] for one in by_seed) for region in shared}
    return over_regions(regions, seeds, [fmean(one[region] for region in shared) for one in by_seed])


def shared_seeds(terms: Sequence[Sequence[RunRecord]]) -> tuple[int, ...] | None:
    """The seeds that all trained terms have; empty where nothing is trained, None where they share none."""
    trained = [{run.seed for run in term if run.seed is not None} for term in terms]
    own = [seeds for seeds in trained if seeds]
    if not own:
        return ()
    return tuple(sorted(set.intersection(*own))) or None


def signed_sum(values: Sequence[Values], signs: Sequence[float]) -> dict[str, float]:
    """The sum of `values`, each with its sign, in those regions that all have."""
    shared = [region for region in values[0] if all(region in own for own in values)]
    return {region: sum(sign * own[region] for sign, own in zip(signs, values, strict=True)) for region in shared}


def over_regions(regions: Values, seeds: tuple[int, ...] = (), seed_means: Sequence[float] = ()) -> Difference:
    """What may be said from a value of each region.

    Args:
        regions: averaged over seeds.
        seeds: that were averaged.
        seed_means: for each seed the mean over regions.
    """
    values = list(regions.values())
    told = estimate(regions, clip=float("inf"), confidence=CONFIDENCE, least_regions=LEAST_REGIONS)
    detectable = None
    if len(values) >= LEAST_REGIONS:
        detectable = detectable_difference(stdev(values), len(values), confidence=CONFIDENCE, least=LEAST_REGIONS)
    p = p_value(values, least=LEAST_REGIONS)
    spread = stdev(seed_means) if len(seed_means) > 1 else None
    return Difference(told, p, effect_size(values), detectable, seeds, spread)


def effect_size(values: Sequence[float]) -> float | None:
    """Cohen's d_z of paired differences, their mean over their standard deviation, less its bias in small samples.

    The correction is Hedges' (Journal of Educational Statistics 6, 1981, equation 6e), exact, with n - 1 degrees of
    freedom. None for fewer than three differences, or where they are all equal.

    >>> effect_size([0.1, 0.2, 0.3])
    1.128...
    """
    if len(values) < LEAST_REGIONS:
        return None
    spread = stdev(values)
    if spread <= 1e-12 * max(map(abs, values)):
        return None
    freedom = len(values) - 1
    correction = exp(lgamma(freedom / 2) - lgamma((freedom - 1) / 2)) / sqrt(freedom / 2)
    return correction * fmean(values) / spread


def _of_seed(runs: Sequence[RunRecord], seed: int | None) -> RunRecord:
    """The run of a seed; a method that is not trained is the same for all."""
    return next((run for run in runs if run.seed == seed), runs[0])
