"""Structural similarity as scikit-image's `structural_similarity` has it, from sums of whole numbers.

The uniform window has 7 x 7 pixels, the data range is 255, and covariances are of samples (n - 1). With sums over a
window in place of means, S = (2 X Y + a)(2 n XY - 2 X Y + b) / ((X X + Y Y + a)(n (XX + YY) - X X - Y Y + b)), where
X, Y, XX, YY, XY are the sums of x, y, x^2, y^2, xy. Whole numbers go in, so nothing is lost but in S itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Sums = NDArray[np.int32]

WINDOW = 7
_MORE = WINDOW - 1
_N = WINDOW**2
_A = (0.01 * 255) ** 2 * _N**2
_B = (0.03 * 255) ** 2 * _N * (_N - 1)

_ROWS = 32
"""Of windows, measured at a time: what is made on the way stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of two images that are compared, with what is the same whatever it is held against.

    Attributes:
        image: uint8 ``[H, W]``, 0 where a pixel does not count.
        valid: 1 where a pixel counts, 0 elsewhere, uint8 ``[H, W]``; None where all do.
        sums, squares: of the pixels and of their squares in each window, int32 ``[H - 6, W - 6]``.
        counts: how many pixels of each window count; None where all do.
    """

    image: Image
    valid: NDArray[np.uint8] | None
    sums: Sums
    squares: Sums
    counts: Sums | None

    def part(self, rows: slice, columns: slice) -> "Side":
        """What lies in those `rows` and `columns`, as if there were nothing around."""
        top, left = rows.start or 0, columns.start or 0
        height, width = (size - WINDOW + 1 for size in self.image[rows, columns].shape)
        windows = slice(top, top + height), slice(left, left + width)
        return Side(
            image=self.image[rows, columns],
            valid=None if self.valid is None else self.valid[rows, columns],
            sums=self.sums[windows],
            squares=self.squares[windows],
            counts=None if self.counts is None else self.counts[windows],
        )


def side(image: Image, valid: NDArray[np.bool_] | None) -> Side:
    """`image` to be compared where `valid`; what does not count becomes 0."""
    if valid is None:
        return Side(image, None, _windows(image), _windows(_squared(image)), None)
    ones = valid.view(np.uint8)
    kept = image * ones
    return Side(kept, ones, _windows(kept), _windows(_squared(kept)), _windows(ones))


def similarity(sr: Image, hr: Side, offset: float = 0.0) -> float:
    """Mean over all windows of the similarity of `sr` plus `offset` to `hr`; where `hr` does not count both are 0."""
    height, width = hr.sums.shape
    room = _Room(width)
    total = 0.0
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS + _MORE)
        total += room.similarities(sr[rows], hr.part(rows, slice(None)), offset).sum()
    return float(total / (height * width))


class _Room:
    """Memory for `_ROWS` rows of windows, used again and again: fresh memory would cost more than the sums.

    All of it is as wide as the images, and the last columns, in which no window begins, hold what is not looked at:
    rows then follow each other without a gap, and are computed several times as fast.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._pixels = np.empty((3, _ROWS + _MORE, width + _MORE), dtype=np.uint16)
        self._sums = np.empty((3, _ROWS + _MORE, width + _MORE))
        self._others = np.zeros((3, _ROWS, width + _MORE))

    def similarities(self, sr: Image, hr: Side, offset: float) -> NDArray[np.float64]:
        """Of each window; valid until the next call."""
        (x, xx, xy), (y, more, result) = self._window_sums(sr, hr), self._others[:, : len(hr.sums)]
        y[:, : self._width] = hr.sums
        more[:, : self._width] = hr.squares
        xx += more
        if offset:
            if hr.counts is not None:
                more[:, : self._width] = hr.counts
            _raise(x, xx, xy, y, _N if hr.counts is None else more, offset, result)
        np.multiply(x, y, out=result)
        result *= 2  # 2 X Y
        xy *= 2 * _N
        xy -= result
        xy += _B
        result += _A
        result *= xy  # all that is above the line
        x *= x
        y *= y
        x += y  # X X + Y Y
        xx *= _N
        xx -= x
        xx += _B
        x += _A
        x *= xx  # all that is below it
        result /= x
        return np.asarray(result[:, : self._width])

    def _window_sums(self, sr: Image, hr: Side) -> NDArray[np.float64]:
        """Of x, x^2 and xy, where they count."""
        x, xx, xy = pixels = self._pixels[:, : len(sr)]
        x[:] = sr
        if hr.valid is not None:
            x *= hr.valid
        np.multiply(x, x, out=xx)
        np.multiply(x, hr.image, out=xy)
        for image, sums in zip(pixels, self._sums, strict=True):
            _box(image, sums[: len(sr)])
        return np.asarray(self._sums[:, : len(hr.sums)])


def _raise(
    x: NDArray[np.float64],
    squares: NDArray[np.float64],
    products: NDArray[np.float64],
    y: NDArray[np.float64],
    counts: int | NDArray[np.float64],
    offset: float,
    room: NDArray[np.float64],
) -> None:
    """Turn the sums of x, x^2 and xy into those of x + offset, in place."""
    products += np.multiply(y, offset, out=room)
    squares += np.multiply(x, 2 * offset, out=room)
    x += np.multiply(counts, offset, out=room)
    squares += np.multiply(room, offset, out=room)


def _squared(image: Image) -> NDArray[np.uint16]:
    return np.multiply(image, image, dtype=np.uint16)


def _windows(image: NDArray[np.uint8] | NDArray[np.uint16]) -> Sums:
    """The sum over each window that lies in the image whole, ``[H - 6, W - 6]``."""
    sums = np.empty(image.shape, dtype=np.int32)
    _box(image, sums)
    return sums[:-_MORE, :-_MORE]


def _box(image: NDArray[np.uint8] | NDArray[np.uint16], sums: NDArray[np.int32] | NDArray[np.float64]) -> None:
    """Put into `sums` the sum over the window that begins at each pixel, whole numbers."""
    import cv2

    depth = cv2.CV_32S if sums.dtype == np.int32 else cv2.CV_64F
    cv2.boxFilter(image, depth, (WINDOW, WINDOW), dst=sums, anchor=(0, 0), normalize=False)
