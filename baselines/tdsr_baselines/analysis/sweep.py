"""Shifts that a loss is tried at, scene after scene."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tdsr_baselines.analysis.subjects import Subject
from tdsr_baselines.analysis.tables import Row
from tdsr_bench.registration import Shift

Axis = Literal["rows", "columns"]

Told = Callable[[int, int, str], None]
"""Told how many are done, of how many, and the scene."""


@dataclass(frozen=True)
class Sweep:
    """The shifts, and where.

    Attributes:
        most: the longest, in high-resolution pixels.
        step: between two of them.
        axes: along which.
        size: high-resolution pixels on a side of the window, in the middle of a scene.
    """

    most: float = 4.0
    step: float = 0.25
    axes: tuple[Axis, ...] = ("rows", "columns")
    size: int = 192

    @property
    def one_way(self) -> list[float]:
        """From 0 to most."""
        return [float(self.step * index) for index in range(round(self.most / self.step) + 1)]

    @property
    def both_ways(self) -> list[float]:
        """From -most to most."""
        return [-shift for shift in reversed(self.one_way[1:])] + self.one_way

    def rows(
        self,
        subjects: Sequence[Subject],
        shifts: Sequence[float],
        at: Callable[[Subject, Axis, float], list[Row]],
        told: Told | None,
    ) -> list[Row]:
        """What `at` finds for each scene, axis and shift."""
        found: list[Row] = []
        todo = [(subject, axis, shift) for subject in subjects for axis in self.axes for shift in shifts]
        for done, (subject, axis, shift) in enumerate(todo, start=1):
            found += at(subject, axis, shift)
            if told:
                told(done, len(todo), subject.sample.name)
        return found


def along(axis: Axis, shift: float) -> Shift:
    """`shift` pixels along an axis."""
    return (shift, 0.0) if axis == "rows" else (0.0, shift)
