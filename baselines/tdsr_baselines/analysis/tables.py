"""Tables of an analysis: rows of names and numbers, and the files that hold them."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tdsr_bench.files import write_atomically

Value = str | int | float | None
Row = Mapping[str, Value]


@dataclass(frozen=True)
class Findings:
    """What an analysis found.

    Attributes:
        rows: every number.
        summary: what of it a person reads.
        caption: how to read the summary.
    """

    rows: Sequence[Row]
    summary: Sequence[Row]
    caption: str


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write `rows` as CSV; a value that does not exist is empty, numbers have six digits."""
    columns = dict.fromkeys(key for row in rows for key in row)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _text(value) for key, value in row.items()} for row in rows)
    write_atomically(path, buffer.getvalue().encode())


def save(folder: Path, findings: Findings) -> None:
    """Write ``every-number.csv`` and ``summary.csv``."""
    write_rows(folder / "every-number.csv", findings.rows)
    write_rows(folder / "summary.csv", findings.summary)


def grouped(rows: Iterable[Row], *keys: str) -> dict[tuple[Value, ...], list[Row]]:
    """Rows by what stands under `keys`, in order of first appearance."""
    groups: dict[tuple[Value, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def mean_of(rows: Iterable[Row], key: str) -> float | None:
    """The mean of the finite values under `key`; None where there is none."""
    values = [value for row in rows if (value := number(row, key)) is not None]
    return fmean(values) if values else None


def number(row: Row, key: str) -> float | None:
    """The finite number under `key`, or None."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _text(value: Value) -> Value:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return value
