"""The table of the MuS2 authors' own evaluation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tdsr_bench.card import ResultCard
from tdsr_bench.rows import mean_of_all
from tdsr_leaderboard.read import Entry


class OfficialRow(NamedTuple):
    """A method's balanced scores by one mask, means over bands; under 1 is better than the authors' bicubic."""

    mask: str
    method: str
    track: str
    whole: float | None
    no_lpips: float | None


def official_rows(entries: Sequence[Entry]) -> list[OfficialRow]:
    """By mask, the best (the lowest) first; interpolations, which every card has, once."""
    tracks = {entry.card.submission.name: entry.card.submission.track for entry in entries}
    found = {
        (mask, method): OfficialRow(mask, method, tracks.get(method, ""), whole, part)
        for entry in entries
        for mask, method, whole, part in _balanced(entry.card)
    }
    return sorted(found.values(), key=lambda row: (row.mask, row.no_lpips is None, row.no_lpips or 0.0))


def _balanced(card: ResultCard) -> Iterator[tuple[str, str, float | None, float | None]]:
    part = card.summary.balanced_no_lpips if card.summary else None
    whole = (card.summary.balanced if card.summary else None) or {}
    for method, bands in (part or {}).items():
        for mask in dict.fromkeys(mask for masks in bands.values() for mask in masks):
            both = [mean_of_all([masks.get(mask) for masks in of.values()]) for of in (whole.get(method, {}), bands)]
            yield mask, method, both[0], both[1]
