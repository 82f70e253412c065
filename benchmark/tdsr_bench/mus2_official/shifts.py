"""By how much images differ from a reference at each of the evaluator's shifts.

What is asked for are sums of whole numbers, of (hr - sr) and of its square, over the pixels that count:

    sum v (hr - sr)   = sum v hr - sum v sr
    sum v (hr - sr)^2 = sum v hr^2 - 2 sum v hr sr + sum v sr^2

where hr and v move and sr stays. Each sum of products is a correlation; one matrix product of six shifted copies of a
row of hr and six neighbouring rows of sr has all 36 shifts of it. Levels are counted from 128, which no difference
notices: products are 2^14 at most then, and 1024 of them are exact in float32, in whatever order they are added.
`tdsr_bench.shifted_sums` does the like for floats; cut to rows that are exact it takes twice as long here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

MAX_SHIFT = 3
STEPS = range(-MAX_SHIFT, MAX_SHIFT)
SHIFTS = tuple((row, column) for row in STEPS for column in STEPS)
"""The 36 shifts, (rows, columns), -3 to +2: the authors' loop stops one short of PROBA-V's +3."""

Shift = tuple[int, int]
Image = NDArray[np.uint8]
Whole = NDArray[np.int64]

_MIDDLE = 128
_EXACT = 1024
"""Products of two numbers of -128 to 127 that float32 adds without rounding."""

_ROWS = 32
"""Of the reference, multiplied at a time: their copies stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Of the pixels that count at each shift of `SHIFTS`, for each of n images.

    Attributes:
        counts: how many there are, ``[36]``.
        totals, squares: the sums of (hr - sr) and of its square, ``[n, 36]``.
    """

    counts: Whole
    totals: Whole
    squares: Whole


def window(shift: Shift) -> tuple[slice, slice]:
    """What lies `shift` from the centre of an image, MAX_SHIFT smaller on each side."""
    rows, columns = (slice(MAX_SHIFT + step, step - MAX_SHIFT or None) for step in shift)
    return rows, columns


def squared_distance(a: Image, b: Image, valid: NDArray[np.uint8] | None = None) -> int:
    """The sum of the squares of a - b, where `valid` is not 0."""
    import cv2

    return round(cv2.norm(a, b, cv2.NORM_L2SQR, valid))  # OpenCV squares a root


def sums_at_shifts(srs: Sequence[Image], hr: Image, valid: NDArray[np.bool_] | None) -> Sums:
    """The sums of each of `srs`, which lose MAX_SHIFT pixels on each side; `hr` and `valid` are read further.

    Args:
        srs: uint8 ``[H, W]`` each.
        hr: uint8 ``[H, W]``.
        valid: bool ``[H, W]``, where a pixel counts; None for everywhere.
    """
    levels = hr.astype(np.int16) - _MIDDLE
    if valid is None:  # the sums of sr alone are the same at every shift
        kept, counts = levels, _window_sums(np.ones(hr.shape, dtype=bool))
        of_sr, of_squares = np.array([_own_sums(sr[window((0, 0))]) for sr in srs]).T[..., None]
        (crossed,) = _correlations([kept], srs)
    else:
        kept, counts = levels * valid, _window_sums(valid)
        of_valid, of_kept = _correlations([valid, kept], srs, squares_too=True)
        (of_sr, of_squares), (crossed, _) = np.split(of_valid, 2), np.split(of_kept, 2)
    return Sums(
        counts=counts,
        totals=_window_sums(kept) - of_sr,
        squares=_window_sums(np.square(kept)) - 2 * crossed + of_squares,
    )


def _own_sums(image: Image) -> tuple[int, int]:
    """The sums of levels and of their squares."""
    import cv2

    total = int(cv2.sumElems(image)[0])
    return total - _MIDDLE * image.size, squared_distance(image, np.full_like(image, _MIDDLE))


def _window_sums(values: NDArray[np.generic]) -> Whole:
    """The sum of ``[H, W]`` over the window of each shift, ``[36]``."""
    return _slid(_slid(values).T).T.ravel()


def _slid(values: NDArray[np.generic]) -> Whole:
    """``[n, length]`` to ``[n, 6]``: sums of each row over the window of each step."""
    size = values.shape[1] - 2 * MAX_SHIFT
    whole = values.sum(axis=1, dtype=np.int64)
    ends = [(values[:, :first], values[:, first + size :]) for first in range(len(STEPS))]
    return np.stack([whole - sum(end.sum(axis=1, dtype=np.int64) for end in pair) for pair in ends], axis=1)


def _correlations(moving: Sequence[NDArray[np.generic]], srs: Sequence[Image], *, squares_too: bool = False) -> Whole:
    """Sums of products at each shift, ``[moving, n, 36]``; of `srs` and then of their squares if `squares_too`."""
    steps = len(STEPS)
    frame = ((steps - 1, steps - 1), (0, 0))  # rows of zeros, once `_MIDDLE` is taken off
    framed = [np.pad(sr[window((0, 0))], frame, constant_values=_MIDDLE) for sr in srs]
    height, width = len(framed[0]) - steps + 1, framed[0].shape[1]
    total = np.zeros((len(moving) * steps, steps * len(srs) * (1 + squares_too)))
    for left in range(0, width, _EXACT):
        right = min(left + _EXACT, width)
        for top in range(0, height, _ROWS):
            bottom = min(top + _ROWS, height)
            still = np.stack([sr[top : bottom + steps - 1, left:right] for sr in framed], axis=1).astype(np.float32)
            still -= _MIDDLE
            if squares_too:
                still = np.concatenate([still, np.square(still)], axis=1)
            rows = np.stack([image[top:bottom, left : right + steps - 1] for image in moving], axis=1)
            total += _products(rows.astype(np.float32), still).sum(axis=0, dtype=np.float64)
    sums = total.reshape(len(moving), steps, steps, -1)[:, :, ::-1]  # a row further down in sr is one further up in hr
    return sums.transpose(0, 3, 2, 1).reshape(len(moving), -1, steps * steps).astype(np.int64)


def _products(moving: NDArray[np.float32], still: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows ``[r, k, w + 5]`` times rows ``[r + 5, m, w]``: ``[r, k * 6, 6 * m]``, shifts across by shifts down."""
    rows, _, width = moving.shape
    images, steps = still.shape[1], len(STEPS)
    across = sliding_window_view(moving, width - steps + 1, axis=2).reshape(rows, -1, width - steps + 1)
    down = sliding_window_view(still.reshape(-1, still.shape[2]), steps * images, axis=0)[::images]
    return across @ down
