"""Centre lines of the truth, from the GeoJSON beside the masks, in pixels of the reference's grid."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.foreign import from_json, read_bytes
from tdsr_bench.georeference import Affine6
from tdsr_bench.scene import SCALE

_FAR = 1e9
"""Pixels; more than there are around the Earth."""

LINED = ("roads",)
"""Tasks whose truth is a network of lines; of others the masks are all that is read."""


def read_lines(root: Path, scene: str, transform: Affine6) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """For each task of lines that has vectors, its lines, each ``[n, 2]`` of (column, row) of high-resolution pixels.

    Args:
        root: of the data set.
        scene: its name.
        transform: of the low-resolution grid; the vectors are in its coordinate system, as the layout says.

    Raises:
        DataError: a file is no GeoJSON.
    """
    files = {task: root / "truth" / scene / f"{task}.geojson" for task in LINED}
    return {task: _lines(path, transform) for task, path in files.items() if path.exists()}


def _lines(path: Path, transform: Affine6) -> tuple[NDArray[np.float64], ...]:
    import shapely

    try:
        features = from_json(read_bytes(path))["features"]
        geometries = shapely.from_geojson([json.dumps(feature["geometry"]) for feature in features])
    except (ValueError, KeyError, TypeError, shapely.errors.GEOSException):
        raise DataError(f"{path} is no GeoJSON, or cut short; make the truth of its scene anew.") from None
    parts = shapely.get_parts(geometries)
    lines = parts[shapely.get_dimensions(parts) == 1]
    found = tuple(in_pixels(shapely.get_coordinates(line), transform) for line in lines)
    if not all((np.abs(line) < _FAR).all() for line in found):  # of NaN no comparison is true
        raise DataError(f"{path} has a line that lies nowhere near its scene; make the truth of its scene anew.")
    return found


def in_pixels(points: NDArray[np.float64], transform: Affine6) -> NDArray[np.float64]:
    """Map coordinates ``[n, 2]`` to (column, row) of the high-resolution grid, by the low-resolution `transform`."""
    a, b, c, d, e, f = transform
    pixels: NDArray[np.float64] = np.linalg.solve(np.array([[a, b], [d, e]]), (points - [c, f]).T).T * SCALE
    return pixels
