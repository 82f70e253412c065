"""Puts a landscape together: streets, land use, water, roads, buildings, trees, texture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape import buildings as houses
from tdsr_bench.data.landscape import cover
from tdsr_bench.data.landscape.buildings import PLOTS, Building, choose
from tdsr_bench.data.landscape.canvas import PIXEL, Canvas, Claims, fill, smooth_noise, stroke, to_pixels
from tdsr_bench.data.landscape.materials import CODE, CODES, MATERIALS, Parcel
from tdsr_bench.data.landscape.network import ROAD_WIDTHS, Bend, Block, Line, Points, lay_out
from tdsr_bench.data.landscape.style import Style


@dataclass(frozen=True, eq=False)
class Landscape:
    """A landscape, as it was for the reference and as it became for the frames.

    Attributes:
        before, after: the fine map when the reference was taken, and after all changes.
        parcels: the fields, by number.
        roads: centre-lines in metres from the scene's upper left corner; x to the east, y to the south.
        buildings: all buildings, those included that stand only before or only after.
        road_mask, building_mask: 0 or 1 on the fine map, as they were for the reference.
    """

    before: Canvas
    after: Canvas
    parcels: tuple[Parcel, ...]
    roads: tuple[Line, ...]
    buildings: tuple[Building, ...]
    road_mask: NDArray[np.uint8]
    building_mask: NDArray[np.uint8]


def make_landscape(style: Style, *, size: float, rng: np.random.Generator) -> Landscape:
    """A landscape in the given style, `size` metres wide and high."""
    plan = _plan(style, size, rng)
    canvas = Canvas.blank(size, CODE["sea" if "coast" in style.lines else "meadow"])
    ground = _cover_ground(canvas, plan, style, rng)
    roads = _roads(plan.lines, ground.water)
    cover.paint_roads(canvas, roads, [bool(_look(ground.town, road.points.mean(axis=0)[None])[0]) for road in roads])
    road_mask, taken = canvas.empty_mask(), ground.water.copy()
    for road in roads:
        stroke(road_mask, road.points, road.width, 1)
        stroke(taken, road.points, road.width + PIXEL * (20 if road.kind == "motorway" else 4), 1)
    claims = Claims(taken)
    plots = [(PLOTS[use], outline) for _, use, outline in plan.blocks if use in PLOTS]
    built = [b for plot, outline in plots for b in houses.build(outline, plot, style.roofs, claims, rng)]
    houses.paint(canvas, built)
    trees = [*ground.hedges, cover.forest_trees(ground.forest, style, rng), *_trees(plan, roads, style, rng)]
    cover.paint_trees(canvas, trees, taken, rng)
    _weave(canvas, rng)
    before, after = _changes(canvas, built, style, rng)
    return Landscape(before, after, ground.parcels, tuple(roads), tuple(built), road_mask, _mask(canvas, built))


@dataclass(frozen=True, eq=False)
class _Plan:
    """Lines, and blocks with what they are used for and their bent outline."""

    bend: Bend
    lines: list[Line]
    blocks: list[tuple[Block, str, Points]]


@dataclass(frozen=True, eq=False)
class _Ground:
    """What the ground is covered by: parcels and their hedges, masks of the town, the woods and the waters."""

    parcels: tuple[Parcel, ...]
    hedges: list[cover.Trees]
    town: NDArray[np.uint8]
    forest: NDArray[np.uint8]
    water: NDArray[np.uint8]


def _plan(style: Style, size: float, rng: np.random.Generator) -> _Plan:
    bend = Bend(style, size / 2, rng)
    lines, blocks = lay_out(style, size, bend, rng)
    return _Plan(bend, lines, [(block, _use(block, style, rng), bend.ring(block.corners)) for block in blocks])


def _cover_ground(canvas: Canvas, plan: _Plan, style: Style, rng: np.random.Generator) -> _Ground:
    """Paint everything that roads and buildings stand on."""
    cover.paint_coast(canvas, [line for line in plan.lines if line.kind == "coast"], rng.uniform(0, 6))
    town, forest, water = canvas.empty_mask(), canvas.empty_mask(), canvas.empty_mask()
    parcels: list[Parcel] = []
    hedges: list[cover.Trees] = []
    for block, use, outline in plan.blocks:
        fill(canvas.material, outline, CODE[cover.ground(use)])
        fill(town, outline, int(block.urban))
        fill(forest, outline, int(use == "forest"))
        if use in ("fields", "farmstead"):
            hedges += _hedges(cover.paint_parcels(canvas, block, plan.bend, style, parcels, rng), style, rng)
        elif use == "shops":
            cover.park_cars(canvas, outline, rng)
        elif use == "lake":
            cover.paint_lake(canvas, water, outline, rng)
    cover.paint_river(canvas, water, [line for line in plan.lines if line.kind == "river"], rng.uniform(0, 6))
    return _Ground(tuple(parcels), hedges, town, forest, water)


def _use(block: Block, style: Style, rng: np.random.Generator) -> str:
    return choose(style.urban if block.urban else style.rural, rng)


def _hedges(outlines: list[Points], style: Style, rng: np.random.Generator) -> list[cover.Trees]:
    return [
        cover.Trees.at(cover.along(side, 5.5, 0.0, rng), (1.8, 3.6), style, rng)
        for outline in outlines
        for side in np.array_split(outline, 4)
        if len(side) > 2 and rng.random() < style.hedges
    ]


_TREES_PER_HECTARE = {"park": 55.0, "scrub": 18.0, "waste": 14.0, "plaza": 8.0, "meadow": 3.0}


def _trees(plan: _Plan, roads: list[Line], style: Style, rng: np.random.Generator) -> list[cover.Trees]:
    """Trees of gardens, parks, orchards and streets."""
    groups = []
    for _, use, outline in plan.blocks:
        density = PLOTS[use].trees if use in PLOTS else _TREES_PER_HECTARE.get(use, 0)
        if use == "orchard":
            groups.append(cover.Trees.at(cover.planted(outline, 8.5, rng), (1.9, 2.8), style, rng))
        elif density:
            groups.append(cover.Trees.at(cover.scattered(outline, density, rng), (1.8, 4.8), style, rng))
    for road in roads:
        if road.kind in ("primary", "secondary", "residential") and rng.random() < 0.4 * style.street_trees:
            for side in (-1, 1):
                offset = side * (road.width / 2 + 3.4)
                groups.append(cover.Trees.at(cover.along(road.points, 11.0, offset, rng), (2.0, 3.6), style, rng))
    return groups


def _roads(lines: list[Line], water: NDArray[np.uint8]) -> list[Line]:
    """The roads, small ones first; only wide ones bridge a water, the others end at it. A coast has a promenade."""
    roads = []
    for kind in reversed(ROAD_WIDTHS):
        for line in lines:
            if line.kind == kind:
                roads += [line] if kind in ("primary", "motorway") else _on_land(line, water)
    return roads + [Line(line.points, "secondary", ROAD_WIDTHS["secondary"]) for line in lines if line.kind == "coast"]


def _on_land(line: Line, water: NDArray[np.uint8]) -> list[Line]:
    """The stretches of a line that lie outside the water."""
    dry = _look(water, line.points) == 0
    runs = np.split(np.arange(len(dry)), np.flatnonzero(np.diff(dry)) + 1)
    return [Line(line.points[run], line.kind, line.width) for run in runs if dry[run[0]] and len(run) > 1]


def _look(image: NDArray[np.uint8], points: Points) -> NDArray[np.uint8]:
    """Values of the canvas at points; its edge beyond it."""
    places = np.clip(np.rint(to_pixels(points)).astype(int), 0, len(image) - 1)
    return np.asarray(image[places[:, 1], places[:, 0]])


def _weave(canvas: Canvas, rng: np.random.Generator) -> None:
    """Texture: fine grain, coarse blotches and, for plants, uneven vigour, each by material."""
    grain, blotch = np.full(CODES, 0.045, np.float32), np.full(CODES, 0.07, np.float32)
    vigour = np.full(CODES, 0.06, np.float32)
    for number, material in enumerate(MATERIALS):
        grain[number], blotch[number] = material.grain, material.blotch
        vigour[number] = 0.08 if material.green else 0.0
    shape = canvas.material.shape
    speckle = cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (3, 3), 0.8) * np.float32(2.3)
    patches = 0.7 * smooth_noise(shape, 45, rng) + 0.7 * smooth_noise(shape, 14, rng)
    texture = cv2.LUT(canvas.material, grain) * speckle + cv2.LUT(canvas.material, blotch) * patches
    canvas.brightness[...] *= np.maximum(0.3, 1 + texture)
    canvas.vigour[...] *= np.maximum(0.3, 1 + cv2.LUT(canvas.material, vigour) * smooth_noise(shape, 60, rng))


def _changes(canvas: Canvas, built: list[Building], style: Style, rng: np.random.Generator) -> tuple[Canvas, Canvas]:
    """The canvas as it was for the reference, years before, and as it became."""
    before, after = canvas.copy(), canvas
    houses.renew(before, built)
    shape = canvas.material.shape
    weathered = np.float32(0.07) * smooth_noise(shape, 25, rng) + np.float32(0.05) * smooth_noise(shape, 7, rng)
    before.brightness[...] *= 1 + weathered
    before.vigour[...] *= 1 + np.float32(0.08) * smooth_noise(shape, 50, rng)
    houses.raze(before, [building for building in built if building.fresh], CODE[style.soil])
    houses.raze(after, [building for building in built if building.gone], CODE["yard"])
    return before, after


def _mask(canvas: Canvas, built: list[Building]) -> NDArray[np.uint8]:
    mask = canvas.empty_mask()
    for building in built:
        if not building.fresh:
            fill(mask, building.outline, 1)
    return mask
