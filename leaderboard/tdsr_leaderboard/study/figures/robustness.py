"""What each run loses when something is done to its frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import BLUE, GREY, SMALL, VERMILLION, axes_within, new_figure, styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.lines import few_ticks, lines, mark, prepare
from tdsr_leaderboard.study.figures.look import ending, marker_of, prefix_of
from tdsr_leaderboard.study.robustness import Loss, losses
from tdsr_leaderboard.study.runs import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY, TITLE = "robustness", "What is lost when frames are disturbed"
WIDTH, LEFT, TOP, BETWEEN, RIGHT, BOTTOM = 760, 250, 38, 24, 8, 42


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no run was disturbed."""
    found = [loss for loss in losses(study) if any(map(loss.of, loss.differences))]
    if not found:
        return None
    with styled(KEY):
        figure = _figure(study, found)
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


def _figure(study: Study, found: Sequence[Loss]) -> "Figure":
    layout = lines([(loss.disturbance, loss.label) for loss in found])
    figure = new_figure(WIDTH, TOP + layout.height + BOTTOM)
    panel = (WIDTH - LEFT - RIGHT - BETWEEN * (len(study.gaps) - 1)) / len(study.gaps)
    for index, gap in enumerate(study.gaps):
        axes = axes_within(figure, LEFT + index * (panel + BETWEEN), TOP, panel, layout.height)
        prepare(axes, layout, left=None if index else LEFT)
        axes.set_title(GAP_TITLES[gap].replace(" without", "\nwithout"), fontsize=SMALL)
        axes.set_xlabel("change", fontsize=SMALL)
        for loss, down in zip(found, layout.places, strict=True):
            told = loss.of(gap)
            if told:
                mark(axes, down, told, *_look(study, loss))
        few_ticks(axes, 4)
    return figure


def _look(study: Study, loss: Loss) -> tuple[str, str]:
    """Blue for image losses, vermillion for others, grey for methods that are not trained."""
    first = study.groups[loss.group][0] if loss.group in study.groups else None
    if first is None or first.network is None:
        return GREY, "s"
    return BLUE if first.variant == study.pixel else VERMILLION, marker_of(study, first.network)


def _caption(study: Study) -> str:
    return (
        "The gaps of each run with disturbed frames less those without, paired over regions, with 95 % intervals; left "
        "of zero it loses, and full marks leave zero out, before any correction. Blue: image losses alone; red: "
        f"another way of training; grey: not trained. {ending(study)}"
    )
