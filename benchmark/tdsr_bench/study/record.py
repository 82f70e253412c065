"""What is known of the runs of a study: a file a run, small enough to be kept and read in hundreds."""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tdsr_bench.card import Gap, GapPart, SummaryPart, Value
from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import from_json, read_bytes

Model = TypeVar("Model", bound=BaseModel)

INDEX, RECORDS, CARDS, TRAININGS = "index.json", "records", "cards", "trainings"
"""What lies in the folder of a study."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrainingRecord(_Frozen):
    """How a network of a run was trained.

    Attributes:
        name, key: of the training; several runs can share one.
        checkpoint: path below the study's folder.
        steps, batch, crop: how long, and on what.
        seconds: of all steps.
        best_step: of the checkpoint.
        validation: scores of that on the validation split.
        start: the training that it began from.
    """

    name: str
    key: str
    checkpoint: str
    steps: int
    batch: int
    crop: int
    seconds: float
    best_step: int
    validation: dict[str, float]
    start: str | None


class RunRecord(_Frozen):
    """A run that was scored.

    Attributes:
        name: such as ``hat-real-pixel-1``, or ``hat-real-pixel-1@noise``; a method's is ``bicubic-real``.
        key: hash of its configuration, its data and the code that it uses.
        group: the name without the seed: what is averaged over seeds.
        network, variant: names in the plan; None of methods that are not trained.
        arm: a name in the plan; of methods, the arm that was tested.
        tested: the arm of the data set.
        seed: of the training.
        disturbance: what was done to the frames.
        label: how the card and tables call it.
        track, frames, parameters: as the card says.
        training: how it was trained.
        card, sheet: paths below the study's folder; None where they are not kept.
        data: name, arm, split, fingerprint, number of scenes, regions.
        summary: of the card.
        references: of the card: the gaps of the methods that every table shows.
        regions: for each metric and measure of a task its mean in each region.
        environment: what it was made with.
    """

    name: str
    key: str
    group: str
    network: str | None
    variant: str | None
    arm: str
    tested: str
    seed: int | None
    disturbance: str | None
    label: str
    track: Literal["sisr", "misr"]
    frames: int | None
    parameters: int | None
    training: TrainingRecord | None
    card: str | None
    sheet: str | None
    data: dict[str, Any]
    summary: SummaryPart
    references: dict[str, dict[str, GapPart]]
    regions: dict[str, dict[str, Value]]
    environment: dict[str, Any]

    def measure(self, key: str) -> dict[str, Gap]:
        """The value of a gap or a metric in each region; empty where it does not exist."""
        part = getattr(self.summary, key, None)
        return dict(part.regions) if isinstance(part, GapPart) else dict(self.regions.get(key, {}))


class IndexEntry(_Frozen):
    """How a run of the plan stands."""

    name: str
    key: str
    status: Literal["done", "failed", "waiting"]
    reason: str | None = None


class StudyIndex(_Frozen):
    """All runs of a plan, in its order.

    Attributes:
        plan_sha256: of the plan's file.
        runs: how each stands.
    """

    plan_sha256: str
    runs: tuple[IndexEntry, ...] = Field(default=())


def record_path(folder: Path, name: str) -> Path:
    """Where the record of the run called `name` lies in the `folder` of a study."""
    return folder / RECORDS / f"{name}.json"


def read_record(path: Path) -> RunRecord:
    """The record at `path`.

    Raises:
        DataError: it cannot be read, or is none.
    """
    return _read(path, RunRecord)


def read_index(folder: Path) -> StudyIndex:
    """The index of the study in `folder`.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    return _read(folder / INDEX, StudyIndex)


def read_study(folder: Path) -> list[RunRecord]:
    """The records of all runs that are done, in the plan's order.

    Raises:
        DataError: there is no study, or a record is broken.
    """
    done = [entry for entry in read_index(folder).runs if entry.status == "done"]
    return [read_record(record_path(folder, entry.name)) for entry in done]


def write_json(path: Path, model: BaseModel) -> None:
    """Write a record or an index, whole or not at all."""
    write_atomically(path, (model.model_dump_json(indent=1) + "\n").encode())


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(from_json(read_bytes(path)))
    except (ValueError, ValidationError) as error:
        problem = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in problem["loc"])
        raise DataError(f"{path}: {where}: {problem['msg']}; make it anew by `tdsr-bench study run`.") from None
