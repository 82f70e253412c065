"""Overlap of found and true pixels: intersection over union, and F1."""

import numpy as np

from tdsr_bench.tasks.measures.agreement import Mask, among_valid, f1_score
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def iou(found: Mask, truth: Mask, valid: Mask) -> float:
    """Pixels that are found and true over pixels that are found or true, 0 to 1; masks are bool ``[H, W]``.

    Only valid pixels count. NaN where nothing is true. Jaccard, Bulletin de la Société Vaudoise 37 (1901).

    Raises:
        ValueError: shapes that differ.

    >>> valid = np.ones((1, 3), bool)
    >>> round(iou(np.array([[False, True, True]]), np.array([[True, True, False]]), valid), 3)
    0.333
    """
    found, truth = among_valid(found, truth, valid)
    if not truth.any():
        return float("nan")
    return float(np.count_nonzero(found & truth) / np.count_nonzero(found | truth))


def f1(found: Mask, truth: Mask, valid: Mask) -> float:
    """Harmonic mean of precision and recall over pixels, 0 to 1, also called Dice; masks are bool ``[H, W]``.

    Only valid pixels count. NaN where nothing is true. Van Rijsbergen, Information Retrieval (1979), chapter 7.

    Raises:
        ValueError: shapes that differ.
    """
    found, truth = among_valid(found, truth, valid)
    return f1_score(found, found, truth, truth)


def _compute_iou(segmentation: Segmentation, settings: Settings) -> float:
    return iou(*segmentation.masks, **settings)


def _compute_f1(segmentation: Segmentation, settings: Settings) -> float:
    return f1(*segmentation.masks, **settings)


IOU = Measure(key="iou", title="IoU", source="Jaccard (1901)", compute=_compute_iou)

F1 = Measure(key="f1", title="F1", source="van Rijsbergen (1979), chapter 7", compute=_compute_f1)
