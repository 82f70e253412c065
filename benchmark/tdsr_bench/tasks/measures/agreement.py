"""What the measures of masks share: only valid pixels count, and sets of pixels have a precision and a recall."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.pixels import check_shapes

Mask = NDArray[np.bool_]
"""bool ``[H, W]``."""

_ROUNDING = 1e-6


def among_valid(found: Mask, truth: Mask, valid: Mask) -> tuple[Mask, Mask]:
    """`found` and `truth` without the pixels that are not valid, which are neither found nor true.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(found=found, truth=truth, valid=valid)
    return found & valid, truth & valid


def f1_score(found: Mask, near_found: Mask, truth: Mask, near_truth: Mask) -> float:
    """Harmonic mean of precision and recall of two sets of pixels, 0 to 1; NaN where `truth` is empty.

    Precision is the share of `found` in `near_truth`, recall the share of `truth` in `near_found`. Near may mean the
    set itself, its surroundings, or the area that it is the skeleton of.

    >>> truth = np.array([[True, True, False]])
    >>> found = np.array([[False, True, True]])
    >>> f1_score(found, found, truth, truth)
    0.5
    """
    if not truth.any():
        return float("nan")
    precision, recall = _share(found, near_truth), _share(truth, near_found)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def within(mask: Mask, metres: float, *, metres_per_pixel: float) -> Mask:
    """The pixels at most `metres` away from a pixel of `mask`.

    The distance of two pixels is the straight line between their centres: 0 of a pixel to itself, one pixel's size to
    the next, so that anything under one pixel's size is no tolerance at all.

    Raises:
        ValueError: `metres` that are negative, or a size of a pixel that is not positive.

    >>> within(np.array([[True, False, False, False]]), 20.0, metres_per_pixel=10.0)
    array([[ True,  True,  True, False]])
    """
    if not metres >= 0:
        raise ValueError(f"A distance has to be 0 m or more, not {metres}.")
    if not metres_per_pixel > 0:
        raise ValueError(f"metres_per_pixel has to be positive, not {metres_per_pixel}.")
    if not mask.any():
        return np.zeros_like(mask)
    return np.asarray(_distance_to(mask) <= metres / metres_per_pixel * (1 + _ROUNDING))


def _share(part: Mask, whole: Mask) -> float:
    """Share of the pixels of `part` that are in `whole`; 0 where there are none."""
    count = int(np.count_nonzero(part))
    return int(np.count_nonzero(part & whole)) / count if count else 0.0


def _distance_to(mask: Mask) -> NDArray[np.float32]:
    """Euclidean distance in pixels to the nearest pixel of `mask`; OpenCV takes a sixth of the time of SciPy."""
    import cv2

    others = (~mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)
