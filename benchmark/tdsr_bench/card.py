"""The result card: one JSON file that holds all that is known of a result, and is all that a leaderboard reads."""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from tdsr_bench.errors import CardError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import read_bytes, unpacked

if TYPE_CHECKING:
    from pandas import DataFrame

SCHEMA = 1

PACKED = ".gz"
"""How the name of a card ends that gzip made a tenth as large."""

FRAME_COLUMNS = ("method", "scene", "group", "key", "band", "value", "unit", "network", "reason")
"""The columns of `ResultCard.to_frame`."""


GAP_TITLES = {
    "combined_gap": "combined gap",
    "combined_gap_no_lpips": "combined gap without LPIPS",
    "image_gap": "image gap",
    "image_gap_no_lpips": "image gap without LPIPS",
    "task_gap": "task gap",
}
"""How tables call the gaps of a summary, the fullest score first."""

Gap = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""A share within what can be squared and summed: a card is somebody else's file."""

MOST = 1e100
"""No value is larger: so large a value can still be squared and summed."""

Value = Annotated[float, Field(ge=-MOST, le=MOST, allow_inf_nan=False)]

Count = Annotated[int, Field(ge=0, lt=2**53)]
"""Up to where a float counts, too."""

_ESCAPE = re.compile(rb"\\(?:([bfr]|u00(?:0[^9aA]|1.|7[fF]|[89].)|u20(?:0[eEfF]|2[a-eA-E]|6[6-9]))|.)", re.DOTALL)
"""What JSON writes behind a backslash; in the group, what would steer a terminal. See `tdsr_bench.printable`."""

_STEERING = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
"""The same, written out."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class ProtocolPart(_Part):
    """Which protocol, to the byte."""

    id: str
    version: str
    sha256: str


class DataPart(_Part):
    """Which pixels were scored."""

    name: str
    arm: str
    split: str
    fingerprint: str
    scenes: tuple[str, ...]
    strips: tuple[str, ...]
    regions: tuple[str, ...]

    truth: dict[str, Any] | None = None
    """Where the truth of tasks was taken from, with its day, where that is not the data set's own."""

    @model_validator(mode="after")
    def _scenes_lie_in_regions(self) -> "DataPart":
        if self.scenes and not self.regions:
            raise ValueError("scenes have to lie in regions, and there are none")
        return self

    @property
    def fold(self) -> str | None:
        """The region that was left out, where the split is a fold such as ``fold-30T``."""
        return self.split.removeprefix("fold-") if self.split.startswith("fold-") else None


class SubmissionPart(_Part):
    """Whose image."""

    name: str
    track: Literal["sisr", "misr"]
    sha256: str | None
    training_data: str
    parameters: Count | None
    frames: Count | None = None
    """How many frames of a scene it uses at most."""
    training: dict[str, Any] | None = None
    """See `tdsr_bench.submission.Training`; None where it is not known."""
    control_of: str | None = None
    """The method that this is a control of; such a card takes no rank."""


class GapPart(_Part):
    """A gap with its interval; see `tdsr_bench.inference.Estimate`."""

    value: Gap | None
    ci95: tuple[Gap, Gap] | None = None
    regions: dict[str, Gap] = Field(default_factory=dict)
    raw: Gap | None = None
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The value and its interval as tables show them."""
        if self.value is None:
            return "—"
        interval = f" [{self.ci95[0]:+.3f}, {self.ci95[1]:+.3f}]" if self.ci95 else ""
        return f"{self.value:+.3f}{interval}"


class GuardsPart(_Part):
    """What keeps a result from being ranked."""

    ranked: bool
    reasons: tuple[str, ...] = ()
    consistency_ratio: float | None = None


class MetricPart(_Part):
    """A metric's mean over regions."""

    mean: Value | None
    ci95: tuple[Value, Value] | None = None
    gap: Value | None = None
    n: Count
    reason: str | None = None


class TaskPart(_Part):
    """A task's measure: the mean over regions for the method, and for what bounds it."""

    method: Value | None
    bicubic: Value | None
    frame_trained: Value | None
    """What networks that were trained on enlarged frames find in bicubic."""
    reference: Value | None
    gap: Value | None
    """From the better of both zeros (0) to the reference (1), unclipped."""
    gap_against_bicubic: Value | None
    in_gap: bool
    """Whether it is part of the task gap."""


class SummaryPart(_Part):
    """The numbers that tables show."""

    image_gap: GapPart
    task_gap: GapPart
    combined_gap: GapPart
    image_gap_no_lpips: GapPart
    combined_gap_no_lpips: GapPart
    image_gap_no_lpips_against_median: GapPart | None = None
    """With the median of bicubics as the zero: what a multi-image method has to beat."""
    task_gap_against_bicubic: GapPart | None = None
    """With bicubic alone as the zero."""
    guards: GuardsPart
    metrics: dict[str, MetricPart]
    tasks: dict[str, TaskPart] = Field(default_factory=dict)
    balanced: dict[str, dict[str, dict[str, Value | None]]] | None = None
    """Of `mus2-official`: the balanced score of each method, band and mask."""
    balanced_no_lpips: dict[str, dict[str, dict[str, Value | None]]] | None = None


def _is_named(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("scene"), str)
        and isinstance(row.get("group"), str)
        and isinstance(row.get("key"), str)
    )


def _is_value(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) <= MOST)  # of NaN no comparison is true


def _measured(rows: Any) -> tuple[dict[str, Any], ...]:
    """Rows, if they are: a card is somebody else's file. By hand, since a leaderboard reads a million of them."""
    if not isinstance(rows, list | tuple):
        raise ValueError(f"expected a list of rows, not a {type(rows).__name__}")
    for number, row in enumerate(rows):
        if not (_is_named(row) and _is_value(row.get("value", ""))):
            raise ValueError(f"row {number} has no scene, group, key and value, which is a number or null")
    return tuple(rows)


def _known(network: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(network.get("sha256"), str):
        raise ValueError("a network has no `sha256`, by which it is known")
    return network


Network = Annotated[dict[str, Any], AfterValidator(_known)]
"""What a card says of a network."""

Rows = Annotated[SkipValidation[tuple[dict[str, Any], ...]], BeforeValidator(_measured)]


class ResultCard(_Part):
    """A result. Fields that a later version adds are kept as they are."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    status: Literal["complete", "incomplete"]
    failed: dict[str, str] = Field(default_factory=dict)
    """For each scene without a result, the reason."""
    protocol: ProtocolPart
    data: DataPart
    submission: SubmissionPart
    networks: dict[str, list[Network]]
    environment: dict[str, Any]
    summary: SummaryPart | None
    references: dict[str, dict[str, GapPart]] = Field(default_factory=dict)
    """The gaps of the methods that every table shows, measured on the same scenes."""
    timing: dict[str, Any]
    rows: Rows
    reference_rows: Rows = ()

    def __repr__(self) -> str:
        """In a line: a card has thousands of rows, and notebooks and failing tests show what they are given."""
        where = f"{self.data.name}/{self.data.arm}/{self.data.split}"
        gap = self.summary.combined_gap_no_lpips if self.summary else self.status
        return f"<ResultCard of {self.submission.name!r} on {where}: {gap}, {len(self.rows)} rows>"

    __str__ = __repr__

    def to_frame(self, *, references: bool = True) -> "DataFrame":
        """The rows as a table of pandas, one measured value a line.

        Args:
            references: whether to add the rows of the methods that every table shows.

        Returns:
            Columns ``method, scene, group, key, band, value, unit, network, reason``; a value that does not exist is
            NaN, and its `reason` says why.
        """
        from pandas import DataFrame

        own = [{"method": self.submission.name} | row for row in self.rows]
        others = self.reference_rows if references else ()
        return DataFrame([*own, *others], columns=[*FRAME_COLUMNS, *self._extra_columns()])

    def _extra_columns(self) -> list[str]:
        """What rows of another protocol hold beside."""
        return sorted({key for row in self.rows for key in row} - set(FRAME_COLUMNS))


def read_card(path: Path) -> ResultCard:
    """The card at `path`, which may be packed by gzip.

    Raises:
        CardError: it is not there, no JSON, of another schema, not complete, or has texts that would steer a terminal.
    """
    if not path.exists():
        raise CardError(f"There is no card at {path}.")
    written = read_bytes(path, error=CardError)
    if path.suffix == PACKED:
        written = unpacked(written, path, error=CardError)
    if _STEERING.search(written) or any(escape[1] for escape in _ESCAPE.finditer(written)):
        raise CardError(f"{path} holds control characters, which could steer a terminal; take them out of its texts.")
    try:
        content = from_json(written, allow_inf_nan=False)
    except ValueError:
        raise CardError(f"{path} is no JSON, or is cut short; make the card again by `tdsr-bench evaluate`.") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise CardError(f"{path} is of card schema {schema!r}, expected {SCHEMA}; make it again with this version.")
    try:
        return ResultCard.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise CardError(f"{path}: {where}: {problem['msg']}.") from None


def card_schema() -> dict[str, Any]:
    """The JSON Schema of a card, which is published as ``docs/schema/card-1.json``."""
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:tdsr-bench:card:{SCHEMA}"}
    return about | ResultCard.model_json_schema(by_alias=True)


def card_text(card: ResultCard) -> str:
    """The card as JSON, a row a line, so that it can be read and compared by eye; never NaN."""
    content: dict[str, Any] = card.model_dump(by_alias=True, mode="json")
    lines = [f" {json.dumps(key)}: {_value_text(key, value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_card(path: Path, card: ResultCard) -> None:
    """Write the card to `path`, whole or not at all; packed where the name ends so."""
    written = card_text(card).encode()
    write_atomically(path, gzip.compress(written, mtime=0) if path.suffix == PACKED else written)


def _value_text(key: str, value: object) -> str:
    if key in ("rows", "reference_rows") and isinstance(value, list | tuple):
        return "[\n  " + ",\n  ".join(json.dumps(row, allow_nan=False) for row in value) + "\n ]" if value else "[]"
    if isinstance(value, Mapping):
        return json.dumps(value, indent=1, allow_nan=False).replace("\n", "\n ")
    return json.dumps(value, allow_nan=False)
