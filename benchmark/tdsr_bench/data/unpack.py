"""Unpacking archives that may be broken or evil: nothing is written outside, and no more than was said."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tdsr_bench.data.archive import PIECE_BYTES, Member, broken_told, declared_bytes, members
from tdsr_bench.data.placement import is_recognised, place
from tdsr_bench.errors import DataError

Progress = Callable[[str, int, int], None]
"""Told what is at work, how many bytes of it are done, and of how many."""

RESERVE_BYTES = 64 << 20
"""So much of a disk is left free."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold. MuS2 has about 20,000 files, mostly packed by themselves already.

    Attributes:
        members: how many files.
        total: how many bytes unpacked.
        ratio: how many times its own size; from `small` bytes on.
        small: below that any ratio is fine: text packs well.
    """

    members: int = 100_000
    total: int = 64 << 30
    ratio: int = 30
    small: int = 64 << 20

    def ceiling(self, packed: int) -> int:
        """How many bytes an archive of `packed` bytes may unpack to."""
        return min(self.total, max(self.small, self.ratio * packed))


@dataclass(frozen=True)
class Unpacked:
    """What was written: files and bytes, and how many of the files belong to MuS2's layout."""

    files: int = 0
    bytes: int = 0
    recognised: int = 0


def unpack(archive: Path, name: str, folder: Path, *, limits: Limits | None = None, progress: Progress) -> Unpacked:
    """Write the files of `archive`, called `name`, into the new `folder`, each where it belongs in the data set.

    Raises:
        DataError: it is broken, holds what is not to be trusted, breaks `limits`, or does not fit on the disk.
    """
    limits = limits or Limits()
    packed = archive.stat().st_size
    ceiling = limits.ceiling(packed)
    _within(declared_bytes(archive) or 0, ceiling, name, folder)
    count = total = files = written = recognised = 0
    with broken_told(name):
        # Headers of a tar, and the padding of its files, take two blocks a file.
        for member in members(archive, name, ceiling + 1024 * limits.members):
            count, total = count + 1, total + member.size
            if count > limits.members:
                raise DataError(f"{name} holds more than {limits.members:,} files; it is not to be trusted.")
            _within(total, ceiling, name, folder, more=member.size)
            target = place(member.parts, name) if member.parts else None
            if target is not None:
                written += _write(member, folder / target, name)
                files, recognised = files + 1, recognised + is_recognised(target)
            progress(name, min(member.at, packed), packed)
    progress(name, packed, packed)
    return Unpacked(files, written, recognised)


def store(file: Path, parts: tuple[str, ...], folder: Path) -> Unpacked:
    """Copy a `file` that is no archive, with the path `parts` in the repository, to where it belongs."""
    target = place(parts, "files") or PurePosixPath(*parts)
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / target)
    return Unpacked(1, file.stat().st_size, int(is_recognised(target)))


def _within(total: int, ceiling: int, name: str, folder: Path, more: int | None = None) -> None:
    if total > ceiling:
        raise DataError(
            f"{name} says that it unpacks to {total:,} bytes or more, where {ceiling:,} are the most that is believed "
            f"of an archive of its size; it is not to be trusted."
        )
    needed, free = total if more is None else more, shutil.disk_usage(folder).free
    if needed + RESERVE_BYTES > free:
        raise DataError(
            f"{name} needs {needed:,} bytes more to be unpacked, and {free:,} are free in {folder}; free some and run "
            f"the same command again: what is finished is kept."
        )


def _write(member: Member, target: Path, name: str) -> int:
    shown = "/".join(member.parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise DataError(f"{name} holds {shown} twice, or as a file and a folder; it is not to be trusted.") from None
    written = 0
    with file, member.open() as content:
        while piece := content.read(PIECE_BYTES):
            written += len(piece)
            if written > member.size:
                break
            file.write(piece)
    if written != member.size:
        raise DataError(f"{name}: {shown} is not as long as it says ({member.size:,} bytes); it is not to be trusted.")
    return written
