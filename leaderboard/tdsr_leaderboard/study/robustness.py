"""How much of its gaps each run loses when something is done to the frames."""

from dataclasses import dataclass

from tdsr_bench.study.record import RunRecord
from tdsr_leaderboard.study.differences import Compared, difference
from tdsr_leaderboard.study.runs import Study


@dataclass(frozen=True)
class Loss(Compared):
    """A run with disturbed frames less the same run without: of gaps, negative where it loses.

    Attributes:
        group: the run's name without seed and disturbance.
        disturbance: what was done.
    """

    group: str
    disturbance: str


def losses(study: Study) -> list[Loss]:
    """One for each group and disturbance that was scored, in the plan's order of disturbances."""
    disturbed = [runs[0] for runs in study.groups.values() if runs[0].disturbance is not None]
    order = [*study.plan.robustness.disturbances, *(str(record.disturbance) for record in disturbed)]
    return [loss(study, record) for record in sorted(disturbed, key=lambda one: order.index(str(one.disturbance)))]


def loss(study: Study, record: RunRecord) -> Loss:
    """The change of each gap of one disturbed group."""
    group = record.group.partition("@")[0]
    arm = f", {study.arm_title(record.arm)}" if len(study.plan.robustness.arms) > 1 else ""
    label = f"{study.label(record.group)}{arm}"
    found = {gap: difference(study, [record.group], [group], gap) for gap in study.gaps}
    return Loss(label, found, group, str(record.disturbance))


def zeros_of(study: Study) -> str:
    """Which frames the zeros of disturbed runs are made of, as the records show it; "" where nothing can be told."""
    told = []
    for record in study.records:
        plain = next(
            (one for one in study.groups.get(record.group.partition("@")[0], ()) if one.seed == record.seed), None
        )
        if record.disturbance is not None and plain is not None and record.summary.tasks:
            told.append(_bicubic(record) != _bicubic(plain))
    if not told:
        return ""
    if all(told):
        return "The zeros of the gaps are made of the disturbed frames: bicubic, too, was given these."
    if not any(told):
        return "The zeros of the gaps are those of the frames as they were."
    return f"In {sum(told)} of {len(told)} runs the zeros of the gaps are made of the disturbed frames."


def _bicubic(record: RunRecord) -> dict[str, float | None]:
    return {key: part.bicubic for key, part in record.summary.tasks.items()}
