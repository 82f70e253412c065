"""Spectral angle: does a pixel keep its colour?"""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, pick, valid_in_all


def spectral_angle(sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    """Mean angle in degrees, 0 to 180, between the spectra of ``[band, H, W]`` where all bands are valid.

    Kruse et al., Remote Sensing of Environment 44 (1993). Pixels without a reference spectrum (all zero) are left
    out; a spectrum of zeros against one that is not has no direction and counts as 90 degrees. NaN without a pixel.

    Raises:
        ValueError: shapes that differ.

    >>> red, yellow = np.array([[[1.0]], [[0.0]]]), np.array([[[1.0]], [[1.0]]])
    >>> round(spectral_angle(red, yellow, np.ones((2, 1, 1), bool)), 3)
    45.0
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    whole = valid_in_all(valid) & reference.any(axis=0)
    if not whole.any():
        return float("nan")
    a, b = _unit(pick(sr, whole)), _unit(pick(reference, whole))
    # Kahan's formula: an arc cosine of float32 cannot tell angles under 0.02 degrees from 0.
    half = np.arctan2(_length(a - b), _length(a + b))
    return float(np.degrees(2 * half.mean(dtype=np.float64)))


def _unit(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    length = _length(spectra)
    return np.asarray(spectra / np.where(length > 0, length, np.float32(1)), dtype=np.float32)


def _length(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(np.einsum("bp,bp->p", spectra, spectra)), dtype=np.float32)


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([spectral_angle(pair.sr, pair.reference, pair.valid, **settings)])


METRIC = Metric(
    key="sam",
    title="spectral angle",
    unit="degree",
    higher_is_better=False,
    per_band=False,
    source="Kruse et al. (1993)",
    compute=_compute,
)
