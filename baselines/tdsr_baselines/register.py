"""Sub-pixel registration of low-resolution frames to the first of them, across seasons and clouds.

Correlates the orientation of edges (Fitch et al., Orientation correlation, BMVC 2002) instead of reflectance: a field
that turns from dark to bright between two dates keeps its outline. Angles are doubled, so that the sign of an edge's
contrast does not matter either.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.scene import BANDS

SIGMA = 0.7
"""Low-resolution pixels: the Gaussian whose derivatives give the orientation."""

REACH = 3
"""Low-resolution pixels: frames that lie further apart are not found."""

REFINEMENTS = 4
"""Parabolas in turn; each brings the estimate two to three times closer, because the agreement has a sharp top."""

LEAST_SIGNIFICANCE = 6.0
"""Mean cosine times the square root of the pixels: at most 5.7 between scenes that have nothing in common; between
dates of one scene 32 and more with 125 pixels on a side, 8 and more with 40."""

_RADIUS = 3
_SUPPORT = REACH + 1 + _RADIUS

Float = NDArray[np.float32]


def shifts(frames: Float, valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the content of each frame lies from the first frame's, by orientation correlation.

    Measured on eight dates of a real Sentinel-2 series degraded three times, as rms in low-resolution pixels:
    a shift injected into one date is found to 0.003 against other dates and to 0.02 on the same date, and the shifts
    among any three dates add up to zero within 0.02 (correlation of high-passed reflectance: 0.09 to 0.14). With noise,
    and 30 % of each frame under clouds: 0.04, 0.02 and 0.045.

    Args:
        frames: ``[T, 4, h, w]``, reflectance.
        valid: ``[T, h, w]``, false under clouds; what is there plays no part.

    Returns:
        ``[T, 2]``, (rows, columns) in low-resolution pixels, positive downwards and to the right. Zero, which is the
        nominal registration, for the first frame and for frames that have no significant agreement with it.
    """
    fixed = _orientation(frames[0], valid[0])
    return np.array([(0.0, 0.0), *(_shift(fixed, *pair) for pair in zip(frames[1:], valid[1:], strict=True))])


def _shift(fixed: Float, frame: Float, valid: NDArray[np.bool_]) -> tuple[float, float]:
    """The shift of `frame`: the best whole one, then parabolas about ever better estimates of it."""
    agreement, count = _agreement(fixed, _orientation(frame, valid), reach=REACH)
    row, column = np.unravel_index(np.argmax(agreement), agreement.shape)
    inside = 0 < row < 2 * REACH and 0 < column < 2 * REACH
    if not inside or agreement[row, column] * np.sqrt(count) < LEAST_SIGNIFICANCE:
        return 0.0, 0.0
    shift = np.array([row - REACH, column - REACH], dtype=float)
    for _ in range(REFINEMENTS):
        around, _ = _agreement(fixed, _orientation(frame, valid, shift), reach=1)
        shift += _vertex(around[:, 1]), _vertex(around[1])
    return float(shift[0]), float(shift[1])


def _orientation(frame: Float, valid: NDArray[np.bool_], shift: NDArray[np.float64] | None = None) -> Float:
    """Unit vectors of the doubled angle of the gradient at positions moved by `shift`, ``[9, h, w]``, 0 where invalid.

    Two channels a band, and the validity as the last one. Sampling the kernels instead of the image at a fraction of a
    pixel keeps clouds from ringing into their surroundings.
    """
    rows, columns = (0.0, 0.0) if shift is None else shift
    smooth_rows, slope_rows = _kernels(rows)
    smooth_columns, slope_columns = _kernels(columns)
    down = _filter(frame, slope_rows, smooth_columns)
    right = _filter(frame, smooth_rows, slope_columns)
    squared = down**2 + right**2
    usable = _usable(valid, round(rows), round(columns))
    scale = usable / np.maximum(squared, np.finfo(np.float32).tiny)
    return np.concatenate([(right**2 - down**2) * scale, 2 * right * down * scale, usable[None]])


def _kernels(shift: float) -> tuple[Float, Float]:
    """A Gaussian and its slope, centred at `shift` pixels; their sums are 1 and 0."""
    offsets = np.arange(-_SUPPORT, _SUPPORT + 1) - shift
    smooth = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    smooth /= smooth.sum()
    slope = offsets * smooth
    slope -= slope.sum() * smooth
    return smooth.astype(np.float32), slope.astype(np.float32)


def _filter(frame: Float, rows: Float, columns: Float) -> Float:
    filtered: Float = ndimage.correlate1d(ndimage.correlate1d(frame, rows, axis=-2), columns, axis=-1)
    return filtered


def _usable(valid: NDArray[np.bool_], rows: int, columns: int) -> Float:
    """Where the kernels, moved by whole pixels, see valid pixels only."""
    eroded = ndimage.minimum_filter(valid, 2 * _RADIUS + 1, mode="constant", cval=0)
    moved: Float = ndimage.shift(eroded.astype(np.float32), (-rows, -columns), order=0, cval=0)
    return moved


def _agreement(fixed: Float, moving: Float, *, reach: int) -> tuple[NDArray[np.float64], float]:
    """Mean cosine between the angles of `fixed` and `moving` for each whole shift, and over how many pixels at most."""
    span = range(-reach, reach + 1)
    sums = np.array([[_inner(fixed, moving, (rows, columns)) for columns in span] for rows in span])
    products, counts = sums[..., 0], sums[..., 1]
    return products / np.maximum(len(BANDS) * counts, 1.0), float(counts.max())


def _inner(fixed: Float, moving: Float, shift: tuple[int, int]) -> tuple[float, float]:
    """Sums over common pixels of the cosines, and of the pixels themselves, with `moving` taken `shift` pixels on."""
    (here_rows, there_rows), (here_columns, there_columns) = (
        _overlap(size, by) for size, by in zip(fixed.shape[1:], shift, strict=True)
    )
    here, there = fixed[:, here_rows, here_columns], moving[:, there_rows, there_columns]
    sums = np.einsum("chw,chw->c", here, there)
    return float(sums[:-1].sum()), float(sums[-1])


def _overlap(size: int, shift: int) -> tuple[slice, slice]:
    """Pixels i, and i + shift, that both lie within `size`."""
    return slice(max(0, -shift), size - max(0, shift)), slice(max(0, shift), size + min(0, shift))


def _vertex(line: NDArray[np.float64]) -> float:
    """Where the parabola through three values has its top, in steps from the middle one, at most one."""
    curvature = line[0] - 2 * line[1] + line[2]
    return float(np.clip(0.5 * (line[0] - line[2]) / curvature, -1, 1)) if curvature < 0 else 0.0
