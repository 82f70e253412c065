"""Agreement of fine detail: concordance of the high-passed images."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.filters import highpass
from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes


def concordance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Concordance of two samples, each less its mean: 2 cov / (var + var), 1 where they are equal, 0 where unrelated.

    Lin, Biometrics 45 (1989), eq. 1 without the term of the means. NaN where both are constant, or there is nothing.

    >>> concordance(np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0]))
    1.0
    """
    if not a.size:
        return float("nan")
    a = a.astype(np.float64) - a.mean(dtype=np.float64)
    b = b.astype(np.float64) - b.mean(dtype=np.float64)
    spread = float((a * a).sum() + (b * b).sum())  # no dot products: their rounding depends on the number of threads
    return 2 * float((a * b).sum()) / spread if spread > 0 else float("nan")


def detail_error(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_], *, sigma: float
) -> float:
    """sqrt(1 - CCC) between two ``[H, W]`` images, each less its blur by `sigma` pixels, over valid pixels.

    0 for equal detail, 1 for an image without any; up to sqrt(2) for inverted detail. The blur averages valid pixels
    only (`filters.local_mean`), so nothing behind a mask takes part. `tdsr-v1`, "detail".

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    agreement = concordance(highpass(sr, valid, sigma)[valid], highpass(reference, valid, sigma)[valid])
    return float(np.sqrt(max(0.0, 1 - agreement))) if agreement == agreement else float("nan")


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    bands = zip(pair.sr, pair.reference, pair.valid, strict=True)
    return np.array([detail_error(*band, **settings) for band in bands])


METRIC = Metric(
    key="detail",
    title="detail error",
    unit="1",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1; Lin (1989), concordance correlation",
    compute=_compute,
)
