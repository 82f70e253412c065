"""Features of OpenStreetMap, and what becomes of them on a scene's grid."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.grid import Grid
from tdsr_bench.data.osm_tags import Tags, is_bridge, is_building, road_width
from tdsr_bench.data.vectors import DEGREES, Shapes, brought_to, clipped, single_parts

Shift = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Features:
    """Features of OpenStreetMap.

    Attributes:
        shapes: shapely geometries in degrees.
        tags: of each of them.
    """

    shapes: NDArray[np.object_]
    tags: Sequence[Tags]

    def chosen(self, wanted: NDArray[np.bool_]) -> "Features":
        """Those where `wanted`, bool ``[n]``, is true."""
        return Features(self.shapes[wanted], [those for those, keep in zip(self.tags, wanted, strict=True) if keep])


def find_buildings(features: Features) -> Shapes:
    """The outlines among `features` that are buildings, see `is_building`."""
    outlines, owners = single_parts(features.shapes, ("Polygon",))
    keep = np.array([is_building(features.tags[owner]) for owner in owners], dtype=bool)
    return Shapes(outlines[keep], np.zeros(keep.sum()), DEGREES)


def find_roads(features: Features) -> Shapes:
    """The centre lines among `features` that are roads, with their widths, see `road_width`."""
    lines, owners = single_parts(features.shapes, ("LineString", "LinearRing"))
    tags = [features.tags[owner] for owner in owners]
    widths = np.array([road_width(those) or 0.0 for those in tags])
    told = [_told(those) for those, width in zip(tags, widths, strict=True) if width]
    return Shapes(lines[widths > 0], widths[widths > 0], DEGREES, told)


TASKS: Mapping[str, Callable[[Features], Shapes]] = {"buildings": find_buildings, "roads": find_roads}
"""The tasks that OpenStreetMap has truth of."""


def on_reference(shapes: Shapes, grid: Grid, shift: Shift, *, pixel: float) -> Shapes:
    """The part of `shapes` that lies on a scene, where its reference shows it.

    Args:
        shapes: on the map, in degrees.
        grid: the high-resolution grid, laid by the map coordinates of the scene's frames.
        shift: how far the frames' content lies from the reference's, (rows, columns) in pixels of `grid`.
        pixel: metres; no line is narrower than one, so that none is broken by pixels whose centres it misses.
    """
    a, b, _, d, e, _ = grid.transform
    offset = np.array([a * shift[1] + b * shift[0], d * shift[1] + e * shift[0]])
    import shapely

    laid = brought_to(shapes.outlines, shapes.crs, grid.crs, where="OpenStreetMap")
    moved = shapely.transform(laid, lambda points: points - offset)
    least = math.ceil(100 * pixel) / 100  # to the centimetre that is written
    widths = np.where(shapes.widths > 0, np.maximum(shapes.widths, least).round(2), 0.0)
    return clipped(Shapes(moved, widths, grid.crs, shapes.properties), grid)


def _told(tags: Tags) -> dict[str, Any]:
    """What the written centre line of a road says beside its width."""
    return {"class": tags["highway"], **({"bridge": True} if is_bridge(tags) else {})}
