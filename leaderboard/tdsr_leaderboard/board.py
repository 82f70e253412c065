"""A table worked out: all that Markdown, page and figures show of cards that may stand side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tdsr_bench.card import GapPart, ResultCard
from tdsr_bench.inference import PairedResult, in_words
from tdsr_leaderboard.matched import Contrast, competitors, contrasts, controls
from tdsr_leaderboard.ranking import LEAST_REGIONS, MOST_TESTED, Standing, gap_of, pairs, ranking_column, standings
from tdsr_leaderboard.read import Entry, Section, sections

OFFICIAL = "mus2-official"


@dataclass(frozen=True)
class Board:
    """A table of `tdsr-v1`.

    Attributes:
        section: what its cards share.
        score: the gap that ranks it.
        columns: all gaps that it shows, the score first.
        places: the methods that take part, ranked ones first.
        controls: methods that are made of others, and take no rank.
        pairs: each two of the best ranked methods, with what the data say of them; see `tested`.
        contrasts: one frame against many.
        references: the gaps of the methods that every table shows.
    """

    section: Section
    score: str
    columns: tuple[str, ...]
    places: tuple[Standing, ...]
    controls: tuple[Standing, ...]
    pairs: tuple[PairedResult, ...]
    contrasts: tuple[Contrast, ...]
    references: dict[str, dict[str, GapPart]]

    @property
    def cards(self) -> list[ResultCard]:
        """The cards of all that take part."""
        return [place.card for place in self.places]

    @property
    def ranked(self) -> list[Standing]:
        """The ranked ones, the best first."""
        return [place for place in self.places if place.rank]

    @property
    def tested(self) -> int:
        """How many ranked methods, the best ones, are tested against each other."""
        return min(len(self.ranked), MOST_TESTED)

    @property
    def title(self) -> str:
        """What is compared."""
        return f"{self.section.data}, {self.section.arm}, {self.section.split}"

    @property
    def certainty(self) -> str:
        """How many independent regions there are, and what can be said from them."""
        data = self.cards[0].data
        return in_words(max(len(data.scenes), len(data.regions)), len(data.regions), LEAST_REGIONS)

    @property
    def enough_regions(self) -> bool:
        """Whether there are intervals."""
        return len(self.cards[0].data.regions) >= LEAST_REGIONS

    @property
    def detectable(self) -> float | None:
        """The median over pairs of the least true difference that would be found in four of five cases."""
        found = [pair.detectable for pair in self.pairs if pair.detectable is not None]
        return float(np.median(found)) if found else None

    @property
    def missing(self) -> list[str]:
        """What no card has, said once."""
        summaries = [card.summary for card in self.cards if card.summary]
        found = [missing for summary in summaries for missing in summary.combined_gap.missing]
        found += [missing for summary in summaries for missing in summary.image_gap.missing]
        return list(dict.fromkeys(found))

    @property
    def references_ordered(self) -> list[tuple[str, dict[str, GapPart]]]:
        """The methods that every table shows, from the best down."""

        def height(item: tuple[str, dict[str, GapPart]]) -> float:
            gap = item[1].get(self.score)
            return gap.raw if gap and gap.raw is not None else float("-inf")

        return sorted(self.references.items(), key=height, reverse=True)

    def gap(self, place: Standing, column: str) -> GapPart | None:
        """A gap of one of its methods."""
        return gap_of(place.card, column)


def boards(entries: Iterable[Entry]) -> list[Board]:
    """A board for each data set, arm and split; single-image and multi-image methods in one table."""
    found = sections(entries).items()
    return [board(section, members) for section, members in found if section.protocol != OFFICIAL]


def board(section: Section, entries: Sequence[Entry]) -> Board:
    """The board of entries that share a section."""
    taking_part = competitors(entries) or list(entries)
    cards = [entry.card for entry in taking_part]
    score = ranking_column(cards)
    columns = _columns(cards, score)
    places = standings(taking_part, score)
    made = controls(entries) if taking_part != list(entries) else []
    return Board(
        section=section,
        score=score,
        columns=columns,
        places=tuple(places),
        controls=tuple(Standing(entry, None, (), ()) for entry in made),
        pairs=tuple(pairs(places, score)),
        contrasts=tuple(contrasts(entries, columns)),
        references=dict(cards[0].references),
    )


def official(entries: Iterable[Entry]) -> dict[Section, list[Entry]]:
    """The tables by the MuS2 authors' own evaluation."""
    return {section: members for section, members in sections(entries).items() if section.protocol == OFFICIAL}


def _columns(cards: Sequence[ResultCard], score: str) -> tuple[str, ...]:
    """The score, then the gaps to be shown beside it: those that somebody has, LPIPS in them where it is."""
    image = "image_gap" if any(_has(card, "image_gap") for card in cards) else "image_gap_no_lpips"
    beside = [name for name in (image, "task_gap") if name != score and any(_has(card, name) for card in cards)]
    return (score, *beside)


def _has(card: ResultCard, name: str) -> bool:
    gap = gap_of(card, name)
    return gap is not None and gap.value is not None
