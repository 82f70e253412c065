"""Relaxed F1: pixels that lie a little beside the truth are forgiven."""

from tdsr_bench.tasks.measures.agreement import Mask, among_valid, f1_score, within
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def relaxed_f1(found: Mask, truth: Mask, valid: Mask, *, slack_m: float, metres_per_pixel: float) -> float:
    """F1 of relaxed precision and relaxed recall of ``[H, W]`` masks, 0 to 1; NaN where nothing is true.

    Relaxed precision is the share of found pixels at most `slack_m` metres from a true one, relaxed recall the share of
    true pixels at most as far from a found one; distances run between the centres of pixels, and only valid pixels
    count. Mnih, "Machine learning for aerial image labeling", University of Toronto (2013), with a slack of 3 m. He
    gives the break-even point over all thresholds; this is the F1 at the threshold that made `found`.

    Raises:
        ValueError: shapes that differ, a negative slack, or a size of a pixel that is not positive.
    """
    found, truth = among_valid(found, truth, valid)
    near_found, near_truth = (within(mask, slack_m, metres_per_pixel=metres_per_pixel) for mask in (found, truth))
    return f1_score(found, near_found, truth, near_truth)


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    return relaxed_f1(*segmentation.masks, metres_per_pixel=segmentation.truth.metres_per_pixel, **settings)


MEASURE = Measure(key="relaxed_f1", title="relaxed F1", source="Mnih (2013)", compute=_compute)
