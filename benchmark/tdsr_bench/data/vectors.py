"""Truth from vectors: buildings and roads of any format and coordinate system, as shapes, masks and GeoJSON."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.grid import Grid
from tdsr_bench.errors import DataError

ROAD_METRES = 6.0
"""Width of a road that says neither its width nor its lanes: two narrow lanes."""

LANE_METRES = 3.5
"""Width of a lane."""

WIDTH_FIELDS = ("width_m", "width")
LANE_FIELDS = ("lanes", "lane_number")
"""OpenStreetMap's and SpaceNet's names."""

_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:m|metres|meters)?\s*")
_MOST_METRES = 60.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """Vectors in the coordinate system `crs`, whose unit is the metre.

    Attributes:
        outlines: shapely geometries, polygons and, of roads, lines.
        widths: metres, of each line; 0 for polygons.
    """

    outlines: NDArray[np.object_]
    widths: NDArray[np.float64]
    crs: str


def read_buildings(path: Path, grid: Grid) -> Shapes:
    """The polygons of `path` that touch `grid`, in its coordinate system.

    Raises:
        DataError: the file cannot be read, says no coordinate system, or has no polygon on the grid.
    """
    outlines, _ = _read(path, grid, ("Polygon",))
    return Shapes(outlines, np.zeros(len(outlines)), grid.crs)


def read_roads(path: Path, grid: Grid) -> Shapes:
    """The centre lines and polygons of `path` that touch `grid`, in its coordinate system.

    The width of a line is its `width_m` or `width` in metres, else its `lanes` (or `lane_number`) times 3.5 m, else 6
    m. Entries that are no plain number of metres, not positive, or over 60 m count as not said.

    Raises:
        DataError: the file cannot be read, says no coordinate system, or has no line or polygon on the grid.
    """
    outlines, fields = _read(path, grid, ("Polygon", "LineString", "LinearRing"))
    import shapely

    is_line = shapely.get_dimensions(outlines) == 1
    widths = [_width(fields, index) if line else 0.0 for index, line in enumerate(is_line)]
    return Shapes(outlines, np.array(widths), grid.crs)


def rasterise(shapes: Shapes, grid: Grid) -> NDArray[np.bool_]:
    """bool ``[H, W]``: the pixels of `grid` whose centre lies in a polygon, or within half its width of a line."""
    import shapely
    from rasterio import Affine
    from rasterio.features import rasterize

    areas = np.where(shapes.widths > 0, shapely.buffer(shapes.outlines, shapes.widths / 2), shapes.outlines)
    areas = areas[shapely.intersects(areas, _box(grid))]
    if not len(areas):
        return np.zeros((grid.height, grid.width), dtype=bool)
    mask = rasterize(list(areas), (grid.height, grid.width), transform=Affine(*grid.transform), dtype="uint8")
    return np.asarray(mask != 0)


def to_geojson(shapes: Shapes, grid: Grid) -> str:
    """The part of `shapes` that lies on `grid`, as GeoJSON in its coordinate system; a line has its `width_m`."""
    import shapely

    parts = shapely.intersection(shapes.outlines, _box(grid))
    features = [
        {
            "type": "Feature",
            "properties": {"width_m": round(float(width), 2)} if width else {},
            "geometry": json.loads(shapely.to_geojson(part)),
        }
        for part, width in zip(parts, shapes.widths, strict=True)
        if not part.is_empty
    ]
    return json.dumps({"type": "FeatureCollection", **_crs_member(shapes.crs), "features": features})


def _read(path: Path, grid: Grid, kinds: tuple[str, ...]) -> tuple[NDArray[np.object_], dict[str, NDArray[Any]]]:
    """The single geometries of one of `kinds` that touch `grid`, in its coordinate system, and their attributes."""
    import shapely
    from pyogrio import raw
    from pyogrio.errors import DataLayerError, DataSourceError
    from rasterio.errors import CRSError

    try:
        meta, _, stored, columns = raw.read(path, force_2d=True)
    except (DataSourceError, DataLayerError) as error:
        raise DataError(f"{path} cannot be read as vectors ({_first_line(error)}); convert it to GeoPackage.") from None
    if not meta["crs"]:
        raise DataError(
            f"{path} says no coordinate system, expected one (a .prj file, for shapefiles); assign its own."
        )
    parts, owners = shapely.get_parts(shapely.from_wkb(stored), return_index=True)
    wanted = np.isin(shapely.get_type_id(parts), [shapely.GeometryType[kind.upper()] for kind in kinds])
    parts, owners = parts[wanted & ~shapely.is_empty(parts)], owners[wanted & ~shapely.is_empty(parts)]
    try:
        parts = _reproject(parts, meta["crs"], grid.crs)
    except CRSError:
        raise DataError(
            f"{path}: its coordinate system {meta['crs']!r} is not known; assign one with an EPSG code."
        ) from None
    parts = np.where(shapely.is_valid(parts), parts, shapely.make_valid(parts))
    near = shapely.intersects(parts, _box(grid))
    if not near.any():
        raise DataError(
            f"{path}: none of its {len(stored)} features is a {' or '.join(kinds[:2])} on the image; check that its "
            f"coordinate system ({meta['crs'][:40]}) and place are right."
        )
    fields = {name: column[owners][near] for name, column in zip(meta["fields"], columns, strict=True)}
    return parts[near], fields


def _reproject(shapes: NDArray[np.object_], source: str, target: str) -> NDArray[np.object_]:
    import shapely
    from rasterio.warp import transform

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform(source, target, points[:, 0], points[:, 1])[:2])

    return np.asarray(shapely.transform(shapes, moved)) if len(shapes) else shapes


def _width(fields: dict[str, NDArray[Any]], index: int) -> float:
    for names, metres in ((WIDTH_FIELDS, 1.0), (LANE_FIELDS, LANE_METRES)):
        for name in names:
            found = _NUMBER.fullmatch(str(fields[name][index])) if name in fields else None
            if found and 0 < float(found[1]) * metres <= _MOST_METRES:
                return float(found[1]) * metres
    return ROAD_METRES


def _box(grid: Grid) -> Any:
    import shapely

    return shapely.box(*grid.bounds)


def _crs_member(crs: str) -> dict[str, Any]:
    """GeoJSON's former way to say a coordinate system other than degrees, which readers still understand."""
    from rasterio.crs import CRS

    code = CRS.from_user_input(crs).to_epsg()
    return {"crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}} if code else {}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
