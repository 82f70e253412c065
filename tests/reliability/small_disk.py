"""A place where little room is, one that is read-only, and no right to ignore rights: by bubblewrap, without root."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reliability.killing import Command, Nursery

ROOM = 64 << 20
"""Bytes of the small disk."""


@cache
def missing() -> str | None:
    """Why there can be no small disk here; None where there can."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: real full disks are not tried"
    words = ["bwrap", "--dev-bind", "/", "/", "--size", "4096", "--tmpfs", "/mnt", "true"]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"bubblewrap may not make a disk here: {tried.stderr.strip()}" if tried.returncode else None


@dataclass(frozen=True)
class SmallDisk:
    """A nursery whose commands see a small disk at `place`, and cannot write below `fixed`."""

    nursery: Nursery
    place: Path
    fixed: Path

    @classmethod
    def made(cls, folder: Path) -> "SmallDisk":
        place, fixed = folder / "small", folder / "fixed"
        for each in (place, fixed):
            each.mkdir()
        return cls(Nursery(_around(place, fixed)), place, fixed)

    def do(self, python: str, log: Path) -> None:
        """Run `python` where the small disk is."""
        code, said = self.nursery.run(Command(["--help"], self.fixed, before=python), log)
        assert code == 0, said

    def leave(self, room: int | None, log: Path) -> None:
        """Fill the small disk but for so many bytes; None frees it."""
        self.do(_FILL.format(place=str(self.place), room=room), log)

    def copy(self, name: str, to: Path, log: Path) -> Path:
        """Copy a folder of the small disk out of it."""
        self.do(f"import shutil; shutil.copytree({str(self.place / name)!r}, {str(to)!r}, dirs_exist_ok=True)", log)
        return to


def _around(place: Path, fixed: Path) -> Sequence[str]:
    disk = ["--size", str(ROOM), "--tmpfs", str(place)]
    return ["bwrap", "--dev-bind", "/", "/", *disk, "--ro-bind", str(fixed), str(fixed), "--cap-drop", "ALL"]


_FILL = """
import os
from pathlib import Path

filler = Path({place!r}) / "filler"
filler.unlink(missing_ok=True)
if {room} is not None:
    disk = os.statvfs({place!r})
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(disk.f_bavail * disk.f_frsize - {room}, 1))
"""
