"""8-bit images enlarged three times as OpenCV does it, the same on every processor."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import SCALE

Interpolation = Literal["Linear", "Bicubic", "Area", "Lanczos"]

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
"""The authors' baselines, under the authors' names."""

WEIGHTS = {
    0: tuple(map(float.fromhex, ("-0x1.c71c68p-5", "0x1.7b4258p-2", "0x1.97b428p-1", "-0x1.c71c72p-4"))),
    2: tuple(map(float.fromhex, ("-0x1.c71c72p-4", "0x1.97b424p-1", "0x1.7b4262p-2", "-0x1.c71c78p-5"))),
}
"""The cubic kernel (a = -0.75) at thirds, (-6, 40, 86, -12) / 108 and its mirror image, in float32 as Intel IPP has
them: up to five units in the last place off. The pixels between, at phase 1, are copied."""

_ROWS = 32
"""Of the image, enlarged at a time: what is made on the way stays in the processor's cache."""


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
    height, width = image.shape
    padded = np.pad(image, 2, mode="edge").astype(np.float32)
    result = np.empty((height * SCALE, width * SCALE), dtype=np.uint8)
    for top in range(0, height, _ROWS):
        across = _along_rows(padded[top : top + _ROWS + 4])
        result[top * SCALE : (top + _ROWS) * SCALE] = _down_columns(across)
    return result


def _along_rows(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 ``[h, w + 4]`` to ``[h, 3w]``: two columns on each side are there for their neighbours alone."""
    width = padded.shape[1] - 4
    result = np.empty((len(padded), width * SCALE), dtype=np.float32)
    result[:, 1::SCALE] = padded[:, 2:-2]
    for phase, weights in WEIGHTS.items():
        first = phase // 2
        a, b, c, d = (padded[:, first + tap :][:, :width] * np.float32(weight) for tap, weight in enumerate(weights))
        own = (a + b) + (c + d)
        edge = [*range(2 - first), *range(-1 - first, 0)]  # one of the four taps is outside the image
        own[:, edge] = (a[:, edge] + c[:, edge]) + (b[:, edge] + d[:, edge])
        result[:, phase::SCALE] = own
    return result


def _down_columns(padded: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Float32 ``[h + 4, w]`` to uint8 ``[3h, w]``: two rows on each side are there for their neighbours alone."""
    height, width = len(padded) - 4, padded.shape[1]
    result = np.empty((height, SCALE, width), dtype=np.uint8)
    result[:, 1] = _rounded(padded[2:-2])
    for phase, weights in WEIGHTS.items():
        a, b, c, d = (padded[phase // 2 + tap :][:height] for tap in range(4))
        wa, wb, wc, wd = map(np.float32, weights)
        result[:, phase] = _rounded(_fused(a, wa, b * wb) + _fused(c, wc, d * wd))
    return result.reshape(height * SCALE, width)


def _fused(a: NDArray[np.float32], weight: np.float32, rest: NDArray[np.float32]) -> NDArray[np.float32]:
    """``a * weight + rest``, rounded once, as a fused multiply-add: the product of two float32 is exact in float64."""
    product = np.multiply(a, weight, dtype=np.float64)
    product += rest
    return product.astype(np.float32)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    whole = np.rint(values)
    return np.clip(whole, 0, 255, out=whole).astype(np.uint8)
