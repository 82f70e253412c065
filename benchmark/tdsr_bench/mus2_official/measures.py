"""The measures of the MuS2 evaluator on one band: uint8 images ``[H, W]``, and where pixels are excluded.

`excluded` is bool ``[H, W]``, true where a pixel does not count, or None. `sr` has been matched to `hr` before. NaN
means that no pixel is left. Source: the authors' code (github.com/pk94/WVS2Benchmark, commit d0b51ec), described in
docs/mus2-official.md.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import BANDS

MAX_SHIFT = 3
SHIFTS = tuple((row, column) for row in range(-MAX_SHIFT, MAX_SHIFT) for column in range(-MAX_SHIFT, MAX_SHIFT))
"""The 36 shifts, (rows, columns), -3 to +2: the authors' loop stops one short of PROBA-V's +3."""

PSNR_OF_EQUAL_IMAGES = 361.0
"""What the authors write for an infinite PSNR."""

Image = NDArray[np.uint8]
Excluded = NDArray[np.bool_] | None
Shift = tuple[int, int]
Lpips = Callable[[Image, Image], float]
"""Distance of two grey uint8 images ``[H, W]``, as `tdsr_bench.metrics.lpips.official_lpips` makes it."""


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
    """`image` with the histogram of `reference`, over the whole image whatever is excluded, cut to whole numbers."""
    from skimage.exposure import match_histograms

    return np.asarray(match_histograms(image, reference).astype(np.uint8))


def psnr(sr: Image, hr: Image, excluded: Excluded = None) -> float:
    """Peak signal-to-noise ratio in dB over the pixels that count, peak 255; 361 for equal images."""
    difference = _levels(hr) - _levels(sr)
    count, _, squares = _sums(difference, _valid(excluded, hr))
    if count == 0:
        return float("nan")
    return -10 * float(np.log10(squares / (count * 255**2))) if squares else PSNR_OF_EQUAL_IMAGES


def ssim(sr: Image, hr: Image, excluded: Excluded = None) -> float:
    """Structural similarity, uniform 7 x 7 window, data range 255, up to 1.

    Excluded pixels are set to 0 in both images, so they count as equal; the mean leaves out 3 pixels at the border
    (scikit-image's `structural_similarity`).
    """
    valid = _valid(excluded, hr)
    return _similarity(sr * valid, hr * valid)


def cpsnr(sr: Image, hr: Image, excluded: Excluded = None) -> tuple[float, Shift]:
    """PSNR in dB less the mean difference, the largest over `SHIFTS`, and the shift (rows, columns) where it is.

    `sr` loses 3 pixels on each side; `hr` and `excluded` are read (rows, columns) further. Infinite where the images
    differ by a constant. NaN as soon as one of the shifts leaves no pixel.
    """
    levels, centre, valid = _levels(hr), _levels(sr)[_window((0, 0))], _valid(excluded, hr)
    values = []
    for shift in SHIFTS:
        window = _window(shift)
        values.append(_psnr_without_offset(*_sums(levels[window] - centre, valid[window])))
    best = int(np.argmax(values))
    return values[best], SHIFTS[best]


def cssim(sr: Image, hr: Image, excluded: Excluded, shift: Shift) -> float:
    """Structural similarity less the mean difference, at a `shift` that `cpsnr` found; excluded pixels as in `ssim`.

    Values beyond 0..255, which the correction can make, stay.
    """
    window = _window(shift)
    centre, registered = sr[_window((0, 0))].astype(np.float64), hr[window].astype(np.float64)
    valid = _valid(excluded, hr)[window]
    if not valid.any():
        return float("nan")
    offset = ((registered - centre) * valid).sum() / np.count_nonzero(valid)
    return _similarity((centre + offset) * valid, registered * valid)


def lpips(sr: Image, hr: Image, excluded: Excluded, network: Lpips) -> float:
    """Perceptual distance over the whole image, not shifted; excluded pixels of `sr` are replaced by those of `hr`."""
    return float(network(sr if excluded is None else np.where(excluded, hr, sr), hr))


def _levels(image: Image) -> NDArray[np.int16]:
    """In 255ths of the peak: an image that holds nothing above 1 is taken for one of 0..1, as the authors do."""
    return image.astype(np.int16) * (1 if image.max(initial=0) > 1 else 255)


def _valid(excluded: Excluded, like: Image) -> NDArray[np.bool_]:
    return np.ones(like.shape, dtype=bool) if excluded is None else ~excluded


def _window(shift: Shift) -> tuple[slice, slice]:
    """What lies `shift` from the centre of an image, MAX_SHIFT smaller on each side."""
    rows, columns = (slice(MAX_SHIFT + step, step - MAX_SHIFT or None) for step in shift)
    return rows, columns


def _sums(difference: NDArray[np.int16], valid: NDArray[np.bool_]) -> tuple[int, int, int]:
    """How many pixels count, the sum of their differences and of the squares: whole numbers, so nothing is lost."""
    kept = difference * valid
    squares = np.square(kept, dtype=np.int32)
    return int(np.count_nonzero(valid)), int(kept.sum(dtype=np.int64)), int(squares.sum(dtype=np.int64))


def _psnr_without_offset(count: int, total: int, squares: int) -> float:
    if count == 0:
        return float("nan")
    variance = (count * squares - total**2) / (count * 255) ** 2
    return -10 * float(np.log10(variance)) if variance else float("inf")


def _similarity(sr: NDArray[np.generic], hr: NDArray[np.generic]) -> float:
    from skimage.metrics import structural_similarity

    return float(structural_similarity(sr, hr, data_range=255))  # type: ignore[no-untyped-call]
