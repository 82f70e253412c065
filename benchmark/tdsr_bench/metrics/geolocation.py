"""How far a method's image lies from its reference."""

import math

import numpy as np

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values


def geolocation_error(shift: tuple[float, float], *, metres_per_pixel: float) -> float:
    """Length in metres of `shift` = (rows, columns) in high-resolution pixels.

    >>> round(geolocation_error((3.0, 4.0), metres_per_pixel=10 / 3), 3)
    16.667
    """
    return math.hypot(*shift) * metres_per_pixel


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([geolocation_error(pair.shift, metres_per_pixel=pair.metres_per_pixel, **settings)])


METRIC = Metric(
    key="geolocation",
    title="geolocation error",
    unit="m",
    higher_is_better=False,
    per_band=False,
    source="tdsr-v1; the residual shift of alignment",
    compute=_compute,
)
