"""Segment Anything: do the masks that it finds in the super-resolved image agree with those in the reference?"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.metrics.pixels import check_shapes, valid_in_all
from tdsr_bench.scene import RGB
from tdsr_bench.tasks.measures.mask_agreement import MaskPair, Masks, adjusted_rand, mean_best_iou
from tdsr_bench.tasks.pair_task import PairMeasure, PairTask, Progress, Scores, Settings
from tdsr_bench.tasks.sam_masks import automatic_masks, checkpoint_name, load_generator, network, unavailable

BEST_IOU, RAND = "sam.best_iou", "sam.rand"

FindMasks = Callable[[NDArray[np.uint8]], Masks]
"""From red, green and blue ``[h, w, 3]``, 0 to 255, to masks bool ``[n, h, w]``."""


def eight_bit(rgb: NDArray[np.float32], *, white: float) -> NDArray[np.uint8]:
    """Reflectance ``[3, H, W]`` as uint8 ``[H, W, 3]``: `white` and more become 255, whatever the image holds."""
    scaled = np.clip(rgb / np.float32(white), 0, 1) * 255
    return np.ascontiguousarray(np.rint(scaled).astype(np.uint8).transpose(1, 2, 0))


def tiles(height: int, width: int, *, most: int) -> list[tuple[slice, slice]]:
    """Rows and columns of the fewest parts, of nearly equal size, whose sides are at most `most` pixels.

    >>> [(rows.stop, columns.start) for rows, columns in tiles(5, 9, most=5)]
    [(5, 0), (5, 4)]
    """
    rows, columns = (
        [slice(size * part // parts, size * (part + 1) // parts) for part in range(parts)]
        for size, parts in ((height, math.ceil(height / most)), (width, math.ceil(width / most)))
    )
    return [(row, column) for row in rows for column in columns]


def mask_pairs(
    find_masks: FindMasks,
    sr_rgb: NDArray[np.float32],
    ref_rgb: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    white: float,
    tile: int,
    progress: Progress | None = None,
) -> Iterator[MaskPair]:
    """The masks in each part of ``[3, H, W]`` images in reflectance, one part after the other.

    Masked pixels of `sr_rgb` are replaced by the reference first, since a network looks around each pixel.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb, valid=valid)
    whole = valid_in_all(valid)
    sr, ref = (eight_bit(image, white=white) for image in (np.where(valid, sr_rgb, ref_rgb), ref_rgb))
    parts = [part for part in tiles(*whole.shape, most=tile) if whole[part].any()]
    for done, part in enumerate(parts, start=1):
        yield MaskPair(find_masks(sr[part]), find_masks(ref[part]), whole[part])
        if progress:
            progress(done, len(parts))


def _compute(pair: AlignedPair, settings: Settings, progress: Progress | None = None) -> Scores:
    name = checkpoint_name()
    generator = load_generator(name) if name else ""
    if isinstance(generator, str):
        return {BEST_IOU: float("nan"), RAND: float("nan")}
    images = {key: settings[key] for key in ("white", "tile")}
    options = {key: value for key, value in settings.items() if key not in images}
    bands = list(RGB)
    pairs = list(
        mask_pairs(
            lambda image: automatic_masks(generator, image, **options),
            pair.sr[bands],
            pair.reference[bands],
            pair.valid[bands],
            progress=progress,
            **images,
        )
    )
    return {BEST_IOU: mean_best_iou(pairs), RAND: adjusted_rand(pairs)}


TASK = PairTask(
    key="sam",
    title="Segment Anything",
    measures=(
        PairMeasure(
            key=BEST_IOU,
            title="Best IoU of masks",
            source="Uijlings et al. (2013), both ways; Segment Anything (Kirillov et al. 2023)",
        ),
        PairMeasure(
            key=RAND,
            title="Adjusted Rand index of masks",
            source="Hubert and Arabie (1985); Segment Anything (Kirillov et al. 2023)",
        ),
    ),
    compute=_compute,
    unavailable=unavailable,
    network=network,
    on_request=True,
)
