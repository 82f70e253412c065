"""8-bit images enlarged three times as OpenCV does it, the same on every processor."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import SCALE

Interpolation = Literal["Linear", "Bicubic", "Area", "Lanczos"]

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
"""The authors' baselines, under the authors' names."""

_WEIGHTS = {
    0: tuple(map(float.fromhex, ("-0x1.c71c68p-5", "0x1.7b4258p-2", "0x1.97b428p-1", "-0x1.c71c72p-4"))),
    2: tuple(map(float.fromhex, ("-0x1.c71c72p-4", "0x1.97b424p-1", "0x1.7b4262p-2", "-0x1.c71c78p-5"))),
}
"""The cubic kernel (a = -0.75) at thirds, (-6, 40, 86, -12) / 108 and its mirror image, in float32 as Intel IPP has
them: up to five units in the last place off. The pixels between, at phase 1, are copied."""


def enlarged(image: NDArray[np.uint8], method: Interpolation) -> NDArray[np.uint8]:
    """uint8 ``[h, w]`` to uint8 ``[3h, 3w]`` by one of OpenCV's interpolations; half-pixel centres, edges repeated."""
    if method == "Bicubic":
        return bicubic(image)
    import cv2

    flag = {"Linear": cv2.INTER_LINEAR, "Area": cv2.INTER_AREA, "Lanczos": cv2.INTER_LANCZOS4}[method]
    height, width = image.shape
    return np.asarray(cv2.resize(image, (width * SCALE, height * SCALE), interpolation=flag), dtype=np.uint8)


def bicubic(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 ``[h, w]`` to uint8 ``[3h, 3w]`` as ``cv2.INTER_CUBIC`` did on the processor of the golden numbers.

    OpenCV hands this case to Intel IPP, which works in float32. About one pixel in a hundred lies exactly between two
    values, and which of them it becomes hangs on the order of the sums, which differs between processors and versions
    of IPP (see docs/mus2-official.md). Here the order is written out, so the result is the same everywhere.
    """
    across = _along_rows(image.astype(np.float32))
    return np.clip(np.rint(_down_columns(across)), 0, 255).astype(np.uint8)


def _along_rows(image: NDArray[np.float32]) -> NDArray[np.float32]:
    result = np.repeat(image, SCALE, axis=1)
    for phase, weights in _WEIGHTS.items():
        taps = _taps(image.shape[1], phase)
        a, b, c, d = (image[:, tap] * np.float32(weight) for tap, weight in zip(taps, weights, strict=True))
        result[:, phase::SCALE] = (a + b) + (c + d)
        edge = [*range(2 - phase // 2), *range(-1 - phase // 2, 0)]  # one of the four taps is outside the image
        result[:, phase::SCALE][:, edge] = (a[:, edge] + c[:, edge]) + (b[:, edge] + d[:, edge])
    return result


def _down_columns(image: NDArray[np.float32]) -> NDArray[np.float32]:
    result = np.repeat(image, SCALE, axis=0)
    for phase, weights in _WEIGHTS.items():
        a, b, c, d = (image[rows] for rows in _taps(image.shape[0], phase))
        wa, wb, wc, wd = map(np.float32, weights)
        result[phase::SCALE] = _fused(a, wa, b * wb) + _fused(c, wc, d * wd)
    return result


def _fused(a: NDArray[np.float32], weight: np.float32, rest: NDArray[np.float32]) -> NDArray[np.float32]:
    """``a * weight + rest``, rounded once, as a fused multiply-add: the product of two float32 is exact in float64."""
    return (a.astype(np.float64) * np.float64(weight) + rest).astype(np.float32)


def _taps(length: int, phase: int) -> list[NDArray[np.intp]]:
    """For each of the four taps, the source pixel of every result pixel of `phase`; edges are repeated."""
    first = np.arange(length) - (2 if phase == 0 else 1)
    return [np.clip(first + tap, 0, length - 1) for tap in range(4)]
