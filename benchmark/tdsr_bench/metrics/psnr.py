"""Peak signal-to-noise ratio, as it is and with the offset removed."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, mean_over, without_offset


def psnr(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_], *, data_range: float
) -> float:
    """10 log10(data_range^2 / mean squared error) in dB over the valid pixels of ``[H, W]``; infinite for equal images.

    Raises:
        ValueError: shapes that differ, or a `data_range` that is not positive.

    >>> black, grey = np.zeros((2, 2), np.float32), np.full((2, 2), 0.05, np.float32)
    >>> round(psnr(grey, black, np.ones((2, 2), bool), data_range=0.5), 3)
    20.0
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    if not data_range > 0:
        raise ValueError(f"data_range has to be positive, not {data_range}.")
    error = mean_over(np.square(sr - reference), valid)
    return float(10 * np.log10(data_range**2 / error)) if error else float("inf")


def cpsnr(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_], *, data_range: float
) -> float:
    """`psnr` after `sr` is given the mean of `reference` over valid pixels.

    Raises:
        ValueError: as `psnr`.
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    return psnr(without_offset(sr, reference, valid), reference, valid, data_range=data_range)


def _compute_psnr(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([psnr(*band, **settings) for band in zip(pair.sr, pair.reference, pair.valid, strict=True)])


def _compute_cpsnr(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([cpsnr(*band, **settings) for band in zip(pair.sr, pair.reference, pair.valid, strict=True)])


PSNR = Metric(
    key="psnr",
    title="PSNR",
    unit="dB",
    higher_is_better=True,
    per_band=True,
    source="tdsr-v1; no offset and no histogram is matched",
    compute=_compute_psnr,
)

CPSNR = Metric(
    key="cpsnr",
    title="cPSNR",
    unit="dB",
    higher_is_better=True,
    per_band=True,
    source="tdsr-v1; offset as in Martens et al. (2019), PROBA-V",
    compute=_compute_cpsnr,
)
