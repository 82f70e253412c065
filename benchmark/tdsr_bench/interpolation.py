"""Enlarging an image without learning: the classical kernels, and back-projection through the sensor model."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tdsr_bench.scene import SCALE
from tdsr_bench.sensor import SENTINEL2_SIGMAS, observe

Method = Literal["nearest", "bilinear", "bicubic", "lanczos"]

_KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

BACK_PROJECTIONS = 10
"""Rounds of `back_project` after which noise costs about as much as detail still gains.

On real Sentinel-2 pixels degraded three times, with noise of 0.001 in reflectance (theirs is 0.0003 to 0.001), the gap
over bicubic in `detail` reads .15, .24, .26, .275, .276, .275 after 1, 3, 5, 10, 20 and 30 rounds, that in `cssim` .07,
.09, .085, .07, .05, .05; with noise of 0.002 the first falls too after 7 rounds, without noise both rise up to 30.
"""


def enlarge(image: NDArray[np.floating], method: Method, *, scale: int = SCALE) -> NDArray[np.float32]:
    """Interpolate ``[..., h, w]`` to float32 ``[..., 3h, 3w]``, any unit and range; nothing is clipped.

    Half-pixel centres: low-resolution pixel i lies on high-resolution pixel 3i + 1, as the sensor model samples. The
    bicubic kernel is that of Keys (IEEE TASSP 29, 1981) with a = -0.5, Lanczos has three lobes. At the edges the
    weights of the pixels that exist are normalised to 1.

    >>> enlarge(np.array([[0.0, 3.0]]), "bilinear")[0].tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0, 3.0]
    """
    *lead, height, width = image.shape
    size = width * scale, height * scale
    planes = np.ascontiguousarray(image, dtype=np.float32).reshape(-1, height, width)
    enlarged = [np.asarray(Image.fromarray(plane).resize(size, _KERNELS[method])) for plane in planes]
    return np.stack(enlarged).reshape(*lead, size[1], size[0])


def back_project(
    estimate: NDArray[np.float32],
    observed: NDArray[np.float32],
    *,
    sigmas: tuple[float, ...] = SENTINEL2_SIGMAS,
    iterations: int,
    step: float = 1.0,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Bring `estimate` into agreement with what the sensor observed (Irani and Peleg, CVGIP 53, 1991).

    Each round adds the enlarged residual between `observed` and the estimate as the sensor model would see it.

    Args:
        estimate: ``[4, 3h, 3w]``.
        observed: ``[4, h, w]``, in the same unit.
        sigmas: the sensor model's Gaussian for each band, in high-resolution pixels.
        iterations: how many rounds; see `BACK_PROJECTIONS`.
        step: the share of the residual that a round adds; it converges for steps under 2.
        valid: bool ``[h, w]``; residuals count only where it is true.
    """
    for _ in range(iterations):
        residual = observed - observe(estimate, sigmas)
        if valid is not None:
            residual = np.where(valid, residual, np.float32(0))
        estimate = estimate + np.float32(step) * enlarge(residual, "bicubic")
    return estimate
