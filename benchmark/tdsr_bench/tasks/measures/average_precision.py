"""Average precision: how well the probability ranks true pixels over others, whatever the threshold."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.tasks.measures.agreement import Mask
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def average_precision(probability: NDArray[np.float32], truth: Mask, valid: Mask) -> float:
    """Area under the steps of the precision-recall curve of ``[H, W]``, above 0 up to 1; NaN where nothing is true.

    AP = sum (R_n - R_{n-1}) P_n over all thresholds, from the highest down; pixels of equal probability are one step.
    No ranking at all, as of a constant probability, gives the share of true pixels, not 0. Exact, over valid pixels.
    Zhu, "Recall, precision and average precision", University of Waterloo (2004).

    Raises:
        ValueError: shapes that differ.

    >>> truth = np.array([[True, False, True, False]])
    >>> round(average_precision(np.array([[0.9, 0.8, 0.7, 0.1]], np.float32), truth, np.ones((1, 4), bool)), 3)
    0.833
    """
    check_shapes(probability=probability, truth=truth, valid=valid)
    true = probability[truth & valid]
    if not true.size:
        return float("nan")
    # Recall moves at the probabilities of true pixels alone, so precision is wanted only there.
    steps, count = np.unique(true, return_counts=True)
    hits = true.size - np.cumsum(count) + count
    ranked = np.sort(probability[valid])
    found = ranked.size - np.searchsorted(ranked, steps, side="left")
    return float(np.sum(count / true.size * (hits / found)))


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    return average_precision(segmentation.probability, segmentation.truth.mask, segmentation.truth.valid, **settings)


MEASURE = Measure(key="ap", title="average precision", source="Zhu (2004)", compute=_compute)
