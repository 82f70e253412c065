"""The leaderboard as Markdown."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from tdsr_bench.card import GAP_TITLES, GapPart
from tdsr_bench.inference import Estimate, PairedResult
from tdsr_leaderboard.board import Board, boards, official
from tdsr_leaderboard.flags import LEGEND
from tdsr_leaderboard.matched import Contrast
from tdsr_leaderboard.official import official_rows
from tdsr_leaderboard.ranking import Standing
from tdsr_leaderboard.read import Entry, Section

LONGEST, LONGEST_DATA = 80, 160
"""Characters of a name, and of what a method was trained on; a table has to stay readable whatever they are."""

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")
"""What Markdown, or HTML within it, could take for its own."""


@dataclass(frozen=True)
class Row:
    """A line of a table, all text."""

    rank: str
    method: str
    track: str
    frames: str
    parameters: str
    gaps: tuple[str, ...]
    flags: str
    trained_on: str


def leaderboard_markdown(entries: Iterable[Entry]) -> str:
    """One section for each data set, arm and split; single-image and multi-image methods in one table."""
    known = list(entries)
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("leaderboard.md.j2").render(
        sections=[_section(board) for board in boards(known)],
        official=[_official(section, members) for section, members in official(known).items()],
    )


def escaped(text: str, longest: int = LONGEST) -> str:
    """`text`, which somebody else wrote, as one line of Markdown in which nothing is markup."""
    line = " ".join(text.split())
    short = line if len(line) <= longest else line[: longest - 1] + "…"
    return SPECIAL.sub(r"\\\1", short.replace("&", "&amp;"))


def _section(board: Board) -> dict[str, object]:
    rows = [_row(place, board) for place in board.places]
    undecided = [pair for pair in board.pairs if not pair.told_apart]
    return {
        "section": board.section,
        "title": board.title,
        "certainty": board.certainty,
        "enough_regions": board.enough_regions,
        "detectable": board.detectable,
        "missing": board.missing,
        "score": GAP_TITLES[board.score],
        "columns": [GAP_TITLES[name] for name in board.columns],
        "rows": [*rows, *_reference_rows(board)],
        "legend": _legend(rows),
        "undecided": [_pair_text(pair) for pair in undecided],
        "pairs": len(board.pairs),
        "among": f" of the {board.tested} best" if board.tested < len(board.ranked) else "",
        "contrasts": [_contrast_row(contrast, board) for contrast in board.contrasts],
        "controls": [_row(place, board) for place in board.controls],
    }


def _row(place: Standing, board: Board) -> Row:
    about = place.card.submission
    return Row(
        rank=str(place.rank or "—"),
        method=escaped(place.label),
        track=about.track,
        frames="—" if about.frames is None else str(about.frames),
        parameters="—" if about.parameters is None else f"{about.parameters:,}",
        gaps=tuple(_text(board.gap(place, name)) for name in board.columns),
        flags="; ".join([*(f"not ranked: {escaped(reason)}" for reason in place.reasons), *place.flags]),
        trained_on=escaped(about.training_data, LONGEST_DATA),
    )


def _reference_rows(board: Board) -> list[Row]:
    """The methods that every table shows, from the best down; they take no rank."""
    return [
        Row("", f"*{escaped(name)}*", "", "", "", tuple(_text(part.get(key)) for key in board.columns), "", "")
        for name, part in board.references_ordered
    ]


def _legend(rows: Sequence[Row]) -> list[str]:
    """What the flags mean that stand in the table."""
    return [f"*{flag}*: {meaning}" for flag, meaning in LEGEND.items() if any(flag in row.flags for row in rows)]


def _contrast_row(contrast: Contrast, board: Board) -> list[str]:
    """The names, the differences and what they say."""
    results = [contrast.results[name] for name in board.columns]
    names = [escaped(contrast.misr.label), escaped(contrast.other.label), escaped(contrast.shared)]
    return [*names, *(_estimate(result.difference) for result in results), _verdict(results[0])]


def _verdict(result: PairedResult) -> str:
    if result.p_holm is None or result.difference.value is None:
        return "too few regions to tell"
    if not result.told_apart:
        return f"not told apart (p {result.p_holm:.2f})"
    return f"{'more' if result.difference.value > 0 else 'less'} (p {result.p_holm:.2g})"


def _pair_text(pair: PairedResult) -> str:
    note = "" if pair.p_holm is None else f", p {pair.p_holm:.2f}"
    alone = "; only before correction" if pair.before_correction else ""
    return f"{escaped(pair.first)} and {escaped(pair.second)}: {_estimate(pair.difference)}{note}{alone}"


def _estimate(estimate: Estimate) -> str:
    return str(GapPart(**vars(estimate)))


def _text(part: GapPart | None) -> str:
    return "—" if part is None else str(part)


def _official(section: Section, entries: Sequence[Entry]) -> dict[str, object]:
    return {
        "section": section,
        "scenes": len(entries[0].card.data.scenes),
        "rows": [
            (mask, escaped(method), track, *map(_score_text, scores))
            for mask, method, track, *scores in official_rows(entries)
        ],
    }


def _score_text(value: float | None) -> str:
    return "—" if value is None else f"{value:.4f}"
