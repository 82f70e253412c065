"""Consistency with what was observed: does the sensor see the frame again in the method's image?"""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.sensor import SENTINEL2_SIGMAS, observe


def consistency_error(
    sr: NDArray[np.float32],
    observed: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    sigmas: tuple[float, ...] = SENTINEL2_SIGMAS,
) -> Values:
    """RMSE in reflectance, for each band, of D_b(`sr`) less `observed`, the mean difference removed.

    Args:
        sr: ``[band, 3h, 3w]`` on the frames' grid.
        observed: ``[band, h, w]``.
        valid: bool ``[h, w]``; at its edges D_b reaches two low-resolution pixels behind the mask, as a sensor would.
        sigmas: of D_b, one a band, in high-resolution pixels.

    Raises:
        ValueError: shapes that do not fit.
    """
    return _spread(observe(sr, sigmas), observed, valid)


def _spread(seen: NDArray[np.float32], observed: NDArray[np.float32], valid: NDArray[np.bool_]) -> Values:
    check_shapes(sr_as_observed=seen, observed=observed)
    check_shapes(observed_band=observed[0], valid=valid)
    if not valid.any():
        return np.full(len(observed), np.nan)
    return np.array((seen - observed)[:, valid].std(axis=1, dtype=np.float64))


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    """The least over what the method may be held to: one that keeps to its first frame, and one that keeps to the
    middle of its dates, are both consistent with what they were shown."""
    seen = observe(pair.native_sr, settings.get("sigmas", SENTINEL2_SIGMAS))
    views = zip(pair.observed, pair.observed_valid, strict=True)
    return np.asarray(np.fmin.reduce([_spread(seen, *view) for view in views]))


METRIC = Metric(
    key="consistency",
    title="inconsistency with the input",
    unit="reflectance",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1",
    compute=_compute,
)
