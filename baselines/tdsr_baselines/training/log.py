"""What a training writes down: CSV for people, TensorBoard for their eyes; after a resume, as if it had not stopped."""

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError
from tdsr_bench.files import errors_named, write_atomically


@dataclass(frozen=True)
class RunLog:
    """Two tables in `folder`: ``train.csv`` of steps, ``validation.csv`` of looks; and ``tensorboard/``."""

    folder: Path

    def go_back(self, step: int) -> None:
        """Forget what was logged after `step`: it will be done again."""
        for name in ("train", "validation"):
            path = self.folder / f"{name}.csv"
            kept = [row for row in _read(path) if int(row["step"]) <= step]
            if kept:
                write_atomically(path, _text(kept).encode())
            else:
                path.unlink(missing_ok=True)

    def add(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        """A line of the table called `name`."""
        path = self.folder / f"{name}.csv"
        new = not path.is_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with errors_named(path), path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["step", *values])
            if new:
                writer.writeheader()
            writer.writerow({"step": step} | {key: _short(value) for key, value in values.items()})

    def keep(self) -> None:
        """Make what was logged so far outlive a loss of power, as what a run goes on from does."""
        for name in ("train", "validation"):
            path = self.folder / f"{name}.csv"
            if path.is_file():
                with path.open("ab") as file:
                    os.fsync(file.fileno())

    def writer(self, step: int) -> Any:
        """TensorBoard's, which drops what it has of steps after `step`."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder / "tensorboard"), purge_step=step + 1)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if (row["step"] or "").isdigit() and None not in row.values()]
    except (csv.Error, UnicodeDecodeError, KeyError):
        raise DataError(f"{path} is no table of steps; remove it to go on without, or begin anew.") from None


def _text(rows: list[dict[str, str]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
