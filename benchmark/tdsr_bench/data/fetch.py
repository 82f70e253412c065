"""One file over a network that breaks: fetched in parts, gone on with after any end, and held against its MD5."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tdsr_bench.data.dataverse import RemoteFile
from tdsr_bench.data.retry import Connection, PassingError, pieces
from tdsr_bench.data.unpack import Progress
from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically

if TYPE_CHECKING:
    from requests import Response

HASHED_BYTES = 1 << 20

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def fetch(connection: Connection, file: RemoteFile, target: Path, progress: Progress) -> None:
    """Bring `file` to `target`, which is whole or not there; what is unfinished stands beside it as ``.part``.

    Raises:
        DataError: it cannot be had, or comes with another MD5 again and again.
    """
    part = target.with_name(f"{target.name}.part")
    for _ in range(1 + connection.patience.fresh_starts):
        if _brought(connection, file, part, progress) == file.md5:
            part.replace(target)
            _tag_file(part).unlink(missing_ok=True)
            return
        forget(part)
        connection.tell(f"{file.name} came with another MD5 than {file.md5}: removed, and fetched anew")
    raise DataError(
        f"{file.name} came {1 + connection.patience.fresh_starts} times with another MD5 than {file.md5}, which the "
        f"repository states; try again later, or get it in a browser and give its folder by --archives."
    )


def part_bytes(target: Path) -> int:
    """How much of a `target` that is unfinished has come."""
    part = target.with_name(f"{target.name}.part")
    return part.stat().st_size if part.is_file() else 0


def forget(part: Path) -> None:
    """Remove an unfinished file and what is known of it."""
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def file_md5(path: Path, progress: Progress) -> str:
    """The MD5 of the file at `path`, as hexadecimal digits."""
    md5, done, size = hashlib.md5(usedforsecurity=False), 0, path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(HASHED_BYTES):
            md5.update(piece)
            done += len(piece)
            progress(path.name, done, size)
    return md5.hexdigest()


class WrongRangeError(PassingError):
    """Another part of the file came than was asked for."""


class _Part:
    """An unfinished file that knows the MD5 of what it holds. `tag` is the version that it is of, if the server says.

    Written without a buffer, so that what came before the process is killed is there.
    """

    def __init__(self, path: Path, size: int) -> None:
        if path.is_file() and path.stat().st_size > size:
            forget(path)
        self.path = path
        self._file = path.open("a+b", buffering=0)
        self.tag = _read_tag(path)
        self.have = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file.seek(0)
        while piece := self._file.read(HASHED_BYTES):
            self._md5.update(piece)
            self.have += len(piece)

    def restart(self) -> None:
        self._file.truncate(0)
        self.remember(None)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.have = 0

    def append(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            wrote = self._file.write(view) or 0
            self._md5.update(view[:wrote])
            self.have += wrote
            view = view[wrote:]

    def remember(self, tag: str | None) -> None:
        if tag == self.tag:
            return
        self.tag = tag
        if tag is None:
            _tag_file(self.path).unlink(missing_ok=True)
        else:
            write_atomically(_tag_file(self.path), json.dumps(tag).encode())

    def finished(self) -> str:
        """On the disk, and its MD5."""
        os.fsync(self._file.fileno())
        return self._md5.hexdigest()

    def close(self) -> None:
        self._file.close()


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _read_tag(part: Path) -> str | None:
    try:
        tag = json.loads(_tag_file(part).read_bytes())
    except (OSError, ValueError):
        return None
    return tag if isinstance(tag, str) else None


def _brought(connection: Connection, file: RemoteFile, path: Path, progress: Progress) -> str:
    """Fetch what is missing of the part at `path`; returns its MD5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path, file.size)
    try:
        _fill(connection, file, part, progress)
        return part.finished()
    finally:
        part.close()


def _fill(connection: Connection, file: RemoteFile, part: _Part, progress: Progress) -> None:
    most, failures, wrong_ranges = part.have, 0, 0
    while part.have < file.size:
        try:
            _attempt(connection, file, part, progress)
        except PassingError as problem:
            # Only what was never there before is progress: a server without ranges brings the same bytes for ever.
            failures = 0 if part.have > most else failures + 1
            most = max(most, part.have)
            wrong_ranges = wrong_ranges + 1 if isinstance(problem, WrongRangeError) else 0
            if wrong_ranges > 1:
                part.restart()
            if failures >= connection.patience.attempts:
                raise DataError(
                    f"{file.name}: {problem}, after {failures} attempts in a row that brought nothing new; "
                    f"{part.have:,} of {file.size:,} bytes are kept, run the same command again to go on."
                ) from None
            connection.back_off(file.name, failures, problem)


def _attempt(connection: Connection, file: RemoteFile, part: _Part, progress: Progress) -> None:
    """Ask for the rest once, and append what comes.

    Raises:
        PassingError: not all of it came.
    """
    headers = {}
    if part.have:
        headers["Range"] = f"bytes={part.have}-"
        if part.tag:
            headers["If-Range"] = part.tag
    with connection.answer(file.url, headers) as response:
        _prepare(response, file, part)
        for piece in pieces(response):
            part.append(piece[: file.size - part.have])
            progress(file.name, part.have, file.size)
            if part.have == file.size:
                return
    raise PassingError(f"{file.url} ended after {part.have:,} of {file.size:,} bytes")


def _prepare(response: "Response", file: RemoteFile, part: _Part) -> None:
    """Make `part` end where what comes begins.

    Raises:
        PassingError: what comes is not what was asked for.
    """
    tag = response.headers.get("ETag")
    tag = tag if tag and not tag.startswith("W/") else None
    if response.status_code == 416:
        raise WrongRangeError(f"{file.url} does not know the rest from byte {part.have:,} on")
    if response.headers.get("Content-Type", "").startswith("text/html") and not file.name.endswith((".html", ".htm")):
        raise PassingError(f"{file.url} gave a web page where {file.name} was expected")
    if response.status_code == 206:
        _check_range(response, file, part)
        if part.have and part.tag and tag and tag != part.tag:
            part.restart()
            raise PassingError(f"{file.url} has another version of {file.name} now")
    else:
        _check_length(response, file)
        part.restart()  # no ranges here, or another version: it comes from its beginning
    part.remember(tag)


def _check_range(response: "Response", file: RemoteFile, part: _Part) -> None:
    header = response.headers.get("Content-Range", "")
    found = _RANGE.fullmatch(header.strip())
    if found is None or int(found[1]) != part.have or found[3] not in (str(file.size), "*"):
        raise WrongRangeError(
            f"{file.url} gave the range {header!r} where bytes {part.have}-{file.size - 1}/{file.size} were asked for"
        )


def _check_length(response: "Response", file: RemoteFile) -> None:
    length = response.headers.get("Content-Length")
    if length is not None and "Content-Encoding" not in response.headers and length.strip() != str(file.size):
        raise PassingError(f"{file.url} has {length} bytes where the listing says {file.size}")
