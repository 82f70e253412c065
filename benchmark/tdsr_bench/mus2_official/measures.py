"""The measures of the MuS2 evaluator on one band: uint8 images ``[H, W]`` held against a `Reference`.

`sr` has been matched to the reference before. NaN means that no pixel is left. Source: the authors' code
(github.com/pk94/WVS2Benchmark, commit d0b51ec), described in docs/mus2-official.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.mus2_official.shifts import SHIFTS, Shift, squared_distance, sums_at_shifts, window
from tdsr_bench.mus2_official.similarity import Side, side, similarity
from tdsr_bench.scene import BANDS

PSNR_OF_EQUAL_IMAGES = 361.0
"""What the authors write for an infinite PSNR."""

_BLOCK = 256
"""Rows whose pixels are counted at a time: OpenCV gives counts in float32, which is exact up to 2^24."""

Image = NDArray[np.uint8]
Excluded = NDArray[np.bool_] | None
Lpips = Callable[[Image, Image], float]
"""Distance of two grey uint8 images ``[H, W]``, as `tdsr_bench.metrics.lpips.official_lpips` makes it."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What images are held against, under one mask.

    Attributes:
        image: uint8 ``[H, W]``.
        excluded: bool ``[H, W]``, true where a pixel does not count; None where all count.
    """

    image: Image
    excluded: Excluded = None

    @cached_property
    def valid(self) -> NDArray[np.bool_] | None:
        """Where a pixel counts; None where all do."""
        return None if self.excluded is None else ~self.excluded

    @cached_property
    def side(self) -> Side:
        """One side of every structural similarity; made once for all images."""
        return side(self.image, self.valid)


def stretch_to_uint8(image: NDArray[np.generic]) -> Image:
    """`image` from its own minimum and maximum to 0..255, cut (not rounded) to whole numbers; 255 where it is constant.

    >>> stretch_to_uint8(np.array([100.0, 150.0, 199.0, 200.0]))
    array([  0, 127, 252, 255], dtype=uint8)
    """
    values = image.astype(np.float64)
    return np.interp(values, (values.min(), values.max()), (0, 255)).astype(np.uint8)


def to_uint8(sr: NDArray[np.floating]) -> dict[str, Image]:
    """Reflectance ``[4, H, W]`` as an 8-bit image for each band, each stretched as the authors stretch a revisit.

    The histogram is matched to the reference's before anything is measured, so that the stretch matters only where
    it makes different values equal.
    """
    return {band: stretch_to_uint8(image) for band, image in zip(BANDS, sr, strict=True)}


def match_to_reference(image: Image, reference: Image) -> Image:
    """`image` with the histogram of `reference`, over the whole image whatever is excluded, cut to whole numbers.

    As scikit-image's `match_histograms`, by a table of the 256 levels.
    """
    import cv2

    own, theirs = _histogram(image), _histogram(reference)
    levels = np.nonzero(theirs)[0]
    shares, wanted = np.cumsum(own) / image.size, np.cumsum(theirs)[levels] / reference.size
    return np.asarray(cv2.LUT(image, np.interp(shares, wanted, levels).astype(np.uint8)))


def psnr(sr: Image, reference: Reference) -> float:
    """Peak signal-to-noise ratio in dB over the pixels that count, peak 255; 361 for equal images."""
    hr, valid = _levels(reference.image), reference.side.valid
    count = hr.size if valid is None else int(np.count_nonzero(valid))
    if count == 0:
        return float("nan")
    squares = squared_distance(_levels(sr), hr, valid)
    return -10 * float(np.log10(squares / (count * 255**2))) if squares else PSNR_OF_EQUAL_IMAGES


def ssim(sr: Image, reference: Reference) -> float:
    """Structural similarity, uniform 7 x 7 window, data range 255, up to 1.

    Excluded pixels are set to 0 in both images, so they count as equal; the mean leaves out 3 pixels at the border
    (scikit-image's `structural_similarity`).
    """
    return similarity(sr, reference.side)


def cpsnr(srs: Sequence[Image], reference: Reference) -> list[tuple[float, Shift]]:
    """For each image, PSNR in dB less the mean difference, the largest over `SHIFTS`, and the shift where it is.

    An image loses 3 pixels on each side; the reference and its mask are read (rows, columns) further. Infinite where
    the images differ by a constant. NaN as soon as one of the shifts leaves no pixel.
    """
    sums = sums_at_shifts([_levels(sr) for sr in srs], _levels(reference.image), reference.valid)
    found = []
    for totals, squares in zip(sums.totals, sums.squares, strict=True):
        values = [_psnr_without_offset(*map(int, three)) for three in zip(sums.counts, totals, squares, strict=True)]
        best = int(np.argmax(values))
        found.append((values[best], SHIFTS[best]))
    return found


def cssim(sr: Image, reference: Reference, shift: Shift) -> float:
    """Structural similarity less the mean difference, at a `shift` that `cpsnr` found; excluded pixels as in `ssim`.

    Values beyond 0..255, which the correction can make, stay.
    """
    import cv2

    centre, registered = sr[window((0, 0))], reference.side.part(*window(shift))
    valid = registered.valid
    count = centre.size if valid is None else int(np.count_nonzero(valid))
    if count == 0:
        return float("nan")
    kept = centre if valid is None else centre * valid
    offset = (cv2.sumElems(registered.image)[0] - cv2.sumElems(kept)[0]) / count
    return similarity(centre, registered, offset)


def lpips(sr: Image, reference: Reference, network: Lpips) -> float:
    """Perceptual distance over the whole image, not shifted; excluded pixels of `sr` become the reference's."""
    hr, excluded = reference.image, reference.excluded
    return float(network(sr if excluded is None else np.where(excluded, hr, sr), hr))


def _histogram(image: Image) -> NDArray[np.int64]:
    import cv2

    blocks = (image[top : top + _BLOCK] for top in range(0, len(image), _BLOCK))
    counts = [cv2.calcHist([block], [0], None, [256], [0, 256]).ravel() for block in blocks]
    return np.asarray(np.sum(counts, axis=0, dtype=np.int64))


def _levels(image: Image) -> Image:
    """In 255ths of the peak: an image that holds nothing above 1 is taken for one of 0..1, as the authors do."""
    return image if image.max(initial=0) > 1 else image * np.uint8(255)


def _psnr_without_offset(count: int, total: int, squares: int) -> float:
    if count == 0:
        return float("nan")
    variance = (count * squares - total**2) / (count * 255) ** 2
    return -10 * float(np.log10(variance)) if variance else float("inf")
