"""Whether single-image and multi-image networks were tried on identical scenes, crops and masks: read from records."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from tdsr_bench.study.record import RunRecord, TrainingRecord
from tdsr_leaderboard.study.runs import Study, regions_of, scenes_of

Fact = Callable[[RunRecord], object]
"""What two runs have to share."""


@dataclass(frozen=True)
class Check:
    """A fact that the two runs of each pair should share.

    Attributes:
        what: in words.
        pairs: how many were looked at.
        same: in how many it is the same.
        first: the first two runs in which it differs; "" where there are none.
    """

    what: str
    pairs: int
    same: int
    first: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is the same in all pairs, and there is one."""
        return 0 < self.pairs == self.same


@dataclass(frozen=True)
class Identity:
    """All checks of a study; `pairs` are the runs of both tracks that were compared."""

    pairs: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> str:
        """What came out, in words."""
        if not self.pairs:
            return "not checked: no single-image run has a multi-image partner yet"
        failed = sum(not check.holds for check in self.checks)
        return f"differs in {failed} of {len(self.checks)} checks" if failed else "identical in all checks"


def identity(study: Study) -> Identity:
    """What the runs of each single-image network and its multi-image partner share."""
    found = [*partners(study)]
    checks = tuple(check(what, fact, found) for what, fact in FACTS.items())
    return Identity(tuple((one.name, many.name) for one, many in found), checks)


def partners(study: Study) -> Iterator[tuple[RunRecord, RunRecord]]:
    """Single-image and multi-image runs of networks that share arm, variant and seed, on frames as they were."""
    trained = [record for record in study.records if record.network and record.disturbance is None]
    one, many = ([record for record in trained if record.track == track] for track in ("sisr", "misr"))
    for first, second in product(one, many):
        if (first.arm, first.variant, first.seed) == (second.arm, second.variant, second.seed):
            yield first, second


def check(what: str, fact: Fact, pairs: list[tuple[RunRecord, RunRecord]]) -> Check:
    """In how many `pairs` a fact is the same; one that neither run tells is not."""
    same = [fact(one) == fact(many) and fact(one) is not None for one, many in pairs]
    first = next(
        (f"{one.name}, {many.name}" for (one, many), is_same in zip(pairs, same, strict=True) if not is_same), ""
    )
    return Check(what, len(pairs), sum(same), first)


def _training(get: Callable[[TrainingRecord], object]) -> Fact:
    return lambda record: get(record.training) if record.training else None


def _zeros(record: RunRecord) -> object:
    """What the scoring networks find in images that no method made: any other mask or network would show."""
    return {
        key: (part.bicubic, part.frame_trained, part.reference) for key, part in record.summary.tasks.items()
    } or None


def _references(record: RunRecord) -> object:
    return {name: {key: gap.regions for key, gap in gaps.items()} for name, gaps in record.references.items()} or None


FACTS: dict[str, Fact] = {
    "the pixels and masks that were scored (the data's fingerprint)": lambda record: record.data.get("fingerprint"),
    "how many scenes were scored, in which regions": lambda record: (scenes_of(record), sorted(regions_of(record))),
    "the split and the arm": lambda record: (record.data.get("split"), record.data.get("arm")),
    "what the scoring networks find in bicubic and in the reference": _zeros,
    "the gaps of all methods that every table shows, in each region": _references,
    "the crop in training, in pixels": _training(lambda training: training.crop),
    "the pixels of a batch (batch x crop x crop)": _training(lambda training: training.batch * training.crop**2),
    "the steps": _training(lambda training: training.steps),
    "the pixels seen in training (batch x crop x crop x steps)": _training(
        lambda training: training.batch * training.crop**2 * training.steps
    ),
    "whether the training began from another": _training(lambda training: training.start is not None),
}
"""What is checked, in words."""
