"""The plan of a study: one TOML file that says what is trained, what is scored, and which differences answer what."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tdsr_bench.errors import ProtocolError
from tdsr_bench.toml_file import nearest, read_toml_file

NAME = r"^[a-z0-9][a-z0-9-]*$"

Title = Annotated[str, Field(pattern=r'^[^"\\\n]+$')]
"""How tables call a thing; in a line, and without what would end a text in a submission that is written."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkPlan(_Frozen):
    """A network that is trained.

    Attributes:
        title: how tables call it.
        size: see `tdsr_baselines.networks.SIZES`.
        network: what else is said of it, see `tdsr_baselines.training.config.Network`.
        training: settings of its trainings that differ from the plan's.
        seeds: at most so many of a variant's, where its trainings are dear.
    """

    title: Title
    size: str
    network: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    seeds: int = Field(default=100, ge=1)


class ArmPlan(_Frozen):
    """On which frames is trained, and on which is tested.

    Attributes:
        title: how tables call it.
        trained, tested: arms of the data set.
    """

    title: Title
    trained: str
    tested: str


class VariantPlan(_Frozen):
    """A way of training.

    Attributes:
        title: how tables call it.
        regime: see `tdsr_baselines.training.config.Regime`.
        losses: names of groups of losses.
        start: the variant whose checkpoint it begins from, trained on the same frames.
        tuned: where it starts from another: on the frames that are trained on, or on those that are tested on.
        networks, arms: for which it is made; None for all.
        seeds: how many trainings that differ in nothing else.
        training: settings that differ from the network's.
        balancing: how its losses become one step.
    """

    title: Title
    regime: str
    losses: tuple[str, ...] = Field(min_length=1)
    start: str | None = None
    tuned: Literal["trained", "tested"] = "trained"
    networks: tuple[str, ...] | None = None
    arms: tuple[str, ...] | None = None
    seeds: int = Field(default=1, ge=1, le=100)
    training: dict[str, Any] = Field(default_factory=dict)
    balancing: dict[str, Any] = Field(default_factory=dict)


class RobustnessPlan(_Frozen):
    """Which runs are scored again with frames to which something was done.

    Attributes:
        arms, variants: of the runs, first seeds.
        methods: names of folders of submissions.
        disturbances: see `tdsr_baselines.disturb.DISTURBANCES`.
    """

    arms: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    disturbances: tuple[str, ...] = ()


class ContrastPlan(_Frozen):
    """A difference that bears on a question.

    Attributes:
        says: what is compared, in words; may hold ``{}`` of `each`.
        measure: a gap of the summary, or a metric or measure of a task.
        plus, minus: runs without their seeds, such as ``hat-real-pixel``, or ``hat-real-pixel@noise`` where something
            was done to the frames; values of `plus` are added, those of `minus` subtracted. A method that is not
            trained is called ``bicubic-real``.
        each: for each word in braces what it stands for in turn; all combinations are contrasts.
        claimed: what the seed document says: more, less, or similar.
        within: what counts as similar: the whole interval lies within so much of zero.
    """

    says: str
    measure: str
    plus: tuple[str, ...] = Field(min_length=1)
    minus: tuple[str, ...] = Field(min_length=1)
    each: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    claimed: Literal["more", "less", "similar"]
    within: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _similar_has_a_margin(self) -> "ContrastPlan":
        if (self.claimed == "similar") != (self.within is not None):
            raise ValueError('`within` belongs to `claimed = "similar"`, and to nothing else')
        return self

    def expanded(self) -> Iterator["ContrastPlan"]:
        """One contrast for each combination of what the words in braces stand for."""
        for values in product(*self.each.values()):
            words = dict(zip(self.each, values, strict=True))
            yield self.model_copy(
                update={
                    "says": _filled(self.says, words),
                    "measure": _filled(self.measure, words),
                    "plus": tuple(_filled(name, words) for name in self.plus),
                    "minus": tuple(_filled(name, words) for name in self.minus),
                    "each": {},
                }
            )


class QuestionPlan(_Frozen):
    """A question, what the seed document answers, and the differences that bear on it.

    Attributes:
        key: a word for links and file names.
        asks: the question.
        claim: the answer that is held against the data.
        contrasts: what bears on it.
    """

    key: str = Field(pattern=NAME)
    asks: str
    claim: str
    contrasts: tuple[ContrastPlan, ...] = Field(alias="contrast", min_length=1)

    def expanded(self) -> list[ContrastPlan]:
        """Its contrasts, one for each combination."""
        return [each for contrast in self.contrasts for each in contrast.expanded()]


class PanelPlan(_Frozen):
    """Pictures in the manner of the seed document's figures: a scene a row, for each arm.

    Attributes:
        scenes: of the test split; None for the first of two regions.
        network: whose images.
        variants: of which, from left to right.
        arms: one after the other.
    """

    scenes: tuple[str, ...] | None = None
    network: str
    variants: tuple[str, ...]
    arms: tuple[str, ...]


class StudyPlan(_Frozen):
    """A study.

    Attributes:
        name: of its folder.
        title: of its report.
        data: mini, a data set that was imported, or a folder.
        split: what is scored.
        fold: of MuS2, what is trained on, such as ``fold-30T``.
        task_networks: the folder of the task networks, relative to the plan; None for those in the package.
        training: settings of all trainings, see `tdsr_baselines.training.config.Training`.
        losses: groups of losses, by name; see `tdsr_baselines.losses.LossConfig`.
        networks, arms, variants: the grid, by name.
        methods: files of submissions that are scored beside, relative to the plan.
        robustness: what is scored with disturbed frames.
        questions: what is asked of the results.
        panels: pictures.
    """

    name: str = Field(pattern=NAME)
    title: str
    data: str = "mini"
    split: str = "test"
    fold: str | None = None
    task_networks: Path | None = None
    training: dict[str, Any]
    losses: dict[str, tuple[dict[str, Any], ...]]
    networks: dict[str, NetworkPlan]
    arms: dict[str, ArmPlan]
    variants: dict[str, VariantPlan]
    methods: tuple[Path, ...] = ()
    robustness: RobustnessPlan = RobustnessPlan()
    questions: tuple[QuestionPlan, ...] = Field(default=(), alias="question")
    panels: PanelPlan | None = None

    @model_validator(mode="after")
    def _all_names_are_known(self) -> "StudyPlan":
        for what, names, known in self._mentioned():
            for name in names or ():
                if name not in known:
                    raise ValueError(f"{what} names {name!r}; the nearest is {nearest(name, [*known])}")
        return self

    def _mentioned(self) -> Iterator[tuple[str, tuple[str, ...] | None, Any]]:
        """Where names stand, the names, and what they may be."""
        for name, variant in self.variants.items():
            yield f"variants.{name}.losses", variant.losses, self.losses
            yield f"variants.{name}.start", (variant.start,) if variant.start else None, self.variants
            yield f"variants.{name}.networks", variant.networks, self.networks
            yield f"variants.{name}.arms", variant.arms, self.arms
        yield "robustness.arms", self.robustness.arms, self.arms
        yield "robustness.variants", self.robustness.variants, self.variants
        yield "robustness.methods", self.robustness.methods, [path.parent.name for path in self.methods]
        if self.panels:
            yield "panels.network", (self.panels.network,), self.networks
            yield "panels.variants", self.panels.variants, self.variants
            yield "panels.arms", self.panels.arms, self.arms


def load_plan(path: Path) -> StudyPlan:
    """The plan in the file at `path`.

    Raises:
        ProtocolError: there is none, or it is not complete.
    """
    plan = read_toml_file(path, StudyPlan, "plan of a study")
    missing = next((each for each in plan.methods if not (path.parent / each).is_file()), None)
    if missing:
        raise ProtocolError(f"The plan {path} names the submission {missing}, which is not there; paths begin at the "
                            f"plan's folder.")  # fmt: skip
    return plan


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text
