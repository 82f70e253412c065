"""Finding how far two images of one place lie apart.

Shifts are (rows, columns) in high-resolution pixels, positive downwards and to the right: the way that content moves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.filters import gaussian
from tdsr_bench.masks import block_all, without_border
from tdsr_bench.protocol import ResidualShift, SceneShift
from tdsr_bench.scene import SCALE
from tdsr_bench.sensor import Movable
from tdsr_bench.shifted_sums import shifted_sums

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
    bands = zip(blurred, block_all(reference_valid), median, strict=True)
    scores = np.mean([_correlations(*band, clear, settings=settings) for band in bands], axis=0)
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


def _correlations(
    blurred: NDArray[np.float32],
    low_valid: NDArray[np.bool_],
    frame: NDArray[np.float32],
    clear: NDArray[np.bool_],
    *,
    settings: SceneShift,
) -> NDArray[np.float64]:
    """At each shift of the search, the correlation of `frame` with `blurred` moved and seen by the sensor, one band.

    Moving by whole high-resolution pixels and sampling every third one is one of nine samplings, moved by whole
    low-resolution pixels; so each of the nine is high-passed once, whatever the number of shifts.
    """
    shifts = np.arange(-settings.radius, settings.radius + 1)
    back, phases = np.divmod(SCALE // 2 - shifts, SCALE)
    counts = without_border(clear, settings.radius // SCALE + 1)
    fixed = _powers(highpassed(frame, settings.highpass_sigma), counts)
    result = np.empty((shifts.size, shifts.size))
    for row in range(SCALE):
        for column in range(SCALE):
            moving = _powers(highpassed(blurred[row::SCALE, column::SCALE], settings.highpass_sigma), low_valid)
            own = phases == row, phases == column
            moves = [range(-back[chosen].max(), 1 - back[chosen].min()) for chosen in own]
            result[np.ix_(*own)] = _correlation(shifted_sums(fixed, moving, *moves))
    return result


def _powers(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1, `image` and its square, ``[3, H, W]``; 0 where not `valid`."""
    values = np.where(valid, image, np.float32(0))
    return np.stack([valid.astype(np.float32), values, values * values])


def _correlation(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's, from `sums` ``[3, 3, ...]`` of products of powers; 0 without contrast, NaN under three pixels."""
    count, a, b = sums[0, 0], sums[0, 1], sums[1, 0]
    variances = [count * squares - line**2 for line, squares in ((a, sums[0, 2]), (b, sums[2, 0]))]
    plain = [np.where(v > LEVEL * count * s, v, 0) for v, s in zip(variances, (sums[0, 2], sums[2, 0]), strict=True)]
    scale = np.sqrt(plain[0] * plain[1])
    correlation = np.divide(count * sums[1, 1] - a * b, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.where(count < 3, np.nan, correlation)


@dataclass(frozen=True, eq=False)
class ShiftTarget:
    """What images are registered to.

    The mismatch of an image x moved by d is var(HP(x moved) - HP(target)) / var(HP(target)) over valid pixels. Its sums
    over valid pixels are those of products of the two, so `shifted_sums` gives it at all shifts d.

    Attributes:
        start: the whole shift around which is searched.
        settings: the protocol's.
        bands: what is known of each band of the target.
    """

    start: tuple[int, int]
    settings: ResidualShift
    bands: tuple["_BandTarget", ...]

    def bring(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], Shift]:
        """`image`, float32 ``[band, H, W]``, moved to where it is closest to the target over all bands; and how far.

        By exhaustive search over whole pixels, then a parabola on each axis, twice: the parabola is biased by up to
        0.05 pixels halfway between two, and by nothing where the image already lies right.
        """
        movable = Movable.of(image, padding=self.settings.padding)
        first = self._search(image, start=self.start, radius=self.settings.radius)
        rest = self._search(movable.by(first), start=(0, 0), radius=0)
        shift = first[0] + rest[0], first[1] + rest[1]
        return movable.by(shift), shift

    def _search(self, image: NDArray[np.float32], *, start: tuple[int, int], radius: int) -> Shift:
        ring = radius + 1  # one more than is searched, so that a parabola fits at the edge as well
        rows, columns = (range(centre - ring, centre + ring + 1) for centre in start)
        mismatch = np.zeros((len(rows), len(columns)))
        for band, target in zip(image, self.bands, strict=True):
            mismatch += target.mismatch(highpassed(band, self.settings.highpass_sigma), rows, columns)
        inner = mismatch[1:-1, 1:-1]
        candidates = np.argwhere(inner <= inner.min() + LEVEL)  # of an image without any detail, every shift
        best = min(candidates, key=lambda place: float(np.sum((place - radius) ** 2)))
        where = int(best[0]) + 1, int(best[1]) + 1
        offset = parabola(mismatch, where)
        return rows[where[0]] + offset[0], columns[where[1]] + offset[1]


@dataclass(frozen=True, eq=False)
class _BandTarget:
    """A band of a target: 1 and its high-passed pixels, ``[2, H, W]``, 0 where a pixel does not count; and of those
    that count the number, mean and variance."""

    weights: NDArray[np.float32]
    count: int
    mean: float
    variance: float

    def mismatch(self, high: NDArray[np.float32], rows: range, columns: range) -> NDArray[np.float64]:
        """At each shift of `high`, a high-passed band ``[H, W]``; see `ShiftTarget`."""
        if self.variance == 0:
            return np.zeros((len(rows), len(columns)))
        (total, squares), (cross, _) = shifted_sums(self.weights, np.stack([high, high * high]), rows, columns)
        mean = total / self.count - self.mean
        fixed_squares = self.variance + self.mean**2
        return np.asarray(((squares - 2 * cross) / self.count + fixed_squares - mean**2) / self.variance)


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
    masks = without_border(valid, margin)
    bands = [
        _band_target(highpassed(band, settings.highpass_sigma), mask)
        for band, mask in zip(reference, masks, strict=True)
    ]
    return ShiftTarget(start, settings, tuple(bands))


def highpassed(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """`image` ``[H, W]`` less its Gaussian blur of `sigma` pixels."""
    return image - gaussian(image, sigma)


def _band_target(high: NDArray[np.float32], mask: NDArray[np.bool_]) -> _BandTarget:
    values = high[mask].astype(np.float64)
    return _BandTarget(
        weights=np.stack([mask.astype(np.float32), np.where(mask, high, np.float32(0))]),
        count=values.size,
        mean=float(values.mean()) if values.size else 0.0,
        variance=float(values.var()) if values.size else 0.0,
    )


def parabola(values: NDArray[np.float64], where: tuple[int, int]) -> Shift:
    """Offset of the extremum from `where` by a parabola through three values an axis; 0 at an edge or on a plain."""
    row, column = where
    return _vertex(values[:, column], row), _vertex(values[row], column)


def _vertex(line: NDArray[np.float64], index: int) -> float:
    if not 0 < index < len(line) - 1:
        return 0.0
    before, middle, after = (float(value) for value in line[index - 1 : index + 2])
    curvature = before - 2 * middle + after
    return 0.5 * (before - after) / curvature if abs(curvature) > LEVEL else 0.0
