"""Labels beside points so that none covers another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, hypot, pi, sin

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""``[n, 4]``: left, bottom, right, top."""

RINGS = (9, 16, 24, 33, 44, 60, 80, 105, 135)
"""How far a label may stand from its point, in pixels."""

ANGLES = tuple(turn * pi / 8 for turn in (0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 13, 5, 11))
"""The directions, the liked ones first: right, left, above, below, then between."""

NEAR = 12
"""Up to here nobody asks which point a label belongs to; beyond, a line leads to it."""

COVERS, MISTAKEN, CROSSES, NOWHERE = 25, 40, 70, 300
"""How much farther away a label is put, in pixels, rather than that it covers a line, is nearer to another point, has a
leading line that crosses something, or is left out."""

POINT = 4
"""Half the side of a point's own box."""


@dataclass(frozen=True)
class Place:
    """Where a label goes, in pixels from its point, and which part of it stands there."""

    right: float
    up: float
    horizontal: str
    vertical: str
    led: bool


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    within: tuple[float, float, float, float],
    lines: Boxes,
) -> list[Place | None]:
    """A place for the label of each of the first points; None where there is no room.

    Each label takes the best place that is left, so it matters who is first: the best of a few orders is taken.

    Args:
        points: all points, in pixels; those without a size have no label, and are not covered either.
        sizes: width and height of the label of each of the first points.
        within: left, bottom, right and top of where labels may be.
        lines: what labels would rather not cover.
    """
    marks = np.array(points, dtype=np.float64).reshape(-1, 2)
    named = marks[: len(sizes)]
    room = _Room(marks, sizes, within, lines)
    orders = [range(len(sizes)), *(np.argsort(sign * named[:, axis]) for axis in (0, 1) for sign in (1, -1))]
    return min((_placed(room, [int(index) for index in order]) for order in orders), key=lambda found: found[0])[1]


@dataclass(frozen=True, eq=False)
class _Room:
    """What labels have to share; see `place_labels`."""

    marks: NDArray[np.float64]
    sizes: Sequence[tuple[float, float]]
    within: tuple[float, float, float, float]
    lines: Boxes


def _placed(room: _Room, order: Sequence[int]) -> tuple[float, list[Place | None]]:
    """What it costs in all to place labels in an order, and their places."""
    taken = np.hstack([room.marks - POINT, room.marks + POINT])
    places: list[Place | None] = [None] * len(room.sizes)
    total = 0.0
    for index in order:
        cost, places[index], boxes = _best(room, index, taken)
        taken = np.vstack([taken, boxes])
        total += cost
    return total, places


def _best(room: _Room, index: int, taken: Boxes) -> tuple[float, Place | None, Boxes]:
    """The cheapest place of a label that covers no other, and no point: its cost, and what label and line take."""
    point, others = room.marks[index], np.delete(room.marks, index, axis=0)
    boxes = _boxes(point, room.sizes[index])
    low, high = np.array(room.within[:2]), np.array(room.within[2:])
    free = (boxes[:, :2] >= low).all(axis=1) & (boxes[:, 2:] <= high).all(axis=1) & ~_covers(boxes, taken)
    over = _covers(boxes, room.lines)
    best: tuple[float, Place | None, Boxes] = (NOWHERE, None, taken[:0])
    for candidate in np.flatnonzero(free):
        place = PLACES[candidate]
        away = hypot(place.right, place.up)
        if away >= best[0]:
            break  # they come by distance
        mistaken = (np.hypot(*(others - point - (place.right, place.up)).T) < away).any()
        line = _line(point, place)
        crosses = _covers(line, taken).any()
        cost = away + COVERS * float(over[candidate]) + MISTAKEN * float(mistaken) + CROSSES * float(crosses)
        if cost < best[0]:
            best = cost, place, np.vstack([boxes[candidate], line])
    return best


_SHARE = {"left": 0.0, "bottom": 0.0, "center": 0.5, "right": 1.0, "top": 1.0}
"""How much of a label lies left of, or below, the part that stands at its place."""


def _place(ring: float, angle: float) -> Place:
    right, up = cos(angle), sin(angle)
    horizontal = "left" if right > 0.3 else "right" if right < -0.3 else "center"
    vertical = "bottom" if up > 0.3 else "top" if up < -0.3 else "center"
    return Place(ring * right, ring * up, horizontal, vertical, ring > NEAR)


PLACES = [_place(ring, angle) for ring, angle in product(RINGS, ANGLES)]
"""All places that are tried, the nearest first."""

_OFFSETS = np.array([(place.right, place.up) for place in PLACES])
_SHARES = np.array([(_SHARE[place.horizontal], _SHARE[place.vertical]) for place in PLACES])


def _boxes(point: NDArray[np.float64], size: tuple[float, float]) -> Boxes:
    """The box of a label at each of `PLACES`."""
    corner = point + _OFFSETS - _SHARES * size
    return np.hstack([corner, corner + size])


def _line(point: NDArray[np.float64], place: Place) -> Boxes:
    """Small boxes along a leading line, outside of its point's own box; none for a label that needs no line."""
    if not place.led:
        return np.empty((0, 4))
    steps = np.linspace((1.5 * POINT + 3) / hypot(place.right, place.up), 0.95, 8)[:, None]
    middle = point + steps * (place.right, place.up)
    return np.hstack([middle - 1, middle + 1])


def _covers(boxes: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Whether each of `boxes` overlaps any of `others`."""
    (left, bottom, right, top), (west, south, east, north) = boxes.T[:, :, None], others.T[:, None, :]
    meets: NDArray[np.bool_] = (left < east) & (right > west) & (bottom < north) & (top > south)
    return np.asarray(meets.any(axis=1))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, in the order of `wanted` and as near to it as can be, between `low` and `high`.

    The least squares of the moves: neighbours that would be too near become a block around their mean. Where they do
    not fit between both ends, the order is kept and the gap is not.

    >>> spread([5.0, 5.0, 9.0], 2.0, 0.0, 20.0)
    [4.0, 6.0, 9.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    step = min(gap, (high - low) / max(len(wanted) - 1, 1))
    blocks: list[tuple[float, int]] = []  # mean of what is wanted less its own steps, and how many
    for place, index in enumerate(order):
        mean, count = wanted[index] - place * step, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    bases = [mean for mean, count in blocks for _ in range(count)]
    found = [0.0] * len(wanted)
    for place, index in enumerate(order):
        base = min(max(bases[place], low), high - step * (len(wanted) - 1))
        found[index] = base + place * step
    return found


def lanes(ends: Sequence[float], widths: Sequence[float]) -> list[int]:
    """For lines that stand side by side, how high above each its label goes, from 0; a label ends at its line.

    No label covers another, and no line on its way up to its label crosses one.

    >>> lanes([0.0, 10.0, 100.0], [50.0, 50.0, 50.0])
    [0, 1, 0]
    """
    found = [0] * len(ends)
    order = sorted(range(len(ends)), key=lambda index: ends[index])
    for place, index in enumerate(order):
        under = [found[other] for other in order[:place] if ends[other] > ends[index] - widths[index]]
        found[index] = 1 + max(under, default=-1)
    return found
