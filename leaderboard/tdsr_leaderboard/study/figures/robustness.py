"""What each run loses when something is done to its frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import BLUE, GREY, INK, SMALL, VERMILLION, axes_within, new_figure, short, styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.look import ending, marker_of, prefix_of
from tdsr_leaderboard.study.robustness import Loss, losses
from tdsr_leaderboard.study.runs import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "robustness", "What is lost when frames are disturbed"
WIDTH, LEFT, TOP, BETWEEN, ROW, BLOCK, BOTTOM = 760, 236, 42, 22, 15, 24, 40


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no run was disturbed."""
    found = [loss for loss in losses(study) if any(map(loss.of, loss.differences))]
    if not found:
        return None
    with styled(KEY):
        figure = _figure(study, found)
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


def _figure(study: Study, found: Sequence[Loss]) -> "Figure":
    places, heads, height = _places(found)
    figure = new_figure(WIDTH, TOP + height + BOTTOM)
    panel = (WIDTH - LEFT - 8 - BETWEEN * (len(study.gaps) - 1)) / len(study.gaps)
    for index, gap in enumerate(study.gaps):
        axes = axes_within(figure, LEFT + index * (panel + BETWEEN), TOP, panel, height)
        axes.set(ylim=(height, 0))
        axes.set_title(GAP_TITLES[gap].replace(" without", "\nwithout"), fontsize=SMALL)
        _panel(study, axes, gap, found, places)
        axes.set_yticks(places, [short(loss.label, 40) for loss in found] if index == 0 else [""] * len(found))
        axes.tick_params(axis="y", length=0)
        if index == 0:
            _heads(axes, heads)
    return figure


def _places(found: Sequence[Loss]) -> tuple[list[float], dict[str, float], float]:
    """How far down each line is, and the head above those of a disturbance; and how high all of it is."""
    places: list[float] = []
    heads: dict[str, float] = {}
    down = 0.0
    for loss in found:
        if loss.disturbance not in heads:
            heads[loss.disturbance] = down + BLOCK / 2
            down += BLOCK
        places.append(down + ROW / 2)
        down += ROW
    return places, heads, down + 4


def _heads(axes: "Axes", heads: dict[str, float]) -> None:
    for name, down in heads.items():
        axes.annotate(
            short(name, 30),
            (0, down),
            (-LEFT + 6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            annotation_clip=False,
        )


def _panel(study: Study, axes: "Axes", gap: str, found: Sequence[Loss], places: Sequence[float]) -> None:
    axes.axvline(0, color=INK, alpha=0.6, linewidth=0.9)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("change", fontsize=SMALL)
    for loss, down in zip(found, places, strict=True):
        told = loss.of(gap)
        if told is None:
            continue
        colour, marker = _look(study, loss)
        if told.ci95:
            axes.hlines(down, *told.ci95, color=colour, linewidth=1.3)
        axes.plot([told.mean], [down], marker, color=colour, markersize=4.5, zorder=3)
    axes.locator_params(axis="x", nbins=4)


def _look(study: Study, loss: Loss) -> tuple[str, str]:
    """Blue for image losses, vermillion for others, grey for methods that are not trained."""
    first = study.groups[loss.group][0] if loss.group in study.groups else None
    if first is None or first.network is None:
        return GREY, "s"
    return BLUE if first.variant == study.pixel else VERMILLION, marker_of(study, first.network)


def _caption(study: Study) -> str:
    return (
        "The gaps of each run with disturbed frames less those without, paired over regions, with 95 % intervals; left "
        f"of zero it loses. Blue: image losses alone; red: tasks beside them; grey: not trained. {ending(study)}"
    )
