"""Losses that hold each pixel against the reference's, nothing moved: L1, Charbonnier, SSIM, agreement of detail."""

from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from tdsr_baselines.losses.base import LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import PIXELS, against_reference, centred, mean_over, whole_windows
from tdsr_baselines.observe import folded, gaussian

WINDOW_SIGMA, WINDOW_RADIUS = 1.5, 5
"""The window of SSIM, as in `tdsr-v1`."""

DETAIL_SIGMA = 3.0
"""Detail is an image less its blur by so many pixels, as in `tdsr-v1`."""

LEAST_RANGE = 1e-3
"""Reflectance: a batch of nothing but water has no less than this as its data range."""

LEAST_DETAIL = 1e-5
"""Reflectance: detail far under the noise of any sensor is no detail."""

Positive = Annotated[float, Field(gt=0)]


def l1(sr: Tensor, reference: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference over valid pixels."""
    return mean_over((sr - reference).abs(), valid)


def charbonnier(sr: Tensor, reference: Tensor, valid: Tensor, *, eps: float) -> Tensor:
    """Mean of sqrt(d^2 + eps^2) - eps over valid pixels: L1 that is smooth below `eps`.

    Charbonnier et al., ICIP 1994, as used by Lai et al., CVPR 2017 (LapSRN); less `eps`, so that 0 is the least.
    """
    return mean_over(((sr - reference).square() + eps**2).sqrt() - eps, valid)


def ssim(sr: Tensor, reference: Tensor, valid: Tensor, *, data_range: tuple[float, ...] | None) -> Tensor:
    """1 - SSIM, each band of a crop given the reference's mean first: the square of `tdsr-v1`'s "cssim".

    The mean runs over pixels whose whole window is valid and inside the crop.

    Args:
        sr, reference: ``[N, 4, H, W]``.
        valid: bool ``[N, 1, H, W]``.
        data_range: of each band; None for the 99th less the 1st percentile of this batch's reference.

    Raises:
        ValueError: crops smaller than the window.
    """
    spans = _spans(reference, valid) if data_range is None else reference.new_tensor(data_range)
    level = mean_over(reference, valid, PIXELS)
    similarity = ssim_map(centred(sr, valid), centred(reference, valid), data_range=spans[:, None, None], level=level)
    return mean_over(1 - similarity, whole_windows(valid, WINDOW_RADIUS))


def ssim_map(a: Tensor, b: Tensor, *, data_range: Tensor | float, level: Tensor | float = 0.0) -> Tensor:
    """SSIM of images ``[..., H, W]`` at the pixels whose window lies inside them, ``[..., H - 10, W - 10]``.

    `tdsr_bench.metrics.cssim.ssim_map` of ``a + level`` and ``b + level``: squares are averaged without the level,
    which spares float32 a difference of two large numbers. Wang et al. (2004), eq. 13.

    Raises:
        ValueError: images smaller than the window.
    """
    mean_a, mean_b, square_a, square_b, product = _smooth(torch.stack([a, b, a * a, b * b, a * b]))
    covariance = product - mean_a * mean_b
    variances = square_a - mean_a.square() + square_b - mean_b.square()
    mean_a, mean_b = mean_a + level, mean_b + level
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity: Tensor = likeness / ((mean_a.square() + mean_b.square() + c1) * (variances + c2))
    return similarity


def detail(sr: Tensor, reference: Tensor, valid: Tensor) -> Tensor:
    """1 - CCC of the high-passed images, the mean over bands: the square of `tdsr-v1`'s "detail".

    Sums run over all crops of the batch, so a flat crop, whose own CCC is noise, counts as little as its detail.
    1 - 2 cov / (var + var) is written as var(a - b) / (var a + var b), which is 0 for equal images, flat ones too.
    """
    a, b = (centred(highpass(image, valid, sigma=DETAIL_SIGMA), valid) for image in (sr, reference))
    difference, spread = ((a - b).square(), a.square() + b.square())
    least = LEAST_DETAIL**2 * valid.sum().clamp(min=1)
    over_crops = (0, *PIXELS)
    return (difference.sum(over_crops) / (spread.sum(over_crops) + least)).mean()


def highpass(image: Tensor, valid: Tensor, *, sigma: float) -> Tensor:
    """``[N, 4, H, W]`` less the Gaussian mean of the valid pixels around each one; meant to be read at valid pixels.

    `tdsr_bench.filters.highpass`.
    """
    total = torch.where(valid, _blur(valid.to(image), sigma), 1.0)
    return image - _blur(torch.where(valid, image, 0.0), sigma) / total


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of ``[..., H, W]`` up to four sigma, mirrored at the edges."""
    kernel = gaussian(sigma, int(4 * sigma + 0.5), like=image)
    rows, columns = (_mirrored(size, kernel) for size in image.shape[-2:])
    return rows @ image @ columns.mT


def _mirrored(size: int, kernel: Tensor) -> Tensor:
    """``[size, size]``: each row `kernel` about one pixel."""
    reach = len(kernel) // 2
    positions = torch.arange(size, device=kernel.device)[:, None]
    taps = positions + torch.arange(-reach, reach + 1, device=kernel.device)
    return folded(taps, kernel.expand(size, -1), size)


def _smooth(image: Tensor) -> Tensor:
    """The Gaussian window's mean at each pixel of ``[..., H, W]`` that has a whole window."""
    kernel = gaussian(WINDOW_SIGMA, WINDOW_RADIUS, like=image)
    if min(image.shape[-2:]) < len(kernel):
        raise ValueError(f"SSIM needs crops of at least {len(kernel)} pixels on a side, not {tuple(image.shape[-2:])}.")
    inside = slice(WINDOW_RADIUS, -WINDOW_RADIUS)
    rows, columns = (_mirrored(size, kernel)[inside] for size in image.shape[-2:])
    return rows @ image @ columns.mT


def _spans(reference: Tensor, valid: Tensor) -> Tensor:
    """The 99th less the 1st percentile of each band's valid pixels, ``[4]``."""
    pixels = torch.where(valid, reference, torch.nan).detach().transpose(0, 1).flatten(1)
    low, high = torch.nanquantile(pixels, pixels.new_tensor([0.01, 0.99]), dim=1)
    spans: Tensor = (high - low).nan_to_num().clamp(min=LEAST_RANGE)
    return spans


class _Pixel(LossSettings):
    """What they share."""

    needs_reference: ClassVar[bool] = True
    kind: str

    @property
    def name(self) -> str:
        return self.kind


class L1(_Pixel):
    """Mean absolute difference."""

    kind: Literal["l1"] = "l1"

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return against_reference(self.name, l1)


class Charbonnier(_Pixel):
    """See `charbonnier`.

    Attributes:
        eps: reflectance.
    """

    kind: Literal["charbonnier"] = "charbonnier"
    eps: Positive = 1e-3

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return against_reference(self.name, partial(charbonnier, eps=self.eps))


class Ssim(_Pixel):
    """See `ssim`.

    Attributes:
        data_range: reflectance, of B02, B03, B04, B08; None for that of each batch's reference.
    """

    kind: Literal["ssim"] = "ssim"
    data_range: tuple[Positive, Positive, Positive, Positive] | None = None

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return against_reference(self.name, partial(ssim, data_range=self.data_range))


class Detail(_Pixel):
    """See `detail`."""

    kind: Literal["detail"] = "detail"

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return against_reference(self.name, detail)
