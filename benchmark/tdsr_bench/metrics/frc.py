"""Fourier ring correlation: up to which frequency does an image agree with its reference?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.scene import SCALE


def ring_correlation(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_], *, tile: int, step: int | None
) -> NDArray[np.float64] | None:
    """Correlation of the spectra of two ``[H, W]`` images on rings of equal frequency, -1 to 1.

    F(k) = Re sum A conj(B) / sqrt(sum |A|^2 sum |B|^2), the sums over a ring and over all tiles without a masked pixel;
    each tile less its mean, times a Hann window. Saxton and Baumeister, Journal of Microscopy 127 (1982).

    Args:
        sr, reference, valid: the images and what counts of them.
        tile: side of a tile in pixels.
        step: from one tile to the next; None for half a tile, so that what the window plays down in one tile counts in
            the next (Welch's method).

    Returns:
        ``[tile // 2 + 1]``, entry r at r / tile cycles a pixel; 0 where only `sr` has no power (it agrees with nothing)
        and NaN where the reference has none. None where no tile is valid throughout.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    window = _hann(tile)
    cross, power_sr, power_reference = np.zeros((3, tile, tile // 2 + 1))
    found = False
    for where in valid_tiles(valid, tile=tile, step=step):
        found = True
        a, b = _spectrum(sr[where], window), _spectrum(reference[where], window)
        cross += a.real * b.real + a.imag * b.imag
        power_sr += a.real**2 + a.imag**2
        power_reference += b.real**2 + b.imag**2
    if not found:
        return None
    shared, of_sr, of_reference = (_ring_sums(part) for part in (cross, power_sr, power_reference))
    scale = np.sqrt(of_sr * of_reference)
    correlation = np.divide(shared, scale, out=np.zeros_like(shared), where=scale > 0)
    return np.where(of_reference > 0, correlation, np.nan)


def valid_tiles(valid: NDArray[np.bool_], *, tile: int, step: int | None = None) -> Iterator[tuple[slice, slice]]:
    """Places of the square tiles of ``[H, W]`` that hold no masked pixel, in rows from the top left.

    >>> len(list(valid_tiles(np.ones((8, 4), bool), tile=4)))
    3
    """
    height, width = valid.shape
    step = step or tile // 2
    for row in range(0, height - tile + 1, step):
        for column in range(0, width - tile + 1, step):
            where = slice(row, row + tile), slice(column, column + tile)
            if valid[where].all():
                yield where


def high_frequency_mean(correlation: NDArray[np.float64] | None, *, tile: int, scale: int = SCALE) -> float:
    """Mean of F(k) over ``1 / (2 scale) < k <= 1/2`` cycles a pixel: what low-resolution pixels cannot hold.

    NaN for None, which `ring_correlation` gives where no tile is valid.
    """
    if correlation is None:
        return float("nan")
    return float(correlation[tile // (2 * scale) + 1 : tile // 2 + 1].mean())


def cutoff_period(correlation: NDArray[np.float64] | None, *, tile: int, threshold: float) -> float:
    """Period in pixels of the first of two consecutive rings under `threshold`; 2, the grid's limit, without any.

    NaN for None, and where the reference has no power on any ring.
    """
    if correlation is None or np.isnan(correlation[1:]).all():
        return float("nan")
    under = ~(correlation[1:] >= threshold)
    pairs = np.flatnonzero(under[:-1] & under[1:])
    return tile / (float(pairs[0]) + 1) if pairs.size else 2.0


def frc_hf(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    tile: int,
    step: int | None = None,
    scale: int = SCALE,
) -> float:
    """Mean ring correlation above the Nyquist frequency of the input, 1 at best; NaN where no tile is valid.

    Raises:
        ValueError: shapes that differ.
    """
    return high_frequency_mean(ring_correlation(sr, reference, valid, tile=tile, step=step), tile=tile, scale=scale)


def frc_cutoff(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    metres_per_pixel: float,
    tile: int,
    step: int | None = None,
    threshold: float = 0.5,
) -> float:
    """Resolution in metres: the period where the ring correlation falls under `threshold`; NaN where no tile is valid.

    Against a reference, whose noise is not that of the image, 0.5 is what 1/7 is between two halves of the same data.

    Raises:
        ValueError: shapes that differ.
    """
    correlation = ring_correlation(sr, reference, valid, tile=tile, step=step)
    return metres_per_pixel * cutoff_period(correlation, tile=tile, threshold=threshold)


def _hann(size: int) -> NDArray[np.float32]:
    line = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.outer(line, line).astype(np.float32)


def _spectrum(image: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.complex64]:
    spectrum: NDArray[np.complex64] = fft.rfft2((image - image.mean(dtype=np.float64).astype(np.float32)) * window)
    return spectrum


def _ring_sums(half: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over rings of a half-plane ``[tile, tile // 2 + 1]``, whose inner columns stand for two each."""
    tile = half.shape[0]
    rows, columns = fft.fftfreq(tile, 1 / tile), np.arange(half.shape[1])
    ring = np.rint(np.hypot(rows[:, None], columns)).astype(np.intp)
    twice = np.where((columns == 0) | (2 * columns == tile), 1.0, 2.0)
    sums = np.bincount(ring.ravel(), weights=(half * twice).ravel())
    return np.asarray(sums[: tile // 2 + 1], dtype=np.float64)


def _rings(pair: AlignedPair, settings: Settings) -> list[NDArray[np.float64] | None]:
    bands = zip(pair.sr, pair.reference, pair.valid, strict=True)
    return [ring_correlation(*band, **settings) for band in bands]


def _split(pair: AlignedPair, settings: Settings) -> tuple[list[NDArray[np.float64] | None], dict[str, Any]]:
    """The ring correlation of each band, which both metrics share, and what a metric makes of it."""
    of_rings = {key: settings.get(key) for key in ("tile", "step")}
    return pair.once(_rings, of_rings), {key: value for key, value in settings.items() if key != "step"}


def _compute_hf(pair: AlignedPair, settings: Settings) -> Values:
    rings, own = _split(pair, settings)
    return np.array([high_frequency_mean(band, **own) for band in rings])


def _compute_cutoff(pair: AlignedPair, settings: Settings) -> Values:
    rings, own = _split(pair, settings)
    return pair.metres_per_pixel * np.array([cutoff_period(band, **own) for band in rings])


FRC_HF = Metric(
    key="frc_hf",
    title="ring correlation above the input's Nyquist",
    unit="1",
    higher_is_better=True,
    per_band=True,
    source="tdsr-v1; Saxton and Baumeister (1982)",
    compute=_compute_hf,
)

FRC_CUTOFF = Metric(
    key="frc_cutoff",
    title="resolution by ring correlation",
    unit="m",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1; Saxton and Baumeister (1982)",
    compute=_compute_cutoff,
)
