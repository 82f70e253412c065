"""Arrays that others stored: .npy, .safetensors (tensor ``sr``) and GeoTIFF, not read before their shape is known."""

from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError, SubmissionError
from tdsr_bench.foreign import check_file
from tdsr_bench.raster import MOST_WHOLE, opened

Shape = tuple[int, ...]


def read_array(path: Path, shape: Shape) -> object:
    """What the file at `path` holds, which a header alone cannot make larger than `shape`.

    Raises:
        DataError: it cannot be read, or is cut short.
        SubmissionError: it is of another shape.
    """
    check_file(path)
    readers = {".npy": _npy, ".safetensors": _safetensors}
    try:
        return readers.get(path.suffix, _raster)(path, shape)
    except (DataError, SubmissionError):
        raise
    except Exception as error:  # every reader has errors of its own, and the file is somebody else's
        raise DataError(f"{path} cannot be read, or is cut short ({type(error).__name__}); write it again.") from None


def _npy(path: Path, shape: Shape) -> Any:
    import numpy as np

    mapped = np.lib.format.open_memmap(path, mode="r")  # refuses pickles, and a header that says more than is there
    _check(path, mapped.shape, shape)
    return np.array(mapped)


def _safetensors(path: Path, shape: Shape) -> Any:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        if "sr" not in file.keys():  # noqa: SIM118 - it is no mapping
            raise DataError(f"{path} has no tensor `sr`, expected the image under that name; write it again.")
        _check(path, tuple(file.get_slice("sr").get_shape()), shape)
        return file.get_tensor("sr")


def _raster(path: Path, shape: Shape) -> Any:
    with opened(path, most=MOST_WHOLE) as raster:
        _check(path, (raster.count, *raster.shape), shape)
        return raster.read()


def _check(path: Path, found: Shape, expected: Shape) -> None:
    if found != expected:
        raise SubmissionError(
            f"{path} is of the shape {[*found]}, expected {[*expected]}: band, row, column; write it again."
        )
