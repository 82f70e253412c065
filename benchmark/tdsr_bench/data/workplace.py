"""The folder beside a data set in which it is put together, and from which an interrupted download goes on.

::

    .mus2-download/
        archives/<key>, <key>.part    fetched, being fetched
        unpacking/<key>/              being unpacked: worth nothing after an interruption
        unpacked/<key>/               unpacked.json and files/: finished, by a rename
        content-<digest>/             all of them together, on its way to become the data set

A key holds the MD5 of an archive, so what is there of another version is never taken for this one.
"""

import filecmp
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tdsr_bench.data.unpack import Unpacked
from tdsr_bench.errors import DataError
from tdsr_bench.files import claimed, digest, write_atomically


class UnpackedRecord(BaseModel):
    """How much was unpacked of an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: int
    bytes: int
    recognised: int


@dataclass(frozen=True)
class Workplace:
    """The work folder of the data set at `target`."""

    target: Path

    @property
    def root(self) -> Path:
        """Beside the data set, so that a rename brings it there."""
        return self.target.parent / f".{self.target.name}-download"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Held by one command at a time; the claim ends with the process, however that ends.

        Raises:
            UserError: another one holds it.
        """
        with claimed(self.root, what="a data set"):
            yield

    def archive(self, key: str) -> Path:
        """Where a fetched archive lies."""
        return self.root / "archives" / key

    def unpacked(self, key: str) -> UnpackedRecord | None:
        """What was unpacked of an archive, or None where it was not, or not to its end."""
        record = self.root / "unpacked" / key / "unpacked.json"
        return UnpackedRecord.model_validate_json(record.read_bytes()) if record.is_file() else None

    def unpack(self, key: str, write: Callable[[Path], Unpacked]) -> UnpackedRecord:
        """Let `write` fill a new folder, which counts as unpacked only when it is done."""
        folder, final = self.root / "unpacking" / key, self.root / "unpacked" / key
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "files").mkdir(parents=True)
        done = write(folder / "files")
        record = UnpackedRecord(files=done.files, bytes=done.bytes, recognised=done.recognised)
        write_atomically(folder / "unpacked.json", record.model_dump_json().encode())
        os.sync()  # one for all files: the archive is removed next
        final.parent.mkdir(exist_ok=True)
        folder.rename(final)
        return record

    def discard(self, key: str) -> None:
        """Forget what was unpacked of an archive."""
        shutil.rmtree(self.root / "unpacked" / key, ignore_errors=True)

    def keep_only(self, keys: Sequence[str]) -> None:
        """Remove what is there of other versions of the data set."""
        shutil.rmtree(self.root / "unpacking", ignore_errors=True)
        content = self._content(keys)
        mixed = [path for path in self.root.glob("content-*") if path != content]
        for path in mixed:  # a rename may have moved files there: what is left in `unpacked` is not whole
            shutil.rmtree(path)
        if mixed:
            shutil.rmtree(self.root / "unpacked", ignore_errors=True)
        for path in [*(self.root / "archives").glob("*"), *(self.root / "unpacked").glob("*")]:
            if not any(path.name in (key, f"{key}.part", f"{key}.part.tag") for key in keys):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def assemble(self, keys: Sequence[str]) -> Path:
        """One folder of all that was unpacked; can be interrupted and called again.

        Raises:
            DataError: two archives hold different files of one name.
        """
        content = self._content(keys)
        content.mkdir(exist_ok=True)
        for key in keys:
            files = self.root / "unpacked" / key / "files"
            for path in sorted(path for path in files.rglob("*") if path.is_file()):
                _move(path, content / path.relative_to(files))
        return content

    def publish(self, content: Path) -> None:
        """Let `content` become the data set, and remove the work folder.

        Raises:
            DataError: something stands in its place.
        """
        if self.target.is_dir() and not any(self.target.iterdir()):
            self.target.rmdir()
        try:
            content.rename(self.target)
        except OSError as error:
            raise DataError(
                f"{self.target} cannot be put in its place ({error.strerror}); make room there and run the same "
                f"command again: all of it is ready in {content}."
            ) from None
        self.clear()

    def clear(self) -> None:
        """Remove the work folder."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _content(self, keys: Sequence[str]) -> Path:
        return self.root / f"content-{digest(sorted(keys))[:16]}"


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not filecmp.cmp(path, place, shallow=False):
        raise DataError(f"Two archives hold different files for {place}; they are not of one data set.")
    path.replace(place)
