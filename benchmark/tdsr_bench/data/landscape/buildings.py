"""Buildings: set back from the streets, aligned with them, and never on top of each other."""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import cv2
import numpy as np
import shapely

from tdsr_bench.data.landscape.canvas import HEIGHT_STEP, Canvas, Claims, fill, fixed_points
from tdsr_bench.data.landscape.materials import CODE
from tdsr_bench.data.landscape.network import Points

Range = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """How a block of one use is built up; lengths in metres.

    Attributes:
        ground: material of the block.
        frontage, depth, gap, setback: ranges of a building's side along the street, of the other side, of the room
            between neighbours and of the distance from the edge of the block.
        floors: range of storeys, of 3 m; roofs: a set of `ROOFS`, or "" for the region's own.
        rows: whether buildings fill the block in rows rather than line its edges.
        skip: share of places left empty; limit: how many buildings at most.
        trees: for each hectare.
        pitched: whether roofs have a ridge.
        rings: rows of buildings one behind the other along the edges.
    """

    ground: str
    frontage: Range
    depth: Range
    gap: Range
    setback: Range
    floors: Range
    roofs: str = ""
    rows: bool = False
    skip: float = 0.05
    limit: int = 999
    trees: float = 20
    pitched: bool = True
    rings: int = 1


PLOTS: Mapping[str, Plot] = {
    "houses": Plot("garden", (9, 16), (8.5, 13), (4, 11), (9, 12.5), (1.5, 2.8), trees=26),
    "terraces": Plot("garden", (28, 58), (9, 11.5), (5, 11), (8, 11), (2, 3.2), trees=16),
    "old": Plot("court", (9, 20), (11, 17), (0, 0.4), (5.6, 7.0), (2.5, 4.5), roofs="tile", trees=9, rings=2),
    "perimeter": Plot("court", (15, 34), (13, 17), (0, 0), (7.0, 7.6), (4, 6.5), trees=14, pitched=False,
                      rings=2),
    "slabs": Plot("lawn", (42, 85), (12, 15), (16, 32), (14, 20), (5, 11), "flat", rows=True, trees=26, pitched=False),
    "halls": Plot("yard", (34, 100), (26, 56), (9, 24), (8, 13), (2, 4), "hall", rows=True, trees=2, pitched=False),
    "shops": Plot("parking", (40, 75), (26, 42), (22, 40), (9, 13), (1.6, 2.4), "hall", rows=True, skip=0.3, trees=7,
                  pitched=False),
    "school": Plot("lawn", (40, 70), (14, 20), (15, 30), (16, 24), (2, 4), "flat", rows=True, skip=0.4, trees=20,
                   pitched=False),
    "farm": Plot("meadow", (16, 48), (11, 20), (7, 16), (10, 18), (1.6, 2.6), "farm", skip=0.15, trees=12),
    "farmstead": Plot("meadow", (22, 58), (13, 22), (6, 12), (12, 26), (1.8, 3), "farm", skip=0.1, limit=9, trees=0),
    "greenhouses": Plot("soil", (70, 110), (22, 32), (6, 9), (14, 16), (1.2, 1.6), "glass", rows=True, trees=0),
}  # fmt: skip
"""The uses of a block that put buildings on it."""

ROOFS: Mapping[str, Mapping[str, float]] = {
    "mixed": {"red_tile": 4, "brown_tile": 3, "slate": 2, "bitumen": 1, "concrete": 0.6},
    "tile": {"orange_tile": 6, "red_tile": 2, "brown_tile": 1, "concrete": 0.8, "white": 0.3},
    "flat": {"bitumen": 4, "concrete": 3, "gravel": 1.5, "slate": 1, "white": 0.5, "red_tile": 0.8},
    "hall": {"metal": 3, "concrete": 3, "bitumen": 3, "white": 1.2, "slate": 1.5, "brown_tile": 0.6},
    "farm": {"red_tile": 3, "brown_tile": 3, "concrete": 2, "metal": 1.5, "slate": 1},
    "glass": {"glass": 3, "white": 1},
}
"""Weights of roof materials."""

SUNWARD = math.radians(150)
"""Azimuth from which the morning sun of both sensors comes, about; it lights one side of a ridge."""


@dataclass(frozen=True, eq=False)
class Building:
    """A building's outline ``[n, 2]`` in metres, its roof and height; `fresh` or `gone` are the real changes.

    Attributes:
        fresh: built after the reference was taken; gone: pulled down after it.
        former: brightness of the roof in the reference, relative to now; other than 1 where it was renewed since.
    """

    outline: Points
    roof: str
    height: float
    brightness: float
    pitched: bool
    fresh: bool
    gone: bool
    former: float


def choose(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    """One of the keys, by weight."""
    stops = list(accumulate(weights.values()))
    return list(weights)[min(bisect(stops, rng.random() * stops[-1]), len(stops) - 1)]


def rectangles(centres: Points, along: Points, frontage: Points, depth: Points) -> Points:
    """Corners ``[n, 4, 2]`` of rectangles whose `frontage` runs `along` ``[n, 2]``."""
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    u, v = along * frontage[:, None] / 2, across * depth[:, None] / 2
    return centres[:, None] + np.stack([-u - v, u - v, u + v, -u + v], axis=1)


def build(outline: Points, plot: Plot, roofs: str, claims: Claims, rng: np.random.Generator) -> list[Building]:
    """Build up a block, on ground that is free."""
    places, inward = _rows(outline, plot, rng) if plot.rows else _edges(outline, plot, rng)
    keep = rng.random(len(places)) >= plot.skip
    tries = places[keep, None] + np.array(_PUSHES)[:, None, None] * inward[keep, None, None]
    middles = tries.mean(axis=2, keepdims=True)
    inner, outer = fixed_points(middles + _PARTY_WALL * (tries - middles)), fixed_points(tries)
    near = claims.seen(outer).any(axis=1)
    built: list[Building] = []
    for place in np.flatnonzero(near):
        push = next((n for n in range(len(_PUSHES)) if claims.claim(inner[place, n], outer[place, n])), None)
        if push is not None:
            built.append(_building(_shape(tries[place, push], plot, rng), plot, roofs, rng))
        if len(built) == plot.limit:
            break
    return built


_PARTY_WALL = 0.88
"""Buildings may overlap by what is beyond this share of their size: neighbours share walls."""

_PUSHES = (0.0, 2.5, 6.0)
"""Metres by which a building moves back from the street until it finds room."""


def _edges(outline: Points, plot: Plot, rng: np.random.Generator) -> tuple[Points, Points]:
    """Places ``[n, 4, 2]`` along the edge of a block, and where its inside is, ``[n, 2]``."""
    places, inward = zip(*(_ring(outline, plot, ring, rng) for ring in range(plot.rings)), strict=True)
    return np.concatenate(places), np.concatenate(inward)


def _ring(outline: Points, plot: Plot, number: int, rng: np.random.Generator) -> tuple[Points, Points]:
    """One row of `_edges`; rows behind the first leave room for yards."""
    ring = np.vstack([outline, outline[:1]])
    stations = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
    count = int(stations[-1] / plot.frontage[0]) + 1
    ranges = (plot.frontage, plot.depth, plot.gap, plot.setback)
    frontage, depth, gap, setback = (rng.uniform(*span, count) for span in ranges)
    setback += number * (plot.depth[1] + rng.uniform(9, 16))
    gap += number * rng.uniform(2, 14, count)
    ends = np.cumsum(frontage + gap) + rng.uniform(0, plot.setback[1])
    spans = np.stack([ends - gap - frontage, ends - gap])
    corners = np.stack([np.interp(spans, stations, ring[:, axis]) for axis in (0, 1)], axis=-1)
    chord = corners[1] - corners[0]
    length = np.linalg.norm(chord, axis=1)
    straight = (length > 0.9 * frontage) & (spans[1] < stations[-1])
    along = chord[straight] / length[straight, None]
    inward = _turning(outline) * np.stack([-along[:, 1], along[:, 0]], axis=1)
    centres = corners.mean(axis=0)[straight] + inward * (setback + depth / 2)[straight, None]
    return rectangles(centres, along, frontage[straight], depth[straight]), inward


def _turning(outline: Points) -> float:
    """+1 where the left of the outline's direction is inside it, else -1."""
    x, y = outline.T
    return 1.0 if float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > 0 else -1.0


def _rows(outline: Points, plot: Plot, rng: np.random.Generator) -> tuple[Points, Points]:
    """Places ``[n, 4, 2]`` in rows along the block's longest side, and the zero vector for each."""
    (x, y), size, angle = cv2.minAreaRect(outline.astype(np.float32))
    turn = math.radians(angle + (90 if size[1] > size[0] else 0))
    along = np.array([math.cos(turn), math.sin(turn)])
    across = np.array([-along[1], along[0]])
    margin = float(rng.uniform(*plot.setback))
    length, breadth = max(size) - 2 * margin, min(size) - 2 * margin
    places = []
    for v, depth in _packed(breadth, plot.depth, plot.gap, rng):
        for u, frontage in _packed(length, plot.frontage, plot.gap, rng):
            places.append([x, y, u, v, frontage, depth])
    table = np.array(places).reshape(-1, 6)
    centres = table[:, :2] + table[:, 2:3] * along + table[:, 3:4] * across
    ways = np.broadcast_to(along, centres.shape)
    room = rectangles(centres, ways, table[:, 4] + 6, table[:, 5] + 6)
    inside = shapely.contains_xy(shapely.Polygon(outline), room[..., 0], room[..., 1]).all(axis=1)
    return rectangles(centres, ways, table[:, 4], table[:, 5])[inside], np.zeros((int(inside.sum()), 2))


def _packed(length: float, size: Range, gap: Range, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Middles and sizes of what stands one after the other on `length` metres, about zero; the last one fits."""
    found, at = [], 0.0
    while length - at > 0.7 * size[0]:
        piece = min(float(rng.uniform(*size)), length - at)
        found.append((at + piece / 2 - length / 2, piece))
        at += piece + float(rng.uniform(*gap))
    return found


def _shape(corners: Points, plot: Plot, rng: np.random.Generator) -> Points:
    """The rectangle itself, or an L cut from it where there is room."""
    sides = math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])
    if min(sides) < 11 or plot.rows or rng.random() > 0.3:
        return corners
    a, b = rng.uniform(0.4, 0.6, 2)
    u, v = corners[1] - corners[0], corners[3] - corners[0]
    inner = [corners[0] + u + b * v, corners[0] + a * u + b * v, corners[0] + a * u + v]
    return np.array([corners[0], corners[1], *inner, corners[3]])


def _building(corners: Points, plot: Plot, roofs: str, rng: np.random.Generator) -> Building:
    change = rng.random()
    return Building(
        outline=corners,
        roof=choose(ROOFS[plot.roofs or roofs], rng),
        height=3.0 * rng.uniform(*plot.floors) + 1.0,
        brightness=float(rng.uniform(0.82, 1.18)),
        pitched=plot.pitched,
        fresh=bool(change < 0.03),
        gone=bool(change > 0.985),
        former=float(rng.uniform(0.65, 1.5)) if rng.random() < 0.12 else float(rng.normal(1, 0.04)),
    )


def paint(canvas: Canvas, buildings: Sequence[Building]) -> None:
    """Put roofs and heights on the canvas; the sunward half of a pitched roof is the brighter."""
    for building in buildings:
        fill(canvas.material, building.outline, CODE[building.roof])
        fill(canvas.height, building.outline, min(255, round(building.height / HEIGHT_STEP)))
        if building.pitched and len(building.outline) == 4:
            _paint_slopes(canvas, building)
        else:
            fill(canvas.brightness, building.outline, building.brightness)


def _paint_slopes(canvas: Canvas, building: Building) -> None:
    a, b, c, d = building.outline
    left, right = (a + d) / 2, (b + c) / 2
    for slope, facing in (((a, b, right, left), a - d), ((left, right, c, d), d - a)):
        to_sun = facing @ [math.sin(SUNWARD), -math.cos(SUNWARD)] / math.hypot(*facing)
        fill(canvas.brightness, np.array(slope), building.brightness * (1 + 0.2 * float(to_sun)))


def renew(canvas: Canvas, buildings: Sequence[Building]) -> None:
    """Give roofs the brightness that they had for the reference, relative to what the canvas has."""
    former = np.ones_like(canvas.brightness)
    for building in buildings:
        fill(former, building.outline, building.former)
    canvas.brightness[canvas.height > 0] *= former[canvas.height > 0]


def raze(canvas: Canvas, buildings: Sequence[Building], code: int) -> None:
    """Leave bare ground where buildings stand."""
    for building in buildings:
        fill(canvas.material, building.outline, code)
        fill(canvas.height, building.outline, 0)
        fill(canvas.brightness, building.outline, 1.0)
