"""The questions of a plan answered from its records: every verdict is worked out, none is written by hand.

A contrast that is claimed to be more, or less, is **supported** where its p, adjusted by Holm's method over all
contrasts of the question that were tested, is under .05 and the mean has the claimed sign; **contradicted** where it
has the other sign; else **not told apart**. One that is claimed to be similar within a margin is supported where its
95 % interval lies wholly within the margin on both sides of zero (two one-sided tests at 2.5 %: Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15, 1987), contradicted where it lies wholly outside, else not told apart.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from tdsr_bench.card import GAP_TITLES
from tdsr_bench.inference import holm
from tdsr_bench.study.plan import ArmPlan, ContrastPlan, NetworkPlan, QuestionPlan, VariantPlan
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS
from tdsr_leaderboard.study.differences import Difference, Missing, difference
from tdsr_leaderboard.study.runs import Study

SUPPORTED, CONTRADICTED, NOT_APART, MISSING, MIXED = WORDS = (
    "supported",
    "contradicted",
    "not told apart",
    "missing",
    "mixed",
)
"""What a verdict can be: the first four of a contrast, all but `MISSING` of a question."""

ALPHA = 1 - CONFIDENCE


@dataclass(frozen=True)
class Tested:
    """A contrast of a question.

    Attributes:
        says: what is compared, in words.
        plan: what is compared, and what is claimed.
        difference: what was found; None where a run is missing.
        p_holm: p adjusted over the question's contrasts; None without a test.
        verdict: one of the first four of `WORDS`.
        reason: why nothing can be said, where that is so; "" else.
    """

    says: str
    plan: ContrastPlan
    difference: Difference | None
    p_holm: float | None
    verdict: str
    reason: str = ""

    @property
    def claim(self) -> str:
        """The claim in a word or two."""
        return f"similar, within ±{self.plan.within:g}" if self.plan.within else self.plan.claimed


@dataclass(frozen=True)
class Answer:
    """A question with its contrasts.

    Attributes:
        plan: what is asked and claimed.
        contrasts: in the order of the plan.
    """

    plan: QuestionPlan
    contrasts: tuple[Tested, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many contrasts have each verdict."""
        return Counter(contrast.verdict for contrast in self.contrasts)

    @property
    def verdict(self) -> str:
        """See `overall`."""
        return overall(self.counts)

    @property
    def counted(self) -> str:
        """The counts in words, such as ``3 of 4 supported, 0 contradicted, 1 not told apart``."""
        counts = self.counts
        text = f"{counts[SUPPORTED]} of {len(self.contrasts)} supported, {counts[CONTRADICTED]} contradicted"
        return text + "".join(f", {counts[word]} {word}" for word in (NOT_APART, MISSING) if counts[word])


def answers(study: Study) -> list[Answer]:
    """Each question of the plan with its contrasts and verdicts."""
    return [answer(study, question) for question in study.plan.questions]


def answer(study: Study, question: QuestionPlan) -> Answer:
    """A question with its contrasts and verdicts."""
    says, plans = [*labels(study, question)], question.expanded()
    found = [difference(study, plan.plus, plan.minus, plan.measure) for plan in plans]
    adjusted = holm([one.p if isinstance(one, Difference) else None for one in found])
    return Answer(question, tuple(tested(*each) for each in zip(says, plans, found, adjusted, strict=True)))


def labels(study: Study, question: QuestionPlan) -> Iterator[str]:
    """What each contrast says, with titles for the names in it, in the order of the expanded ones."""
    plan = study.plan
    titled: dict[str, NetworkPlan | ArmPlan | VariantPlan] = {**plan.networks, **plan.arms, **plan.variants}
    titles = GAP_TITLES | {name: part.title for name, part in titled.items()}
    for contrast in question.contrasts:
        for values in product(*contrast.each.values()):
            text = contrast.says
            for word, value in zip(contrast.each, values, strict=True):
                text = text.replace(f"{{{word}}}", titles.get(value, value))
            yield text


def tested(says: str, plan: ContrastPlan, found: Difference | Missing, p_holm: float | None) -> Tested:
    """A contrast with its verdict; see the module."""
    if isinstance(found, Missing):
        return Tested(says, plan, None, None, MISSING, found.reason)
    if found.ci95 is None or p_holm is None:
        regions = len(found.estimate.regions)
        reason = f"{regions} region{'s' if regions != 1 else ''}, and a test takes {LEAST_REGIONS}"
        return Tested(says, plan, found, None, NOT_APART, reason)
    if plan.within is not None:
        return Tested(says, plan, found, p_holm, similar(found.ci95, plan.within))
    return Tested(says, plan, found, p_holm, directed(plan.claimed, found.mean, p_holm))


def directed(claimed: str, mean: float, p_holm: float) -> str:
    """The verdict on a claim of more or less.

    >>> directed("more", 0.1, 0.01), directed("less", 0.1, 0.01), directed("more", 0.1, 0.2)
    ('supported', 'contradicted', 'not told apart')
    """
    if p_holm >= ALPHA:
        return NOT_APART
    return SUPPORTED if (mean > 0) == (claimed == "more") else CONTRADICTED


def similar(ends: tuple[float, float], within: float) -> str:
    """The verdict on a claim of being similar within a margin.

    >>> similar((-0.01, 0.03), 0.05), similar((0.06, 0.1), 0.05), similar((0.04, 0.1), 0.05)
    ('supported', 'contradicted', 'not told apart')
    """
    if -within <= ends[0] and ends[1] <= within:
        return SUPPORTED
    return CONTRADICTED if ends[0] > within or ends[1] < -within else NOT_APART


def overall(counts: Counter[str]) -> str:
    """The verdict on a question from those of its contrasts, missing ones among them.

    Supported: none contradicted, and more than half supported. Contradicted: none supported, and more than half
    contradicted. Not told apart: none of either. Else mixed.

    >>> overall(Counter({"supported": 3, "missing": 1})), overall(Counter({"supported": 3, "contradicted": 1}))
    ('supported', 'mixed')
    >>> overall(Counter({"supported": 1, "not told apart": 3})), overall(Counter({"missing": 2}))
    ('mixed', 'not told apart')
    """
    for word, against in ((SUPPORTED, CONTRADICTED), (CONTRADICTED, SUPPORTED)):
        if 2 * counts[word] > counts.total() and not counts[against]:
            return word
    return MIXED if counts[SUPPORTED] or counts[CONTRADICTED] else NOT_APART
