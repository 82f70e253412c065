"""Which column ranks a table, who stands where, and which pairs the data cannot tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tdsr_bench.card import GapPart, ResultCard
from tdsr_bench.gap import Estimate, paired_difference

SCORES = ("combined_gap", "combined_gap_no_lpips", "image_gap", "image_gap_no_lpips")
"""The columns that can rank a table, the fullest first."""

CONFIDENCE, LEAST_REGIONS = 0.95, 3


@dataclass(frozen=True)
class Standing:
    """A card's place in a table.

    Attributes:
        card: the card.
        rank: from 1, or None where it is not ranked.
        flags: why it is not ranked, or what else a reader has to know.
    """

    card: ResultCard
    rank: int | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two methods and their difference over the same regions; see `tdsr_bench.gap.paired_difference`."""

    better: str
    other: str
    difference: Estimate

    @property
    def told_apart(self) -> bool:
        """Whether the interval of the difference leaves zero out; never without an interval."""
        interval = self.difference.ci95
        return interval is not None and not interval[0] <= 0 <= interval[1]


def gap_of(card: ResultCard, score: str) -> GapPart | None:
    """The gap `score` of a card, None where the card is incomplete."""
    return getattr(card.summary, score) if card.summary else None


def ranking_column(cards: Sequence[ResultCard]) -> str:
    """The fullest score that every complete card has."""
    complete = [card for card in cards if card.summary]
    for score in SCORES:
        gaps = [gap_of(card, score) for card in complete]
        if all(gap is not None and gap.value is not None for gap in gaps):
            return score
    return SCORES[-1]


def standings(cards: Sequence[ResultCard], score: str) -> list[Standing]:
    """Ranked cards first, the highest score on top; then those that are not ranked, with the reason."""
    ranked = sorted((card for card in cards if not _flags(card)), key=lambda card: -_value(card, score))
    unranked = sorted((card for card in cards if _flags(card)), key=lambda card: -_value(card, score))
    places = [Standing(card, rank, ()) for rank, card in enumerate(ranked, start=1)]
    return places + [Standing(card, None, _flags(card)) for card in unranked]


def pairs(places: Sequence[Standing], score: str) -> list[Pair]:
    """The paired difference of each two ranked methods, the higher score first."""
    ranked = [(place.card.submission.name, _regions(place.card, score)) for place in places if place.rank]
    return [
        Pair(better, other, paired_difference(a, b, confidence=CONFIDENCE, least=LEAST_REGIONS))
        for (better, a), (other, b) in combinations(ranked, 2)
    ]


def _flags(card: ResultCard) -> tuple[str, ...]:
    if card.summary is None:
        return (f"incomplete: {len(card.failed)} scenes failed",)
    return () if card.summary.guards.ranked else card.summary.guards.reasons


def _regions(card: ResultCard, score: str) -> dict[str, float]:
    gap = gap_of(card, score)
    return gap.regions if gap else {}


def _value(card: ResultCard, score: str) -> float:
    gap = gap_of(card, score)
    return gap.value if gap and gap.value is not None else float("-inf")
