"""A recipe: which task networks a data set gets, and how each is trained. It is data, one TOML file."""

from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tdsr_bench.errors import ProtocolError
from tdsr_bench.files import digest
from tdsr_bench.foreign import read_bytes
from tdsr_bench.tasks.networks.record import Role
from tdsr_bench.toml_file import read_toml

RECIPES = ("mini", "mus2")
"""The recipes in the package."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Augmentation(_Frozen):
    """What is done to a crop besides turning and mirroring it; in units of each band's standard deviation.

    Attributes:
        gain: standard deviation of a factor, one for all bands.
        offset: standard deviation of what is added to a band.
        noise: standard deviation of white noise.
    """

    gain: float = 0.1
    offset: float = 0.15
    noise: float = 0.05


class Training(_Frozen):
    """How a network is trained.

    Attributes:
        steps: at most so many batches.
        batch: crops a batch.
        crop: pixels on each side of a crop.
        learning_rate: the highest of a one-cycle schedule of AdamW.
        weight_decay: of AdamW.
        validate_every: steps between two looks at the validation split, each of which is a checkpoint.
        patience: stops after so many looks without a better one.
        augmentation: see `Augmentation`.
    """

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    crop: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    weight_decay: float = 1e-3
    validate_every: int = Field(gt=0)
    patience: int = Field(gt=0)
    augmentation: Augmentation = Augmentation()


class Entry(_Frozen):
    """A network of the recipe; with role ``score`` it gets a twin that is trained on enlarged frames.

    Attributes:
        task: roads or buildings.
        role: see `Role`.
        name: distinguishes the networks of a task.
        architecture, settings: see `tdsr_bench.tasks.networks.architectures`.
        seed: of its first weights and of its batches.
        steps: instead of the recipe's.
    """

    task: str
    role: Role
    name: str = Field(pattern=r"^[a-z0-9]+$")
    architecture: str
    seed: int
    settings: dict[str, Any] = Field(default_factory=dict)
    steps: int | None = Field(default=None, gt=0)


class Recipe(_Frozen):
    """All networks of a data set."""

    name: str
    training: Training
    networks: tuple[Entry, ...] = Field(alias="network")

    def training_of(self, entry: Entry) -> Training:
        """How `entry` is trained."""
        return self.training.model_copy(update={"steps": entry.steps}) if entry.steps else self.training

    def sha256(self, entry: Entry) -> str:
        """Hash of all that the recipe says of `entry`, whatever else it holds."""
        return digest(entry.model_dump(), self.training_of(entry).model_dump())

    @model_validator(mode="after")
    def _independent(self) -> "Recipe":
        """No two networks of a task are alike in name, in seed, or in architecture with its settings."""
        for task in {entry.task for entry in self.networks}:
            own = [entry for entry in self.networks if entry.task == task]
            for what in ("name", "seed"):
                if len({getattr(entry, what) for entry in own}) < len(own):
                    raise ValueError(f"two networks for {task} have the same {what}")
            if len({(entry.architecture, repr(sorted(entry.settings.items()))) for entry in own}) < len(own):
                raise ValueError(f"two networks for {task} have the same architecture and settings")
        return self


def load_recipe(name: str) -> Recipe:
    """The recipe called `name`, of the package or of a file.

    Raises:
        ProtocolError: there is none, or it is not complete.
    """
    if name in RECIPES:
        content = resources.files("tdsr_bench.training").joinpath("recipes", f"{name}.toml").read_bytes()
    elif Path(name).is_file():
        content = read_bytes(Path(name), error=ProtocolError)
    else:
        raise ProtocolError(f"There is no recipe {name!r}; choose {' or '.join(RECIPES)}, or name a TOML file.")
    return read_toml(content, Recipe, f"The recipe {name}")
