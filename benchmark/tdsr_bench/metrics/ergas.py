"""ERGAS: the relative error of all bands in one number."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, mean_over
from tdsr_bench.scene import SCALE


def ergas(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_], *, scale: int = SCALE
) -> float:
    """100 (h / l) sqrt(mean over bands of (RMSE / mean of the reference)^2) of ``[band, H, W]``, over valid pixels.

    Wald, Data Fusion (2002): h / l is the size of a high-resolution pixel over that of a low-resolution one, here
    ``1 / scale`` (torchmetrics' `ratio` is `scale`). 0 is best; no compensation of any kind. NaN where a band has no
    valid pixel.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    bands = zip(sr, reference, valid, strict=True)
    relative = [mean_over(np.square(a - b), mask) / mean_over(b, mask) ** 2 for a, b, mask in bands]
    return float(100 / scale * np.sqrt(np.mean(relative)))


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([ergas(pair.sr, pair.reference, pair.valid, **settings)])


METRIC = Metric(
    key="ergas",
    title="ERGAS",
    unit="1",
    higher_is_better=False,
    per_band=False,
    source="Wald (2002), Data Fusion: Definitions and Architectures",
    compute=_compute,
)
