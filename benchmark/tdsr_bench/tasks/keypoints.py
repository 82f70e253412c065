"""Key points: how many of the points that Key.Net finds in the reference it finds in the super-resolved image too."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.metrics.pixels import check_shapes, shrink, valid_in_all
from tdsr_bench.scene import RGB
from tdsr_bench.tasks.keynet import (
    WEIGHTS_NAME,
    WEIGHTS_SHA256,
    describe,
    find_points,
    load_network,
    unavailable,
    weights_file,
)
from tdsr_bench.tasks.measures.repeatability import matching_score, repeatability
from tdsr_bench.tasks.pair_task import PairMeasure, PairTask, Progress, Scores, Settings

if TYPE_CHECKING:
    from kornia.feature import KeyNet

REPEATABILITY, MATCHING = "keypoints.repeatability", "keypoints.matching"


def grey_image(rgb: NDArray[np.float32], *, white: float) -> NDArray[np.float32]:
    """The mean of ``[3, H, W]`` in reflectance as Key.Net takes it: 0 stays 0, `white` becomes 1, clipped.

    The range is the same for every image: from each image's own extremes, a method's contrast would move the points.
    """
    return np.asarray(np.clip(rgb.mean(axis=0) / np.float32(white), 0, 1), dtype=np.float32)


def keypoint_scores(
    network: "KeyNet",
    sr_rgb: NDArray[np.float32],
    ref_rgb: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    metres_per_pixel: float,
    tolerance: float,
    per_megapixel: float,
    window: int,
    margin: int,
    patch: float,
    white: float,
) -> tuple[float, float]:
    """Repeatability and matching score, 0 to 1, of ``[3, H, W]`` images in reflectance.

    Both images are asked for the same number of points, which the valid area alone decides; where the reference has
    fewer, for that number. Points lie at least `margin` pixels from the edge and from pixels that are not valid in all
    three bands; those are replaced by the reference in the super-resolved image, for a network looks around each pixel.

    Args:
        network: Key.Net.
        sr_rgb, ref_rgb, valid: the images, and their pixels that count.
        metres_per_pixel: ground size of a pixel.
        tolerance: metres that a point and its counterpart may lie apart.
        per_megapixel: points wanted in a million valid pixels.
        window: pixels on each side of the square in which a point is the strongest.
        margin: see above.
        patch: pixels on each side of the square that a point is described by.
        white: the reflectance that becomes 1.

    Returns:
        NaN where the reference has no point.

    Raises:
        ValueError: shapes that differ; a tolerance that is not positive.
    """
    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb, valid=valid)
    allowed = shrink(valid_in_all(valid), margin)
    ref, sr = (grey_image(image, white=white) for image in (ref_rgb, np.where(valid, sr_rgb, ref_rgb)))
    wanted = find_points(network, ref, allowed, most=round(per_megapixel * allowed.sum() / 1e6), window=window)
    found = find_points(network, sr, allowed, most=len(wanted), window=window)
    distances = {"metres_per_pixel": metres_per_pixel, "tolerance": tolerance}
    looks, ref_looks = describe(sr, found, patch=patch), describe(ref, wanted, patch=patch)
    return repeatability(found, wanted, **distances), matching_score(found, looks, wanted, ref_looks, **distances)


def _compute(pair: AlignedPair, settings: Settings, progress: Progress | None = None) -> Scores:  # noqa: ARG001
    path = weights_file()
    if path is None:
        return {REPEATABILITY: float("nan"), MATCHING: float("nan")}
    bands = list(RGB)
    images = pair.sr[bands], pair.reference[bands], pair.valid[bands]
    scores = keypoint_scores(load_network(path), *images, metres_per_pixel=pair.metres_per_pixel, **settings)
    return dict(zip((REPEATABILITY, MATCHING), scores, strict=True))


TASK = PairTask(
    key="keypoints",
    title="Key points",
    measures=(
        PairMeasure(
            key=REPEATABILITY,
            title="Key point repeatability",
            source="Mikolajczyk et al. (2005), by distance; Key.Net (Barroso-Laguna et al. 2019)",
        ),
        PairMeasure(
            key=MATCHING,
            title="Key point matching score",
            source="Mikolajczyk et al. (2005), by distance; Key.Net and RootSIFT",
        ),
    ),
    compute=_compute,
    unavailable=unavailable,
    network=lambda: {"name": WEIGHTS_NAME, "sha256": WEIGHTS_SHA256},
)
