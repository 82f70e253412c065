"""What disturbances of frames cost methods, and whether they cost one less than another; see `tdsr_baselines.disturb`.

A change of gap is always disturbed less undisturbed: what is lost is negative. References are not disturbed: bicubic's
zero and the reference's one are the same for all rows of a table. Gaps of regions are clipped to -1..1, so a method
that is near -1 already has little left to lose.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tdsr_bench.card import GapPart
from tdsr_bench.errors import CardError
from tdsr_bench.inference import PairedResult, holm, pair_matrix
from tdsr_leaderboard.matched import competitors
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS, gap_of, regions_of
from tdsr_leaderboard.read import Entry

SCORES = ("combined_gap_no_lpips", "image_gap_no_lpips", "task_gap")
"""The gaps that a table of robustness shows, where somebody has them."""

PARTS = {"combined_gap_no_lpips": ("image_gap_no_lpips", "task_gap")}
"""What a gap is the mean of, each clipped in each region."""

FLOOR = -1.0
"""The least gap that a region can have; see `tdsr_bench.inference.estimate`."""


@dataclass(frozen=True)
class Undergone:
    """A method, and the same under disturbances.

    Attributes:
        plain: the method undisturbed.
        disturbed: by the name of the disturbance.
    """

    plain: Entry
    disturbed: Mapping[str, Entry]


@dataclass(frozen=True)
class Loss:
    """What a disturbance costs a method.

    Attributes:
        method: its label.
        disturbance: by name.
        gaps: the gaps under the disturbance.
        results: for each gap, disturbed less undisturbed over regions; see `losses` for `p_holm`. A gap that one of
            both lacks is left out.
        floored: for each gap, in how many regions it, or a part of it, stands at the least value that it can have,
            undisturbed or disturbed: more may be lost there than can be seen.
    """

    method: str
    disturbance: str
    gaps: Mapping[str, GapPart]
    results: Mapping[str, PairedResult]
    floored: Mapping[str, int]


@dataclass(frozen=True)
class LossDifference:
    """How much less a disturbance costs a method than it costs another one.

    Attributes:
        method: its label.
        first: the label of the other one.
        disturbance: by name.
        results: for each gap, the change of `method` less the change of `first` over regions: positive where `method`
            keeps more; see `loss_differences` for `p_holm`. A gap that one of four cards lacks is left out.
        floored: as of `Loss`, of any of the four.
    """

    method: str
    first: str
    disturbance: str
    results: Mapping[str, PairedResult]
    floored: Mapping[str, int]


def undergone(entries: Sequence[Entry], names: Iterable[str]) -> list[Undergone]:
    """The methods of a table that were scored under some of the disturbances called `names`, in the table's order.

    Raises:
        CardError: two methods of a track share a name, by which disturbed ones say what they are made of.
    """
    keys = tuple(names)
    methods = competitors(entries)
    called = Counter((entry.card.submission.name, entry.card.submission.track) for entry in methods)
    twice = next((name for (name, _), count in called.items() if count > 1), None)
    if twice is not None:
        raise CardError(f"Two methods are called {twice!r}, so nothing tells their disturbed cards apart; rename one.")
    found = [Undergone(entry, _disturbed(entry, entries, keys)) for entry in methods]
    return [method for method in found if method.disturbed]


def scores_of(methods: Sequence[Undergone]) -> tuple[str, ...]:
    """Those of `SCORES` that every undisturbed method has, if it is complete."""
    complete = [method.plain.card for method in methods if method.plain.card.summary]
    return tuple(score for score in SCORES if complete and all(regions_of(card, score) for card in complete))


def losses(methods: Sequence[Undergone], scores: Sequence[str]) -> list[Loss]:
    """A row for each method and disturbance.

    For each gap, p-values are adjusted by Holm's method over all rows. Where a disturbance changes nothing in any
    region, as one of later frames does for a method of one frame, nothing is tested and nothing counts: p is None.
    """
    rows = [
        Loss(
            method.plain.label,
            name,
            {score: gap for score in scores if (gap := gap_of(entry.card, score)) and gap.value is not None},
            {score: result for score in scores if (result := _loss(method.plain, entry, score))},
            {score: _floored([method.plain, entry], score) for score in scores},
        )
        for method in methods
        for name, entry in method.disturbed.items()
    ]
    return [replace(row, results=results) for row, results in zip(rows, _adjusted(rows, scores), strict=True)]


def loss_differences(methods: Sequence[Undergone], scores: Sequence[str]) -> list[LossDifference]:
    """A row for each disturbance and each method but the first, held against the first.

    For each gap, p-values are adjusted by Holm's method over all rows; what is exactly equal is not tested.
    """
    if not methods:
        return []
    first, *others = methods
    rows = [
        LossDifference(
            method.plain.label,
            first.plain.label,
            name,
            {score: result for score in scores if (result := _difference(method, first, name, score))},
            {score: _floored(_all_of([method, first], name), score) for score in scores},
        )
        for name in first.disturbed
        for method in others
        if name in method.disturbed
    ]
    return [replace(row, results=results) for row, results in zip(rows, _adjusted(rows, scores), strict=True)]


def _disturbed(entry: Entry, entries: Sequence[Entry], names: Sequence[str]) -> dict[str, Entry]:
    """The controls of `entry` by disturbance: controls are named after their method and what is done to it."""
    about = entry.card.submission
    made = {
        other.card.submission.name: other
        for other in entries
        if other.card.submission.control_of == about.name and other.card.submission.track == about.track
    }
    return {name: made[f"{about.name}, {name}"] for name in names if f"{about.name}, {name}" in made}


def _loss(plain: Entry, disturbed: Entry, score: str) -> PairedResult | None:
    before, after = (regions_of(entry.card, score) for entry in (plain, disturbed))
    return _paired(disturbed.label, after, plain.label, before)


def _difference(method: Undergone, first: Undergone, name: str, score: str) -> PairedResult | None:
    changes = [_change(member, name, score) for member in (method, first)]
    return _paired(method.plain.label, changes[0], first.plain.label, changes[1])


def _change(method: Undergone, name: str, score: str) -> dict[str, float]:
    """Disturbed less undisturbed of each region; empty where there is no such pair."""
    before, after = (regions_of(entry.card, score) for entry in (method.plain, method.disturbed[name]))
    return {region: after[region] - before[region] for region in before} if before.keys() == after.keys() else {}


def _all_of(methods: Iterable[Undergone], name: str) -> list[Entry]:
    return [entry for method in methods for entry in (method.plain, method.disturbed[name])]


def _floored(entries: Iterable[Entry], score: str) -> int:
    """In how many regions some of `entries` has a gap, or a part of it, at its least."""
    parts = PARTS.get(score, (score,))
    found = [regions_of(entry.card, part).items() for entry in entries for part in parts]
    return len({region for items in found for region, value in items if value <= FLOOR})


def _paired(a: str, regions_a: dict[str, float], b: str, regions_b: dict[str, float]) -> PairedResult | None:
    """a - b over regions; None where they cannot be paired, and without p where they are equal."""
    if not regions_a or regions_a.keys() != regions_b.keys():
        return None
    (result,) = pair_matrix({"a": regions_a, "b": regions_b}, confidence=CONFIDENCE, least=LEAST_REGIONS)
    result = replace(result, first=a, second=b)
    return replace(result, p=None, p_holm=None) if regions_a == regions_b else result


def _adjusted(rows: Sequence[Loss | LossDifference], scores: Sequence[str]) -> list[dict[str, PairedResult]]:
    """The results of `rows` with p-values adjusted over all of them, for each gap by itself."""
    found: list[dict[str, PairedResult]] = [dict(row.results) for row in rows]
    for score in scores:
        having = [results for results in found if score in results]
        for results, p in zip(having, holm([results[score].p for results in having]), strict=True):
            results[score] = replace(results[score], p_holm=p)
    return found
