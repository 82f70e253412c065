"""The scores with their intervals, and the regions that these are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.labels import lanes
from tdsr_leaderboard.figures.style import (
    FAINT,
    GREY,
    INK,
    NAMED,
    SMALL,
    TRACKS,
    Known,
    TrackStyle,
    axes_within,
    counted,
    known,
    new_figure,
    short,
    styled,
    text_width,
)
from tdsr_leaderboard.figures.svg import Drawing, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "scores", "Scores"
WIDTH, RIGHT, BOTTOM, LEGEND = 760, 16, 40, 24

ROW, THIN, LANE, BELOW = 24, 3, 13, 6
"""Pixels of height: of a method with a name, of one without, of a reference's name, of regions below their mean."""


@dataclass(frozen=True)
class Row:
    """A method's line.

    Attributes:
        label: its name.
        named: whether the name is shown.
        style: of its track.
        ranked: whether it is.
        gap: its score.
        down: its place from the top, in pixels.
    """

    label: str
    named: bool
    style: TrackStyle
    ranked: bool
    gap: Known
    down: float


def draw(board: Board) -> Drawing | None:
    """The drawing; None where no method has a score."""
    rows = _rows(board)
    if not rows:
        return None
    with styled(KEY):
        figure = _figure(board, rows)
    return drawing(board, figure, key=KEY, title=TITLE, caption=_caption(board, rows))


def scores_figure(board: Board) -> "Figure":
    """The scores as a figure of matplotlib, on white; without any score it says so."""
    rows = _rows(board)
    with styled(KEY):
        figure = _figure(board, rows) if rows else new_figure(WIDTH, 4 * ROW)
        if not rows:
            figure.text(0.5, 0.5, "No method has a score.", ha="center", va="center")
    figure.set_facecolor("white")
    return figure


def _rows(board: Board) -> list[Row]:
    found: list[Row] = []
    down = 0.0
    for place in board.places:
        gap = known(board.gap(place, board.score))
        if gap:
            named = len(found) < NAMED
            height = ROW if named else THIN
            style = TRACKS[place.card.submission.track]
            found.append(Row(place.label, named, style, bool(place.rank), gap, down + height / 2))
            down += height
    return found


def _figure(board: Board, rows: Sequence[Row]) -> "Figure":
    alone = not board.enough_regions
    names = {row.down: short(row.label) for row in rows if row.named}
    left = max(90.0, *(text_width(name, SMALL) for name in names.values())) + 10
    lines = _reference_values(board)
    low, high = _limits(rows, lines)
    scale = (WIDTH - left - RIGHT) / (high - low)
    up = lanes([scale * value for value in lines.values()], [text_width(name, SMALL) + 8 for name in lines])
    top, height = LEGEND + LANE * (max(up, default=-1) + 1) + 8, rows[-1].down + ROW / 2 + 4
    figure = new_figure(WIDTH, top + height + BOTTOM)
    axes = axes_within(figure, left, top, WIDTH - left - RIGHT, height)
    axes.set(ylim=(height, 0), xlim=(low, high), xlabel=GAP_TITLES[board.score])
    axes.set_yticks(list(names), list(names.values()))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    _references(axes, lines, up)
    _regions(axes, [row for row in rows if row.named], alone=alone)
    _means(axes, [row for row in rows if not (alone and row.named)])
    _legend(axes, rows, alone=alone, above=top)
    return figure


def _reference_values(board: Board) -> dict[str, float]:
    gaps = {short(name): known(parts.get(board.score)) for name, parts in board.references.items()}
    return {name: gap.value for name, gap in gaps.items() if gap}


def _limits(rows: Sequence[Row], lines: Mapping[str, float]) -> tuple[float, float]:
    ends = [end for row in rows for end in (row.gap.ci95 or ())]
    values = [value for row in rows for value in (row.gap.value, *row.gap.regions.values())]
    shown = [*values, *lines.values(), *ends]
    margin = 0.03 * max(max(shown) - min(shown), 0.1)
    return min(shown) - margin, max(shown) + margin


def _references(axes: "Axes", lines: Mapping[str, float], up: Sequence[int]) -> None:
    """A grey line for each of the methods that every table shows, up to its name."""
    for (name, value), lane in zip(lines.items(), up, strict=True):
        top = -LANE * (lane + 1) + 2  # upwards is negative: y counts pixels from the top
        axes.vlines(value, top, axes.get_ylim()[0], color=GREY, linewidth=1, zorder=0, clip_on=False)
        axes.annotate(
            name,
            (value, top),
            (-3, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=SMALL,
            alpha=FAINT,
            annotation_clip=False,
        )


def _regions(axes: "Axes", rows: Sequence[Row], *, alone: bool) -> None:
    """A dot for each region, below the interval; where they stand alone, hollow ones for who is not ranked."""
    import seaborn

    for style, ranked in dict.fromkeys((row.style, row.ranked) for row in rows):
        members = [row for row in rows if (row.style, row.ranked) == (style, ranked)]
        dots = [(value, row.down) for row in members for value in row.gap.regions.values()]
        hollow = alone and not ranked
        seaborn.scatterplot(
            x=[value for value, _ in dots],
            y=[down + (0 if alone else BELOW) for _, down in dots],
            ax=axes,
            marker=style.marker if alone else "o",
            s=40 if alone else 12,
            alpha=1 if alone else 0.6,
            facecolor="none" if hollow else style.colour,
            edgecolor=style.colour,
            linewidth=1 if hollow else 0,
        )


def _means(axes: "Axes", rows: Sequence[Row]) -> None:
    """Mean and interval; smaller where there is no name."""
    groups: dict[tuple[TrackStyle, bool, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.style, row.ranked, row.named), []).append(row)
    for (style, ranked, named), members in groups.items():
        spans = [(row.down, *row.gap.ci95) for row in members if row.gap.ci95]
        if spans:
            axes.hlines(*zip(*spans, strict=True), color=style.colour, linewidth=1.6 if named else 0.8)
        axes.plot(
            [row.gap.value for row in members],
            [row.down for row in members],
            style.marker,
            color=style.colour,
            markersize=7 if named else 2.5,
            markerfacecolor=style.colour if ranked else "none",
            zorder=3,
        )


def _legend(axes: "Axes", rows: Sequence[Row], *, alone: bool, above: float) -> None:
    from matplotlib.lines import Line2D

    def mark(label: str, **how: Any) -> Line2D:
        return Line2D([], [], label=label, **({"linestyle": ""} | how))

    there = list(dict.fromkeys(row.style for row in rows))
    marks = [mark(style.title, color=style.colour, marker=style.marker) for style in there]
    if not all(row.ranked for row in rows):
        marks.append(mark("not ranked", color=INK, marker="o", markerfacecolor="none"))
    if not alone:
        marks.append(mark("95 % interval", color=INK, linestyle="-", linewidth=1.6))
        marks.append(mark("a region", color=INK, marker="o", markersize=3.5, alpha=FAINT))
    place = (0, 1 + (above - 2) / axes.get_window_extent().height)
    axes.legend(handles=marks, loc="upper left", bbox_to_anchor=place, ncols=len(marks), borderpad=0, borderaxespad=0)


def _caption(board: Board, rows: Sequence[Row]) -> str:
    more = f" Only the first {NAMED} of {len(rows)} methods are named." if len(rows) > NAMED else ""
    seen = "Each dot is a region" if board.enough_regions else "Each dot is a region, and there is no interval"
    return f"The {GAP_TITLES[board.score]} of each method, the best on top. {seen}.{more} {counted(board)}"
