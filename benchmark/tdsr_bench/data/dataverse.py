"""What a Dataverse installation says of a data set: its files with size and MD5, its version, its licence."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError, model_validator

from tdsr_bench.data.placement import safe_parts
from tdsr_bench.data.retry import Connection, PassingError, pieces
from tdsr_bench.errors import DataError

LISTING_BYTES = 64 << 20
"""A listing is not longer than this."""

_Bytes = Annotated[int, Field(strict=True, ge=0)]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set.

    Attributes:
        path: its folder and name in the repository.
        size: in bytes.
        md5: 32 lower-case hexadecimal digits.
        url: where it is had.
    """

    path: PurePosixPath
    size: int
    md5: str
    url: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.name


@dataclass(frozen=True)
class Listing:
    """A published version of a data set; `version` and `licence` are None where the host says none."""

    host: str
    doi: str
    version: str | None
    licence: str | None
    files: tuple[RemoteFile, ...]


class _Checksum(BaseModel):
    type: str
    value: str


class _DataFile(BaseModel):
    id: _Bytes
    filesize: _Bytes
    md5: str = Field(pattern=r"^[0-9a-fA-F]{32}$")
    filename: str | None = None
    tabular: bool = Field(default=False, alias="tabularData")
    original_name: str | None = Field(default=None, alias="originalFileName")
    original_size: _Bytes | None = Field(default=None, alias="originalFileSize")

    @model_validator(mode="before")
    @classmethod
    def _take_checksum(cls, value: Any) -> Any:
        """The MD5 stands in a field of its own, or as the `checksum`, as installations choose."""
        if not isinstance(value, dict) or value.get("md5") or not isinstance(value.get("checksum"), dict):
            return value
        checksum = _Checksum.model_validate(value["checksum"])
        if checksum.type.upper().replace("-", "") != "MD5":
            raise ValueError(f"the checksum is of the kind {checksum.type!r}, expected MD5")
        return {**value, "md5": checksum.value}


class _File(BaseModel):
    file: _DataFile = Field(alias="dataFile")
    label: str | None = None
    folder: str = Field(default="", alias="directoryLabel")
    restricted: bool = False


class _Licence(BaseModel):
    name: str
    uri: str | None = None


class _Version(BaseModel):
    number: int | None = Field(default=None, alias="versionNumber")
    minor: int | None = Field(default=None, alias="versionMinorNumber")
    licence: _Licence | str | None = Field(default=None, alias="license")
    terms: str | None = Field(default=None, alias="termsOfUse")
    files: list[_File] = Field(min_length=1)


class _DataSet(BaseModel):
    latest: _Version = Field(alias="latestVersion")


class _Answer(BaseModel):
    data: _DataSet


def read_listing(connection: Connection, host: str, doi: str) -> Listing:
    """What `host` says of the newest version of the data set `doi`.

    Args:
        connection: asks.
        host: the address of the installation, such as ``https://dataverse.harvard.edu``.
        doi: such as ``10.7910/DVN/1JMRAT``.

    Raises:
        DataError: it cannot be reached, is no Dataverse, does not know the DOI, or names no size and MD5 of a file.
    """
    host = host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}"
    url = f"{host}/api/datasets/:persistentId/?persistentId={quote(f'doi:{doi}', safe=':/')}"
    answer = _asked(connection, url)
    try:
        latest = _Answer.model_validate(answer).data.latest
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the answer"
        raise DataError(
            f"{url} did not give a listing as Dataverse gives it ({where}: {problem['msg']}); check --host."
        ) from None
    return Listing(host, doi, _version(latest), _licence(latest), tuple(_remote(file, host) for file in latest.files))


def _asked(connection: Connection, url: str) -> Any:
    for failures in range(max(1, connection.patience.attempts // 2)):
        try:
            return _parsed(connection, url)
        except PassingError as error:
            problem = error
        if failures + 1 < connection.patience.attempts // 2:
            connection.back_off("the listing", failures, problem)
    raise DataError(
        f"The listing cannot be had: {problem}; check the network and --host, or give archives that are on disk by "
        f"--archives."
    )


def _parsed(connection: Connection, url: str) -> Any:
    body = b""
    with connection.answer(url, {"Accept": "application/json"}) as response:
        for piece in pieces(response):
            body += piece
            if len(body) > LISTING_BYTES:
                raise DataError(f"{url} gives more than {LISTING_BYTES:,} bytes, which is no listing; check --host.")
    try:
        return json.loads(body)
    except ValueError:
        if body.lstrip()[:1] == b"<":
            raise DataError(
                f"{url} gave a web page where a listing as JSON was expected; check --host, or open the address in a "
                f"browser: some hosts ask there whether you are a person."
            ) from None
        raise PassingError(f"{url} gave broken JSON") from None


def _remote(file: _File, host: str) -> RemoteFile:
    data = file.file
    name = file.label or data.filename or str(data.id)
    url, size = f"{host}/api/access/datafile/{data.id}", data.filesize
    if data.tabular:  # converted when it was put there; the MD5 is of what was put there
        name, size = data.original_name or name, data.filesize if data.original_size is None else data.original_size
        url += "?format=original"
    if file.restricted:
        raise DataError(f"{name} of {host} is restricted; ask its authors for access, and give it by --archives.")
    parts = safe_parts(f"{file.folder}/{name}" if file.folder else name, f"the listing of {host}")
    return RemoteFile(PurePosixPath(*parts), size, data.md5.lower(), url)


def _version(latest: _Version) -> str | None:
    return None if latest.number is None else f"{latest.number}.{latest.minor or 0}"


def _licence(latest: _Version) -> str | None:
    if isinstance(latest.licence, _Licence):
        return f"{latest.licence.name} ({latest.licence.uri})" if latest.licence.uri else latest.licence.name
    return latest.licence or latest.terms or None
