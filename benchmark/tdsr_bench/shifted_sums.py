"""Sums of products of two images at many whole shifts, in one pass over both."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_BLOCK = 16384
"""Pixels that are multiplied at a time: so many that a matrix product pays, and so few that they stay in the cache."""


def shifted_sums(
    fixed: NDArray[np.float32], moving: NDArray[np.float32], rows: Sequence[int], columns: Sequence[int]
) -> NDArray[np.float64]:
    """The sum over pixels of each `fixed` image times each `moving` one, at each shift of `rows` and `columns`.

    ``sum over (r, c) of fixed[k, r, c] * moving[l, r - row, c - column]``, where nothing lies outside of an image. A
    shift of both images is a shift of one: those of `fixed` along rows times those of `moving` along columns, a matrix
    product, give the sums at all pairs of both. Products are summed in float32 over a block, and blocks in float64.

    Args:
        fixed: float32 ``[K, H, W]``.
        moving: float32 ``[L, H, W]``, of the same height and width.
        rows, columns: whole shifts, positive downwards and to the right.

    Returns:
        float64 ``[K, L, len(rows), len(columns)]``.
    """
    height, width = fixed.shape[1:]
    up, left = max(0, -min(rows)), max(0, *columns)
    fixed = np.pad(fixed, ((0, 0), (up, max(0, *rows)), (0, 0)))
    moving = np.pad(moving, ((0, 0), (0, 0), (left, max(0, -min(columns)))))
    step = max(1, _BLOCK // width)
    by_row = np.empty((len(fixed), len(rows), step, width), np.float32)
    by_column = np.zeros((len(moving), len(columns), step, width), np.float32)
    sums = np.zeros((len(fixed) * len(rows), len(moving) * len(columns)))
    for top in range(0, height, step):
        lines = min(step, height - top)
        for index, row in enumerate(rows):
            by_row[:, index, :lines] = fixed[:, up + top + row :][:, :lines]
        for index, column in enumerate(columns):
            by_column[:, index, :lines] = moving[:, top : top + lines, left - column : left - column + width]
        by_row[:, :, lines:] = 0  # of the last block, which may be smaller
        sums += by_row.reshape(len(sums), -1) @ by_column.reshape(sums.shape[1], -1).T
    return sums.reshape(len(fixed), len(rows), len(moving), len(columns)).transpose(0, 2, 1, 3)
