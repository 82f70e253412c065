"""The contrasts of a question with their intervals, beside what was claimed."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    SMALL,
    VERMILLION,
    axes_within,
    new_figure,
    short,
    styled,
)
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.answers import CONTRADICTED, MISSING, SUPPORTED, Answer, Tested
from tdsr_leaderboard.study.figures.look import ending, prefix_of
from tdsr_leaderboard.study.runs import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT, RIGHT, TOP, ROW, BELOW = 760, 318, 112, 10, 32, 52
"""Pixels; `BELOW` is what the axis of a block and the gap to the next one take."""

WRAP, LINES = 52, 2
"""Columns and lines of what a contrast says."""

COLOURS = {SUPPORTED: GREEN, CONTRADICTED: VERMILLION}


def draw(study: Study, answer: Answer) -> Drawing | None:
    """The drawing; None where every contrast is missing."""
    if all(contrast.difference is None for contrast in answer.contrasts):
        return None
    key = f"question-{answer.plan.key}"
    with styled(key):
        figure = _figure(answer)
    title = f"{answer.verdict}: {answer.plan.asks}"
    return drawn(figure, prefix=prefix_of(study, key), key=key, title=title, caption=_caption(study, answer))


def blocks(answer: Answer) -> dict[str, list[Tested]]:
    """The contrasts by their measure: each has an axis of its own."""
    found: dict[str, list[Tested]] = {}
    for contrast in answer.contrasts:
        found.setdefault(contrast.plan.measure, []).append(contrast)
    return found


def _figure(answer: Answer) -> "Figure":
    parts = blocks(answer)
    heights = [ROW * len(rows) for rows in parts.values()]
    figure = new_figure(WIDTH, TOP + sum(heights) + BELOW * len(heights) - 8)
    down = float(TOP)
    for (measure, rows), height in zip(parts.items(), heights, strict=True):
        _block(axes_within(figure, LEFT, down, WIDTH - LEFT - RIGHT, height), measure, rows)
        down += height + BELOW
    return figure


def _block(axes: "Axes", measure: str, rows: Sequence[Tested]) -> None:
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=_limits(rows), xlabel=GAP_TITLES.get(measure, measure))
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=6)
    axes.grid(axis="x")
    axes.axvline(0, color=INK, alpha=0.6, linewidth=0.9)
    for place, row in enumerate(rows):
        _claim(axes, place, row)
        _row(axes, place, row)


def _limits(rows: Sequence[Tested]) -> tuple[float, float]:
    ends = [0.0]
    for row in rows:
        ends += [-row.plan.within, row.plan.within] if row.plan.within else []
        if row.difference:
            ends += [row.difference.mean, *(row.difference.ci95 or row.difference.estimate.regions.values())]
    room = 0.08 * (max(ends) - min(ends) or 1.0)
    return min(ends) - room, max(ends) + room


def _claim(axes: "Axes", place: int, row: Tested) -> None:
    """A band on the side that is claimed."""
    low, high = axes.get_xlim()
    within = row.plan.within or 0.0
    span = {"more": (0.0, high), "less": (low, 0.0), "similar": (-within, within)}[row.plan.claimed]
    axes.fill_betweenx([place - 0.4, place + 0.4], *span, color=BLUE, alpha=0.13, linewidth=0, zorder=0)


def _row(axes: "Axes", place: int, row: Tested) -> None:
    colour = COLOURS.get(row.verdict, INK)
    if row.difference:
        if row.difference.ci95:
            axes.hlines(place, *row.difference.ci95, color=colour, linewidth=1.6)
        else:
            values = [*row.difference.estimate.regions.values()]
            axes.plot(values, [place] * len(values), "|", color=colour, markersize=7)
        fill = colour if row.verdict in COLOURS else "none"
        axes.plot([row.difference.mean], [place], "o", color=colour, markersize=6, markerfacecolor=fill, zorder=3)
    axes.annotate(
        row.verdict,
        (1, place),
        (8, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=SMALL,
        color=colour,
        alpha=FAINT if row.verdict == MISSING else 1,
        annotation_clip=False,
    )


def _label(row: Tested) -> str:
    lines = textwrap.wrap(short(row.says, WRAP * LINES), WRAP)
    return "\n".join([*lines[: LINES - 1], short(" ".join(lines[LINES - 1 :]), WRAP)] if len(lines) > 1 else lines)


def _caption(study: Study, answer: Answer) -> str:
    few = any(contrast.difference and not contrast.difference.ci95 for contrast in answer.contrasts)
    shown = "a stroke for each region" if few else "95 % intervals by Student's t"
    return (
        f"Means over regions with {shown}; the shaded side is what was claimed. A verdict counts Holm's correction, "
        f"which intervals do not. {answer.counted}. {ending(study)}"
    )
