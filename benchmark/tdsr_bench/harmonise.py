"""Bringing a reference to the reflectance of its frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.protocol import Harmonisation
from tdsr_bench.scene import BANDS


@dataclass(frozen=True, eq=False)
class Harmony:
    """How the reference's stored numbers became reflectance: ``reflectance = gain * stored + offset``, band by band.

    Attributes:
        gain, offset: float ``[4]``.
        correlation: of D_b(reference) and the frames' median, over the pixels kept, float ``[4]``.
        count: how many pixels were kept, int ``[4]``.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    correlation: NDArray[np.float64]
    count: NDArray[np.int64]


def harmonise(
    seen: NDArray[np.floating],
    frame: NDArray[np.floating],
    valid: NDArray[np.bool_],
    *,
    settings: Harmonisation,
    name: str,
) -> Harmony:
    """The gain and offset that bring `seen` to `frame`, by a trimmed reduced major axis, band by band.

    Least squares would shrink the gain wherever the two differ by anything but a straight line (to two thirds across
    dates), and a shrunken reference rewards blur; the ratio of standard deviations does not shrink.

    Args:
        seen: ``[4, h, w]``, D_b of the reference.
        frame: ``[4, h, w]``, the median of the frames.
        valid: bool ``[4, h, w]``.
        settings: the protocol's.
        name: of the scene, for errors.

    Raises:
        DataError: no valid pixel, or a correlation under the protocol's least.
    """
    bands = [
        _reduced_major_axis(x[mask].astype(np.float64), y[mask].astype(np.float64), settings, f"{name}, {band}")
        for band, x, y, mask in zip(BANDS, seen, frame, valid, strict=True)
    ]
    gain, offset, correlation, count = zip(*bands, strict=True)
    return Harmony(np.array(gain), np.array(offset), np.array(correlation), np.array(count))


def _reduced_major_axis(
    x: NDArray[np.float64], y: NDArray[np.float64], settings: Harmonisation, where: str
) -> tuple[float, float, float, int]:
    kept = np.ones(x.size, dtype=bool)
    gain = offset = 0.0
    for _ in range(settings.iterations):
        if kept.sum() < 3 or x[kept].std() == 0 or y[kept].std() == 0:
            raise DataError(
                f"{where}: the reference cannot be harmonised: {int(kept.sum())} valid pixels, or no contrast in them; "
                f"check the masks and the reference, or exclude the scene in tdsr.json."
            )
        gain = float(y[kept].std() / x[kept].std())
        offset = float(y[kept].mean() - gain * x[kept].mean())
        residual = y - gain * x - offset
        centre = np.median(residual)
        spread = 1.4826 * np.median(np.abs(residual - centre))
        before, kept = kept, np.abs(residual) <= max(settings.trim * spread, np.finfo(np.float32).eps)
        if np.array_equal(before, kept):
            break
    correlation = float(np.corrcoef(x[kept], y[kept])[0, 1])
    if not correlation >= settings.least_correlation:
        raise DataError(
            f"{where}: the reference and the frames correlate by {correlation:.2f} only, expected at least "
            f"{settings.least_correlation}; check that they show the same place, or exclude the scene in tdsr.json."
        )
    return gain, offset, correlation, int(kept.sum())
