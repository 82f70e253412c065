"""Files that are somebody else's: a pipe, a device or a terabyte in a file's place is refused before it is read."""

import zlib
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError, UserError

LARGEST = 64 * 2**20
"""Bytes of a record or a card; the largest of ours has a hundredth. JSON takes some 25 times its size in memory."""


def check_file(path: Path, *, most: int | None = None, error: type[UserError] = DataError) -> None:
    """Refuse what is no file at `path`, or is larger than `most` bytes.

    Raises:
        error: it is; the sentence says which.
    """
    try:
        status = path.stat()
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); mend the path, or fetch it again.") from None
    if not path.is_file():
        raise error(f"{path} is no file, expected one; mend the path.")
    if most is not None and status.st_size > most:
        raise error(f"{path} has {status.st_size} bytes, expected at most {most}; is it the right file?")


def read_bytes(path: Path, *, most: int = LARGEST, error: type[UserError] = DataError) -> bytes:
    """The content of the file at `path`.

    Raises:
        error: it is no file, cannot be read, or is larger than `most` bytes.
    """
    check_file(path, most=most, error=error)
    try:
        return path.read_bytes()
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); mend its permissions, or fetch it again.") from None


def unpacked(content: bytes, path: Path, *, most: int = LARGEST, error: type[UserError] = DataError) -> bytes:
    """What gzip packed into `content`, which stood at `path`.

    Raises:
        error: it is no gzip, is cut short, or holds more than `most` bytes.
    """
    reader = zlib.decompressobj(wbits=31)  # with the header of gzip
    try:
        found = reader.decompress(content, most + 1)
    except zlib.error:
        raise error(f"{path} is no gzip; fetch it again.") from None
    if len(found) > most:
        raise error(f"{path} unpacks to more than {most} bytes; is it the right file?")
    if not reader.eof:
        raise error(f"{path} is cut short; fetch it again.")
    return found


def from_json(content: bytes | str) -> Any:
    """What `content` says as JSON; nesting beyond reason and numbers of thousands of digits are errors of values.

    Raises:
        ValueError: it is no JSON.
    """
    from pydantic_core import from_json as parsed

    return parsed(content)
