"""What a sensor does to a scene: blur by its modulation transfer function, sampling, shifts, noise."""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from tdsr_bench.scene import SCALE

Pixel = TypeVar("Pixel", bound=np.generic)

SENTINEL2_MTF = {"B02": 0.26, "B03": 0.28, "B04": 0.24, "B08": 0.26}
"""Modulation transfer at the Nyquist frequency of Sentinel-2's own grid.

These values stand in public code of the field (and in opensr-degradation); no primary source of ESA could be read.
"""


def mtf_sigma(mtf: float, *, scale: int = SCALE) -> float:
    """Sigma in high-resolution pixels of the Gaussian whose transfer is `mtf` at the low-resolution Nyquist frequency.

    Its transfer at f cycles a pixel is ``exp(-2 (pi sigma f)^2)``, and the Nyquist frequency is ``1 / (2 scale)``.

    >>> round(mtf_sigma(0.26), 3)
    1.567
    """
    return scale * math.sqrt(-2 * math.log(mtf)) / math.pi


SENTINEL2_SIGMAS = tuple(mtf_sigma(mtf) for mtf in SENTINEL2_MTF.values())
"""`mtf_sigma` of B02, B03, B04, B08."""


def blur(image: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur of ``[..., H, W]`` over the last two axes, mirrored at the edges, in float32."""
    sigmas = (0.0,) * (image.ndim - 2) + (sigma, sigma)
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(image.astype(np.float32, copy=False), sigmas, mode="reflect")
    return blurred


def blur_bands(image: NDArray[np.floating], sigmas: tuple[float, ...]) -> NDArray[np.float32]:
    """`blur` with a sigma of its own for each band of ``[band, H, W]``."""
    return np.stack([blur(band, sigma) for band, sigma in zip(image, sigmas, strict=True)])


def sample(image: NDArray[Pixel]) -> NDArray[Pixel]:
    """Every third pixel of the last two axes, from index 1: the centres of the low-resolution pixels."""
    return image[..., SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]


def observe(image: NDArray[np.floating], sigmas: tuple[float, ...] = SENTINEL2_SIGMAS) -> NDArray[np.float32]:
    """The sensor model D_b of the protocol: ``[band, 3h, 3w]`` high resolution to ``[band, h, w]`` low resolution."""
    return np.ascontiguousarray(sample(blur_bands(image, sigmas)))


def fourier_shift(image: NDArray[np.floating], shift: tuple[float, float], *, padding: int = 24) -> NDArray[np.float32]:
    """Move the content of ``[..., H, W]`` by `shift` = (rows, columns), positive downwards and to the right.

    Band-limited interpolation, so no high frequency is lost; `padding` pixels are mirrored at the edges first.
    """
    return image.astype(np.float32) if shift == (0.0, 0.0) else Movable.of(image, padding=padding).by(shift)


@dataclass(frozen=True, eq=False)
class Movable:
    """An image that `fourier_shift` moves more than once: its transform is made once.

    Attributes:
        spectrum: complex64, of the padded image.
        padded: height and width of that.
        inner: where in it the image lies.
    """

    spectrum: NDArray[np.complex64]
    padded: tuple[int, int]
    inner: tuple[slice, slice]

    @staticmethod
    def of(image: NDArray[np.floating], *, padding: int) -> "Movable":
        """`image` ``[..., H, W]``, mirrored at the edges by `padding` pixels."""
        sizes = image.shape[-2:]
        height, width = (fft.next_fast_len(size + 2 * padding, real=True) for size in sizes)
        after = (height - sizes[0] - padding, width - sizes[1] - padding)
        pad = [(0, 0)] * (image.ndim - 2) + [(padding, more) for more in after]
        spectrum = fft.rfft2(np.pad(image.astype(np.float32, copy=False), pad, mode="symmetric"), workers=2)
        return Movable(
            spectrum, (height, width), (slice(padding, padding + sizes[0]), slice(padding, padding + sizes[1]))
        )

    def by(self, shift: tuple[float, float]) -> NDArray[np.float32]:
        """The image moved by (rows, columns)."""
        height, width = self.padded
        rows = np.exp(-2j * np.pi * shift[0] * fft.fftfreq(height)).astype(np.complex64)
        columns = np.exp(-2j * np.pi * shift[1] * fft.rfftfreq(width)).astype(np.complex64)
        down, right = self.inner
        planes = self.spectrum.reshape(-1, *self.spectrum.shape[-2:])
        moved = np.empty((len(planes), down.stop - down.start, right.stop - right.start), np.float32)
        # What irfft2 does, but plane by plane, and after the first axis without the rows that are cut: half the time.
        for image, plane in zip(moved, planes, strict=True):
            turned = plane * rows[:, None]
            turned *= columns
            kept = fft.ifft(turned, axis=0, norm="forward", overwrite_x=True, workers=2)[down]
            image[:] = fft.irfft(kept, n=width, axis=1, norm="forward", workers=2)[:, right]
        moved *= np.float32(1 / (height * width))
        return moved.reshape(*self.spectrum.shape[:-2], *moved.shape[1:])
