"""Finding how far two images of one place lie apart.

Shifts are (rows, columns) in high-resolution pixels, positive downwards and to the right: the way that content moves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tdsr_bench.errors import DataError
from tdsr_bench.filters import gaussian
from tdsr_bench.masks import block_all, without_border
from tdsr_bench.protocol import ResidualShift, SceneShift
from tdsr_bench.scene import SCALE
from tdsr_bench.sensor import fourier_shift

Shift = tuple[float, float]

LEVEL = 1e-6
"""Mismatches that differ by less are equal; of equal ones the smallest shift is taken."""


def scene_shift(
    blurred: NDArray[np.float32],
    reference_valid: NDArray[np.bool_],
    median: NDArray[np.float32],
    clear: NDArray[np.bool_],
    *,
    settings: SceneShift,
    name: str,
) -> Shift:
    """How far the frames' content lies from the reference's, in high-resolution pixels, to a fraction of one.

    The shift of the reference at which its high-passed view through the sensor correlates best with the high-passed
    median frame, on average over the bands.

    Args:
        blurred: ``[4, 3h, 3w]``, the reference blurred as the sensor does.
        reference_valid: bool ``[4, 3h, 3w]``.
        median: ``[4, h, w]``, the frames' median.
        clear: bool ``[h, w]``, where the median is valid.
        settings: the protocol's.
        name: of the scene, for errors.

    Raises:
        DataError: the best shift lies at the edge of the search, or correlates too little.
    """
    radius = settings.radius
    target = np.stack([highpassed(band, settings.highpass_sigma) for band in median])
    phases = {
        (row, column): [highpassed(band[row::SCALE, column::SCALE], settings.highpass_sigma) for band in blurred]
        for row in range(SCALE)
        for column in range(SCALE)
    }
    low_valid = block_all(reference_valid)
    scores = np.empty((2 * radius + 1, 2 * radius + 1))
    for i, rows in enumerate(range(-radius, radius + 1)):
        for j, columns in enumerate(range(-radius, radius + 1)):
            scores[i, j] = _correlation_at(
                (rows, columns), phases, target, low_valid, clear, margin=radius // SCALE + 1
            )
    best = np.unravel_index(np.argmax(scores), scores.shape)
    where, peak = (int(best[0]), int(best[1])), float(scores[best])
    if not peak >= settings.least_correlation:
        raise DataError(
            f"{name}: the reference and the frames' median show no common detail (correlation {peak:.2f}, expected at "
            f"least {settings.least_correlation}); check that they show the same place, or exclude the scene in "
            f"tdsr.json."
        )
    if not all(0 < index < 2 * radius for index in where):
        raise DataError(
            f"{name}: the reference lies {radius} high-resolution pixels or more off the frames; register it to them "
            f"first, or exclude the scene in tdsr.json."
        )
    offset = parabola(scores, where)
    return where[0] - radius + offset[0], where[1] - radius + offset[1]


def _correlation_at(
    shift: tuple[int, int],
    phases: dict[tuple[int, int], list[NDArray[np.float32]]],
    target: NDArray[np.float32],
    low_valid: NDArray[np.bool_],
    clear: NDArray[np.bool_],
    *,
    margin: int,
) -> float:
    """Mean over bands of the correlation of `target` with the reference moved by `shift`, seen by the sensor.

    Moving by whole high-resolution pixels and sampling every third one is one of nine samplings, moved by whole
    low-resolution pixels; so each of the nine is high-passed once, whatever the number of shifts.
    """
    rows, row = divmod(SCALE // 2 - shift[0], SCALE)
    columns, column = divmod(SCALE // 2 - shift[1], SCALE)
    height, width = clear.shape
    here = np.s_[margin : height - margin, margin : width - margin]
    there = np.s_[margin + rows : height - margin + rows, margin + columns : width - margin + columns]
    image = phases[row, column]
    return float(
        np.mean(
            [
                _correlation(image[band][there], target[(band, *here)], low_valid[(band, *there)] & clear[here])
                for band in range(len(image))
            ]
        )
    )


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    if not valid.all():
        a, b = a[valid], b[valid]
    if a.size < 3:
        return float("nan")
    a, b = (a - a.mean()).ravel(), (b - b.mean()).ravel()
    scale = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / scale**0.5 if scale > 0 else 0.0


@dataclass(frozen=True, eq=False)
class ShiftTarget:
    """What images are registered to, with all that can be computed before an image is there.

    The mismatch of an image x moved by d is var(HP(x moved) - HP(target)) / var(HP(target)) over valid pixels. Its sums
    over valid pixels are cross-correlations, so a few Fourier transforms serve all shifts d.

    Attributes:
        start: the whole shift around which is searched.
        settings: the protocol's.
        bands: what is known of each band of the target.
        shape: of the transforms.
    """

    start: tuple[int, int]
    settings: ResidualShift
    bands: tuple["_BandTarget", ...]
    shape: tuple[int, int]

    def find(self, image: NDArray[np.float32]) -> Shift:
        """The shift of `image`, float32 ``[band, H, W]``, that brings it closest to the target, summed over bands.

        By exhaustive search over whole pixels, then a parabola on each axis, twice: the parabola is biased by up to
        0.05 pixels halfway between two, and by nothing where the image already lies right.
        """
        first = self._search(image, start=self.start, radius=self.settings.radius)
        moved = fourier_shift(image, first, padding=self.settings.padding)
        rest = self._search(moved, start=(0, 0), radius=0)
        return first[0] + rest[0], first[1] + rest[1]

    def _search(self, image: NDArray[np.float32], *, start: tuple[int, int], radius: int) -> Shift:
        ring = radius + 1  # one more than is searched, so that a parabola fits at the edge as well
        rows, columns = (np.arange(centre - ring, centre + ring + 1) for centre in start)
        mismatch = np.zeros((rows.size, columns.size))
        for band, target in zip(image, self.bands, strict=True):
            high = highpassed(band, self.settings.highpass_sigma)
            mismatch += _mismatch(high, target, rows, columns, shape=self.shape)
        inner = mismatch[1:-1, 1:-1]
        candidates = np.argwhere(inner <= inner.min() + LEVEL)  # of an image without any detail, every shift
        best = min(candidates, key=lambda place: float(np.sum((place - radius) ** 2)))
        where = int(best[0]) + 1, int(best[1]) + 1
        offset = parabola(mismatch, where)
        return float(rows[where[0]] + offset[0]), float(columns[where[1]] + offset[1])


@dataclass(frozen=True, eq=False)
class _BandTarget:
    weight: NDArray[np.complexfloating]
    weighted: NDArray[np.complexfloating]
    count: float
    mean: float
    variance: float


def shift_target(
    reference: NDArray[np.float32], valid: NDArray[np.bool_], *, around: Shift, settings: ResidualShift
) -> ShiftTarget:
    """Prepare `reference`, ``[band, H, W]``, to have images registered to it within the radius `around` a first guess.

    Args:
        reference: float32 ``[band, H, W]``.
        valid: bool ``[band, H, W]``, the pixels of the reference that count.
        around: (rows, columns), the shift that is expected.
        settings: the protocol's.
    """
    start = round(around[0]), round(around[1])
    margin = settings.radius + 1 + max(map(abs, start))
    height, width = (fft.next_fast_len(size, real=True) for size in reference.shape[1:])
    masks = without_border(valid, margin)
    bands = [
        _band_target(highpassed(band, settings.highpass_sigma), mask, (height, width))
        for band, mask in zip(reference, masks, strict=True)
    ]
    return ShiftTarget(start, settings, tuple(bands), (height, width))


def highpassed(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """`image` ``[H, W]`` less its Gaussian blur of `sigma` pixels."""
    return image - gaussian(image, sigma)


def _band_target(high: NDArray[np.float32], mask: NDArray[np.bool_], shape: tuple[int, int]) -> _BandTarget:
    values = high[mask].astype(np.float64)
    weighted = np.where(mask, high, np.float32(0))
    return _BandTarget(
        weight=fft.rfft2(mask.astype(np.float32), shape, workers=2),
        weighted=fft.rfft2(weighted, shape, workers=2),
        count=float(values.size),
        mean=float(values.mean()) if values.size else 0.0,
        variance=float(values.var()) if values.size else 0.0,
    )


def _mismatch(
    high: NDArray[np.float32],
    target: _BandTarget,
    rows: NDArray[np.int_],
    columns: NDArray[np.int_],
    *,
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    if target.variance == 0:
        return np.zeros((rows.size, columns.size))
    moved = np.conj(fft.rfft2(high, shape, workers=2))
    squared = np.conj(fft.rfft2(high * high, shape, workers=2))
    total = _at_shifts(moved * target.weight, rows, columns, width=shape[1])
    squares = _at_shifts(squared * target.weight, rows, columns, width=shape[1])
    cross = _at_shifts(moved * target.weighted, rows, columns, width=shape[1])
    fixed_squares = target.variance + target.mean**2
    mean = total / target.count - target.mean
    return ((squares - 2 * cross) / target.count + fixed_squares - mean**2) / target.variance


def _at_shifts(
    spectrum: NDArray[np.complexfloating], rows: NDArray[np.int_], columns: NDArray[np.int_], *, width: int
) -> NDArray[np.float64]:
    """The inverse transform of `spectrum` at a few places only: whole along columns, then a thin product along rows.

    Not by matrix products of BLAS: their rounding depends on the number of threads, and so would every score.
    """
    kept = fft.ifft(spectrum, axis=0, workers=2)[rows]
    half = np.arange(spectrum.shape[1])
    across = np.exp(2j * np.pi * np.outer(half / width, columns))
    twice = np.where((half == 0) | (2 * half == width), 1.0, 2.0)  # the other half is the mirror image
    sums: NDArray[np.float64] = np.einsum("rk,kc->rc", kept, twice[:, None] * across).real / width
    return sums


def parabola(values: NDArray[np.float64], where: tuple[int, int]) -> Shift:
    """Offset of the extremum from `where`, by a parabola through three values on each axis; 0 at an edge."""
    row, column = where
    return _vertex(values[:, column], row), _vertex(values[row], column)


def _vertex(line: NDArray[np.float64], index: int) -> float:
    if not 0 < index < len(line) - 1:
        return 0.0
    before, middle, after = (float(value) for value in line[index - 1 : index + 2])
    curvature = before - 2 * middle + after
    return 0.5 * (before - after) / curvature if curvature else 0.0
