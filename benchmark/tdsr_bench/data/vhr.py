"""Reading a very-high-resolution image: its bands, its radiometry, and its pixels averaged onto a metric grid."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.data.grid import Grid, grid_of, metric_grid
from tdsr_bench.errors import DataError
from tdsr_bench.raster import MOST_WHOLE, opened
from tdsr_bench.scene import BANDS

BAND_ORDERS = {1: "P", 3: "RGB", 4: "BGRN", 8: "-BG-R-N-"}
"""What the bands of an image are taken for, by their number: P panchromatic, B, G, R, N near infrared, - not used.

Eight are WorldView-2's: coastal, blue, green, yellow, red, red edge, near infrared 1 and 2. Of these MuS2 takes the
same four. In pairs and other numbers the order has to be said.
"""

BRIGHT = 0.4
"""The reflectance that a bright pixel becomes, see `stand_in_scale`."""

_NAMES = {
    "blue": "B", "green": "G", "red": "R", "nir": "N", "nir1": "N", "near infrared": "N", "near-infrared": "N",
    "pan": "P", "panchromatic": "P",
}  # fmt: skip
_BLOCK, _RIM = 256, 2


@dataclass(frozen=True, eq=False)
class HighResImage:
    """An image on a metric grid.

    Attributes:
        reflectance: float32 ``[4, H, W]``, B02, B03, B04, B08; see `stand_in_scale` for what it is worth.
        valid: bool ``[H, W]``; where it is false, `reflectance` is that of the nearest valid pixel.
        grid: its grid.
        made: how the bands and the reflectance were found, for the record.
    """

    reflectance: NDArray[np.float32]
    valid: NDArray[np.bool_]
    grid: Grid
    made: dict[str, Any]


def read_vhr(path: Path, *, metres: float, band_order: str | None = None) -> HighResImage:
    """Read the image at `path` onto a grid of `metres` a pixel (`metric_grid`), each pixel the mean of its area.

    A pixel is valid where its whole area has data in all bands that are used. Where the file declares no value for
    "no data" and has no mask, areas of zeros in all bands that touch the border are taken for it.

    Args:
        path: 1 to 8 bands, any coordinate system.
        metres: of a pixel, at least the image's own.
        band_order: a letter a band as in `BAND_ORDERS`; if None, by the file's descriptions or colours, or else by the
            number of its bands.

    Raises:
        DataError: it cannot be read, says no coordinate system, is coarser than `metres`, larger than a tile of
            Sentinel-2 has pixels, or its bands are not known.
    """
    with opened(path) as raster:
        if raster.crs is None:
            raise DataError(f"{path} has no coordinate system; assign the one it was made in (gdal_edit.py -a_srs).")
        order = _order(raster, path, band_order)
        letters = "P" if "P" in order else "BGRN" if "N" in order else "BGR"
        indices = [order.index(letter) + 1 for letter in letters]
        grid = metric_grid(raster, metres=metres)
        _check_resolution(raster, grid, path)
        if grid.height * grid.width > MOST_WHOLE:
            raise DataError(
                f"{path} covers {grid.height} x {grid.width} pixels of {metres:.3g} m, expected at most "
                f"{MOST_WHOLE} in all; cut it."
            )
        numbers, valid = _average(raster, indices, grid)
        dtype = raster.dtypes[0]
    if not valid.any():
        raise DataError(f"{path} has no pixel with data; fetch or make it again.")
    scale = stand_in_scale(numbers[:, valid], dtype)
    bands = _protocol_bands(dict(zip(letters, _filled(numbers, valid) * np.float32(scale), strict=True)))
    made = {"bands": order, "reflectance_of_one_number": scale, "notes": _notes(letters, dtype)}
    return HighResImage(bands, valid, grid, made)


def stand_in_scale(numbers: NDArray[np.floating], dtype: str) -> float:
    """Reflectance of one digital number: a stand-in, because an image alone does not tell its calibration.

    8-bit images become 0 to 0.4 over their whole range. For all others, whose range is not known, the 99.9th percentile
    of all bands together becomes 0.4. One scale for all bands keeps their ratios. No offset: haze stays in.
    """
    bright = 255.0 if dtype == "uint8" else float(np.percentile(numbers, 99.9))
    return BRIGHT / bright if bright > 0 else 1.0


def _order(raster: Any, path: Path, band_order: str | None) -> str:
    order = band_order.upper() if band_order is not None else _told(raster) or BAND_ORDERS.get(raster.count)
    if order is None:
        raise DataError(
            f"{path} has {raster.count} bands, and nothing tells which is which; say it by --bands, a letter a band: "
            f"P panchromatic, B, G, R, N near infrared, - not used (such as BGRN-)."
        )
    known = set(order) <= set("PBGRN-") and all(order.count(letter) == 1 for letter in set(order) - {"-"})
    if not (known and len(order) == raster.count and ("P" in order or set("BGR") <= set(order))):
        raise DataError(
            f"{path}: the band order {order!r} does not fit its {raster.count} bands; expected a letter a band, once "
            f"each of B, G, R and if there is one N, or P alone, and - for bands not used."
        )
    return order


def _told(raster: Any) -> str | None:
    """The order that the file itself tells, by its bands' descriptions or else by their colours."""
    described = _letters((text or "").strip() for text in raster.descriptions)
    return described if _complete(described) else _coloured(raster)


def _coloured(raster: Any) -> str | None:
    order = _letters(colour.name for colour in raster.colorinterp)
    if not _complete(order) or raster.count == 8:
        return None
    alpha = _alpha(raster)
    if raster.count == 4 and alpha is None:
        return order.replace("-", "N")
    return order if alpha is None or _is_mask(raster, alpha) else None


def _letters(names: Iterable[str]) -> str:
    return "".join(_NAMES.get(name.lower(), "-") for name in names)


def _complete(order: str) -> bool:
    return set("BGR") <= set(order) and all(order.count(letter) <= 1 for letter in "BGRNP")


def _alpha(raster: Any) -> int | None:
    """The number of the band that says to be the mask."""
    return next((band for band, colour in enumerate(raster.colorinterp, 1) if colour.name == "alpha"), None)


def _is_mask(raster: Any, band: int) -> bool:
    """Whether an alpha band is one: files of four bands of 8 bits are called RGB and alpha unless told otherwise."""
    small = raster.read(band, out_shape=(min(raster.height, 512), min(raster.width, 512)))
    return bool(np.isin(small, (0, 255, np.iinfo(small.dtype).max)).all()) if small.dtype.kind in "iu" else False


def _check_resolution(raster: Any, grid: Grid, path: Path) -> None:
    own = math.sqrt(_area(grid.bounds) / (raster.height * raster.width))
    metres = grid.transform[0]
    if own > 1.05 * metres:
        raise DataError(
            f"{path} has pixels of about {own:.3g} m, expected {metres:.3g} m or finer; take a finer image."
        )


def _area(bounds: tuple[float, float, float, float]) -> float:
    west, south, east, north = bounds
    return (east - west) * (north - south)


def _average(raster: Any, indices: list[int], grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Area means ``[n, H, W]`` of the bands `indices`, and where the whole area has data; block by block."""
    numbers = np.zeros((len(indices), grid.height, grid.width), dtype=np.float32)
    valid = np.zeros((grid.height, grid.width), dtype=bool)
    for rows, columns in _blocks(grid):
        part = _average_block(raster, indices, grid.part(rows, columns))
        if part is not None:
            numbers[:, rows, columns], valid[rows, columns] = part[:-1], part[-1] > 0.999
    if not _declares_nodata(raster, indices):
        valid &= ~_zero_borders(numbers, valid)
    numbers[:, ~valid] = 0
    return numbers, valid


def _blocks(grid: Grid) -> Iterator[tuple[slice, slice]]:
    for row in range(0, grid.height, _BLOCK):
        for column in range(0, grid.width, _BLOCK):
            yield (
                slice(row, min(row + _BLOCK, grid.height)),
                slice(column, min(column + _BLOCK, grid.width)),
            )


def _average_block(raster: Any, indices: list[int], grid: Grid) -> NDArray[np.float32] | None:
    """The means of the bands, and last the share of valid source pixels; None where the image does not reach."""
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.warp import reproject, transform_bounds

    own = grid_of(raster)
    rows, columns = own.window(transform_bounds(grid.crs, own.crs, *grid.bounds), margin=2)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    source = _with_validity(raster, indices, (rows, columns))
    means = np.zeros((len(source), grid.height, grid.width), dtype=np.float32)
    # A rim of invalid pixels around the image lets a pixel that reaches beyond it count as not whole.
    reproject(
        np.pad(source, ((0, 0), (_RIM, _RIM), (_RIM, _RIM))), means, src_crs=raster.crs, dst_crs=grid.crs,
        src_transform=Affine(*own.part(_widened(rows), _widened(columns)).transform),
        dst_transform=Affine(*grid.transform), resampling=Resampling.average,
    )  # fmt: skip
    return means


def _widened(pixels: slice) -> slice:
    return slice(pixels.start - _RIM, pixels.stop + _RIM)


def _with_validity(raster: Any, indices: list[int], part: tuple[slice, slice]) -> NDArray[np.float32]:
    """The bands, and last 1 where all of them have data, else 0; numbers without data are 0."""
    window = tuple((pixels.start, pixels.stop) for pixels in part)
    numbers = raster.read(indices, window=window).astype(np.float32)
    valid = np.isfinite(numbers).all(axis=0)
    if _alpha(raster) not in indices:
        valid &= (raster.read_masks(indices, window=window) != 0).all(axis=0)
    return np.concatenate([np.where(valid, numbers, 0), valid[None].astype(np.float32)])


def _declares_nodata(raster: Any, indices: list[int]) -> bool:
    from rasterio.enums import MaskFlags

    if _alpha(raster) in indices:
        return False
    return any(MaskFlags.all_valid not in raster.mask_flag_enums[index - 1] for index in indices)


def _zero_borders(numbers: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Zeros in all bands that hang together with the border, and one pixel more, which they may be part of."""
    zero = (numbers == 0).all(axis=0)
    outside = np.pad(~valid, 1, constant_values=True)
    seeds = zero & ndimage.binary_dilation(outside)[1:-1, 1:-1]
    return np.asarray(ndimage.binary_dilation(ndimage.binary_propagation(seeds, mask=zero)))


def _filled(numbers: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`numbers` with those of the nearest valid pixel where they are invalid, so that a blur carries no zeros in."""
    if valid.all():
        return numbers
    rows, columns = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled: NDArray[np.float32] = numbers[:, rows, columns]
    return filled


def _protocol_bands(bands: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """B02, B03, B04, B08 ``[4, H, W]`` from bands by letter, with stand-ins for what is missing."""
    if "P" in bands:
        return np.stack([bands["P"]] * len(BANDS))
    near_infrared = bands.get("N", (bands["B"] + bands["G"] + bands["R"]) / 3)
    return np.stack([bands["B"], bands["G"], bands["R"], near_infrared])


def _notes(letters: str, dtype: str) -> list[str]:
    """What a reader of results has to know of the stand-ins."""
    notes = [
        "reflectance is a stand-in: "
        + (f"255 became {BRIGHT}" if dtype == "uint8" else f"the 99.9th percentile became {BRIGHT}")
    ]
    if letters == "P":
        notes.append("the four bands are all the panchromatic one")
    elif "N" not in letters:
        notes.append("B08 is the mean of red, green and blue, for want of a near infrared band")
    return notes
