"""Masks: true where a pixel counts."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import SCALE


def block_all(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool ``[..., 3h, 3w]`` to ``[..., h, w]``: true where all nine pixels of a low-resolution one are."""
    *lead, height, width = valid.shape
    blocks = valid.reshape(*lead, height // SCALE, SCALE, width // SCALE, SCALE)
    return np.asarray(blocks.all(axis=(-3, -1)))


def without_border(valid: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """`valid` without the outermost `margin` pixels."""
    inner = np.zeros_like(valid)
    keep = np.s_[..., margin:-margin, margin:-margin]
    inner[keep] = valid[keep]
    return inner


def enlarged(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool ``[..., h, w]`` to ``[..., 3h, 3w]``: each pixel becomes nine."""
    return valid.repeat(SCALE, axis=-2).repeat(SCALE, axis=-1)
