"""What task-driven training gains for tasks against what it costs images, and other marks of quality."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import SMALL, axes_within, new_figure, styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.lines import few_ticks, lines, mark, prepare
from tdsr_leaderboard.study.figures.look import colour_of, ending, marker_of, prefix_of
from tdsr_leaderboard.study.price import Price, measures, prices
from tdsr_leaderboard.study.runs import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY, TITLE = "price", "Image quality paid for task quality"
WIDTH, LEFT, TOP, BETWEEN, RIGHT, BOTTOM = 760, 224, 38, 20, 8, 42


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no task-driven variant can be held against image losses."""
    found = [price for price in prices(study) if price.driven and any(map(price.of, price.differences))]
    if not found:
        return None
    with styled(KEY):
        figure = _figure(study, found)
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


def _figure(study: Study, found: Sequence[Price]) -> "Figure":
    plan, shown = study.plan, measures(study)
    layout = lines([(price.head, plan.variants[price.variant].title) for price in found])
    figure = new_figure(WIDTH, TOP + layout.height + BOTTOM)
    panel = (WIDTH - LEFT - RIGHT - BETWEEN * (len(shown) - 1)) / len(shown)
    for index, measure in enumerate(shown):
        axes = axes_within(figure, LEFT + index * (panel + BETWEEN), TOP, panel, layout.height)
        prepare(axes, layout, left=None if index else LEFT)
        axes.set_title(GAP_TITLES.get(measure, measure).replace(" without", "\nwithout"), fontsize=SMALL)
        axes.set_xlabel("better to the right" if "gap" in measure else "better to the left", fontsize=SMALL)
        for price, down in zip(found, layout.places, strict=True):
            told = price.of(measure)
            if told:
                mark(axes, down, told, colour_of(study, price.arm), marker_of(study, price.network))
        few_ticks(axes, 3)
    return figure


def _caption(study: Study) -> str:
    return (
        "Each task-driven variant less image losses alone, paired over regions and the seeds that both have, with 95 % "
        f"intervals; full marks leave zero out, before any correction. {ending(study)}"
    )
