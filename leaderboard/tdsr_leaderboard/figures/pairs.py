"""Which ranked methods the data tell apart."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from tdsr_bench.card import GAP_TITLES
from tdsr_bench.inference import PairedResult
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.style import (
    BLUE,
    INK,
    SMALL,
    VERMILLION,
    axes_within,
    counted,
    new_figure,
    short,
    signed,
    styled,
    text_width,
)
from tdsr_leaderboard.figures.svg import Drawing, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "pairs", "Which methods the data tell apart"
MOST = 24
"""How many methods are shown."""

WIDTH = 760
"""At least so wide, so that text is as large as in the other figures."""

CELL, LEGEND, LEAN = 30, 40, 45
"""A cell's side and the height of the legend in pixels, and how steep the names above the columns are, in degrees."""

WEAKEST, STRONGEST = 0.35, 0.75
"""Opacities of the smallest and of the largest difference: text can be read on either, on light and dark pages."""

Pairs = Mapping[tuple[str, str], PairedResult]


def draw(board: Board) -> Drawing | None:
    """The drawing; None without two ranked methods."""
    labels = [place.label for place in board.ranked][:MOST]
    pairs = {(pair.first, pair.second): pair for pair in board.pairs}
    if len(labels) < 2 or not pairs:
        return None
    with styled(KEY):
        figure = _figure(labels, pairs)
    return drawing(board, figure, key=KEY, title=TITLE, caption=_caption(board, pairs))


def _figure(labels: Sequence[str], pairs: Pairs) -> "Figure":
    names = [short(label, 26) for label in labels]
    longest, side = max(text_width(name, SMALL) for name in names), CELL * len(labels)
    left, slanted = longest + 16, 0.71 * (longest + 2 * SMALL)
    figure = new_figure(max(left + side + slanted, WIDTH), slanted + side + LEGEND)
    axes = axes_within(figure, left, slanted, side, side)
    axes.set(xlim=(0, len(labels)), ylim=(len(labels), 0))
    axes.set_yticks([row + 0.5 for row in range(len(labels))], names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for column, name in enumerate(names):
        axes.text(column + 0.5, -0.15, name, rotation=LEAN, rotation_mode="anchor", fontsize=SMALL)
    shown = [pairs[both] for both in combinations(labels, 2) if both in pairs]
    most = max((abs(_difference(pair)) for pair in shown if pair.told_apart), default=1.0) or 1.0
    for row, first in enumerate(labels):
        for column, second in enumerate(labels):
            if (first, second) in pairs:
                _cell(axes, row, column, pairs[first, second], 1, most)
                _cell(axes, column, row, pairs[first, second], -1, most)
    _legend(figure, left)
    return figure


def _difference(pair: PairedResult) -> float:
    return pair.difference.value or 0.0


def _cell(axes: "Axes", row: int, column: int, pair: PairedResult, sign: int, most: float) -> None:
    """Full where told apart, an outline where only before correction; the number in any case."""
    value = sign * _difference(pair)
    colour = BLUE if value > 0 else VERMILLION
    if pair.told_apart:
        strength = WEAKEST + (STRONGEST - WEAKEST) * min(abs(value) / most, 1.0)
        _box(axes, row, column, facecolor=colour, alpha=strength, linewidth=0)
    elif pair.before_correction:
        _box(axes, row, column, fill=False, edgecolor=colour, linewidth=1)
    faint = 1 if pair.told_apart or pair.before_correction else 0.5
    axes.text(column + 0.5, row + 0.5, signed(value), ha="center", va="center_baseline", fontsize=9, alpha=faint)


def _box(axes: "Axes", row: float, column: float, **how: Any) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((column + 0.05, row + 0.05), 0.9, 0.9, clip_on=False, **how))


def _legend(figure: "Figure", left: float) -> None:
    from matplotlib.patches import Patch

    marks = [
        Patch(facecolor=BLUE, alpha=STRONGEST, label="row better"),
        Patch(facecolor=VERMILLION, alpha=STRONGEST, label="row worse"),
        Patch(fill=False, edgecolor=INK, linewidth=1, label="told apart only before correction"),
    ]
    whole, tall = figure.get_size_inches() * 72
    figure.legend(
        handles=marks,
        loc="lower left",
        bbox_to_anchor=(left / whole, 8 / tall),
        ncols=3,
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.2,
    )


def _caption(board: Board, pairs: Pairs) -> str:
    ranked = len(board.ranked)
    apart = sum(1 for pair in pairs.values() if pair.told_apart)
    first = f" The first {MOST} of {ranked} ranked methods are shown." if ranked > MOST else ""
    return (
        f"Row minus column, {GAP_TITLES[board.score]}. {apart} of {len(pairs)} pairs are told apart at the 95 % level, "
        f"by paired t tests over regions with Holm's correction for all pairs.{first} {counted(board)}"
    )
