"""Who would win if tasks counted more, or less: the score as a function of the weight of the task gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tdsr_leaderboard.board import Board
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS, regions_of

Span = tuple[float, float]
"""From one weight to another."""


@dataclass(frozen=True, eq=False)
class Line:
    """A method's score, ``(1 - w) image + w task``, which is a straight line in the weight ``w``.

    Attributes:
        label: the method.
        image, task: its gaps, float64 ``[regions]``, the regions in the same order for all lines.
    """

    label: str
    image: NDArray[np.float64]
    task: NDArray[np.float64]

    def at(self, weight: float) -> float:
        """The mean over regions."""
        return float((1 - weight) * self.image.mean() + weight * self.task.mean())


@dataclass(frozen=True)
class Reign:
    """Weights for which one method has the highest score.

    Attributes:
        start, stop: the weights, 0 to 1; at both ends another line crosses, or the range ends.
        label: the winner.
        doubtful: where within, the winner is not told apart from the runner-up: the 95 % interval of their paired
            difference over regions holds zero. It is not adjusted for the choice of the winner.
    """

    start: float
    stop: float
    label: str
    doubtful: tuple[Span, ...]

    @property
    def told_apart(self) -> float:
        """The share of the reign in which the winner is told apart from the runner-up."""
        unsure = sum(stop - start for start, stop in self.doubtful)
        return 1 - unsure / (self.stop - self.start)


def lines(board: Board) -> list[Line]:
    """The ranked methods, the best first, over the regions that have both gaps of all of them."""
    column = board.score.replace("combined", "image")
    gaps = [(place.label, regions_of(place.card, column), regions_of(place.card, "task_gap")) for place in board.ranked]
    both = [(label, image, task) for label, image, task in gaps if image.keys() & task.keys()]
    shared = sorted(set.intersection(*(image.keys() & task.keys() for _, image, task in both))) if both else []
    return [
        Line(label, *(np.array([gap[region] for region in shared], dtype=np.float64) for gap in (image, task)))
        for label, image, task in both
        if shared
    ]


def winners(board: Board) -> list[Reign]:
    """Who has the highest score, from weight 0 (the image gap alone) to 1 (the task gap alone).

    Empty without two methods to compare. Of two methods with the same score throughout, the first of the table wins.
    """
    return reigns(lines(board))


def reigns(all_lines: Sequence[Line]) -> list[Reign]:
    """See `winners`."""
    if len(all_lines) < 2:
        return []
    return [
        Reign(start, stop, winner.label, tuple(_merged(_doubts(winner, all_lines, start, stop))))
        for start, stop, winner in _envelope(all_lines, 0.0, 1.0)
    ]


def _envelope(candidates: Sequence[Line], start: float, stop: float) -> list[tuple[float, float, Line]]:
    """Which line is the highest, from where to where.

    A line that goes on from a crossing rises faster than the one before it, so there are never more spans than lines.
    """
    slopes = [line.at(1) - line.at(0) for line in candidates]
    now = max(range(len(candidates)), key=lambda index: (candidates[index].at(start), slopes[index]))
    found: list[tuple[float, float, Line]] = []
    here = start
    while True:
        rising = [index for index, slope in enumerate(slopes) if slope > slopes[now]]
        lead = {index: candidates[now].at(0) - candidates[index].at(0) for index in rising}
        crossings = {index: max(here, lead[index] / (slopes[index] - slopes[now])) for index in rising}
        later = min(rising, key=lambda index: (crossings[index], -slopes[index]), default=now)
        there = crossings.get(later, stop)
        if there >= stop:
            return [*found, (here, stop, candidates[now])]
        if there > here:
            found.append((here, there, candidates[now]))
        here, now = there, later


def _doubts(winner: Line, all_lines: Sequence[Line], start: float, stop: float) -> Iterator[Span]:
    others = [line for line in all_lines if line is not winner]
    for begin, end, second in _envelope(others, start, stop):
        yield from doubtful(winner.image - second.image, winner.task - second.task, begin, end)


def doubtful(image: NDArray[np.float64], task: NDArray[np.float64], start: float, stop: float) -> list[Span]:
    """Where between two weights the interval of a paired difference holds zero.

    The difference of a region is ``(1 - w) image + w task``. Its mean is linear in w and its variance quadratic, so
    that ``mean^2 = t^2 variance / n`` is a quadratic equation.

    Args:
        image, task: the difference of each gap, float64 ``[regions]``.
        start, stop: the weights.
    """
    count = len(image)
    if count < LEAST_REGIONS:
        return [(start, stop)]
    from scipy.special import stdtrit

    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) ** 2 / count
    step = task - image
    spread = np.atleast_2d(np.cov(image, step))
    terms = (
        float(step.mean() ** 2 - reach * spread[1, 1]),
        float(2 * (image.mean() * step.mean() - reach * spread[0, 1])),
        float(image.mean() ** 2 - reach * spread[0, 0]),
    )
    ends = [start, *(root for root in _roots(*terms) if start < root < stop), stop]
    return [span for span in pairwise(ends) if np.polyval(terms, (span[0] + span[1]) / 2) <= 0]


def _roots(a: float, b: float, c: float) -> list[float]:
    """The real roots of ``a x^2 + b x + c``, in order."""
    if a == 0:
        return [-c / b] if b else []
    inside = b * b - 4 * a * c
    if inside < 0:
        return []
    half = -(b + (sqrt(inside) if b >= 0 else -sqrt(inside))) / 2  # the sum of what has one sign: nothing cancels
    return sorted({half / a, c / half if half else 0.0})


def _merged(spans: Iterator[Span]) -> list[Span]:
    found: list[Span] = []
    for start, stop in spans:
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], stop
        else:
            found.append((start, stop))
    return found
