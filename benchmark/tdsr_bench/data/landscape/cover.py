"""What covers the ground: blocks by their use, parcels with furrows, water, roads, woods and trees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from tdsr_bench.data.landscape.buildings import PLOTS, choose
from tdsr_bench.data.landscape.canvas import (
    HEIGHT_STEP,
    MARGIN,
    PIXEL,
    Canvas,
    disc,
    fill,
    mask_in,
    metres,
    smooth_noise,
    stroke,
    to_pixels,
    window,
)
from tdsr_bench.data.landscape.materials import CODE, CODES, FIRST_PARCEL, Parcel
from tdsr_bench.data.landscape.network import Bend, Block, Line, Points, halve, long_axis
from tdsr_bench.data.landscape.style import Style

_GROUND = {
    "park": "lawn", "meadow": "meadow", "plaza": "pavement", "waste": "scrub", "scrub": "scrub", "lake": "meadow",
    "forest": "undergrowth", "orchard": "orchard", "fields": "meadow",
}  # fmt: skip
_ROAD_MATERIAL = {"track": "gravel"}


def ground(use: str) -> str:
    """The material that a block of this use has where nothing else lies on it."""
    return PLOTS[use].ground if use in PLOTS else _GROUND[use]


def paint_parcels(
    canvas: Canvas, block: Block, bend: Bend, style: Style, parcels: list[Parcel], rng: np.random.Generator
) -> list[Points]:
    """Cut a block of farmland into parcels, each with a crop and furrows; their outlines."""
    waiting, outlines = [block.corners], []
    while waiting:
        corners = waiting.pop()
        _, length, breadth = long_axis(corners)
        target = style.parcel * rng.uniform(0.7, 1.3)
        cut = halve(corners, style.slant, rng) if length > 1.3 * target and breadth > 12 else None
        if cut is not None:
            waiting += cut[:2]
            continue
        middle = corners.mean(axis=0)
        inset = max(0.5, 1 - 7.0 / max(breadth, 14.0))
        outline = bend.ring(middle + (corners - middle) * inset)
        where = window(outline, canvas.material.shape)
        if where is not None and FIRST_PARCEL + len(parcels) < CODES:
            _sow(canvas, where, outline, style, parcels, rng)
            outlines.append(bend.ring(corners))
    return outlines


def _sow(
    canvas: Canvas,
    where: tuple[slice, slice],
    outline: Points,
    style: Style,
    parcels: list[Parcel],
    rng: np.random.Generator,
) -> None:
    parcel = _parcel(style, rng)
    inside = mask_in(where, outline)
    canvas.material[where][inside] = FIRST_PARCEL + len(parcels)
    furrows = _furrows(where, outline, parcel.crops[1], rng) * np.float32(rng.uniform(0.88, 1.12))
    canvas.brightness[where][inside] *= furrows[inside]
    canvas.vigour[where][inside] *= np.float32(rng.uniform(0.9, 1.1))
    parcels.append(parcel)


def _parcel(style: Style, rng: np.random.Generator) -> Parcel:
    crop = choose(style.crops, rng)
    before = choose(style.crops, rng) if rng.random() < 0.3 else crop
    delays = rng.normal(0, 6) + rng.normal(0, 2.5, 2)
    cut = int(style.season + rng.uniform(-70, 90)) if rng.random() < (0.4 if crop == "grass" else 0.12) else 400
    return Parcel((before, crop), (float(delays[0]), float(delays[1])), cut, style.soil)


def _furrows(where: tuple[slice, slice], outline: Points, crop: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """Rows of the drill and the tractor's lines, along the parcel's longest side."""
    sides = np.roll(outline, -8, axis=0) - outline
    along = sides[np.linalg.norm(sides, axis=1).argmax()]
    along = along / np.linalg.norm(along)
    x, y = metres(where)
    across = -along[1] * x + along[0] * y
    depth, spacing = {"vines": (0.28, 6.5), "vegetables": (0.12, 8.0), "grass": (0.02, 9.0)}.get(crop, (0.035, 7.0))
    rows = 1 + depth * np.cos(2 * math.pi / (spacing * rng.uniform(0.9, 1.3)) * across)
    if crop in ("cereal", "rape", "beet", "maize"):
        rows *= np.where(np.mod(across, rng.uniform(20, 28)) < 1.8, 0.80, 1.0)
    return np.asarray(rows, dtype=np.float32)


def park_cars(canvas: Canvas, outline: Points, rng: np.random.Generator) -> None:
    """Rows of bright and dark cars, with lanes between them, along a block's longest side."""
    where = window(outline, canvas.material.shape)
    if where is None:
        return
    (left, top), size, angle = cv2.minAreaRect(outline.astype(np.float32))
    turn = math.radians(angle + (90 if size[1] > size[0] else 0))
    x, y = metres(where)
    u = (x - left) * math.cos(turn) + (y - top) * math.sin(turn) + max(size)
    v = (y - top) * math.cos(turn) - (x - left) * math.sin(turn) + max(size)
    cars = rng.choice([1.0, 0.55, 0.8, 1.5, 2.4], (512, 128), p=[0.45, 0.2, 0.15, 0.12, 0.08])
    stalls = cars[(u / 2.6).astype(int) % 512, (v / 5.2).astype(int) % 128]
    shade = np.where(np.mod(v, 15.6) < 10.4, stalls, 1.0).astype(np.float32)
    inside = mask_in(where, outline)
    canvas.brightness[where][inside] *= shade[inside]


def paint_roads(canvas: Canvas, roads: Sequence[Line], urban: Sequence[bool]) -> None:
    """Paint pavements first, then the roads, the last of the sequence on top."""
    for road, town in zip(roads, urban, strict=True):
        stroke(canvas.brightness, road.points, road.width + 4 * PIXEL, 1.0)
        if town and road.kind != "track":
            stroke(canvas.material, road.points, road.width + 4 * PIXEL, CODE["pavement"])
    for road in roads:
        stroke(canvas.material, road.points, road.width, CODE["gravel" if road.kind == "track" else "asphalt"])
        if road.kind == "motorway":
            stroke(canvas.material, road.points, 4 * PIXEL, CODE["meadow"])


def paint_river(canvas: Canvas, water: NDArray[np.uint8], lines: Sequence[Line], phase: float) -> None:
    """A river of changing width, with a grassy bank and a strip that high water covers."""
    for surplus, code in ((26.0, "meadow"), (6.0, "foreshore"), (0.0, "river")):
        _paint_band(canvas.material, lines, (36.0, 8.0, phase), surplus, CODE[code])
    _paint_band(water, lines, (36.0, 8.0, phase), 12.0, 1)


def paint_coast(canvas: Canvas, lines: Sequence[Line], phase: float) -> None:
    """A beach along the line, and a strip beyond it that high water covers."""
    _paint_band(canvas.material, lines, (64.0, 22.0, phase), 22.0, CODE["foreshore"])
    _paint_band(canvas.material, lines, (64.0, 22.0, phase), 0.0, CODE["sand"])


def _paint_band(
    image: NDArray[np.uint8], lines: Sequence[Line], width: tuple[float, float, float], surplus: float, value: int
) -> None:
    """Lines as wide as ``mean + swing sin(place + phase)`` and `surplus`."""
    mean, swing, phase = width
    for line in lines:
        for point in line.points:
            size = mean + swing * math.sin(float(point @ [0.013, 0.017]) + phase) + surplus
            disc(image, point, size / 2, value)


def paint_lake(canvas: Canvas, water: NDArray[np.uint8], outline: Points, rng: np.random.Generator) -> None:
    """A pond in the middle of a block, with a shore that high water covers."""
    middle, turns = outline.mean(axis=0), np.linspace(0, 2 * math.pi, 48, endpoint=False)
    radius = 0.33 * np.ptp(outline, axis=0).min()
    wobble = sum(rng.uniform(0.04, 0.14) * np.cos(k * turns + rng.uniform(0, 6)) for k in (1, 2, 3))
    shore = np.stack([np.cos(turns), np.sin(turns)], axis=1) * (radius * (1 + np.asarray(wobble)))[:, None]
    fill(canvas.material, middle + shore * (1 + 4 / radius), CODE["foreshore"])
    fill(canvas.material, middle + shore, CODE["water"])
    fill(water, middle + shore * (1 + 8 / radius), 1)


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees: stems ``[n, 2]``, crown radii and heights ``[n]`` in metres, and which bear needles."""

    stems: Points
    radii: NDArray[np.float64]
    heights: NDArray[np.float64]
    needles: NDArray[np.bool_]

    @classmethod
    def at(cls, stems: Points, radius: tuple[float, float], style: Style, rng: np.random.Generator) -> "Trees":
        """Single trees, as high as their crowns are wide or a little more."""
        radii = rng.uniform(*radius, len(stems))
        return cls(stems, radii, radii * rng.uniform(1.8, 2.6, len(stems)), rng.random(len(stems)) < style.conifers)


def scattered(outline: Points, per_hectare: float, rng: np.random.Generator) -> Points:
    """Places strewn over a block."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    count = int(rng.poisson(per_hectare * float(np.prod(high - low)) / 1e4))
    places = rng.uniform(low, high, (count, 2))
    return _inside(places, shapely.Polygon(outline))


def planted(outline: Points, spacing: float, rng: np.random.Generator) -> Points:
    """Places of an orchard's rows."""
    middle, reach = outline.mean(axis=0), float(np.ptp(outline, axis=0).max()) / 2
    axis = np.arange(-reach, reach, spacing)
    angle = rng.uniform(0, math.pi)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    places = middle + np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) @ turn
    places += rng.normal(0, 0.4, places.shape)
    return _inside(places, shapely.Polygon(outline).buffer(-4))


def _inside(places: Points, area: shapely.Polygon) -> Points:
    return np.asarray(places[shapely.contains_xy(area, *places.T)])


def along(points: Points, spacing: float, offset: float, rng: np.random.Generator) -> Points:
    """Places beside a line, `offset` metres off it, with some missing."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    stations = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(spacing / 2, stations[-1], spacing)
    at = at[rng.random(len(at)) < 0.8]
    places = np.stack([np.interp(at, stations, points[:, axis]) for axis in (0, 1)], axis=1)
    ahead = np.stack([np.interp(at + 1, stations, points[:, axis]) for axis in (0, 1)], axis=1) - places
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.maximum(np.linalg.norm(ahead, axis=1), 1e-9)[:, None]
    return np.asarray(places + offset * normal + rng.normal(0, 0.7, places.shape))


def forest_trees(forest: NDArray[np.uint8], style: Style, rng: np.random.Generator) -> Trees:
    """Trees close together all over the mask `forest`, leaf and needle trees in stands."""
    spacing = 6
    grid = np.mgrid[0 : len(forest) : spacing, 0 : len(forest) : spacing]
    rows, columns = np.clip(grid + rng.integers(0, spacing, grid.shape), 0, len(forest) - 1)
    stands = smooth_noise((len(rows), len(rows)), len(rows) * PIXEL / 9, rng) + rng.normal(0, 0.4, rows.shape)
    wooded = forest[rows, columns] > 0
    stems = (np.stack([columns, rows], axis=-1)[wooded] - (MARGIN - 0.5)) * PIXEL
    radii, heights = rng.uniform(3.6, 6.2, len(stems)), rng.uniform(10, 19, len(stems))
    return Trees(stems, radii, heights, stands[wooded] < 3 * style.conifers - 1.5)


def paint_trees(canvas: Canvas, groups: Sequence[Trees], keep_off: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Round crowns that meet half-way; a tree whose stem would stand on `keep_off` is left out."""
    places = np.rint(to_pixels(np.concatenate([trees.stems for trees in groups]))).astype(int)
    table = np.concatenate([np.stack([t.radii / PIXEL, t.heights / HEIGHT_STEP, t.needles], axis=1) for t in groups])
    seen = np.asarray(((places >= 0) & (places < len(keep_off))).all(axis=1))
    seen[seen] = keep_off[places[seen, 1], places[seen, 0]] == 0
    columns, rows = places[seen].T
    ground = np.ones(keep_off.shape, np.uint8)
    ground[rows, columns] = 0
    distance, nearest = cv2.distanceTransformWithLabels(ground, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    radius, height, needles, shade = (np.ones(int(nearest.max()) + 1, np.float32) for _ in range(4))
    for attribute, column in zip((radius, height, needles), table[seen].T, strict=True):
        attribute[nearest[rows, columns]] = column
    shade[:] = rng.uniform(0.8, 1.2, len(shade))
    dome = 1 - (distance / radius[nearest]) ** 2
    inside = dome > 0
    crown, tree = dome[inside], nearest[inside]
    canvas.material[inside] = np.where(needles[tree] > 0, CODE["conifer"], CODE["deciduous"])
    canvas.brightness[inside] = shade[tree] * (0.74 + 0.38 * crown)
    canvas.vigour[inside] = 1.0
    canvas.height[inside] = np.minimum(255, height[tree] * (0.45 + 0.55 * crown))
