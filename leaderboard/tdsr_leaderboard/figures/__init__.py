"""The figures of a board, as SVG for light and dark pages."""

from collections.abc import Callable

from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures import frames, pairs, pareto, scores, strip, weights
from tdsr_leaderboard.figures.scores import scores_figure
from tdsr_leaderboard.figures.svg import Drawing, standalone

__all__ = ["DRAWN", "Drawing", "figures", "scores_figure", "standalone"]


DRAWN: tuple[Callable[[Board], Drawing | None], ...] = (
    pareto.draw,
    scores.draw,
    pairs.draw,
    frames.draw,
    weights.draw,
    strip.draw,
)
"""All figures, in reading order."""


def figures(board: Board) -> list[Drawing]:
    """Those figures that the board has data for; none where no method has a result."""
    if not any(card.summary for card in board.cards):
        return []
    found = (draw(board) for draw in DRAWN)
    return [figure for figure in found if figure]
