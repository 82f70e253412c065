"""Page and figures written to disk."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tdsr_bench.files import write_atomically
from tdsr_leaderboard.board import boards, official
from tdsr_leaderboard.figures import figures as draw
from tdsr_leaderboard.figures import standalone
from tdsr_leaderboard.page import leaderboard_page
from tdsr_leaderboard.page.rows import board_slugs
from tdsr_leaderboard.read import Entry


def publish(entries: Sequence[Entry], *, html: Path | None, figures: Path | None) -> Iterator[Path]:
    """Write the page to `html`, and the figures of each table below `figures`; the paths as they are written."""
    known = boards(entries)
    drawn = {board.section: draw(board) for board in known}
    if figures:
        for folder, board in zip(board_slugs([board.section for board in known]), known, strict=True):
            for figure in drawn[board.section]:
                path = figures / folder / f"{figure.key}.svg"
                write_atomically(path, standalone(figure).encode())
                yield path
    if html:
        write_atomically(html, leaderboard_page(known, official(entries), drawn).encode())
        yield html
