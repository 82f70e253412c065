"""Rows: one measured value each, the only thing that statistics are made from."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from tdsr_bench.files import write_atomically

Row = TypeVar("Row")


@dataclass(frozen=True)
class ScoreRow:
    """One value of one metric.

    Attributes:
        scene: its name.
        group: the region, which an interval counts as independent.
        key: the metric.
        band: B02, ..., or None for a metric of the whole image.
        value: None where it does not exist, never NaN; then `reason` says why.
        unit: "1" where the metric has none.
        reason: why there is no value.
        method: whose image, for reference rows; None for the submission's own.
        network: which of a task's networks looked at it; None for image metrics.
    """

    scene: str
    group: str
    key: str
    band: str | None
    value: float | None
    unit: str
    reason: str | None = None
    method: str | None = None
    network: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in a card: reason, method and network only where there is one."""
        row: dict[str, Any] = {name: getattr(self, name) for name in ("scene", "group", "key", "band", "value", "unit")}
        rare = ("reason", "method", "network")
        row |= {name: getattr(self, name) for name in rare if getattr(self, name) is not None}
        return row


def finite_or_none(value: float) -> float | None:
    """`value`, or None where it is NaN or infinite: a card never holds either."""
    return float(value) if math.isfinite(value) else None


def mean_of_all(values: Sequence[float | None]) -> float | None:
    """The mean of `values`; None where one of them is missing, or there is none."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def by_method(rows: Iterable[ScoreRow]) -> dict[str | None, list[ScoreRow]]:
    """Rows sorted by whose image they measure, in order of first appearance."""
    methods: dict[str | None, list[ScoreRow]] = {}
    for row in rows:
        methods.setdefault(row.method, []).append(row)
    return methods


def keep_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write rows, of any one dataclass, to `path`, for a run to come."""
    write_atomically(path, json.dumps([asdict(row) for row in rows]).encode())


def kept_rows(path: Path, make: Callable[..., Row]) -> tuple[Row, ...]:
    """What `make` makes of the rows kept at `path`; none where nothing lies there, or nothing of ours."""
    try:
        return tuple(make(**row) for row in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return ()
