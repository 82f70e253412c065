"""Traces of the low-resolution grid: a pattern that repeats every three pixels."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.filters import separable
from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.scene import SCALE


def grid_artefact(sr: NDArray[np.float32], valid: NDArray[np.bool_], *, scale: int = SCALE) -> float:
    """How much of the fine detail of ``[3h, 3w]`` is one pattern repeated in every low-resolution pixel, 0 to 1.

    h = `sr` less its 3 x 3 mean; the standard deviation, over the nine positions in a low-resolution pixel, of the mean
    of h at that position, over the standard deviation of h. A ratio in the spectrum would be ill-conditioned: it
    divides by what an image has between the peaks, which is nothing in a smooth one. `tdsr-v1`, "grid".

    Args:
        sr: on the frames' grid, so that the positions are those of the frames' pixels.
        valid: bool ``[h, w]``, the low-resolution pixels that count; a mean reaches one pixel behind the mask.
        scale: high-resolution pixels to a low-resolution one.

    Returns:
        NaN for an image without any fine detail.

    Raises:
        ValueError: shapes that do not fit.
    """
    height, width = valid.shape
    if sr.shape != (height * scale, width * scale):
        raise ValueError(
            f"sr has the shape {sr.shape} but valid has {valid.shape}; sr has to be {scale} times as large."
        )
    fine = sr - separable(sr, np.full(scale, 1 / scale))
    phases = fine.reshape(height, scale, width, scale).transpose(0, 2, 1, 3)[valid]
    if not phases.size or np.ptp(phases) == 0:
        return float("nan")
    return float(phases.mean(axis=0, dtype=np.float64).std() / phases.std(dtype=np.float64))


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    valid = np.asarray(pair.observed_valid.any(axis=0))
    return np.array([grid_artefact(band, valid, **settings) for band in pair.native_sr])


METRIC = Metric(
    key="grid",
    title="grid artefacts",
    unit="1",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1",
    compute=_compute,
)
