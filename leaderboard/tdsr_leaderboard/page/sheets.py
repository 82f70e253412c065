"""The pictures of cards in the page, as long as there is room."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError
from tdsr_bench.tasks.sheet import read_sheet
from tdsr_leaderboard.page.rows import Line

BUDGET = 2_500_000
"""Bytes of pictures in a page, as base64; what finds no room lies beside its card."""


@dataclass
class Room:
    """How much of the page pictures may still take, in bytes of base64."""

    left: int = BUDGET

    def take(self, path: Path) -> dict[str, Any]:
        """The sheet at `path` as the script wants it; where it lies if there is no room; that it is broken if it is."""
        where = f"{path.parent.name}/{path.name}"
        needed = -(-path.stat().st_size // 3) * 4
        if needed > self.left:
            return {"beside": where}
        try:
            record = read_sheet(path).record
        except DataError:
            return {"broken": where}
        self.left -= needed
        data = base64.b64encode(path.read_bytes()).decode()
        return {"data": data, "scenes": record.scenes, "rows": record.rows}


def sheets(boards: Sequence[Iterable[Line]]) -> list[dict[str, dict[str, Any]]]:
    """For each board the sheets of its lines by slug; the first ranks of all boards come first while there is room."""
    room = Room()
    found: list[dict[str, dict[str, Any]]] = [{} for _ in boards]
    asked = [(line.rank or float("inf"), place, line) for place, lines in enumerate(boards) for line in lines]
    for _, place, line in sorted(asked, key=lambda item: item[:2]):
        if line.sheet:
            found[place][line.slug] = room.take(line.sheet)
    return found
