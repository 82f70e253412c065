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


def enlarge(image: NDArray[np.floating], method: Method, *, scale: int = SCALE) -> NDArray[np.float32]:
    h, w = image.shape[-2:]
    size = (w * scale, h * scale)
    planes = image.astype(np.float32, copy=False).reshape(-1, h, w)
    enlarged = [np.asarray(Image.fromarray(np.ascontiguousarray(p)).resize(size, _KERNELS[method])) for p in planes]
    return np.stack(enlarged).reshape(*image.shape[:-2], *size[::-1])


def back_project(estimate, observed, *, sigmas=SENTINEL2_SIGMAS, iterations, step=1.0, valid=None):
    for _ in range(iterations):
        r = observed - observe(estimate, sigmas)
        if valid is not None:
            r = np.where(valid, r, 0)
        estimate = estimate + step * enlarge(r, "bicubic")
    return estimate
