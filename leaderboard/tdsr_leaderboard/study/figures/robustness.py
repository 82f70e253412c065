"""What each run loses when something is done to its frames."""

from tdsr_leaderboard.figures.style import BLUE, GREY, VERMILLION, styled
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.lines import Panels
from tdsr_leaderboard.study.figures.look import ending, marker_of, prefix_of
from tdsr_leaderboard.study.robustness import Loss, losses
from tdsr_leaderboard.study.runs import Study

KEY, TITLE = "robustness", "What is lost when frames are disturbed"

PANELS = Panels(width=760, left=250, between=24, ticks=4, below=lambda _: "change")


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no run was disturbed."""
    found = [loss for loss in losses(study) if any(map(loss.of, loss.differences))]
    if not found:
        return None
    with styled(KEY):
        figure = PANELS.figure(
            found, lambda loss: (loss.disturbance, loss.label), study.gaps, lambda loss: _look(study, loss)
        )
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=_caption(study))


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
