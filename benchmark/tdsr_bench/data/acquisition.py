"""One date of Sentinel-2: where its bands lie, and reading them onto any grid."""

import math
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.grid import Grid, grid_of
from tdsr_bench.errors import DataError
from tdsr_bench.raster import opened
from tdsr_bench.scene import BANDS

SATURATED = 65535
"""Stands for a saturated pixel in uint16 products."""

BRIGHTEST = 2.0
"""No acquisition's median reflectance is over this; where it seems to be, the numbers are of another unit."""


@dataclass(frozen=True)
class Layer:
    """One band of a raster file: ``reflectance = scale * stored + offset``, except where it stores `nodata`."""

    path: Path
    index: int
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None


@dataclass(frozen=True)
class Acquisition:
    """One date, not yet read.

    Attributes:
        path: the GeoTIFF or the `.SAFE` folder.
        day: its date.
        bands: B02, B03, B04, B08.
        classes: the scene classification (SCL), where there is one.
        grid: of `bands`.
    """

    path: Path
    day: date
    bands: tuple[Layer, ...]
    classes: Layer | None
    grid: Grid


def read_reflectance(acquisition: Acquisition, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Reflectance ``[4, H, W]`` on `grid`, and where there are data (``[H, W]``; reflectance is 0 elsewhere).

    On the acquisition's own grid pixels are read as they are; onto another they are resampled by cubic convolution.

    Raises:
        DataError: a file cannot be read, or its numbers are no reflectance.
    """
    files = groupby(acquisition.bands, key=lambda layer: layer.path)
    stored = [image for _, layers in files for image in _read_layers(list(layers), grid)]
    has_data = ~np.all([image == 0 for image in stored], axis=0)
    bands = np.empty((len(BANDS), grid.height, grid.width), dtype=np.float32)
    for band, image, layer in zip(bands, stored, acquisition.bands, strict=True):
        has_data &= _is_data(image, layer.nodata)
        band[:] = image * np.float32(layer.scale) + np.float32(layer.offset)
    bands[:, ~has_data] = 0
    if has_data.any() and (middle := float(np.median(bands[:, has_data]))) > BRIGHTEST:
        raise DataError(
            f"{acquisition.path}: the median of its reflectance would be {middle:.4g}, expected 0 to 1; store "
            f"reflectance x 10000 as 16-bit integers, or reflectance as floats."
        )
    return bands, has_data


def read_classes(acquisition: Acquisition, grid: Grid) -> NDArray[Any]:
    """The scene classification of an acquisition that has one, on `grid`, by nearest neighbour; 0 outside of it."""
    if acquisition.classes is None:
        raise ValueError(f"{acquisition.path} has no scene classification")
    classes: NDArray[Any] = _read_layers([acquisition.classes], grid, nearest=True)[0]
    return classes


def _is_data(image: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = np.isfinite(image)
    if nodata is not None and not math.isnan(nodata):
        good &= image != nodata
    if image.dtype == np.uint16:
        good &= image != SATURATED
    return good


def _read_layers(layers: list[Layer], grid: Grid, *, nearest: bool = False) -> NDArray[Any]:
    """Layers of one file, as stored, ``[n, H, W]`` on `grid`."""
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import Window

    indices, nodata = [layer.index for layer in layers], layers[0].nodata
    with opened(layers[0].path) as raster:
        corner = grid_of(raster).whole_pixel(grid)
        if corner is not None:
            row, column = corner
            whole: NDArray[Any] = raster.read(indices, window=Window(column, row, grid.width, grid.height))
            return whole
        if nodata is None:
            nodata = 0 if np.issubdtype(np.dtype(raster.dtypes[indices[0] - 1]), np.integer) else math.nan
        with WarpedVRT(
            raster, crs=grid.crs, transform=Affine(*grid.transform), height=grid.height, width=grid.width,
            resampling=Resampling.nearest if nearest else Resampling.cubic, src_nodata=nodata, nodata=nodata,
            tolerance=0.001,  # pixels; the default may err by an eighth, and 0 is refused
        ) as warped:  # fmt: skip
            resampled: NDArray[Any] = warped.read(indices)
            return resampled
