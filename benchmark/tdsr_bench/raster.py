"""Opening rasters that are somebody else's: what a header says is not believed before it was held against bounds."""

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError
from tdsr_bench.foreign import check_file

DRIVERS = {
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "GTiff"),
    b"\x89PNG": "PNG",
    b"\0\0\0\x0cjP  ": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
}
"""All that is opened, by how a file begins. Of GDAL's two hundred formats some lead to other files and to addresses."""

MOST_PIXELS = 10**10
"""Of any raster: 100,000 x 100,000, a city in pixels of 20 cm. Such rasters are read in windows."""

MOST_WHOLE = 10_980**2
"""Pixels of a raster that is read as a whole: a tile of Sentinel-2."""

MOST_BANDS = 256

MOST_BLOCK = 2**29
"""Bytes of a block, of which GDAL has to hold all for one pixel of it; a whole tile of Sentinel-2 in one takes half."""

MOST_UNPACKED, MOST_PACKED = 2**24, 4096
"""Pixels of up to 16 MiB are believed; more of them have to be there, packed at most so many times: deflate packs zeros
1,032 times. So no file of some kilobytes makes gigabytes."""

_OPENING = threading.Lock()  # `warnings.catch_warnings` is not safe between threads; decoding happens outside of it


@contextmanager
def opened(path: Path, *, most: int = MOST_PIXELS) -> Iterator[Any]:
    """An open raster; what goes wrong while it is read becomes a `DataError` that names `path`.

    Args:
        path: a GeoTIFF, JPEG 2000 or PNG file.
        most: pixels that it may have.

    Raises:
        DataError: it is no such file, is cut short, or is larger than `most` or than its bytes can be.
    """
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

    driver = _driver(path)
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            raster = rasterio.open(path.absolute(), driver=driver)
        with raster:
            _check(raster, path, most)
            yield raster
    except (RasterioError, CRSError, CPLE_BaseError):
        raise _unreadable(path) from None


def _driver(path: Path) -> str:
    """Which of GDAL's drivers is to open the file at `path`.

    Raises:
        DataError: none.
    """
    check_file(path)
    with path.open("rb") as file:
        head = file.read(8)
    driver = next((driver for magic, driver in DRIVERS.items() if head.startswith(magic)), None)
    if driver is None:
        raise _unreadable(path)
    return driver


def _unreadable(path: Path) -> DataError:
    return DataError(
        f"{path} cannot be read as a raster, or is cut short; expected GeoTIFF, JPEG 2000 or PNG: fetch or make it "
        f"again."
    )


def _check(raster: Any, path: Path, most: int) -> None:
    """Refuse a raster that is larger than it may be, whose pixels are no real numbers, or whose grid is none."""
    import numpy as np

    pixels = raster.width * raster.height
    if pixels > most or raster.count > MOST_BANDS:
        raise DataError(
            f"{path} says to have {raster.count} bands of {raster.height} x {raster.width} pixels, expected at most "
            f"{MOST_BANDS} of {math.isqrt(most)} x {math.isqrt(most)} in all; cut it, or fetch it again."
        )
    if any(np.dtype(dtype).kind not in "uif" for dtype in raster.dtypes):
        raise DataError(f"{path} has pixels of {raster.dtypes[0]}, expected real numbers; convert it.")
    sizes = [np.dtype(dtype).itemsize for dtype in raster.dtypes]
    unpacked, packed = pixels * sum(sizes), path.stat().st_size
    block = max(rows * columns for rows, columns in raster.block_shapes) * sum(sizes)
    if unpacked > max(MOST_UNPACKED, packed * MOST_PACKED):
        raise DataError(
            f"{path} says to unpack to {unpacked} bytes, more than its {packed} can hold; fetch or make it again."
        )
    if block > MOST_BLOCK:
        raise DataError(
            f"{path} is stored in blocks of {block} bytes, expected at most {MOST_BLOCK}; store it in tiles."
        )
    a, b, c, d, e, f = tuple(raster.transform)[:6]
    if not all(map(math.isfinite, (a, b, c, d, e, f))) or not math.isfinite(1 / (a * e - b * d or math.nan)):
        raise DataError(f"{path} lies on no grid (its transform is {(a, b, c, d, e, f)}); georeference it anew.")
