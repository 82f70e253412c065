"""Lines in groups, each group below a head: what the figures of prices and of losses are laid out by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import INK, SMALL, axes_within, new_figure, short
from tdsr_leaderboard.study.differences import Compared, Difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, HEAD, END = 16, 24, 4
"""Pixels of height: of a line, of a head, and below the last line."""

TOP, RIGHT, BOTTOM = 38, 8, 42
"""Pixels around the panels."""

Row = TypeVar("Row", bound=Compared)


@dataclass(frozen=True)
class Lines:
    """Where lines are.

    Attributes:
        labels: of the lines.
        places: how far down each is, in pixels.
        heads: how far down each head is.
        height: of all.
    """

    labels: tuple[str, ...]
    places: tuple[float, ...]
    heads: dict[str, float]
    height: float


def lines(named: Sequence[tuple[str, str]]) -> Lines:
    """The layout of lines, each named by its head and its label; those of a head come one after the other."""
    places: list[float] = []
    heads: dict[str, float] = {}
    down = 0.0
    for head, _ in named:
        if head not in heads:
            heads[head] = down + HEAD / 2
            down += HEAD
        places.append(down + ROW / 2)
        down += ROW
    return Lines(tuple(label for _, label in named), tuple(places), heads, down + END)


def prepare(axes: "Axes", layout: Lines, *, left: float | None) -> None:
    """Axes for the lines, whose y counts pixels from the top; with names to the left where there is room for them."""
    axes.set(ylim=(layout.height, 0))
    axes.set_yticks(layout.places, [short(label, 44) if left else "" for label in layout.labels])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, alpha=0.6, linewidth=0.9)
    axes.grid(axis="x")
    for head, down in layout.heads.items() if left else ():
        axes.annotate(
            short(head, 30),
            (0, down),
            (6 - left if left else 0, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            annotation_clip=False,
        )


def mark(axes: "Axes", down: float, told: Difference, colour: str, marker: str) -> None:
    """A difference with its interval; full where that leaves zero out."""
    if told.ci95:
        axes.hlines(down, *told.ci95, color=colour, linewidth=1.4)
    apart = told.ci95 is not None and not told.ci95[0] <= 0 <= told.ci95[1]
    fill = colour if apart else "none"
    axes.plot([told.mean], [down], marker, color=colour, markersize=5, markerfacecolor=fill, zorder=3)


@dataclass(frozen=True)
class Panels:
    """Panels side by side, one for each measure, with the same lines.

    Attributes:
        width, left, between: pixels, of the figure, of the names, and between panels.
        ticks: at most so many on an axis.
        below: what stands under the panel of a measure.
    """

    width: int
    left: int
    between: int
    ticks: int
    below: Callable[[str], str]

    def figure(
        self,
        rows: Sequence[Row],
        named: Callable[[Row], tuple[str, str]],
        measures: Sequence[str],
        look: Callable[[Row], tuple[str, str]],
    ) -> "Figure":
        """The figure.

        Args:
            rows: a line each.
            named: the head and the label of a line.
            measures: a panel each.
            look: colour and marker of a line.
        """
        layout = lines([*map(named, rows)])
        figure = new_figure(self.width, TOP + layout.height + BOTTOM)
        panel = (self.width - self.left - RIGHT - self.between * (len(measures) - 1)) / len(measures)
        for index, measure in enumerate(measures):
            across = self.left + index * (panel + self.between)
            axes = axes_within(figure, across, TOP, panel, layout.height)
            prepare(axes, layout, left=None if index else self.left)
            axes.set_title(GAP_TITLES.get(measure, measure).replace(" without", "\nwithout"), fontsize=SMALL)
            axes.set_xlabel(self.below(measure), fontsize=SMALL)
            for row, down in zip(rows, layout.places, strict=True):
                told = row.of(measure)
                if told:
                    mark(axes, down, told, *look(row))
            few_ticks(axes, self.ticks)
        return figure


def few_ticks(axes: "Axes", most: int) -> None:
    """At most so many ticks, written as short as can be."""
    axes.locator_params(axis="x", nbins=most)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("-", "\N{MINUS SIGN}"))
