"""One scene, seen by the best single-image and the best multi-image method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from tdsr_bench.tasks.colours import LEGEND
from tdsr_bench.tasks.sheet import COLUMNS, IMAGE, Sheet
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.style import SMALL, short
from tdsr_leaderboard.figures.svg import Drawing, id_prefix, wrapped
from tdsr_leaderboard.figures.tiles import BETWEEN, SIDE, best_within, picture_uri, readable_sheet

KEY, TITLE = "strip", "One scene"
LARGEST = 149_000
"""Bytes of the SVG, so that there is room for a style sheet under 150 kB."""

LEFT, TOP, BOTTOM, LOWERED = 74, 24, 22, 18
"""Pixels: of the margins, and between the images and what tasks find in them."""

FRAME, BICUBIC, METHOD, REFERENCE = COLUMNS


@dataclass(frozen=True)
class Shown:
    """A method with its sheet."""

    label: str
    track: str
    sheet: Sheet


def draw(board: Board) -> Drawing | None:
    """The drawing; None where no ranked method has a sheet that can be read."""
    shown = best_of_each(board)
    scene = _scene(shown)
    if not scene:
        return None
    caption = _caption(shown, scene)
    svg = best_within(LARGEST, partial(_svg, board, shown, scene, caption))
    return Drawing(KEY, TITLE, caption, svg) if svg else None


def best_of_each(board: Board) -> list[Shown]:
    """The best ranked single-image method that has a sheet, then such a multi-image one that shows the same."""
    found: list[Shown] = []
    for track in ("sisr", "misr"):
        sheets = (one for one in _readable(board, track) if not found or _alike(one.sheet, found[0].sheet))
        found += [one for one in [next(sheets, None)] if one]
    return found


def _readable(board: Board, track: str) -> Iterator[Shown]:
    for place in board.ranked:
        if place.card.submission.track == track and place.entry.sheet:
            sheet = readable_sheet(place.entry.sheet)
            if sheet:
                yield Shown(place.label, track, sheet)


def _alike(one: Sheet, other: Sheet) -> bool:
    return one.record.model_copy(update={"method": ""}) == other.record.model_copy(update={"method": ""})


def _scene(shown: Sequence[Shown]) -> str | None:
    record = shown[0].sheet.record if shown else None
    return record.scenes[0] if record and record.scenes and IMAGE in record.rows else None


def _svg(board: Board, shown: Sequence[Shown], scene: str, caption: str, quality: int) -> str:
    rows = [IMAGE, *(row for row in shown[0].sheet.record.rows if row != IMAGE)]
    columns = [*_columns(shown)]
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    down = [TOP + index * (SIDE + BETWEEN) + (LOWERED if index else 0) for index in range(len(rows))]
    across = [LEFT + index * (SIDE + BETWEEN) for index in range(len(columns))]
    height = down[-1] + SIDE + BOTTOM
    body = environment.get_template("strip.svg.j2").render(
        heads=[(x + SIDE / 2, short(name, 24)) for x, (name, _, _) in zip(across, columns, strict=True)],
        sides=[(y + SIDE / 2, short(row, 12)) for y, row in zip(down, rows, strict=True)],
        truth=(LEFT + SIDE / 2, down[1] - 6) if len(rows) > 1 else None,
        tiles=[
            (x, y, SIDE, picture_uri(sheet.tile(scene, row, column), quality))
            for y, row in zip(down, rows, strict=True)
            for x, (_, sheet, column) in zip(across, columns, strict=True)
        ],
        legend=(LEFT, height - 6, LEGEND if len(rows) > 1 else ""),
        size=SMALL,
    )
    width = across[-1] + SIDE + 2
    return wrapped(body, id_prefix(board, KEY), TITLE, caption, width=width, height=height)


def _columns(shown: Sequence[Shown]) -> Iterator[tuple[str, Sheet, str]]:
    first = shown[0].sheet
    yield "frame", first, FRAME
    yield "bicubic", first, BICUBIC
    for one in shown:
        yield one.label, one.sheet, METHOD
    yield "reference", first, REFERENCE


def _caption(shown: Sequence[Shown], scene: str) -> str:
    names = " and ".join(f"{short(one.label)} ({one.track.upper()})" for one in shown)
    return (
        f"A part of the scene {short(scene)} as a frame, bicubic, {names} and the reference show it, and what task "
        "networks find there. It is one place that the data chose, so it tells how things look and not who is better."
    )
