"""Pairs for what looks only at a super-resolved image, its reference and the pixels that count."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair

Image = NDArray[np.float32]


def pair_of(sr: Image, reference: Image, valid: NDArray[np.bool_] | None = None) -> AlignedPair:
    """An aligned pair of ``[4, H, W]`` images; all else in it is nothing that one could compute with."""
    nothing = np.empty(0)
    return AlignedPair(
        sr=sr,
        reference=reference,
        bicubic=nothing,
        valid=np.ones(reference.shape, dtype=bool) if valid is None else valid,
        data_range=nothing,
        shift=(0.0, 0.0),
        metres_per_pixel=10 / 3,
        native_sr=nothing,
        observed=nothing,
        observed_valid=nothing,
    )
