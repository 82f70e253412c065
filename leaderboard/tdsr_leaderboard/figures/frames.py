"""What more frames bring: methods with all their frames and with fewer, and against single-image partners."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES, ResultCard
from tdsr_bench.inference import holm, p_value, paired_difference
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.style import (
    INK,
    SERIES,
    Known,
    axes_within,
    counted,
    known,
    new_figure,
    short,
    styled,
)
from tdsr_leaderboard.figures.svg import Drawing, drawing
from tdsr_leaderboard.matched import Contrast
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS, Standing, gap_of, regions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "frames", "What more frames bring"
LEFT, PANEL, BETWEEN, TOP, BOTTOM = 290, 160, 50, 26, 42
GAPS, GAINS, ROW, NEXT = 170, 130, 19, 14
"""Pixels of height: of the gaps, of the gains below, of a line of contrasts, and between these parts."""

NAME = 40
"""How many columns a name may take."""

OTHERS = 6
"""How many contrasts of a method are shown."""

DASHES = ((0, (6, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)), (0, (3, 1)), (0, (1, 4)), (0, (6, 2, 1, 2, 1, 2)))


@dataclass(frozen=True)
class Study:
    """A multi-image method.

    Attributes:
        place: the method.
        steps: its card and those of its controls by the number of frames, the fewest first, its own last.
        contrasts: the method against single-image partners and what is made of these.
    """

    place: Standing
    steps: Mapping[int, ResultCard]
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True)
class Gain:
    """A paired difference, and whether it stands after correction for all others of its column and kind."""

    difference: Known
    told_apart: bool


def draw(board: Board) -> Drawing | None:
    """The drawing; None where no method was evaluated with fewer frames."""
    found = studies(board)
    if not found:
        return None
    with styled(KEY):
        figure = _figure(board, found[: len(SERIES)])
    return drawing(board, figure, key=KEY, title=TITLE, caption=_caption(board, found))


def studies(board: Board) -> list[Study]:
    """The methods that were evaluated with fewer frames as well, the best first."""
    found = []
    for place in board.places:
        steps = dict(sorted(_steps(board, place), key=lambda step: step[0]))
        if len(steps) > 1:
            contrasts = [contrast for contrast in board.contrasts if contrast.misr.label == place.label]
            others = [contrast for contrast in contrasts if not _fewer(contrast)]
            found.append(Study(place, steps, tuple(others[:OTHERS])))
    return found


def gains(found: Sequence[Study], column: str) -> list[dict[int, Gain]]:
    """For each study and number of frames the paired difference to the fewest; Holm's correction is over them all."""
    differences = [dict(_differences(study, column)) for study in found]
    every = [difference for one in differences for difference in one.values()]  # in the order of what is returned
    adjusted = iter(holm([p_value(list(one.regions.values()), least=LEAST_REGIONS) for one in every]))
    return [
        {frames: Gain(difference, _below(next(adjusted))) for frames, difference in one.items()} for one in differences
    ]


def _steps(board: Board, place: Standing) -> Iterator[tuple[int, ResultCard]]:
    """Frames and card of a multi-image method and its controls; of two with as many frames the later one counts."""
    if place.card.submission.track != "misr":
        return
    of_it = [control.card for control in board.controls if control.card.submission.control_of == place.label]
    for card in (*of_it, place.card):
        if card.submission.frames and known(gap_of(card, board.score)):
            yield card.submission.frames, card


def _fewer(contrast: Contrast) -> bool:
    return contrast.other.card.submission.control_of == contrast.misr.label


def _differences(study: Study, column: str) -> Iterator[tuple[int, Known]]:
    least, *more = study.steps
    start = regions_of(study.steps[least], column)
    for frames in more:
        regions = regions_of(study.steps[frames], column)
        if start and regions.keys() == start.keys():
            difference = known(paired_difference(regions, start, confidence=CONFIDENCE, least=LEAST_REGIONS))
            if difference:
                yield frames, difference


def _below(p: float | None) -> bool:
    return p is not None and p < 1 - CONFIDENCE


def _figure(board: Board, found: Sequence[Study]) -> "Figure":
    rows = sum(1 + len(study.contrasts) for study in found if study.contrasts)
    lowest = TOP + GAPS + NEXT + GAINS + BOTTOM
    width = LEFT + len(board.columns) * (PANEL + BETWEEN) - BETWEEN / 2
    figure = new_figure(width, lowest + (NEXT + rows * ROW + BOTTOM if rows else 0))
    for index, column in enumerate(board.columns):
        left, first = LEFT + index * (PANEL + BETWEEN), index == 0
        above = axes_within(figure, left, TOP, PANEL, GAPS)
        under = axes_within(figure, left, TOP + GAPS + NEXT, PANEL, GAINS, share=above)
        _gaps(above, found, column)
        _gains(under, found, column)
        above.set(title=GAP_TITLES[column], ylabel="gap" if first else "")
        under.set(ylabel="gain over the fewest" if first else "")
        if rows:
            _contrasts(axes_within(figure, left, lowest + NEXT, PANEL, rows * ROW), found, column, named=first)
    _legend(figure, found)
    return figure


def _gaps(axes: "Axes", found: Sequence[Study], column: str) -> None:
    for study, (colour, marker) in zip(found, SERIES, strict=False):
        values = {frames: known(gap_of(card, column)) for frames, card in study.steps.items()}
        shown = {frames: gap.value for frames, gap in values.items() if gap}
        axes.plot(list(shown), list(shown.values()), color=colour, marker=marker, markersize=5, linewidth=1.4, zorder=3)
        for contrast, dash in zip(study.contrasts, DASHES, strict=False):
            other = known(gap_of(contrast.other.card, column))
            if other:
                axes.axhline(other.value, color=colour, linestyle=dash, linewidth=1.2, alpha=0.8)
    axes.tick_params(labelbottom=False)
    axes.grid(axis="y")


def _gains(axes: "Axes", found: Sequence[Study], column: str) -> None:
    """Points side by side, so that their intervals can be seen."""
    counts = sorted({frames for study in found for frames in study.steps})
    apart = 0.06 * (counts[-1] - counts[0])
    axes.axhline(0, color=INK, alpha=0.5, linewidth=0.8)
    for index, (gained, (colour, marker)) in enumerate(zip(gains(found, column), SERIES, strict=False)):
        aside = apart * (index - (len(found) - 1) / 2)
        for frames, gain in gained.items():
            _point(axes, gain, frames + aside, colour, marker, upright=True)
    axes.set_xticks(counts)
    axes.set(xlabel="frames", xlim=(counts[0] - 2 * apart - 0.3, counts[-1] + 2 * apart + 0.3))
    axes.grid(axis="y")


def _contrasts(axes: "Axes", found: Sequence[Study], column: str, *, named: bool) -> None:
    """A line for each method, and below it one for each of its contrasts."""
    names = []
    axes.axvline(0, color=INK, alpha=0.5, linewidth=0.8)
    for study, (colour, marker) in zip(found, SERIES, strict=False):
        names += [short(study.place.label, NAME)] if study.contrasts else []
        for contrast in study.contrasts:
            result = contrast.results[column]
            difference = known(result.difference)
            if difference:
                _point(axes, Gain(difference, result.told_apart), len(names), colour, marker, upright=False)
            names.append(f"minus {short(contrast.other.label, NAME)}")
    axes.set_yticks(range(len(names)), names if named else [])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="difference")
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x")


def _point(axes: "Axes", gain: Gain, at: float, colour: str, marker: str, *, upright: bool) -> None:
    """A difference and its interval; hollow where it is not told from 0."""
    value, ends = gain.difference.value, gain.difference.ci95
    if ends:
        (axes.vlines if upright else axes.hlines)(at, *ends, color=colour, linewidth=1.4)
    x, y = (at, value) if upright else (value, at)
    fill = colour if gain.told_apart else "none"
    axes.plot([x], [y], marker, color=colour, markersize=5.5, markerfacecolor=fill, zorder=3)


def _legend(figure: "Figure", found: Sequence[Study]) -> None:
    from matplotlib.lines import Line2D

    marks = []
    for study, (colour, marker) in zip(found, SERIES, strict=False):
        name = short(study.place.label, NAME)
        marks.append(Line2D([], [], color=colour, marker=marker, markersize=5, linewidth=1.4, label=name))
        for contrast, dash in zip(study.contrasts, DASHES, strict=False):
            name = short(contrast.other.label, NAME)
            marks.append(Line2D([], [], color=colour, linestyle=dash, linewidth=1.2, label=name))
    tall = figure.get_size_inches()[1] * 72
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0, 1 - TOP / tall), handlelength=3, borderpad=0)


def _caption(board: Board, found: Sequence[Study]) -> str:
    first = f" The best {len(SERIES)} of {len(found)} such methods are shown." if len(found) > len(SERIES) else ""
    against = (
        " Broken lines, and the lowest part: single-image methods of the same training, and what is made of these."
        if any(study.contrasts for study in found)
        else ""
    )
    return (
        "Above the gaps by the number of frames, below the paired difference to the fewest frames with its 95 % "
        f"interval; full marks are told from 0 after Holm's correction.{against}{first} {counted(board)}"
    )
