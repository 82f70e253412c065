"""The fine map that a landscape is painted on: material, height, brightness and vigour of every 1.11 m."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape.network import Points

FINE = 3
"""Pixels of the canvas to a high-resolution pixel, on each axis."""

PIXEL = 10 / 9
"""Metres to a pixel of the canvas."""

MARGIN = 8 * FINE
"""Pixels around the scene, so that a shifted sensor still sees landscape."""

HEIGHT_STEP = 0.25
"""Metres to one digital number of height."""

Image = NDArray[np.uint8] | NDArray[np.float32]

_BITS = 4
"""Binary digits of a pixel's fraction in OpenCV's fixed-point coordinates."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """A drawing surface; all arrays are ``[N, N]``.

    Attributes:
        material: uint8, the code of the material (`materials.CODE`) or of the parcel.
        height: uint8, above ground, in steps of 0.25 m.
        brightness: float32, factor on all bands.
        vigour: float32, a further factor on near infrared.
    """

    material: NDArray[np.uint8]
    height: NDArray[np.uint8]
    brightness: NDArray[np.float32]
    vigour: NDArray[np.float32]

    @classmethod
    def blank(cls, size: float, code: int) -> "Canvas":
        """A canvas for a scene `size` metres wide, all of one material."""
        shape = (round(size / PIXEL) + 2 * MARGIN,) * 2
        ones = np.ones(shape, np.float32)
        return cls(np.full(shape, code, np.uint8), np.zeros(shape, np.uint8), ones, ones.copy())

    def copy(self) -> "Canvas":
        """A canvas of its own with the same content."""
        return Canvas(self.material.copy(), self.height.copy(), self.brightness.copy(), self.vigour.copy())

    def empty_mask(self) -> NDArray[np.uint8]:
        """A mask of the canvas's shape, all zero."""
        return np.zeros_like(self.material)


def to_pixels(points: Points) -> Points:
    """Metres to (column, row) of the canvas, where a whole number is the centre of a pixel."""
    return points / PIXEL + (MARGIN - 0.5)


def fixed_points(points: Points) -> NDArray[np.int32]:
    """Metres to the fixed-point (column, row) that OpenCV draws."""
    return np.rint(to_pixels(points) * (1 << _BITS)).astype(np.int32)


def fill(image: Image, outline: Points, value: float) -> None:
    """Set the inside of a polygon, in metres, to `value`."""
    cv2.fillPoly(image, [fixed_points(outline)], value, shift=_BITS)


def stroke(image: Image, points: Points, width: float, value: float) -> None:
    """Set all within half of `width` metres (a whole number of pixels) of a line to `value`, round at both ends."""
    cv2.polylines(image, [fixed_points(points)], False, value, thickness=round(width / PIXEL), shift=_BITS)


def disc(image: Image, centre: Points, radius: float, value: float) -> None:
    """Set all within `radius` metres of a point to `value`."""
    column, row = fixed_points(centre)
    cv2.circle(image, (int(column), int(row)), round(radius / PIXEL * (1 << _BITS)), value, -1, shift=_BITS)


class Claims:
    """Which ground is taken, and may be taken by one building only.

    Asked many thousand times a scene, so polygons come as `fixed_points` and no array is made that is not needed.
    """

    def __init__(self, taken: NDArray[np.uint8]) -> None:
        self.taken = taken

    def seen(self, polygons: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the polygons ``[..., n, 2]`` touch the canvas, by their bounding boxes."""
        low, high = polygons.min(axis=-2), polygons.max(axis=-2)
        return np.asarray(((high >= 0) & (low < len(self.taken) << _BITS)).all(axis=-1))

    def claim(self, inner: NDArray[np.int32], outer: NDArray[np.int32]) -> bool:
        """Take a convex polygon `outer`, if `inner`, which lies in it, is on the canvas and free."""
        left, top, width, height = cv2.boundingRect(inner)
        left, top = max(left >> _BITS, 0), max(top >> _BITS, 0)
        part = self.taken[top : top + (height >> _BITS) + 2, left : left + (width >> _BITS) + 2]
        if not part.size:
            return False
        mask = np.zeros(part.shape, np.uint8)
        cv2.fillConvexPoly(mask, inner - (left << _BITS, top << _BITS), 1, shift=_BITS)
        if cv2.countNonZero(cv2.bitwise_and(mask, part)):
            return False
        cv2.fillConvexPoly(self.taken, outer, 1, shift=_BITS)
        return True


def window(outline: Points, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Rows and columns of the canvas that hold a polygon, or None where it lies outside."""
    pixels = to_pixels(outline)
    low = np.clip(np.floor(pixels.min(axis=0)).astype(int), 0, shape[0])
    high = np.clip(np.ceil(pixels.max(axis=0)).astype(int) + 1, 0, shape[0])
    if (low >= high).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def mask_in(where: tuple[slice, slice], outline: Points) -> NDArray[np.bool_]:
    """The inside of a polygon, as a mask of the `window` `where`."""
    rows, columns = where
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    origin = np.array([columns.start, rows.start], np.int32) << _BITS
    cv2.fillPoly(mask, [fixed_points(outline) - origin], 1, shift=_BITS)
    return mask.astype(bool)


def metres(where: tuple[slice, slice]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x ``[1, w]`` and y ``[h, 1]`` in metres of the pixels of a `window`."""
    rows, columns = where
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) - (MARGIN - 0.5)) * np.float32(PIXEL)
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) - (MARGIN - 0.5)) * np.float32(PIXEL)
    return x[None, :].astype(np.float32), y[:, None].astype(np.float32)


def smooth_noise(
    shape: tuple[int, int], scale: float, rng: np.random.Generator, *, pixel: float = PIXEL
) -> NDArray[np.float32]:
    """Gaussian noise of zero mean and unit variance that varies over `scale` metres; `pixel` is in metres, too."""
    coarse = max(4, round(shape[0] * pixel / scale))
    field = rng.standard_normal((coarse, coarse), dtype=np.float32)
    grown = cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray((grown - grown.mean()) / grown.std(), dtype=np.float32)
