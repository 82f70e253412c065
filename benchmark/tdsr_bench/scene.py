"""What a scene is, and what of it a method gets to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.georeference import Affine6, metres_per_pixel

BANDS = ("B02", "B03", "B04", "B08")
"""The bands of the protocol, in the order of every array's band axis: blue, green, red, near infrared."""

RGB = (2, 1, 0)
"""Where red, green and blue stand on the band axis."""

SCALE = 3
"""High-resolution pixels to a low-resolution one, on each axis: 10 m to 3.33 m."""


class Track(StrEnum):
    """How many frames a method is given: one (``sisr``) or several (``misr``)."""

    SISR = "sisr"
    MISR = "misr"


@dataclass(frozen=True, eq=False)
class LowResView:
    """A scene without its answers: all that a method is given.

    Attributes:
        frames: float32 ``[T, 4, h, w]``, surface reflectance (1 is a perfect white), best frame first.
        valid: bool ``[T, h, w]``, false where a frame is clouded or has no data.
        dates: the day of each frame.
        bands: the names on the band axis, always `BANDS`.
        scale: how many times finer the answer's grid is, always `SCALE`.
        transform: affine map from (column, row) of the low-resolution grid to map coordinates, as
            ``(a, b, c, d, e, f)`` with ``x = a column + b row + c`` and ``y = d column + e row + f``.
    """

    frames: NDArray[np.float32]
    valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    bands: tuple[str, ...]
    scale: int
    transform: Affine6

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """The shape of the answer, ``(4, 3h, 3w)``."""
        _, bands, height, width = self.frames.shape
        return bands, height * self.scale, width * self.scale


@dataclass(frozen=True, eq=False)
class Scene:
    """Low-resolution frames and the high-resolution reference that a method's answer is held against.

    Attributes:
        name: identifies the scene within its data set.
        region: what an interval counts as independent (one WorldView-2 area in MuS2).
        strip: the acquisition of the reference, finer than a region.
        frames: float32 ``[T, 4, h, w]``, surface reflectance, in the order of their dates.
        frames_valid: bool ``[T, h, w]``, false where a frame is clouded or has no data.
        dates: the day of each frame.
        reference: float32 ``[4, 3h, 3w]``, in the reference's own unit until it is harmonised.
        reference_valid: bool ``[4, 3h, 3w]``, false where the data set excludes a pixel.
        reference_date: the day of the reference.
        truth: for each task, bool ``[3h, 3w]``, true where the thing is (a road, a building).
        lines: for each task of lines that has vectors, its lines, each ``[n, 2]`` of (column, row) on the reference's
            grid; the pixel of row r and column c covers r to r + 1 and c to c + 1.
        transform: as in `LowResView`.
        crs: the coordinate reference system, as WKT, or None.
    """

    name: str
    region: str
    strip: str
    frames: NDArray[np.float32]
    frames_valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    reference: NDArray[np.float32]
    reference_valid: NDArray[np.bool_]
    reference_date: date
    truth: Mapping[str, NDArray[np.bool_]]
    lines: Mapping[str, tuple[NDArray[np.float64], ...]]
    transform: Affine6
    crs: str | None

    @property
    def metres_per_pixel(self) -> float:
        """The ground size of a high-resolution pixel, the geometric mean of both axes."""
        return metres_per_pixel(self.transform, self.crs) / SCALE
