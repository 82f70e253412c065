"""How networks and arms look in all figures of a study, and what their captions end with."""

from tdsr_leaderboard.figures.style import BLUE, GREEN, GREY, PINK, VERMILLION
from tdsr_leaderboard.study.runs import Study

ARMS = (BLUE, VERMILLION, GREEN, PINK, GREY)
"""Colours of arms, in the plan's order."""

NETWORKS = ("o", "D", "s", "^", "v", "P")
"""Markers of networks, in the plan's order."""


def colour_of(study: Study, arm: str) -> str:
    """The colour of an arm; grey for one that the plan does not name."""
    names = [*study.plan.arms]
    return ARMS[names.index(arm) % len(ARMS)] if arm in names else GREY


def marker_of(study: Study, network: str | None) -> str:
    """The marker of a network; that of methods is a square."""
    names = [*study.plan.networks]
    return NETWORKS[names.index(network) % len(NETWORKS)] if network in names else "s"


def prefix_of(study: Study, key: str) -> str:
    """What the ids of a drawing begin with; keys of a study's figures are all different."""
    return f"study-{study.plan.name}-{key}-"


def ending(study: Study) -> str:
    """The sentence on regions that ends a caption."""
    return f"{study.certainty}."
