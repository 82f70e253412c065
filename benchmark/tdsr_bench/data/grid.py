"""Map grids of whole scenes: their parts, their tiles, and the metric grid of an image in any coordinate system."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.georeference import Affine6, cut
from tdsr_bench.scene import SCALE

MAX_SIZE = 1965
"""The longest side of a scene that the makers write, in high-resolution pixels: that of MuS2's full tiles."""

MIN_SIZE = 36
"""The shortest side of a scene, in high-resolution pixels: with 12 cut at each border, a third of it is scored."""

SLIGHTLY_ASKEW = 0.75
"""An image is cut to the upright box inside it where that has so much of the area of the box around it."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True)
class Grid:
    """A raster's grid on the map.

    Attributes:
        crs: the coordinate reference system, as WKT.
        transform: affine map from (column, row) to map coordinates, see `tdsr_bench.scene.LowResView`.
        height, width: in pixels.
    """

    crs: str
    transform: Affine6
    height: int
    width: int

    @property
    def bounds(self) -> Bounds:
        """The box around all four corners, in map coordinates."""
        a, b, c, d, e, f = self.transform
        corners = [(column, row) for column in (0, self.width) for row in (0, self.height)]
        xs = [a * column + b * row + c for column, row in corners]
        ys = [d * column + e * row + f for column, row in corners]
        return min(xs), min(ys), max(xs), max(ys)

    def part(self, rows: slice, columns: slice) -> "Grid":
        """The grid of ``image[rows, columns]``, where both slices have a start and a stop within the image."""
        corner = cut(self.transform, rows.start, columns.start)
        return Grid(self.crs, corner, rows.stop - rows.start, columns.stop - columns.start)

    def window(self, box: Bounds, *, margin: int) -> tuple[slice, slice]:
        """Rows and columns of the pixels that touch `box` (map coordinates), and `margin` more where there are any."""
        a, b, c, d, e, f = self.transform
        west, south, east, north = box
        corners = np.array([(x - c, y - f) for x in (west, east) for y in (south, north)]).T
        columns, rows = np.linalg.solve(np.array([[a, b], [d, e]]), corners)
        return _touched(rows, self.height, margin), _touched(columns, self.width, margin)

    def whole_pixel(self, part: "Grid") -> tuple[int, int] | None:
        """Where `part` begins in this grid, (row, column), if it is a part of it pixel for pixel; None otherwise."""
        a, b, c, d, e, f = self.transform
        pixel, other = (a, b, d, e), tuple(part.transform[index] for index in (0, 1, 3, 4))
        if b or d or self.crs != part.crs or not np.allclose(pixel, other, rtol=1e-9, atol=0):
            return None
        column, row = (part.transform[2] - c) / a, (part.transform[5] - f) / e
        whole = round(row), round(column)
        inside = 0 <= whole[0] <= self.height - part.height and 0 <= whole[1] <= self.width - part.width
        aligned = max(abs(row - whole[0]), abs(column - whole[1])) < 1e-3
        return whole if inside and aligned else None

    @property
    def lowres_transform(self) -> Affine6:
        """The transform of the low-resolution grid with the same corner."""
        a, b, c, d, e, f = self.transform
        return a * SCALE, b * SCALE, c, d * SCALE, e * SCALE, f


def grid_of(raster: Any) -> Grid:
    """The grid of an open rasterio data set, which has to have a coordinate system."""
    return Grid(raster.crs.to_wkt(), tuple(raster.transform)[:6], raster.height, raster.width)


def tiles(grid: Grid, *, most: int = MAX_SIZE) -> Iterator[tuple[str, slice, slice]]:
    """Cut `grid` into tiles of about equal size, sides multiples of 3 and at most `most` (itself such a multiple).

    Up to two rows and columns at the lower right are left over. The suffix to a scene's name is empty for a lone tile.

    >>> [suffix for suffix, _, _ in tiles(Grid("", (1, 0, 0, 0, -1, 0), 10, 20), most=9)]
    ['_r0c0', '_r0c1']
    """
    rows, columns = _cuts(grid.height, most), _cuts(grid.width, most)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            yield f"_r{i}c{j}" if len(rows) * len(columns) > 1 else "", row, column


def _touched(positions: NDArray[np.float64], size: int, margin: int) -> slice:
    low, high = math.floor(positions.min()) - margin, math.ceil(positions.max()) + margin
    return slice(max(0, low), min(size, high))


def _cuts(size: int, most: int) -> list[slice]:
    whole = size // SCALE * SCALE
    count = math.ceil(whole / most)
    step = math.ceil(whole / count / SCALE) * SCALE if count else SCALE
    return [slice(start, min(start + step, whole)) for start in range(0, whole, step)]


def clip_to(grid: Grid, box: Bounds | None, *, where: str) -> Grid:
    """The part of `grid` that `box` covers, whole pixels; `box` is west, south, east, north in degrees (WGS 84).

    Raises:
        DataError: the box is empty, or lies outside; `where` names what is clipped.
    """
    from rasterio.warp import transform_bounds

    if box is None:
        return grid
    west, south, east, north = box
    if not (west < east and south < north):
        raise DataError(f"The bounding box {box} is empty; give west, south, east, north in degrees, west below east.")
    left, bottom, right, top = transform_bounds("EPSG:4326", grid.crs, west, south, east, north)
    a, _, c, _, e, f = grid.transform
    columns = _span((left - c) / a, (right - c) / a, grid.width)
    rows = _span((top - f) / e, (bottom - f) / e, grid.height)
    if columns is None or rows is None:
        own = tuple(round(float(edge), 5) for edge in transform_bounds(grid.crs, "EPSG:4326", *grid.bounds))
        raise DataError(f"{where}: the bounding box {box} lies outside of it ({own}); give one inside, in degrees.")
    return grid.part(rows, columns)


def metric_grid(raster: Any, *, metres: float) -> Grid:
    """A north-up grid of true `metres` a pixel inside an open rasterio data set, from its upper left corner on.

    It keeps the coordinate system where that has true metres to within 1 % at the image's centre, and takes the UTM
    zone of the centre otherwise: degrees, feet, and Web Mercator, whose metres shrink with the cosine of the latitude.
    An image that lies askew in it is covered as a whole, with corners that have no data.
    """
    own = grid_of(raster)
    crs = own.crs if _has_true_metres(own) else _utm(own)
    inner, outer = _inner_and_outer(own, crs)
    west, south, east, north = inner if _area(inner) > SLIGHTLY_ASKEW * _area(outer) else outer
    width, height = (math.floor(length / metres + 1e-6) for length in (east - west, north - south))
    return Grid(crs, (metres, 0.0, west, 0.0, -metres, north), height, width)


def _inner_and_outer(own: Grid, crs: str) -> tuple[Bounds, Bounds]:
    """The boxes in `crs` that lie within the four edges of `own`, and around them."""
    h, w = own.height, own.width
    left, right = _edge(own, crs, (0, 0), (h, 0)), _edge(own, crs, (0, w), (h, w))
    top, bottom = _edge(own, crs, (0, 0), (0, w)), _edge(own, crs, (h, 0), (h, w))
    west, east = sorted((left[0], right[0]), key=np.mean)
    south, north = sorted((top[1], bottom[1]), key=np.mean)
    xs, ys = np.concatenate([left, right, top, bottom], axis=1)
    inner = west.max(), south.max(), east.min(), north.min()
    return inner, (xs.min(), ys.min(), xs.max(), ys.max())


def _edge(own: Grid, crs: str, start: tuple[int, int], stop: tuple[int, int]) -> NDArray[np.float64]:
    """Points ``[2, n]`` (x, y in `crs`) from the pixel corner `start` (row, column) to `stop`."""
    from rasterio.warp import transform

    a, b, c, d, e, f = own.transform
    rows, columns = np.linspace(start, stop, 21).T
    return np.array(transform(own.crs, crs, a * columns + b * rows + c, d * columns + e * rows + f)[:2])


def _area(box: Bounds) -> float:
    west, south, east, north = box
    return max(0.0, east - west) * max(0.0, north - south)


def _span(start: float, stop: float, size: int) -> slice | None:
    low, high = max(0, round(min(start, stop))), min(size, round(max(start, stop)))
    return slice(low, high) if low < high else None


def _has_true_metres(grid: Grid) -> bool:
    from rasterio.crs import CRS

    if not CRS.from_user_input(grid.crs).is_projected:
        return False
    x, y = _centre(grid)
    step = 100.0
    (lon0, lon1, lon2), (lat0, lat1, lat2) = _degrees(grid.crs, [x, x + step, x], [y, y, y + step])
    lengths = _ground(lon0, lat0, lon1, lat1), _ground(lon0, lat0, lon2, lat2)
    return all(abs(length / step - 1) < 0.01 for length in lengths)


def _ground(lon0: float, lat0: float, lon1: float, lat1: float) -> float:
    """Metres between two near points on the WGS 84 ellipsoid, by its radii of curvature."""
    axis, eccentricity2 = 6_378_137.0, 0.006_694_379_990_14
    latitude = math.radians((lat0 + lat1) / 2)
    root = math.sqrt(1 - eccentricity2 * math.sin(latitude) ** 2)
    north = math.radians(lat1 - lat0) * axis * (1 - eccentricity2) / root**3
    east = math.radians(lon1 - lon0) * axis / root * math.cos(latitude)
    return math.hypot(north, east)


def _utm(grid: Grid) -> str:
    from rasterio.crs import CRS

    x, y = _centre(grid)
    (longitude,), (latitude,) = _degrees(grid.crs, [x], [y])
    zone = int((longitude + 180) // 6) % 60 + 1
    return str(CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone).to_wkt())


def _centre(grid: Grid) -> tuple[float, float]:
    west, south, east, north = grid.bounds
    return (west + east) / 2, (south + north) / 2


def _degrees(crs: str, xs: list[float], ys: list[float]) -> tuple[list[float], list[float]]:
    from rasterio.warp import transform

    longitudes, latitudes = transform(crs, "EPSG:4326", xs, ys)
    return longitudes, latitudes
