"""Masks to measure, and plain loops to measure them with."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.tasks.measures.base import Segmentation, Truth

Mask = NDArray[np.bool_]


def blobs(rng: np.random.Generator, shape: tuple[int, int], *, share: float = 0.3, sigma: float = 1.0) -> Mask:
    """Smooth random patches that cover about a `share` of the pixels."""
    field = ndimage.gaussian_filter(rng.normal(0, 1, shape), sigma, mode="wrap")
    return np.asarray(field > np.quantile(field, 1 - share))


def buildings() -> Mask:
    """bool ``[96, 96]``: 20 rectangles of 4 to 11 pixels a side, all apart and away from the edges."""
    mask = np.zeros((96, 96), dtype=bool)
    for index in range(20):
        row, column = 12 + 18 * (index // 5), 10 + 16 * (index % 5)
        mask[row : row + 4 + index % 7, column : column + 4 + index % 8] = True
    return mask


def roads() -> Mask:
    """bool ``[96, 96]``: two roads along and two across, three pixels wide, that end before the edges."""
    mask = np.zeros((96, 96), dtype=bool)
    for at in (30, 60):
        mask[at : at + 3, 10:86] = True
        mask[10:86, at : at + 3] = True
    return mask


def segmentation(
    found: Mask,
    truth: Mask,
    *,
    valid: Mask | None = None,
    probability: NDArray[np.float32] | None = None,
    metres_per_pixel: float = 10 / 3,
) -> Segmentation:
    """All valid, and sure of what was found, unless it is said otherwise."""
    return Segmentation(
        probability=np.where(found, 0.9, 0.1).astype(np.float32) if probability is None else probability,
        found=found,
        truth=Truth(
            mask=truth,
            lines=None,
            valid=np.ones(truth.shape, dtype=bool) if valid is None else valid,
            metres_per_pixel=metres_per_pixel,
        ),
    )


def f1_in_loops(found: Mask, truth: Mask, reach: float) -> float:
    """F1 of the shares of each mask's pixels that have one of the other's at most `reach` pixels away."""
    here, there = (list(zip(*np.nonzero(mask), strict=True)) for mask in (found, truth))
    precision, recall = (
        sum(any(np.hypot(r - s, c - d) <= reach + 1e-9 for s, d in others) for r, c in points) / len(points)
        for points, others in ((here, there), (there, here))
    )
    return 2 / (1 / precision + 1 / recall)
