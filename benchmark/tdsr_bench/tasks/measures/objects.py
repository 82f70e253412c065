"""Object F1: how many of the true objects are found one by one?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.tasks.measures.agreement import Mask, among_valid
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def object_f1(found: Mask, truth: Mask, valid: Mask, *, iou: float = 0.5) -> float:
    """F1 over objects of ``[H, W]`` masks, 0 to 1: 2 pairs / (found objects + true objects); NaN without a true one.

    An object is a set of valid pixels that hang together by their edges; pixels that touch at a corner are apart. A
    found and a true object can be paired where their intersection over union is at least `iou`; each takes part in one
    pair, and the pairs are as many as can be. Above an `iou` of 0.5 there is never a choice (Kirillov et al., CVPR
    (2019), section 4.1). Van Etten et al., arXiv 1807.01232 (2018).

    The truth is divided by its pixels, not by its vectors: a network that says for each pixel whether it is a building
    cannot part two that touch, and is not asked to.

    Raises:
        ValueError: shapes that differ, or an `iou` that is not above 0 and at most 1.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"iou has to be above 0 and at most 1, not {iou}.")
    found, truth = among_valid(found, truth, valid)
    (found_objects, found_count), (true_objects, true_count) = _objects(found), _objects(truth)
    if not true_count:
        return float("nan")
    if not found_count:
        return 0.0
    return 2 * _most_pairs(_object_iou(found_objects, true_objects), iou) / (found_count + true_count)


def _objects(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """The number of its object at each pixel, from 1, 0 where there is none; and how many there are."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    return labels, int(count)


def _object_iou(found: NDArray[np.int32], truth: NDArray[np.int32]) -> Any:
    """Sparse ``[found objects, true objects]``: intersection over union of those that share a pixel."""
    from scipy import sparse

    found_area, true_area = np.bincount(found.ravel())[1:], np.bincount(truth.ravel())[1:]
    both = (found > 0) & (truth > 0)
    pixels = np.ones(np.count_nonzero(both)), (found[both] - 1, truth[both] - 1)
    shared = sparse.csr_array(pixels, shape=(found_area.size, true_area.size)).tocoo()
    shared.data /= found_area[shared.row] + true_area[shared.col] - shared.data
    return shared


def _most_pairs(object_iou: Any, least: float) -> int:
    """The most pairs in which no object stands twice and all are at least `least` alike."""
    from scipy.sparse import csgraph

    partner = csgraph.maximum_bipartite_matching((object_iou >= least).tocsr())
    return int(np.count_nonzero(partner >= 0))


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    return object_f1(*segmentation.masks, **settings)


MEASURE = Measure(key="object_f1", title="object F1", source="Van Etten et al. (2018)", compute=_compute)
