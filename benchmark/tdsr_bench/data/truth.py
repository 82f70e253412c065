"""What a data set's truth was taken from: the record beside it, ``truth/osm.json``, for every data set alike."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import read_bytes

TRUTH_RECORD = "truth/osm.json"

RULE = "a pixel counts where its centre lies in a building, or within half its width of a road's centre line"

LICENCE = "ODbL-1.0"
ATTRIBUTION = "© OpenStreetMap contributors, openstreetmap.org/copyright"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TruthOrigin(_Frozen):
    """What truth was taken from: a file, or the answers of an Overpass server."""

    name: str
    """The file's name, or the server's address."""
    sha256: str | None
    """Of the file; None of a server's answers."""
    snapshot: date | None
    """The day of the map."""
    snapshot_from: str
    """Where that day stands, or why there is none."""
    road_widths: int
    """The version of the table of road widths."""


class TaskTruth(_Frozen):
    """The truth of a task in a scene."""

    origin: str
    """The key of what it was taken from."""
    features: int
    """How many lines or outlines lie in the scene; 0 where it was looked at, and nothing is there."""
    shift_hr_px: tuple[float, float]
    """How far the frames' content, to which the map was laid, lies from the reference's."""


class TruthRecord(_Frozen):
    """The content of ``truth/osm.json``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    source: str = "OpenStreetMap"
    licence: str = LICENCE
    attribution: str = ATTRIBUTION
    rule: str = RULE
    origins: dict[str, TruthOrigin] = Field(default_factory=dict)
    scenes: dict[str, dict[str, TaskTruth]] = Field(default_factory=dict)
    """For each scene, its tasks."""

    def with_scene(self, scene: str, tasks: Mapping[str, TaskTruth]) -> "TruthRecord":
        """This record with `tasks` of a `scene`; origins that nothing is from any more are forgotten."""
        scenes = {**self.scenes, scene: {**self.scenes.get(scene, {}), **tasks}}
        used = {task.origin for those in scenes.values() for task in those.values()}
        origins = {key: origin for key, origin in self.origins.items() if key in used}
        return self.model_copy(update={"scenes": scenes, "origins": origins})

    def with_origin(self, key: str, origin: TruthOrigin) -> "TruthRecord":
        """This record with `origin` under `key`."""
        return self.model_copy(update={"origins": {**self.origins, key: origin}})


def read_truth_record(root: Path) -> TruthRecord:
    """The record of the truth of the data set at `root`; an empty one where there is none.

    Raises:
        DataError: it is no valid JSON, or not of this schema.
    """
    path = root / TRUTH_RECORD
    if not path.exists():
        return TruthRecord()
    try:
        return TruthRecord.model_validate_json(read_bytes(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(
            f"{path}: {where}: {problem['msg']}; make the masks anew by `tdsr-bench data osm-masks --overwrite` after "
            f"removing this file."
        ) from None


def write_truth_record(root: Path, record: TruthRecord) -> None:
    """Write `record` beside the truth of the data set at `root`."""
    text = record.model_dump_json(by_alias=True, indent=1) + "\n"
    write_atomically(root / TRUTH_RECORD, text.encode())


def truth_source(root: Path) -> Mapping[str, Any] | None:
    """What results say of where the truth of the data set at `root` is from; None where it is the data set's own.

    Raises:
        DataError: the record is broken.
    """
    record = read_truth_record(root)
    if not record.origins:
        return None
    told = record.model_dump(mode="json", include={"source", "licence", "attribution", "rule"})
    taken = {(task.origin, name) for tasks in record.scenes.values() for name, task in tasks.items()}
    told["origins"] = [
        {**origin.model_dump(mode="json"), "tasks": sorted(name for other, name in taken if other == key)}
        for key, origin in record.origins.items()
    ]
    return told
