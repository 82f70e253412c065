"""How many values lie outside of what reflectance can be; they are allowed, and counted."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values


def outside_share(image: NDArray[np.floating], *, low: float, high: float) -> float:
    """The share of the values of `image` under `low` or over `high`, 0 to 1.

    >>> outside_share(np.array([-0.1, 0.0, 0.5, 1.2]), low=0.0, high=1.0)
    0.5
    """
    return float(((image < low) | (image > high)).mean())


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([outside_share(band, **settings) for band in pair.native_sr])


METRIC = Metric(
    key="outside",
    title="values outside 0..1",
    unit="1",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1",
    compute=_compute,
)
