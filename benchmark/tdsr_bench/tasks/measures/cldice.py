"""Centre line Dice: are the true lines found, unbroken and with nothing added, whatever their width?"""

from tdsr_bench.tasks.measures.agreement import Mask, among_valid, f1_score
from tdsr_bench.tasks.measures.base import Measure, Segmentation, Settings


def cldice(found: Mask, truth: Mask, valid: Mask) -> float:
    """clDice of ``[H, W]`` masks, 0 to 1; NaN where nothing is true.

    The harmonic mean of topology precision, the share of the skeleton of `found` that is true, and topology
    sensitivity, the share of the skeleton of `truth` that is found. Shit et al., CVPR (2021), eq. 1 and 2. Both masks
    are cut to the valid pixels before they are thinned, so that nothing behind a mask bends a skeleton.

    Raises:
        ValueError: shapes that differ.
    """
    found, truth = among_valid(found, truth, valid)
    return f1_score(_skeleton(found), found, _skeleton(truth), truth)


def _skeleton(mask: Mask) -> Mask:
    from skimage.morphology import skeletonize

    skeleton: Mask = skeletonize(mask)  # type: ignore[no-untyped-call]
    return skeleton


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    return cldice(*segmentation.masks, **settings)


MEASURE = Measure(key="cldice", title="clDice", source="Shit et al. (2021), eq. 1 and 2", compute=_compute)
