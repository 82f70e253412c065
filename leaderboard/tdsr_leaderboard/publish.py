"""Cards made page and figures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tdsr_bench.files import write_atomically
from tdsr_leaderboard.board import Board, boards, official
from tdsr_leaderboard.figures import Drawing, standalone
from tdsr_leaderboard.figures import figures as draw
from tdsr_leaderboard.page import leaderboard_page
from tdsr_leaderboard.page.rows import board_slugs
from tdsr_leaderboard.read import Entry, Section

Drawn = Mapping[Section, Sequence[Drawing]]
"""The figures of each table."""


def page_text(entries: Sequence[Entry]) -> str:
    """The page of all cards."""
    known = boards(entries)
    return leaderboard_page(known, official(entries), _drawn(known))


def publish(entries: Sequence[Entry], *, html: Path | None, figures: Path | None) -> Iterator[Path]:
    """Write the page to `html`, and the figures of each table below `figures`; the paths as they are written."""
    known = boards(entries)
    drawn = _drawn(known)
    if figures:
        yield from _write_figures(figures, known, drawn)
    if html:
        write_atomically(html, leaderboard_page(known, official(entries), drawn).encode())
        yield html


def _drawn(known: Sequence[Board]) -> Drawn:
    return {board.section: draw(board) for board in known}


def _write_figures(figures: Path, known: Sequence[Board], drawn: Drawn) -> Iterator[Path]:
    for folder, board in zip(board_slugs([board.section for board in known]), known, strict=True):
        for figure in drawn[board.section]:
            path = figures / folder / f"{figure.key}.svg"
            write_atomically(path, standalone(figure).encode())
            yield path
