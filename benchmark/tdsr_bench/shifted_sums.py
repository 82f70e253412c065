"""Sums of products of two images at many whole shifts, in one pass over both."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_BLOCK = 8192
"""Pixels, in whole lines, that are multiplied at a time: so few that they stay in the cache with all their shifts."""


def shifted_sums(
    fixed: NDArray[np.float32], moving: NDArray[np.float32], rows: range, columns: Sequence[int]
) -> NDArray[np.float64]:
    """The sum over pixels of each `fixed` image times each `moving` one, at each shift of `rows` and `columns`.

    ``sum over (r, c) of fixed[k, r, c] * moving[l, r - row, c - column]``, where nothing lies outside of an image. To
    shift one image along both axes is to shift one along rows and the other along columns, and the products of all
    pairs of those are a matrix product for each line of pixels. A line is summed in float32, and lines in float64.

    Args:
        fixed: float32 ``[K, H, W]``.
        moving: float32 ``[L, H, W]``, of the same height and width.
        rows, columns: whole shifts, positive downwards and to the right; the rows in steps of one.

    Returns:
        float64 ``[K, L, len(rows), len(columns)]``.
    """
    height, width = fixed.shape[1:]
    up, left = max(0, -min(rows)), max(0, *columns)
    fixed = np.pad(fixed, ((0, 0), (up, max(0, *rows)), (0, 0)))
    moving = np.pad(moving, ((0, 0), (0, 0), (left, max(0, -min(columns)))))
    by_row = sliding_window_view(fixed, len(rows), axis=1).swapaxes(2, 3)[:, up + min(rows) :]  # no copy
    step = max(1, _BLOCK // width)
    by_column = np.empty((step, len(moving), len(columns), width), np.float32)
    sums = np.zeros((len(fixed), len(rows), len(moving) * len(columns)))
    for top in range(0, height, step):
        lines = slice(top, min(top + step, height))
        shifted = by_column[: lines.stop - top]
        for index, column in enumerate(columns):
            shifted[:, :, index] = moving[:, lines, left - column : left - column + width].swapaxes(0, 1)
        products = by_row[:, lines] @ shifted.reshape(len(shifted), -1, width).swapaxes(1, 2)
        sums += products.sum(axis=1, dtype=np.float64)
    return sums.reshape(len(fixed), len(rows), len(moving), len(columns)).transpose(0, 2, 1, 3)
