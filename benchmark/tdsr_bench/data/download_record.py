"""What was downloaded: the ``download.json`` of a data set that came from a repository and is complete."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tdsr_bench.data.mus2_origin import DOI, LICENCE, SOURCE
from tdsr_bench.data.workplace import UnpackedRecord
from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically

RECORD = "download.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchiveRecord(_Frozen):
    """A file of the repository, and what was unpacked of it; `verified` is false where no listing could be had."""

    name: str
    size: int
    md5: str
    verified: bool
    unpacked: UnpackedRecord


class DownloadRecord(_Frozen):
    """What was downloaded: the content of ``download.json``, which stands in a data set that is complete."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    source: str = SOURCE
    licence: str = LICENCE
    licence_of_repository: str | None
    doi: str = DOI
    host: str | None
    version: str | None
    archives: tuple[ArchiveRecord, ...]


def read_download(root: Path) -> DownloadRecord | None:
    """The record of the download at `root`; None where none ended there.

    Raises:
        DataError: it is broken.
    """
    path = root / RECORD
    if not path.is_file() or not (root / "image_data").is_dir():
        return None
    try:
        return DownloadRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is broken ({error.errors()[0]['msg']}); remove {root} and download anew.") from None


def write_download(root: Path, record: DownloadRecord) -> None:
    """Write `record` into the data set at `root`."""
    write_atomically(root / RECORD, record.model_dump_json(by_alias=True, indent=1).encode() + b"\n")
