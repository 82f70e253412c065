"""Maps between a frame's grid and the high-resolution grid when the frame's content is moved by fractions of a pixel.

They are separable, so each is a pair of sparse matrices. A shift is (rows, columns) in low-resolution pixels, the way
the frame's content lies off the scene's: high-resolution pixel k is seen at position ``(k - 1) / 3 + shift``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tdsr_bench.scene import SCALE

Float = NDArray[np.float32]
Shift = tuple[float, float]
Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Separable:
    """A linear map of images: one matrix acts on the rows, one on the columns."""

    rows: sparse.csr_array
    columns: sparse.csr_array

    def __call__(self, image: Float) -> Float:
        """The map of ``[H, W]``."""
        half = np.ascontiguousarray((self.rows @ image).T)
        return np.ascontiguousarray((self.columns @ half).T)


def observation(shape: tuple[int, int], shift: Shift, *, sigma: float) -> Separable:
    """How a sensor whose grid is moved sees the scene: ``[3h, 3w]`` to ``[h, w]``, given as `shape`.

    `tdsr_bench.sensor.observe` of one band, for the shift (0, 0).
    """
    height, width = shape
    return Separable(_seen(height, shift[0], sigma), _seen(width, shift[1], sigma))


def enlargement(shape: tuple[int, int], shift: Shift) -> Separable:
    """Bicubic interpolation (Keys, a = -0.5) of a moved frame ``[h, w]`` on the scene's grid ``[3h, 3w]``."""
    height, width = shape
    return Separable(_interpolated(height, shift[0], keys, reach=2), _interpolated(width, shift[1], keys, reach=2))


def coverage(shape: tuple[int, int], shift: Shift) -> Separable:
    """Linear interpolation of a moved frame's weights ``[h, w]`` on the scene's grid, zero outside the frame."""
    height, width = shape
    return Separable(
        _interpolated(height, shift[0], triangle, reach=1, mirrored=False),
        _interpolated(width, shift[1], triangle, reach=1, mirrored=False),
    )


def keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bicubic kernel of Keys (IEEE TASSP 29, 1981, eq. 15), a = -0.5."""
    x = np.abs(distance)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def triangle(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel of linear interpolation."""
    height: NDArray[np.float64] = np.maximum(1 - np.abs(distance), 0.0)
    return height


def _seen(size: int, shift: float, sigma: float) -> sparse.csr_array:
    """``[size, 3 size]``: each row a Gaussian, cut off where `scipy.ndimage` cuts it off."""
    centre = SCALE // 2 + SCALE * (np.arange(size) - shift)
    radius = int(4 * sigma + 0.5)
    taps = np.floor(centre + 0.5).astype(int)[:, None] + np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * ((taps - centre[:, None]) / sigma) ** 2)
    return _matrix(taps, weights / weights.sum(axis=1, keepdims=True), SCALE * size)


def _interpolated(size: int, shift: float, kernel: Kernel, *, reach: int, mirrored: bool = True) -> sparse.csr_array:
    """``[3 size, size]``: each row the weights of `kernel` about one high-resolution pixel."""
    centre = (np.arange(SCALE * size) - SCALE // 2) / SCALE + shift
    taps = np.floor(centre).astype(int)[:, None] + np.arange(1 - reach, reach + 1)
    weights = kernel(taps - centre[:, None])
    if not mirrored:
        weights = np.where((taps >= 0) & (taps < size), weights, 0.0)
    return _matrix(taps, weights, size)


def _matrix(taps: NDArray[np.int_], weights: NDArray[np.float64], size: int) -> sparse.csr_array:
    """The sparse matrix with `weights` at columns `taps`; those beyond the edges are mirrored into the image."""
    folded = taps % (2 * size)
    columns = np.where(folded < size, folded, 2 * size - 1 - folded)
    rows = np.repeat(np.arange(len(taps)), taps.shape[1])
    return sparse.csr_array((weights.ravel().astype(np.float32), (rows, columns.ravel())), shape=(len(taps), size))
