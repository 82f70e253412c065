"""Structural similarity after the offset is removed, over windows without a masked pixel."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.filters import gaussian
from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, mean_over, shrink, without_offset


def ssim_map(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    *,
    data_range: float,
    sigma: float,
    radius: int,
    k1: float = 0.01,
    k2: float = 0.03,
    level: float = 0.0,
) -> NDArray[np.float32]:
    """SSIM at each pixel of two ``[H, W]`` images, -1 to 1, with a Gaussian window and population covariances.

    Wang et al., IEEE Transactions on Image Processing 13 (2004), eq. 13. `level` is a value in the middle of the
    images: it is taken off before squares are averaged, which spares float32 a difference of two large numbers, and
    changes nothing else.

    Raises:
        ValueError: shapes that differ, or a `data_range` that is not positive.
    """
    check_shapes(a=a, b=b)
    if not data_range > 0:
        raise ValueError(f"data_range has to be positive, not {data_range}.")
    smooth = partial(gaussian, sigma=sigma, radius=radius)
    a, b = a - np.float32(level), b - np.float32(level)
    mean_a, mean_b = smooth(a), smooth(b)
    variances = smooth(a * a) - mean_a * mean_a + (smooth(b * b) - mean_b * mean_b)
    covariance = smooth(a * b) - mean_a * mean_b
    mean_a, mean_b = mean_a + np.float32(level), mean_b + np.float32(level)
    c1, c2 = np.float32((k1 * data_range) ** 2), np.float32((k2 * data_range) ** 2)
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    most = (mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2)
    return np.asarray(likeness / most, dtype=np.float32)


def cssim_error(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    data_range: float,
    sigma: float,
    radius: int,
    k1: float = 0.01,
    k2: float = 0.03,
) -> float:
    """sqrt(1 - SSIM) of two ``[H, W]`` images in reflectance, after `sr` is given the mean of `reference`.

    0 for equal images, 1 for unrelated ones. The mean runs over pixels whose whole window is valid and inside the
    image, so that nothing behind a mask, and no mirrored edge, takes part. NaN where there is no such pixel.
    `tdsr-v1`, "cssim".

    Raises:
        ValueError: as `ssim_map`.
    """
    check_shapes(sr=sr, reference=reference, valid=valid)
    whole = shrink(valid, radius)
    if not whole.any():
        return float("nan")
    similarity = ssim_map(
        without_offset(sr, reference, valid),
        reference,
        data_range=data_range,
        sigma=sigma,
        radius=radius,
        k1=k1,
        k2=k2,
        level=mean_over(reference, valid),
    )
    return float(np.sqrt(max(0.0, mean_over(1 - similarity, whole))))


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    bands = zip(pair.sr, pair.reference, pair.valid, pair.data_range, strict=True)
    return np.array([cssim_error(*images, data_range=float(span), **settings) for *images, span in bands])


METRIC = Metric(
    key="cssim",
    title="cSSIM error",
    unit="1",
    higher_is_better=False,
    per_band=True,
    source="tdsr-v1; Wang et al. (2004), eq. 13",
    compute=_compute,
)
