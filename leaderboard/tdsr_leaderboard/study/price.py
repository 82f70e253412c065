"""Image quality paid for task quality: what each way of training has more, or less, than image losses alone."""

from dataclasses import dataclass

from tdsr_leaderboard.study.differences import Compared, difference
from tdsr_leaderboard.study.runs import TASK, Study

BESIDE = ("grid", "hallucination", "consistency")
"""What is looked at beside the gaps; less is better."""


@dataclass(frozen=True)
class Price(Compared):
    """A variant of a network and an arm, less image losses alone; its label is in full.

    Attributes:
        network, arm, variant: names in the plan.
        head: network and arm in words.
        driven: whether tasks drive it beside image losses.
    """

    network: str
    arm: str
    variant: str
    head: str
    driven: bool


def measures(study: Study) -> tuple[str, ...]:
    """What prices are told of: the task gap that is bought, the image gap, and what is looked at beside."""
    _, image, task = study.gaps
    return (task, image, *BESIDE)


def prices(study: Study) -> list[Price]:
    """One for each network, arm and variant that has runs, but the one that all are held against."""
    plan, found = study.plan, []
    for network in plan.networks:
        for arm in plan.arms:
            for variant in plan.variants:
                group = f"{network}-{arm}-{variant}"
                if variant != study.pixel and group in study.groups:
                    found.append(price(study, network, arm, variant))
    return found


def price(study: Study, network: str, arm: str, variant: str) -> Price:
    """What a variant has more than image losses alone."""
    plan = study.plan
    plus, minus = [f"{network}-{arm}-{variant}"], [f"{network}-{arm}-{study.pixel}"]
    head = f"{plan.networks[network].title}, {plan.arms[arm].title}"
    label = f"{head}: {plan.variants[variant].title}"
    found = {measure: difference(study, plus, minus, measure) for measure in measures(study)}
    return Price(label, found, network, arm, variant, head, driven=plan.variants[variant].regime == TASK)
