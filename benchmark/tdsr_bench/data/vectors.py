"""Truth from vectors: buildings and roads of any format and coordinate system, as shapes, masks and GeoJSON."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.grid import Bounds, Grid
from tdsr_bench.errors import DataError
from tdsr_bench.foreign import check_file

ROAD_METRES = 6.0
"""Width of a road that says neither its width nor its lanes: two narrow lanes."""

LANE_METRES = 3.5
"""Width of a lane."""

WIDTH_FIELDS = ("width_m", "width", "width:carriageway", "est_width")
LANE_FIELDS = ("lanes", "lane_number")
"""OpenStreetMap's and SpaceNet's names."""

DEGREES = "EPSG:4326"

_FAR = 1e9
"""Degrees, metres or feet; no coordinate system goes so far."""

_HEAD = 2**16
_LEADS_ELSEWHERE = re.compile(
    rb"<OGR\w*DataSource|<\w*:?(?:VRTDataset|GDAL_WMS|WMS_Capabilities)|gdal_streamed_alg|<ogr_gmlas"
)
"""What GDAL's formats that read other files and addresses are told by, wherever it stands: virtual ones, web services,
pipelines."""

_METRES = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:m|metres?|meters?)?\s*")
_FEET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:ft|feet|foot|')\s*(?:(\d+(?:\.\d+)?)\s*(?:in|\"))?\s*")
_FOOT, _INCH = 0.3048, 0.0254
_MOST_METRES = 60.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """Vectors in the coordinate system `crs`.

    Attributes:
        outlines: shapely geometries, polygons and, of roads, lines.
        widths: metres, of each line; 0 for polygons.
        crs: their coordinate system.
        properties: for each of them, what else its GeoJSON says; nothing if empty.
    """

    outlines: NDArray[np.object_]
    widths: NDArray[np.float64]
    crs: str
    properties: Sequence[Mapping[str, Any]] = ()


def read_buildings(path: Path, grid: Grid) -> Shapes:
    """The polygons of `path` that touch `grid`, in its coordinate system.

    Raises:
        DataError: the file cannot be read, says no coordinate system, or has no polygon on the grid.
    """
    outlines, _ = _read(path, grid, ("Polygon",))
    return Shapes(outlines, np.zeros(len(outlines)), grid.crs)


def read_roads(path: Path, grid: Grid) -> Shapes:
    """The centre lines and polygons of `path` that touch `grid`, in its coordinate system.

    The width of a line is its `width_m` or `width` in metres or feet, else its `lanes` (or `lane_number`) times 3.5 m,
    else 6 m; see `road_metres`.

    Raises:
        DataError: the file cannot be read, says no coordinate system, or has no line or polygon on the grid.
    """
    outlines, fields = _read(path, grid, ("Polygon", "LineString", "LinearRing"))
    import shapely

    is_line = shapely.get_dimensions(outlines) == 1
    entries = ({name: column[index] for name, column in fields.items()} for index in range(len(outlines)))
    widths = [road_metres(entry) if line else 0.0 for entry, line in zip(entries, is_line, strict=True)]
    return Shapes(outlines, np.array(widths), grid.crs)


def parse_metres(entry: object) -> float | None:
    """A length in metres from a text such as those of OpenStreetMap; None where it is no plain length.

    >>> parse_metres("3.5 m"), parse_metres("3,5"), parse_metres(7.0), parse_metres("narrow")
    (3.5, 3.5, 7.0, None)
    >>> round(parse_metres("12'6\\""), 2), round(parse_metres("12 ft"), 2)
    (3.81, 3.66)
    """
    if found := _METRES.fullmatch(str(entry)):
        return float(found[1].replace(",", "."))
    if found := _FEET.fullmatch(str(entry)):
        return float(found[1]) * _FOOT + float(found[2] or 0) * _INCH
    return None


def road_metres(fields: Mapping[str, object], *, otherwise: float = ROAD_METRES, beside_lanes: float = 0.0) -> float:
    """The width in metres of a road: what its `fields` say, else its lanes times 3.5 m, else `otherwise`.

    Entries that are no plain length, not positive, or make more than 60 m count as not said. `beside_lanes` is what a
    road has beside its lanes, in metres, such as a hard shoulder.
    """
    said = [parse_metres(fields[name]) for name in WIDTH_FIELDS if name in fields]
    lanes = [parse_metres(fields[name]) for name in LANE_FIELDS if name in fields]
    by_lanes = [number * LANE_METRES + beside_lanes for number in lanes if number]
    return next((width for width in (*said, *by_lanes) if width and width <= _MOST_METRES), otherwise)


def rasterise(shapes: Shapes, grid: Grid) -> NDArray[np.bool_]:
    """bool ``[H, W]``: the pixels of `grid` whose centre lies in a polygon, or within half its width of a line."""
    import shapely
    from rasterio import Affine
    from rasterio.features import rasterize

    areas = _buffered(shapes, grid)
    areas = areas[shapely.intersects(areas, _box(grid))]
    if not len(areas):
        return np.zeros((grid.height, grid.width), dtype=bool)
    mask = rasterize(list(areas), (grid.height, grid.width), transform=Affine(*grid.transform), dtype="uint8")
    return np.asarray(mask != 0)


def clipped(shapes: Shapes, grid: Grid) -> Shapes:
    """The part of `shapes` that lies on `grid`: single lines and polygons, nothing that only touches its edge."""
    import shapely

    inside = shapely.intersection(shapes.outlines, _box(grid))
    parts, owners = shapely.get_parts(inside, return_index=True)
    dimensions = shapely.get_dimensions(parts)
    same = (dimensions > 0) & (dimensions == shapely.get_dimensions(shapes.outlines)[owners])
    owners = owners[same]
    properties = [shapes.properties[owner] for owner in owners] if shapes.properties else ()
    return Shapes(parts[same], shapes.widths[owners], shapes.crs, properties)


def to_geojson(shapes: Shapes, grid: Grid) -> str:
    """The part of `shapes` that lies on `grid`, as GeoJSON in its coordinate system; a line has its `width_m`."""
    import shapely

    parts = shapely.intersection(shapes.outlines, _box(grid))
    properties = shapes.properties or [{}] * len(parts)
    features = [
        {
            "type": "Feature",
            "properties": {**entry, "width_m": round(float(width), 2)} if width else dict(entry),
            "geometry": json.loads(text),
        }
        for text, empty, width, entry in zip(
            shapely.to_geojson(parts), shapely.is_empty(parts), shapes.widths, properties, strict=True
        )
        if not empty
    ]
    return json.dumps({"type": "FeatureCollection", **_crs_member(shapes.crs), "features": features})


def read_layer(path: Path, **options: Any) -> tuple[Mapping[str, Any], NDArray[np.object_], Mapping[str, NDArray[Any]]]:
    """What pyogrio says of a layer of `path`, its geometries, and its columns by name.

    Args:
        path: anything that GDAL reads.
        options: pyogrio's: ``layer``, ``columns``, ``mask``, ``where``.

    Raises:
        DataError: it cannot be read, or says no coordinate system.
    """
    import shapely
    from pyogrio import raw
    from pyogrio.errors import DataLayerError, DataSourceError

    check_vectors(path)
    try:
        meta, _, stored, columns = raw.read(path.absolute(), force_2d=True, **options)
        shapes = shapely.from_wkb(stored)
    except IndexError:  # by pyogrio, where there is no first layer
        raise DataError(f"{path} has no layer of vectors; export it anew.") from None
    except (DataSourceError, DataLayerError, shapely.errors.GEOSException, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as vectors ({first_line(error)}); convert it to GeoPackage.") from None
    if not meta["crs"]:
        raise DataError(
            f"{path} says no coordinate system, expected one (a .prj file, for shapefiles); assign its own."
        )
    return meta, shapes, dict(zip(meta["fields"], columns, strict=True))


def check_vectors(path: Path) -> None:
    """Refuse what is no file of vectors, but leads elsewhere: to other files, to an address, into an archive.

    Raises:
        DataError: it does.
    """
    if path.is_dir() and path.suffix.lower() == ".gdb":
        return
    check_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK") or path.suffix.lower() in (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar"):
        raise DataError(f"{path} is an archive, expected the file within; unpack it.")
    if _LEADS_ELSEWHERE.search(head):
        raise DataError(f"{path} holds no vectors, it says where to find some; name that file, or convert it.")


def single_parts(shapes: NDArray[np.object_], kinds: tuple[str, ...]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """The single geometries of one of `kinds` that `shapes` are made of, and which of `shapes` each comes from."""
    import shapely

    parts, owners = shapely.get_parts(shapes, return_index=True)
    wanted = np.isin(shapely.get_type_id(parts), [shapely.GeometryType[kind.upper()] for kind in kinds])
    wanted &= ~shapely.is_empty(parts)
    return parts[wanted], owners[wanted]


def brought_to(shapes: NDArray[np.object_], source: str, target: str, *, where: str) -> NDArray[np.object_]:
    """`shapes` of the coordinate system `source` in the system `target`, made valid; `where` names them in errors.

    Raises:
        DataError: `source` is not known, or lies nowhere on Earth, or `shapes` lie outside of it.
    """
    import shapely
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import CRSError, RasterioError

    if not _lies_on_earth(source):
        raise DataError(f"{where}: its coordinate system ({source[:40]}) is not known; assign one with an EPSG code.")
    _check_places(shapely.get_coordinates(shapes), where)
    try:
        moved = _reproject(shapes, source, target)
        _check_places(shapely.get_coordinates(moved), where)
        return np.where(shapely.is_valid(moved), moved, shapely.make_valid(moved))
    except (CPLE_BaseError, RasterioError, CRSError, shapely.errors.GEOSException) as error:
        raise DataError(
            f"{where}: its features cannot be brought to another coordinate system ({first_line(error)}); check it."
        ) from None


def reboxed(box: Bounds, source: str, target: str, *, where: str) -> Bounds:
    """The box in `target` around `box` in `source`, whose edges are curved there; see `brought_to`.

    Raises:
        DataError: `source` is not known, or `box` lies outside of it.
    """
    import shapely

    _check_places(np.array(box), where)
    edge = max(box[2] - box[0], box[3] - box[1], 1e-9) / 20
    outline = np.array([shapely.segmentize(shapely.box(*box), edge)])
    west, south, east, north = shapely.total_bounds(brought_to(outline, source, target, where=where))
    return float(west), float(south), float(east), float(north)


def _read(path: Path, grid: Grid, kinds: tuple[str, ...]) -> tuple[NDArray[np.object_], dict[str, NDArray[Any]]]:
    """The single geometries of one of `kinds` that touch `grid`, in its coordinate system, and their attributes."""
    import shapely

    meta, stored, columns = read_layer(path)
    parts, owners = single_parts(stored, kinds)
    parts = brought_to(parts, meta["crs"], grid.crs, where=str(path))
    near = shapely.intersects(parts, _box(grid))
    if not near.any():
        raise DataError(
            f"{path}: none of its {len(stored)} features is a {' or '.join(kinds[:2])} on the image; check that its "
            f"coordinate system ({meta['crs'][:40]}) and place are right."
        )
    return parts[near], {name: column[owners][near] for name, column in columns.items()}


def _check_places(points: NDArray[np.float64], where: str) -> None:
    if not (np.abs(points) < _FAR).all():  # of NaN no comparison is true
        raise DataError(f"{where}: a coordinate of it is nowhere on Earth, or no number; repair it, or export it anew.")


def _lies_on_earth(crs: str) -> bool:
    """Whether `crs` is a coordinate system of degrees or of a map projection, and not a local or unknown one."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        system = CRS.from_user_input(crs)
    except CRSError:
        return False
    return bool(system.is_geographic or system.is_projected)


def _reproject(shapes: NDArray[np.object_], source: str, target: str) -> NDArray[np.object_]:
    import shapely
    from rasterio.warp import transform

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform(source, target, points[:, 0], points[:, 1])[:2])

    return np.asarray(shapely.transform(shapes, moved)) if len(shapes) else shapes


def _buffered(shapes: Shapes, grid: Grid) -> NDArray[np.object_]:
    """The areas of `shapes`, lines as wide as they are on the ground whatever the unit of their coordinates."""
    import shapely

    wide, unit = shapes.widths > 0, _unit_metres(grid)
    areas = shapes.outlines.copy()
    lines = shapely.transform(areas[wide], lambda points: points * unit)
    areas[wide] = shapely.transform(shapely.buffer(lines, shapes.widths[wide] / 2), lambda points: points / unit)
    return areas


def _unit_metres(grid: Grid) -> NDArray[np.float64]:
    """Metres on the ground of one unit of both map coordinates, in the middle of `grid`."""
    import shapely

    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    points = shapely.points([(x, y), (east, y), (x, north)])
    longitude, latitude = shapely.get_coordinates(_reproject(points, grid.crs, DEGREES))[0]
    plane = f"+proj=aeqd +lat_0={latitude} +lon_0={longitude} +datum=WGS84"  # true distances from its centre
    centre, right, top = shapely.get_coordinates(_reproject(points, grid.crs, plane))
    lengths = np.linalg.norm([right - centre, top - centre], axis=1)
    return np.asarray(lengths / [east - x, north - y])


def _box(grid: Grid) -> Any:
    import shapely

    return shapely.box(*grid.bounds)


def _crs_member(crs: str) -> dict[str, Any]:
    """GeoJSON's former way to say a coordinate system other than degrees, which readers still understand."""
    from rasterio.crs import CRS

    code = CRS.from_user_input(crs).to_epsg()
    return {"crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{code}"}}} if code else {}


def first_line(error: Exception) -> str:
    """The first line of what `error` says, without its full stop."""
    return str(error).strip().splitlines()[0].rstrip(".")
