"""What task-driven training gains for tasks against what it costs images, and other marks of quality."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import INK, SMALL, axes_within, new_figure, short, styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.look import colour_of, ending, marker_of, prefix_of
from tdsr_leaderboard.study.price import Price, measures, prices
from tdsr_leaderboard.study.runs import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "price", "Image quality paid for task quality"
LEFT, TOP, PANEL, BETWEEN, ROW, BOTTOM = 262, 26, 92, 14, 19, 40


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no task-driven variant can be held against image losses."""
    found = [price for price in prices(study) if price.driven and any(map(price.of, price.differences))]
    if not found:
        return None
    with styled(KEY):
        figure = _figure(study, found)
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


def _figure(study: Study, found: Sequence[Price]) -> "Figure":
    shown = measures(study)
    width = LEFT + len(shown) * (PANEL + BETWEEN)
    figure = new_figure(width, TOP + ROW * len(found) + BOTTOM)
    for index, measure in enumerate(shown):
        axes = axes_within(figure, LEFT + index * (PANEL + BETWEEN), TOP, PANEL, ROW * len(found))
        _panel(study, axes, measure, found, named=index == 0)
    return figure


def _panel(study: Study, axes: "Axes", measure: str, found: Sequence[Price], *, named: bool) -> None:
    title = GAP_TITLES.get(measure, measure).replace(" without", "\nwithout")
    axes.set_title(title, fontsize=SMALL, loc="center")
    axes.set(ylim=(len(found) - 0.5, -0.5), xlabel="better right" if "gap" in measure else "better left")
    axes.set_yticks(range(len(found)), [short(price.label, 46) for price in found] if named else [])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, alpha=0.6, linewidth=0.9)
    axes.xaxis.label.set_fontsize(SMALL)
    for place, price in enumerate(found):
        told = price.of(measure)
        if told is None:
            continue
        colour = colour_of(study, price.arm)
        if told.ci95:
            axes.hlines(place, *told.ci95, color=colour, linewidth=1.4)
        apart = told.ci95 is not None and not told.ci95[0] <= 0 <= told.ci95[1]
        fill = colour if apart else "none"
        marker = marker_of(study, price.network)
        axes.plot([told.mean], [place], marker, color=colour, markersize=5, markerfacecolor=fill, zorder=3)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=3)
    axes.grid(axis="x")


def _caption(study: Study) -> str:
    return (
        "Each task-driven variant less image losses alone, paired over regions and the seeds that both have, with 95 % "
        f"intervals; full marks leave zero out, before any correction. {ending(study)}"
    )
