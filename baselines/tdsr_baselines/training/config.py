"""What a training is: one TOML file, checked before anything is read."""

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tdsr_baselines.balance import BALANCERS, BalanceSettings
from tdsr_baselines.losses import LossConfig
from tdsr_baselines.networks import find_size
from tdsr_baselines.networks.base import Residual, Views, needs_classical
from tdsr_baselines.stack import FrameOrder
from tdsr_bench.errors import ProtocolError
from tdsr_bench.files import digest
from tdsr_bench.toml_file import nearest, read_toml, read_toml_file

Regime = Literal["pixel", "task", "finetune", "task-only", "hr-free", "transfer"]
"""What a training is an example of; `TrainingConfig` holds its losses, start and arm against the word."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(_Frozen):
    """What is trained on.

    Attributes:
        name: mini, a data set that was imported, or a folder.
        arm: real, simulated or wald; None for the data set's first.
        fold: of MuS2, such as ``fold-30T``.
    """

    name: str = "mini"
    arm: str | None = None
    fold: str | None = None

    def split(self, part: Literal["train", "validation"]) -> str:
        """How the data set calls a part of it."""
        return f"{self.fold}/{part}" if self.fold else part


class Network(_Frozen):
    """What is trained.

    Attributes:
        size: see `tdsr_baselines.networks.SIZES`.
        frames: of a multi-image network; None for what the size is made for.
        residual: what the network's answer is added to; None for what the size has.
        views: what a multi-image network takes for its images; None for what the size has.
        paper_faithful: frames are ordered by their clear share, as RAMS was published, and not by the protocol's merit.
        start: a checkpoint of the same network to begin from: ours, or for HAT a published one.
        settings: of the architecture, those that differ from the size's.
    """

    size: str
    frames: int | None = Field(default=None, ge=1)
    residual: Residual | None = None
    views: Views | None = None
    paper_faithful: bool = False
    start: Path | None = None
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("size")
    @classmethod
    def _known(cls, size: str) -> str:
        try:
            return find_size(size).name
        except ProtocolError as error:
            raise ValueError(str(error)) from None

    @property
    def order(self) -> FrameOrder:
        """How its frames are ordered."""
        return "clearance" if self.paper_faithful else "protocol"

    @property
    def needs_classical(self) -> bool:
        """Whether the network is shown the best image that is known without learning."""
        size = find_size(self.size)
        return needs_classical(self.residual or size.residual, self.views or size.views)


class Augmentation(_Frozen):
    """What is done to crops.

    Attributes:
        turn: quarter turns and mirroring, all eight alike.
        shuffle: the frames after the first, in any order.
        gain: standard deviation of a factor that a crop, its frames and its reference, is multiplied by.
    """

    turn: bool = True
    shuffle: bool = True
    gain: float = Field(default=0.0, ge=0, lt=0.5)


class Training(_Frozen):
    """How long and how fast.

    Attributes:
        steps: batches.
        batch: crops a batch, over all processes.
        crop: low-resolution pixels on each side of a crop: the field of view, to be matched between networks.
        learning_rate: the highest, of Adam.
        betas: of Adam.
        schedule: after the warm-up, ``cosine`` to zero, or halved at each of `milestones` (``step``).
        milestones: shares of all steps.
        warmup: steps until the learning rate is reached, linearly.
        ema: decay of the moving average of the weights, which is what is validated and kept; 0 for none.
        clip: limit of the gradient's norm; 0 for none.
        precision: ``auto`` is bf16 where a graphics card has it, else float32.
        validate_every: steps between two looks at the validation split, each of which is a checkpoint.
        log_every: steps between two lines of the log.
        sheet_every: looks between two contact sheets of validation images; 0 for none.
        cosines_every: lines of the log between two measurements of the angles between the losses' gradients; 0 for
            none.
    """

    steps: int = Field(gt=0)
    batch: int = Field(default=8, gt=0)
    crop: int = Field(default=32, ge=8)
    learning_rate: float = Field(default=2e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    schedule: Literal["cosine", "step"] = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95)
    warmup: int = Field(default=0, ge=0)
    ema: float = Field(default=0.999, ge=0, lt=1)
    clip: float = Field(default=1.0, ge=0)
    precision: Literal["auto", "float32", "bf16"] = "auto"
    validate_every: int = Field(gt=0)
    log_every: int = Field(default=10, gt=0)
    sheet_every: int = Field(default=1, ge=0)
    cosines_every: int = Field(default=0, ge=0)
    augmentation: Augmentation = Augmentation()


class Balancing(BalanceSettings):
    """How several losses become one step; `method` is a word of `tdsr_baselines.balance.BALANCERS`."""

    method: str = "fixed"

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        if method not in BALANCERS:
            raise ValueError(f"there is no way to balance losses called {method!r}; the nearest is "
                             f"{nearest(method, BALANCERS)}")  # fmt: skip
        return method


class TrainingConfig(_Frozen):
    """One training.

    Attributes:
        name: of its folder and of its checkpoint.
        regime: see `Regime`.
        seed: of first weights and of everything that is drawn.
        data, network, training, balancing: see there.
        losses: what is minimised, as tables ``[[loss]]``.
        networks: the folder of the task networks of the set ``loss``; None for the package's, where it has them.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    regime: Regime
    seed: int = Field(default=0, ge=0, lt=2**63)
    data: Data = Data()
    network: Network
    training: Training
    balancing: Balancing = Balancing()
    losses: tuple[LossConfig, ...] = Field(alias="loss", min_length=1)
    networks: Path | None = None

    @property
    def needs_reference(self) -> bool:
        """Whether a loss looks at the reference."""
        return any(loss.needs_reference for loss in self.losses)

    @property
    def sees_references(self) -> bool:
        """Whether references may be looked at: to place maps, to choose a checkpoint."""
        return self.regime != "hr-free"

    @property
    def mask_tasks(self) -> tuple[str, ...]:
        """The tasks whose truth losses need, sorted."""
        return tuple(sorted({loss.needs_task for loss in self.losses if loss.needs_task}))

    @property
    def task_driven(self) -> tuple[str, ...]:
        """The tasks of segmentation whose networks losses look through, sorted."""
        return tuple(sorted({loss.task for loss in self.losses if hasattr(loss, "task")}))

    @property
    def sha256(self) -> str:
        """Hash of all in it that decides what comes out, from whatever machine and under whatever name.

        What files hold is not in it: data, networks, a start.
        """
        places: Any = {"name": True, "networks": True, "network": {"start"}, "data": {"name"}}
        return digest(self.model_dump(mode="json", exclude=places))

    @model_validator(mode="after")
    def _one_of_each(self) -> "TrainingConfig":
        names = [loss.name for loss in self.losses]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"the loss {twice!r} stands twice; give it a greater weight instead")
        return self

    @model_validator(mode="after")
    def _is_its_regime(self) -> "TrainingConfig":
        for what, holds in _RULES[self.regime].items():
            if not holds(self):
                raise ValueError(f"the regime {self.regime!r} asks for {what}")
        return self


Rule = Callable[[TrainingConfig], bool]


def _has(family: str) -> Rule:
    return lambda config: any(loss.family == family for loss in config.losses)


def _lacks(family: str) -> Rule:
    return lambda config: not _has(family)(config)


_START = "a checkpoint to start from: network.start"
_RULES: Mapping[Regime, Mapping[str, Rule]] = {
    "pixel": {"a loss of the image": _has("image"), "no loss of a task": _lacks("task")},
    "task": {
        "a loss of the image; without, it is `task-only`": _has("image"),
        "a loss of a task": _has("task"),
        "no start; with one, it is `finetune`": lambda config: config.network.start is None,
    },
    "finetune": {_START: lambda config: config.network.start is not None, "a loss of a task": _has("task")},
    "task-only": {"losses of tasks alone": lambda config: all(loss.family == "task" for loss in config.losses)},
    "hr-free": {
        "losses that need no high-resolution reference": lambda config: not config.needs_reference,
        "a loss of a task": _has("task"),
        "the loss `consistency`, which keeps the image an image": _has("consistency"),
        _START: lambda config: config.network.start is not None,
        "the arm `real`, or `simulated` as its control": lambda config: config.data.arm in (None, "real", "simulated"),
    },
    "transfer": {"the arm `simulated`": lambda config: config.data.arm == "simulated"},
}
"""What a regime's word promises, in words and as a test."""


def shipped_configs() -> dict[str, bytes]:
    """The configurations in the package, by name."""
    folder = resources.files("tdsr_baselines").joinpath("configs")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_bytes() for file in files}


def load_config(name: str) -> TrainingConfig:
    """The configuration of the package called `name`, or the one in a file.

    Raises:
        ProtocolError: there is none, or it is not complete.
    """
    shipped = shipped_configs()
    if name in shipped:
        return read_toml(shipped[name], TrainingConfig, f"The configuration {name}")
    if not name.endswith(".toml"):
        raise ProtocolError(
            f"There is no configuration {name!r}; name a TOML file, or one of the package: {', '.join(shipped)}."
        )
    return read_toml_file(Path(name), TrainingConfig, "configuration")
