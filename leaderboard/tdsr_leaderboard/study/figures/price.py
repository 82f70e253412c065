"""What task-driven training gains for tasks against what it costs images, and other marks of quality."""

from tdsr_leaderboard.figures.style import styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.lines import Panels
from tdsr_leaderboard.study.figures.look import colour_of, ending, marker_of, prefix_of
from tdsr_leaderboard.study.price import measures, prices
from tdsr_leaderboard.study.runs import Study

KEY, TITLE = "price", "Image quality paid for task quality"

PANELS = Panels(
    width=760,
    left=224,
    between=20,
    ticks=3,
    below=lambda measure: "better to the right" if "gap" in measure else "better to the left",
)


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no task-driven variant can be held against image losses."""
    found = [price for price in prices(study) if price.driven and any(map(price.of, price.differences))]
    if not found:
        return None
    variants = study.plan.variants
    with styled(KEY):
        figure = PANELS.figure(
            found,
            lambda price: (price.head, variants[price.variant].title),
            measures(study),
            lambda price: (colour_of(study, price.arm), marker_of(study, price.network)),
        )
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


def _caption(study: Study) -> str:
    return (
        "Each task-driven variant less image losses alone, paired over regions and the seeds that both have, with 95 % "
        f"intervals; full marks leave zero out, before any correction. {ending(study)}"
    )
