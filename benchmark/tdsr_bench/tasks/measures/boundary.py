"""Boundary F1: do the outlines of what was found run where those of the truth do?"""

import numpy as np

from tdsr_bench.tasks.measures.agreement import Mask, among_valid, f1_score, within
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def boundary_f1(found: Mask, truth: Mask, valid: Mask, *, tolerance_m: float, metres_per_pixel: float) -> float:
    """F1 of the boundaries of ``[H, W]`` masks, 0 to 1; NaN where the truth has no boundary.

    Precision is the share of the boundary of `found` at most `tolerance_m` metres from the boundary of `truth`, recall
    the share of the latter at most as far from the former; distances run between the centres of pixels, and only valid
    pixels count. Csurka et al., BMVC (2013); Perazzi et al., CVPR (2016). Theirs is a share of
    the image's diagonal, which would let the size of the crop decide; this one is in metres.

    Raises:
        ValueError: shapes that differ, a negative tolerance, or a size of a pixel that is not positive.
    """
    found, truth = (inner_boundary(mask, valid) for mask in among_valid(found, truth, valid))
    near_found, near_truth = (within(mask, tolerance_m, metres_per_pixel=metres_per_pixel) for mask in (found, truth))
    return f1_score(found, near_found, truth, near_truth)


def inner_boundary(mask: Mask, valid: Mask) -> Mask:
    """The pixels of `mask` with a valid pixel outside it above, below, left or right of them.

    Where a mask runs into the edge of the image or of the valid pixels it is cut, and a cut is no boundary.

    >>> mask = np.array([[True, True, True, False]])
    >>> inner_boundary(mask, np.ones((1, 4), bool))
    array([[False, False,  True, False]])
    """
    from scipy import ndimage

    return np.asarray(mask & ndimage.binary_dilation(valid & ~mask))


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    return boundary_f1(*segmentation.masks, metres_per_pixel=segmentation.truth.metres_per_pixel, **settings)


MEASURE = Measure(
    key="boundary_f1", title="boundary F1", source="Csurka et al. (2013); Perazzi et al. (2016)", compute=_compute
)
