"""Which column ranks a table, who stands where, and which pairs the data tell apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tdsr_bench.card import GapPart, ResultCard
from tdsr_bench.inference import PairedResult, pair_matrix
from tdsr_leaderboard.flags import flags
from tdsr_leaderboard.read import Entry

SCORES = ("combined_gap", "combined_gap_no_lpips", "image_gap", "image_gap_no_lpips")
"""The columns that can rank a table, the fullest first."""

CONFIDENCE, LEAST_REGIONS = 0.95, 3

MOST_TESTED = 100
"""How many methods, the best ones, are tested against each other: pairs grow by the square, and Holm's correction for
all of them leaves little to be found."""

Gaps = Mapping[str, Mapping[str, float]]
"""For each method, a gap of each region."""


@dataclass(frozen=True)
class Standing:
    """A card's place in a table.

    Attributes:
        entry: the card.
        rank: from 1, or None where it is not ranked.
        reasons: why it is not ranked.
        flags: what else a reader has to know; see `tdsr_leaderboard.flags`.
    """

    entry: Entry
    rank: int | None
    reasons: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def card(self) -> ResultCard:
        """The card."""
        return self.entry.card

    @property
    def label(self) -> str:
        """How the table calls it."""
        return self.entry.label


def gap_of(card: ResultCard, score: str) -> GapPart | None:
    """The gap `score` of a card, None where the card is incomplete."""
    return getattr(card.summary, score) if card.summary else None


def value_of(card: ResultCard, score: str) -> float:
    """The value of the gap `score`; minus infinity where there is none, so that it sorts last."""
    gap = gap_of(card, score)
    return gap.value if gap and gap.value is not None else float("-inf")


def ranking_column(cards: Sequence[ResultCard]) -> str:
    """The fullest score that every complete card has."""
    complete = [card for card in cards if card.summary]
    for score in SCORES:
        gaps = [gap_of(card, score) for card in complete]
        if all(gap is not None and gap.value is not None for gap in gaps):
            return score
    return SCORES[-1]


def standings(entries: Sequence[Entry], score: str) -> list[Standing]:
    """Ranked cards first, the highest score on top; then those that are not ranked, with the reason."""
    ordered = sorted(entries, key=lambda entry: -value_of(entry.card, score))
    ranked = [entry for entry in ordered if not _reasons(entry.card)]
    others = [entry for entry in ordered if _reasons(entry.card)]
    places = [Standing(entry, rank, (), flags(entry.card)) for rank, entry in enumerate(ranked, start=1)]
    return places + [Standing(entry, None, _reasons(entry.card), flags(entry.card)) for entry in others]


def pairs(places: Sequence[Standing], score: str) -> list[PairedResult]:
    """The paired difference of each two of the best ranked methods, the higher score first; see `MOST_TESTED`."""
    return pair_matrix(
        {place.label: regions_of(place.card, score) for place in places if place.rank and place.rank <= MOST_TESTED},
        confidence=CONFIDENCE,
        least=LEAST_REGIONS,
    )


def regions_of(card: ResultCard, score: str) -> dict[str, float]:
    """The gap `score` of each region."""
    gap = gap_of(card, score)
    return dict(gap.regions) if gap else {}


def _reasons(card: ResultCard) -> tuple[str, ...]:
    if card.summary is None:
        return (f"incomplete: {len(card.failed)} scenes failed",)
    return () if card.summary.guards.ranked else card.summary.guards.reasons
