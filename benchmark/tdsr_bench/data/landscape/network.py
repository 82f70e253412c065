"""Streets and blocks: a plane cut up by chords, then bent, so that streets are connected and blocks follow them."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape.style import Style

Points = NDArray[np.float64]

ROAD_WIDTHS = {"motorway": 240 / 9, "primary": 120 / 9, "secondary": 80 / 9, "residential": 60 / 9, "track": 40 / 9}
"""Width in metres of each class of road, in whole pixels of the canvas; a motorway's carriageways count as one."""

_STEP = 8.0
"""Metres between the points of a bent line."""


@dataclass(frozen=True, eq=False)
class Line:
    """A bent line ``[n, 2]`` in metres (x to the east, y to the south): a road, a river or a coast."""

    points: Points
    kind: str
    width: float


@dataclass(frozen=True, eq=False)
class Block:
    """What lies between the streets: its straight polygon, and whether it belongs to the town."""

    corners: Points
    urban: bool


@dataclass(frozen=True, eq=False)
class Chord:
    """A straight line from one side of a polygon to another, before bending."""

    ends: Points
    kind: str


class Bend:
    """A smooth map of the plane: rotation and sums of sines, which keeps junctions together."""

    def __init__(self, style: Style, centre: float, rng: np.random.Generator) -> None:
        angle = rng.uniform(0, math.pi)
        self._centre = centre
        self._turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        lengths = np.concatenate([rng.uniform(600, 1500, 3), rng.uniform(180, 350, 3)])
        amplitudes = np.array([style.bend] * 3 + [style.wiggle] * 3) * rng.uniform(0.5, 1.0, 6)
        heading = rng.uniform(0, 2 * math.pi, 6)
        self._waves = 2 * math.pi / lengths * np.stack([np.cos(heading), np.sin(heading)])
        self._push = amplitudes[:, None] * np.stack([-np.sin(heading), np.cos(heading)], axis=1)
        self._phase = rng.uniform(0, 2 * math.pi, 6)

    def __call__(self, points: Points) -> Points:
        """Bend ``[n, 2]`` points of the straight plane, whose origin is the middle of the scene."""
        bent = points + np.sin(points @ self._waves + self._phase) @ self._push
        return np.asarray(bent @ self._turn + self._centre)

    def line(self, ends: Points) -> Points:
        """The bent line between two straight ends, with a point about every 8 m."""
        return self(_dense(ends))

    def ring(self, corners: Points) -> Points:
        """The bent outline of a polygon."""
        sides = zip(corners, np.roll(corners, -1, axis=0), strict=True)
        return self(np.concatenate([_dense(np.stack(side))[:-1] for side in sides]))


def _dense(ends: Points) -> Points:
    way = ends[1] - ends[0]
    count = max(2, round(math.hypot(way[0], way[1]) / _STEP) + 1)
    return np.asarray(ends[0] + (np.arange(count) / (count - 1))[:, None] * way)


def split(corners: Points, point: Points, direction: Points) -> tuple[Points, Points, Points] | None:
    """Cut a convex polygon along a line: both parts and the chord, or None where the line misses it.

    >>> square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    >>> left, right, chord = split(square, np.array([1.0, 1.0]), np.array([0.0, 1.0]))
    >>> chord.tolist()
    [[1.0, 0.0], [1.0, 2.0]]
    """
    side = (corners - point) @ np.array([-direction[1], direction[0]])
    parts: tuple[list[Points], list[Points]] = ([], [])
    ends = []
    for here, there, a, b in zip(corners, np.roll(corners, -1, axis=0), side, np.roll(side, -1), strict=True):
        parts[int(a < 0)].append(here)
        if (a < 0) != (b < 0):
            cut = here + a / (a - b) * (there - here)
            ends.append(cut)
            parts[0].append(cut)
            parts[1].append(cut)
    if len(ends) != 2:
        return None
    return np.array(parts[0]), np.array(parts[1]), np.array(ends)


def long_axis(corners: Points) -> tuple[Points, float, float]:
    """Direction of a polygon's longest side, its extent along that and across it."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(sides, axis=1)
    along = sides[lengths.argmax()] / lengths.max()
    across = np.array([-along[1], along[0]])
    extents = np.ptp(corners @ np.stack([along, across], axis=1), axis=0)
    if extents[1] > extents[0]:
        along, extents = across, extents[::-1]
    return along, float(extents[0]), float(extents[1])


def halve(corners: Points, slant: float, rng: np.random.Generator) -> tuple[Points, Points, Points] | None:
    """`split` a polygon somewhere near its middle, across its long axis, `slant` degrees (one sigma) off."""
    along, length, _ = long_axis(corners)
    point = corners.mean(axis=0) + along * length * rng.uniform(-0.08, 0.08)
    angle = math.atan2(along[0], -along[1]) + math.radians(float(np.clip(rng.normal(0, slant), -25, 25)))
    return split(corners, point, np.array([math.cos(angle), math.sin(angle)]))


def lay_out(style: Style, size: float, bend: Bend, rng: np.random.Generator) -> tuple[list[Line], list[Block]]:
    """The lines (roads cut at their junctions, river, coast) and blocks of a scene `size` metres wide."""
    reach = size * 0.75 + 2 * style.bend
    square = np.array([[-reach, -reach], [reach, -reach], [reach, reach], [-reach, reach]])
    town = rng.uniform(-0.14, 0.14, 2) * size
    polygons, chords = _cross([square], style, town, rng)
    inside = _InView(bend, size, slack=45)
    blocks: list[Block] = []
    while polygons:
        corners = polygons.pop()
        if not inside(corners):
            continue
        urban = _distance(corners, town) < style.town_radius
        _, length, breadth = long_axis(corners)
        target = style.urban_block if urban else style.rural_block
        large = length > 1.25 * target and length * breadth > 0.4 * target**2
        cut = halve(corners, style.slant, rng) if large else None
        if cut is None:
            blocks.append(Block(corners, urban))
            continue
        polygons += cut[:2]
        chords.append(_street(cut[2], urban, length < 2.4 * target, style, rng))
    return [line for line in _pieces(chords, bend) if inside.line(line.points)], blocks


class _InView:
    """Whether any of a polygon can be seen once it is bent; in doubt it can."""

    def __init__(self, bend: Bend, size: float, slack: float) -> None:
        self._bend, self._size, self._slack = bend, size, slack

    def __call__(self, corners: Points) -> bool:
        return self.line(self._bend(corners), self._slack)

    def line(self, points: Points, slack: float = 30.0) -> bool:
        """The same of a line that is bent already."""
        return bool((points.max(axis=0) > -slack).all() and (points.min(axis=0) < self._size + slack).all())


def _distance(corners: Points, point: Points) -> float:
    """Distance of a convex polygon from a point, taken at its corners, mid-sides and middle."""
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    return float(np.linalg.norm(np.vstack([corners, middles, corners.mean(axis=0)]) - point, axis=1).min())


def _cross(
    polygons: list[Points], style: Style, town: Points, rng: np.random.Generator
) -> tuple[list[Points], list[Chord]]:
    """Cut the whole plane by the lines that cross it; what lies beyond a coast falls away."""
    chords: list[Chord] = []
    for number, kind in enumerate(style.lines):
        angle = math.radians(float(rng.normal(0, style.slant))) + math.pi / 2 * (number % 2)
        offset = {"primary": 60, "motorway": 330, "river": 170, "coast": 290}[kind]
        direction = np.array([math.cos(angle), math.sin(angle)])
        away = np.array([-direction[1], direction[0]])
        point = town + away * (offset * rng.uniform(0.7, 1.1) if kind == "coast" else offset * rng.uniform(-1, 1))
        cuts = [(polygon, split(polygon, point, direction)) for polygon in polygons]
        chords += [Chord(cut[2], kind) for _, cut in cuts if cut]
        polygons = [part for polygon, cut in cuts for part in (_kept(cut, kind) if cut else (polygon,))]
    return polygons, chords


def _kept(cut: tuple[Points, Points, Points], kind: str) -> tuple[Points, ...]:
    return (cut[1],) if kind == "coast" else cut[:2]


def _street(ends: Points, urban: bool, last: bool, style: Style, rng: np.random.Generator) -> Chord:
    """The road on a chord: wide where it is long, a track outside the town, sometimes a cul-de-sac."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if not urban:
        return Chord(ends, "secondary" if length > 900 else "track")
    if last and rng.random() < style.cul_de_sac:
        ends = ends[::-1] if rng.random() < 0.5 else ends
        return Chord(np.stack([ends[0], ends[0] + 0.7 * (ends[1] - ends[0])]), "residential")
    return Chord(ends, "secondary" if length > 420 else "residential")


def _pieces(chords: list[Chord], bend: Bend) -> list[Line]:
    """Chords cut where others meet them, and bent: lines that share their end points exactly."""
    ends = np.concatenate([chord.ends for chord in chords])
    lines = []
    for chord in chords:
        start, way = chord.ends[0], chord.ends[1] - chord.ends[0]
        along = (ends - start) @ way / (way @ way)
        off = np.linalg.norm(ends - start - along[:, None] * way, axis=1)
        meets = np.unique(np.round(along[(off < 1e-6) & (along > 1e-9) & (along < 1 - 1e-9)], 9))
        stops = np.concatenate([[0.0], meets, [1.0]])
        for a, b in pairwise(stops):
            points = bend.line(start + np.array([[a], [b]]) * way)
            lines.append(Line(points, chord.kind, ROAD_WIDTHS.get(chord.kind, 0.0)))
    return lines
