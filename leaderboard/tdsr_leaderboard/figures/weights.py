"""The ranking as the weight of the tasks changes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.labels import lanes, spread
from tdsr_leaderboard.figures.style import (
    FAINT,
    INK,
    SMALL,
    TRACKS,
    TrackStyle,
    axes_within,
    counted,
    image_column,
    new_figure,
    short,
    styled,
    text_width,
)
from tdsr_leaderboard.figures.svg import Drawing, drawing
from tdsr_leaderboard.weights import Line, Reign, lines, reigns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "weights", "If tasks counted more, or less"
FIRST = 8
"""How many methods are told apart; the others are thin lines."""

WIDTH, LEFT, MAIN, BEHIND, BETWEEN, BOTTOM, LANE = 760, 60, 250, 120, 22, 44, 14

SHADE = 0.1
"""Opacity of the weights in doubt."""

LAG = 0.1
"""How far behind the best the lower part looks."""


def draw(board: Board) -> Drawing | None:
    """The drawing; None without two ranked methods that have both gaps."""
    found = lines(board)
    won = reigns(found)
    if not won or "task_gap" not in board.columns:
        return None
    styles = {place.label: TRACKS[place.card.submission.track] for place in board.ranked}
    with styled(KEY):
        figure = _figure(found, won, styles)
    return drawing(board, figure, key=KEY, title=TITLE, caption=_caption(board, found, won))


def _figure(all_lines: Sequence[Line], won: Sequence[Reign], styles: Mapping[str, TrackStyle]) -> "Figure":
    shown = all_lines[:FIRST]
    right = max(text_width(short(line.label, 26), SMALL) for line in shown) + 34
    names = [_reign_name(reign) for reign in won]
    wide = WIDTH - LEFT - right
    up = lanes([-wide * reign.start for reign in won], [text_width(name, SMALL) + 8 for name in names])
    top = LANE * (max(up) + 1) + 10
    figure = new_figure(WIDTH, top + MAIN + BETWEEN + BEHIND + BOTTOM)
    main = axes_within(figure, LEFT, top, wide, MAIN)
    behind = axes_within(figure, LEFT, top + MAIN + BETWEEN, wide, BEHIND, share=main)
    main.set(xlim=(0, 1), ylabel="score")
    main.tick_params(labelbottom=False)
    behind.set(xlabel="weight of the task gap", ylabel="behind the best", ylim=(-LAG, LAG / 20))
    for line in all_lines[FIRST:]:
        main.plot([0, 1], [line.at(0), line.at(1)], color=INK, alpha=0.25, linewidth=0.7)
    for line in shown:
        main.plot([0, 1], [line.at(0), line.at(1)], **_look(line, won, styles))
    ends = [0.0, *(reign.stop for reign in won)]
    best = [max(line.at(weight) for line in all_lines) for weight in ends]
    for line in shown:
        behind.plot(
            ends, [line.at(w) - highest for w, highest in zip(ends, best, strict=True)], **_look(line, won, styles)
        )
    _names(main, {line.label: line.at(1) for line in shown}, styles)
    _names(behind, {line.label: line.at(1) - best[-1] for line in shown if line.at(1) - best[-1] > -LAG}, styles)
    _legend(main, list(dict.fromkeys(styles[line.label] for line in shown)))
    _reigns(main, behind, won, names, up)
    return figure


def _look(line: Line, won: Sequence[Reign], styles: Mapping[str, TrackStyle]) -> dict[str, Any]:
    wins = any(reign.label == line.label for reign in won)
    return {"color": styles[line.label].colour, "linewidth": 2.4 if wins else 1.1}


def _reign_name(reign: Reign) -> str:
    return short(reign.label, 26) + (f", from {reign.start:.2f}" if reign.start else "")


def _names(axes: "Axes", ends: Mapping[str, float], styles: Mapping[str, TrackStyle]) -> None:
    """Names at the right ends, apart from each other, each with a line to its own."""
    low, high = axes.get_ylim()
    box = axes.get_window_extent()
    places = spread(list(ends.values()), 1.3 * SMALL * (high - low) / box.height, low, high)
    for (label, end), place in zip(ends.items(), places, strict=True):
        line = {"arrowstyle": "-", "color": styles[label].colour, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 1}
        axes.annotate(
            short(label, 26),
            (1, end),
            (1 + 22 / box.width, place),
            ha="left",
            va="center_baseline",
            fontsize=SMALL,
            annotation_clip=False,
            arrowprops=line | {"relpos": (0, 0.5)},
        )


def _legend(axes: "Axes", there: Sequence[TrackStyle]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [Line2D([], [], color=style.colour, linewidth=1.6, label=style.title) for style in there]
    doubt = Patch(color=INK, alpha=SHADE, linewidth=0, label="winner and runner-up not told apart")
    axes.legend(handles=[*marks, doubt], loc="lower left")


def _reigns(main: "Axes", behind: "Axes", won: Sequence[Reign], names: Sequence[str], up: Sequence[int]) -> None:
    """Who wins from where, and where that is in doubt."""
    tall = main.get_window_extent().height
    for reign, name, lane in zip(won, names, up, strict=True):
        top = 1 + (LANE * (lane + 1)) / tall
        where = main.get_xaxis_transform()
        main.plot([reign.start] * 2, [0, top], color=INK, linewidth=0.8, alpha=FAINT, transform=where, clip_on=False)
        main.annotate(
            name,
            (reign.start, top),
            (3, 0),
            xycoords=where,
            textcoords="offset points",
            va="top",
            fontsize=SMALL,
            annotation_clip=False,
        )
        behind.axvline(reign.start, color=INK, linewidth=0.8, alpha=FAINT)
        for axes in (main, behind):
            for start, stop in reign.doubtful:
                axes.axvspan(start, stop, color=INK, alpha=SHADE, linewidth=0)


def _caption(board: Board, all_lines: Sequence[Line], won: Sequence[Reign]) -> str:
    sure = sum(reign.told_apart * (reign.stop - reign.start) for reign in won)
    others = f" Thin: {len(all_lines) - FIRST} more." if len(all_lines) > FIRST else ""
    return (
        f"The score as the weight of the task gap goes from 0 ({GAP_TITLES[image_column(board)]} alone) to 1, the "
        f"winner named above. Shaded, {1 - sure:.0%} of the weights: the 95 % interval of the paired difference of "
        f"winner and runner-up holds 0.{others} {counted(board)}"
    )
