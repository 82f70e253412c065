"""What is in an archive, one file after the other: zip, and tar plain or packed by gzip, bzip2 or xz.

Whatever an archive can hold beside files and folders (links, devices, encrypted files) is refused.
"""

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from tdsr_bench.data.placement import safe_parts
from tdsr_bench.errors import DataError

PIECE_BYTES = 1 << 20
HEADER_BYTES = 16 << 20
"""More than this is never read at once: what a header of a tar may hold at most."""

BLOCK = tarfile.BLOCKSIZE

_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        parts: its path, which leads nowhere else.
        size: what the archive says of it, in bytes.
        open: its content, to be read before the next member is asked for.
        at: how many bytes of the archive stand before it.
    """

    parts: tuple[str, ...]
    size: int
    open: Callable[[], IO[bytes]]
    at: int


def is_archive(path: Path) -> bool:
    """Whether the file at `path` begins as an archive does that can be unpacked here."""
    if is_zip(path):
        return True
    with path.open("rb") as raw:
        try:
            with _unpacked_stream(raw) as stream:
                tarfile.TarInfo.frombuf(stream.read(BLOCK), tarfile.ENCODING, "surrogateescape")
        except (*_BROKEN, OSError):
            return False
        return True


def is_zip(path: Path) -> bool:
    """Whether the file at `path` begins as a zip does."""
    with path.open("rb") as raw:
        return raw.read(4) in _ZIP


def declared_bytes(path: Path) -> int | None:
    """How large a zip says that all it holds is; None for a tar, which would have to be read for it."""
    if not is_zip(path):
        return None
    with broken_told(path.name), zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def members(path: Path, name: str, ceiling: int) -> Iterator[Member]:
    """The files in the archive at `path`, which is called `name`, in its order.

    Args:
        path: a zip or a tar.
        name: for sentences.
        ceiling: so many bytes of a tar are unpacked at most, its headers among them.

    Raises:
        DataError: it is broken or cut short, or holds a link, a device, an encrypted file, or a path that leads out.
    """
    return _zip_members(path, name) if is_zip(path) else _tar_members(path, name, ceiling)


@contextmanager
def broken_told(name: str) -> Iterator[None]:
    """What the readers raise over a broken archive, as one sentence; errors of the disk stay what they are.

    Raises:
        DataError: the archive `name` is broken.
    """
    try:
        yield
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"{name} cannot be unpacked ({' '.join(str(error).split())[:200] or type(error).__name__}); if it can be "
            f"unpacked by other means, do so and name the folder that holds image_data by --data."
        ) from None


def _zip_members(path: Path, name: str) -> Iterator[Member]:
    at = 0
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            parts = safe_parts(info.orig_filename, name)  # `filename` ends at a NUL
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(name, info.orig_filename, "a link or a device")
            if info.flag_bits & 0x1:
                raise _refused(name, info.orig_filename, "encrypted")
            if not info.orig_filename.endswith(("/", "\\")):
                yield Member(parts, info.file_size, partial(archive.open, info), at)
            at += info.compress_size


def _tar_members(path: Path, name: str, ceiling: int) -> Iterator[Member]:
    with path.open("rb") as raw, _unpacked_stream(raw) as plain:
        stream = _Forward(plain, ceiling, name)
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as archive:
            for info in archive:
                parts = safe_parts(info.name, name)
                if info.issparse() or not (info.isreg() or info.isdir()):
                    raise _refused(name, info.name, "a link, a device or a sparse file")
                if info.isreg():
                    yield Member(parts, info.size, partial(_content, archive, info), raw.tell())
        stream.expect_end()


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(info)
    if content is None:
        raise tarfile.ReadError(f"{info.name} has no content")
    return content


def _refused(name: str, member: str, what: str) -> DataError:
    return DataError(f"{name} holds {ascii(member)[:200]}, which is {what}; only plain files are unpacked.")


@contextmanager
def _unpacked_stream(raw: BinaryIO) -> Iterator[Any]:
    head = raw.read(6)
    raw.seek(0)
    opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), None)
    if opener is None:
        yield raw
        return
    with opener(raw, "rb") as stream:
        yield stream


class _Forward:
    """A stream for `tarfile` that only goes forward, and no farther than a ceiling."""

    def __init__(self, stream: Any, ceiling: int, name: str) -> None:
        self._stream = stream
        self._ceiling = ceiling
        self._name = name
        self._place = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        if size > max(HEADER_BYTES, PIECE_BYTES):
            raise DataError(f"{self._name} holds a header of {size:,} bytes; it is not to be trusted.")
        self._last = self._stream.read(size)
        self._place += len(self._last)
        if self._place > self._ceiling:
            raise DataError(f"{self._name} unpacks to more than {self._ceiling:,} bytes; it is not to be trusted.")
        return self._last

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.ReadError("it would have to be read backwards")
        while self._place < place:
            if not self.read(min(PIECE_BYTES, place - self._place)):
                raise tarfile.ReadError("unexpected end of data")
        return self._place

    def expect_end(self) -> None:
        """A tar ends with zeros; `tarfile` takes a broken header, or no more bytes, for an end as well."""
        whole = len(self._last) == BLOCK
        while not any(self._last) and self._last:
            self.read(PIECE_BYTES)
        if self._last or not whole:
            raise tarfile.ReadError("it is cut short, or broken in the middle")
