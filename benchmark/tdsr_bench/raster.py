"""Opening rasters that are somebody else's."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError

_OPENING = threading.Lock()  # `warnings.catch_warnings` is not safe between threads; decoding happens outside of it


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An open raster; what goes wrong while it is read becomes a `DataError` that names `path`.

    Raises:
        DataError: it cannot be read, or is cut short.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            raster = rasterio.open(path)
        with raster:
            yield raster
    except RasterioError:
        raise DataError(f"{path} cannot be read as a raster, or is cut short; fetch or make it again.") from None
