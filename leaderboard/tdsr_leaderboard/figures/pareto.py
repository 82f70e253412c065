"""The image gap against the task gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.labels import Place, place_labels
from tdsr_leaderboard.figures.style import (
    FAINT,
    GREY,
    INK,
    NAMED,
    SMALL,
    TRACKS,
    Known,
    axes_within,
    counted,
    image_column,
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

    from tdsr_leaderboard.figures.labels import Boxes

KEY, TITLE = "pareto", "Good as an image, good for tasks"
WIDTH, HEIGHT = 760, 500
LEFT, TOP, RIGHT, BOTTOM = 60, 34, 20, 46

REACH, MARGIN = 0.2, 0.1
"""How much of the longest intervals is shown beyond the outermost points, and how much room is left beside."""


@dataclass(frozen=True)
class Point:
    """A method in the plane of both gaps; `track` is empty for the methods that every table shows."""

    label: str
    track: str
    ranked: bool
    image: Known
    task: Known

    @property
    def at(self) -> tuple[float, float]:
        """Image gap and task gap."""
        return self.image.value, self.task.value


def draw(board: Board) -> Drawing | None:
    """The drawing; None where no method has both gaps."""
    points = points_of(board)
    if "task_gap" not in board.columns or not any(point.track for point in points):
        return None
    with styled(KEY):
        figure = _figure(points, GAP_TITLES[image_column(board)])
    return drawing(board, figure, key=KEY, title=TITLE, caption=_caption(board, points))


def points_of(board: Board) -> list[Point]:
    """The methods that have both gaps, the best first, then those of every table that are not among them by name."""
    column = image_column(board)
    found = []
    for place in board.places:
        image, task = known(board.gap(place, column)), known(board.gap(place, "task_gap"))
        if image and task:
            found.append(Point(place.label, place.card.submission.track, bool(place.rank), image, task))
    own = {point.label for point in found}
    for name, gaps in board.references.items():
        image, task = known(gaps.get(column)), known(gaps.get("task_gap"))
        if image and task and name not in own:
            found.append(Point(name, "", False, image, task))
    return found


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those points that no other exceeds in both coordinates, from left to right.

    >>> front([(0, 3), (1, 1), (2, 2), (3, 0), (2, 0)])
    [(0, 3), (2, 2), (3, 0)]
    """
    best: list[tuple[float, float]] = []
    for point in sorted(set(points), reverse=True):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best[::-1]


def corners(points: Sequence[tuple[float, float]], left: float, bottom: float) -> list[tuple[float, float]]:
    """The edge of what `points` reach, from the left side down to the bottom; to each corner across, then down."""
    best = front(points)
    return [(left, best[0][1]), *best, (best[-1][0], bottom)] if best else []


def _figure(points: Sequence[Point], title: str) -> "Figure":
    figure = new_figure(WIDTH, HEIGHT)
    axes = axes_within(figure, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    axes.set(xlim=_limits([point.image for point in points]), ylim=_limits([point.task for point in points]))
    axes.set(xlabel=f"{title}, better to the right", ylabel="task gap, better upwards")
    _guards(axes)
    axes.axhline(0, color=INK, alpha=0.3, linewidth=0.8)
    named, others = _split(points)
    for point in named:
        _mark(axes, point)
    _small_marks(axes, others)
    _front(axes, [point.at for point in points if point.ranked])
    _names(axes, named, others)
    _legend(axes, points)
    return figure


def _limits(gaps: Sequence[Known]) -> tuple[float, float]:
    values = [gap.value for gap in gaps]
    ends = [end for gap in gaps if gap.ci95 for end in gap.ci95]
    low = max(min([*values, *ends]), min(values) - REACH)
    high = min(max([*values, *ends]), max(values) + REACH)
    return min(low, 0) - MARGIN, high + MARGIN


def _guards(axes: "Axes") -> None:
    left = axes.get_xlim()[0]
    axes.axvspan(left, 0, color=INK, alpha=0.08, linewidth=0)
    axes.axvline(0, color=INK, alpha=0.3, linewidth=0.8)
    axes.annotate(
        "not ranked",
        (0, 1),
        (-4, -6),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        rotation=90,
        rotation_mode="anchor",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        alpha=FAINT,
    )


def _mark(axes: "Axes", point: Point) -> None:
    """A method, or a reference, with its intervals."""
    style = TRACKS.get(point.track)
    colour, marker = (style.colour, style.marker) if style else (GREY, "s")
    for gap, line, across in ((point.image, axes.hlines, point.at[1]), (point.task, axes.vlines, point.at[0])):
        if gap.ci95 and style:
            line(across, *gap.ci95, color=colour, alpha=0.6 if point.ranked else 0.35, linewidth=1.2)
    fill = colour if point.ranked or not style else "none"
    axes.plot(*point.at, marker, color=colour, markersize=7 if style else 4, markerfacecolor=fill, zorder=3)


def _small_marks(axes: "Axes", points: Sequence[Point]) -> None:
    """The methods without a name, and without intervals, so that the others can be seen."""
    for track, style in TRACKS.items():
        for ranked in (True, False):
            places = [point.at for point in points if point.track == track and point.ranked is ranked]
            if places:
                fill = style.colour if ranked else "none"
                x, y = zip(*places, strict=True)
                axes.plot(x, y, style.marker, color=style.colour, markersize=3.5, markerfacecolor=fill, zorder=2)


def _front(axes: "Axes", ranked: Sequence[tuple[float, float]]) -> None:
    edge = corners(ranked, axes.get_xlim()[0], axes.get_ylim()[0])
    if edge:
        axes.step(*zip(*edge, strict=True), where="pre", color=INK, alpha=0.55, linewidth=1, linestyle=(0, (5, 3)))


def _split(points: Sequence[Point]) -> tuple[list[Point], list[Point]]:
    """Those with a name, the references among them, and those without."""
    own = [point for point in points if point.track]
    return [*own[:NAMED], *(point for point in points if not point.track)], own[NAMED:]


def _names(axes: "Axes", named: Sequence[Point], others: Sequence[Point]) -> None:
    """Names where there is room, and clear of the marks of `others`."""
    pixels = [tuple(axes.transData.transform(point.at)) for point in (*named, *others)]
    texts = [short(point.label, 26) for point in named]
    sizes = [(text_width(text, SMALL), 1.25 * SMALL) for text in texts]
    box = axes.get_window_extent()
    within = (box.x0 + 2, box.y0 + 2, box.x1, box.y1)
    places = place_labels(pixels, sizes, within, _lines(axes, named))
    for point, text, place in zip(named, texts, places, strict=True):
        if place:
            axes.annotate(
                text,
                point.at,
                (place.right, place.up),
                textcoords="offset points",
                ha=place.horizontal,
                va={"center": "center_baseline"}.get(place.vertical, place.vertical),
                fontsize=SMALL,
                alpha=1 if point.ranked else FAINT,
                arrowprops=_leader(place) if place.led else None,
                zorder=4,
            )


def _leader(place: Place) -> dict[str, object]:
    """A line from the point to that part of the label which is nearest."""
    part = {"left": 0.0, "right": 1.0, "bottom": 0.0, "top": 1.0, "center": 0.5}
    nearest = (part[place.horizontal], part[place.vertical])
    return {
        "arrowstyle": "-",
        "color": INK,
        "alpha": 0.45,
        "linewidth": 0.7,
        "relpos": nearest,
        "shrinkA": 0,
        "shrinkB": 4,
    }


def _lines(axes: "Axes", points: Sequence[Point]) -> "Boxes":
    """What is drawn through the plane: the intervals and the front."""
    import numpy as np

    edge = corners([point.at for point in points if point.ranked], axes.get_xlim()[0], axes.get_ylim()[0])
    spans: list[tuple[float, float, float, float]] = []
    for point in points:
        x, y = point.at
        spans += [(low, y, high, y) for low, high in [point.image.ci95 or (x, x)]]
        spans += [(x, low, x, high) for low, high in [point.task.ci95 or (y, y)]]
    spans += [(a, d, c, d) for (a, _), (c, d) in pairwise(edge)] + [(a, d, a, b) for (a, b), (_, d) in pairwise(edge)]
    ends = np.array(spans, dtype=np.float64).reshape(-1, 2)
    boxes: Boxes = axes.transData.transform(ends).reshape(-1, 4) + (-1, -1, 1, 1)  # noqa: RUF005
    return boxes


def _legend(axes: "Axes", points: Sequence[Point]) -> None:
    from matplotlib.lines import Line2D

    there = {point.track for point in points}
    marks = [
        Line2D([], [], color=style.colour, marker=style.marker, linestyle="", label=style.title)
        for track, style in TRACKS.items()
        if track in there
    ]
    if not all(point.ranked for point in points if point.track):
        marks.append(Line2D([], [], color=INK, marker="o", markerfacecolor="none", linestyle="", label="not ranked"))
    if any(point.ranked for point in points):
        marks.append(Line2D([], [], color=INK, alpha=0.55, linewidth=1, linestyle=(0, (5, 3)), label="Pareto front"))
    if "" in there:
        marks.append(Line2D([], [], color=GREY, marker="s", markersize=4, linestyle="", label="shown in every table"))
    axes.legend(
        handles=marks, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(marks), borderpad=0, handletextpad=0.4
    )


def _caption(board: Board, points: Sequence[Point]) -> str:
    own = sum(1 for point in points if point.track)
    more = f" Only the first {NAMED} of {own} methods are named." if own > NAMED else ""
    lines = " Lines are 95 % intervals of each gap by itself." if any(point.image.ci95 for point in points) else ""
    return f"Each method's image gap and task gap; left of 0 nobody is ranked.{lines}{more} {counted(board)}"
