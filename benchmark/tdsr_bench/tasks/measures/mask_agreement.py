"""How far two sets of masks of one scene agree, whatever order they come in and whatever they are masks of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.pixels import check_shapes

Masks = NDArray[np.bool_]
"""bool ``[n, H, W]``: masks that may overlap each other, and need not cover the image."""


@dataclass(frozen=True, eq=False)
class MaskPair:
    """The masks found in a part of an image and in the same part of its reference.

    Attributes:
        found: bool ``[n, H, W]``.
        reference: bool ``[m, H, W]``.
        valid: bool ``[H, W]``, the pixels that count.
    """

    found: Masks
    reference: Masks
    valid: NDArray[np.bool_]


def mean_best_iou(pairs: Sequence[MaskPair]) -> float:
    """Mean over masks of the best IoU with a mask of the other set, 0 to 1, in both directions.

    The "average best overlap" of Uijlings et al., IJCV 104 (2013), of the reference's masks with those found takes no
    notice of masks that are made up; so that of the found masks with the reference's is taken too, and the mean of both
    given. Each mask counts the same, however large. The best is sought in the mask's own part of the image.

    Returns:
        NaN where the reference has no mask, 0 where only it has.

    Raises:
        ValueError: shapes that differ.
    """
    tables = [iou_table(pair.reference, pair.found) for pair in map(_valid_part, pairs)]
    recalled, confirmed = ([best for table in tables for best in table.max(axis, initial=0)] for axis in (1, 0))
    if not recalled:
        return float("nan")
    return float(np.mean(recalled) + (np.mean(confirmed) if confirmed else 0)) / 2


def iou_table(a: Masks, b: Masks) -> NDArray[np.float64]:
    """Intersection over union, ``[n, m]``, of each mask of `a` with each of `b`.

    Raises:
        ValueError: masks of different sizes.
    """
    from scipy.sparse import csr_array

    check_shapes(a=a[:0], b=b[:0])
    pixels = a.shape[1] * a.shape[2]
    first, second = (csr_array(masks.reshape(len(masks), pixels)).astype(np.int64) for masks in (a, b))
    common = (first @ second.T).toarray()
    either = a.sum(axis=(1, 2))[:, None] + b.sum(axis=(1, 2)) - common
    return np.asarray(common / np.maximum(either, 1))


def adjusted_rand(pairs: Sequence[MaskPair]) -> float:
    """Adjusted Rand index of the partitions that the masks make, at most 1, about 0 for unrelated ones.

    Hubert and Arabie, Journal of Classification 2 (1985). A pixel belongs to the smallest mask that covers it, so that
    parts show in front of what they are part of, and to the background where none does. Pairs of pixels are counted
    inside each part of the image, and pooled: ``sum (index - expected) / sum (greatest - expected)``. Counted over the
    whole image, the edges between its parts, which both have, would pass for agreement.

    Returns:
        NaN where the reference has no mask.

    Raises:
        ValueError: shapes that differ.
    """
    parts = [_valid_part(pair) for pair in pairs]
    if not any(len(part.reference) for part in parts):
        return float("nan")
    index, expected, greatest = np.sum([_rand_terms(part) for part in parts], axis=0)
    return float((index - expected) / (greatest - expected)) if greatest > expected else 1.0


def partition(masks: Masks) -> NDArray[np.int64]:
    """``[H, W]``: for each pixel 1 + the index of the smallest of `masks` that covers it, 0 where none does.

    >>> whole, part = np.ones((1, 4), bool), np.array([[True, False, False, False]])
    >>> partition(np.stack([whole, part]))
    array([[2, 1, 1, 1]])
    """
    labels = np.zeros(masks.shape[1:], dtype=np.int64)
    for index in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        labels[masks[index]] = index + 1
    return labels


def _rand_terms(pair: MaskPair) -> tuple[float, float, float]:
    """Pairs of pixels that are together in both partitions: how many there are, are by chance, and could be."""
    table = contingency(*(partition(masks)[pair.valid] for masks in (pair.reference, pair.found)))
    rows, columns = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    every = _pairs(table.sum(keepdims=True))
    return _pairs(table), rows * columns / every if every else 0.0, (rows + columns) / 2


def contingency(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many pixels have each label of `a` and each of `b`, labels from 0 on."""
    shape = a.max(initial=0) + 1, b.max(initial=0) + 1
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)


def _pairs(counts: NDArray[np.int64]) -> float:
    return float((counts.astype(np.float64) * (counts - 1)).sum() / 2)


def _valid_part(pair: MaskPair) -> MaskPair:
    """The masks' valid pixels; masks that have less than half of their pixels there are left out."""
    for masks in (pair.found, pair.reference):
        check_shapes(masks=masks, valid=np.broadcast_to(pair.valid, (len(masks), *pair.valid.shape)))
    return MaskPair(_mostly_inside(pair.found, pair.valid), _mostly_inside(pair.reference, pair.valid), pair.valid)


def _mostly_inside(masks: Masks, valid: NDArray[np.bool_]) -> Masks:
    inside = masks & valid
    left = inside.sum(axis=(1, 2))
    return np.asarray(inside[(left > 0) & (2 * left >= masks.sum(axis=(1, 2)))])
