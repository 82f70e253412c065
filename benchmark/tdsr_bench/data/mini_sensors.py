"""How the two satellites of mini see the landscape: days, light, shifts, haze, noise, clouds."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape.canvas import FINE, MARGIN, smooth_noise
from tdsr_bench.data.landscape.render import Light
from tdsr_bench.data.landscape.style import Style
from tdsr_bench.data.simulate import SHIFT_MOST, SHIFT_RMS, noise_sd
from tdsr_bench.scene import SCALE
from tdsr_bench.sensor import SENTINEL2_SIGMAS, mtf_sigma, observe

REFERENCE_MTF = 0.35
"""Transfer of the WorldView-2-like sensor at the Nyquist frequency of its 3.33 m grid; a Gaussian."""

OFFSET_MOST = 3.6
"""The longest offset of the reference against the frames' grid, in high-resolution pixels."""

HAZE = (1.0, 0.75, 0.55, 0.20)
"""How path radiance falls with the wavelength, relative to B02."""

_METRES = 10.0


@dataclass(frozen=True)
class Acquisition:
    """What one date of Sentinel-2 is like.

    Attributes:
        shift: (rows, columns) in high-resolution pixels by which the content lies off the grid.
        gain: illumination and calibration, a factor for each band.
        haze: mean path radiance for each band, in reflectance; the contrast of all falls by as much as B02's.
        wet, high_water: state of the ground; clouds: share of the scene that clouds are drawn for.
    """

    day: date
    shift: tuple[float, float]
    gain: tuple[float, ...]
    haze: tuple[float, ...]
    wet: float
    high_water: bool
    clouds: float


def draw_acquisitions(style: Style, rng: np.random.Generator) -> list[Acquisition]:
    """9 to 15 dates within 90 days of the style's season, in two years, five or more of them almost clear."""
    count = int(rng.integers(9, 16))
    season = style.season + int(rng.integers(-12, 13))
    start = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 5)))
    passes = [start + timedelta(days=5 * number) for number in range(146)]
    near = [day for day in passes if abs(day.timetuple().tm_yday - season) <= 90]
    days = [near[number] for number in np.sort(rng.choice(len(near), count, replace=False))]
    clouded = rng.permutation(count) < round(count * rng.uniform(0.2, 0.45))
    shares = np.where(clouded, rng.uniform(0.05, 0.6, count), 0.0)
    return [_acquisition(day, float(share), rng) for day, share in zip(days, shares, strict=True)]


def _acquisition(day: date, clouds: float, rng: np.random.Generator) -> Acquisition:
    haze = float(rng.exponential(0.008)) + (0.015 if rng.random() < 0.15 else 0.0)
    gain = (1 + rng.normal(0, 0.06)) * (1 + rng.normal(0, 0.015, 4))
    return Acquisition(
        day=day,
        shift=_draw_shift(rng),
        gain=tuple(float(value) for value in gain),
        haze=tuple(haze * share for share in HAZE),
        wet=float(rng.uniform(0, 1)),
        high_water=bool(rng.random() < 0.4),
        clouds=clouds,
    )


def _draw_shift(rng: np.random.Generator) -> tuple[float, float]:
    while True:
        shift = rng.normal(0, SHIFT_RMS / math.sqrt(2), 2)
        if math.hypot(*shift) <= SHIFT_MOST:
            return float(shift[0]), float(shift[1])


def unrest(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What differs from day to day beside the season: factors ``[4, size, size]`` of dew, dust, growth and wilting."""
    shape, pixel = (size, size), _METRES / SCALE
    bright = smooth_noise(shape, 140, rng, pixel=pixel) + smooth_noise(shape, 30, rng, pixel=pixel)
    green = smooth_noise(shape, 90, rng, pixel=pixel) + smooth_noise(shape, 25, rng, pixel=pixel)
    weights = np.array([(0.040, -0.010), (0.040, -0.008), (0.045, -0.030), (0.030, 0.030)], np.float32)
    return np.asarray(1 + np.einsum("bk,kyx->byx", weights, np.stack([bright, green])), dtype=np.float32)


def draw_offset(rng: np.random.Generator) -> tuple[float, float]:
    """Registration offset of a reference, evenly over a disc, (rows, columns) in high-resolution pixels."""
    length, angle = OFFSET_MOST * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    return length * math.sin(angle), length * math.cos(angle)


def draw_reference_day(style: Style, rng: np.random.Generator) -> date:
    """A day in 2010 to 2015 within 30 days of the season."""
    year = int(rng.integers(2010, 2016))
    return date(year, 1, 1) + timedelta(days=style.season + int(rng.integers(-30, 31)))


def see(bands: list[NDArray[np.float32]], shift: tuple[float, float]) -> NDArray[np.float32]:
    """The fine map through the high-resolution sensor, content moved by `shift`: ``[band, H, W]``."""
    sigma = FINE * mtf_sigma(REFERENCE_MTF, scale=1)
    return np.stack([_sample(cv2.GaussianBlur(band, (9, 9), sigma), shift) for band in bands])


def cover(mask: NDArray[np.uint8], shift: tuple[float, float]) -> NDArray[np.bool_]:
    """Which high-resolution pixels a mask of the fine map covers by more than half."""
    share = cv2.blur(mask.astype(np.float32), (FINE, FINE))
    return np.asarray(_sample(share, shift, cv2.INTER_LINEAR) > 0.5)


def _sample(image: cv2.typing.MatLike, shift: tuple[float, float], how: int = cv2.INTER_CUBIC) -> NDArray[np.float32]:
    size = (len(image) - 2 * MARGIN) // FINE
    first = MARGIN + FINE // 2
    place = np.array([[FINE, 0, first - FINE * shift[1]], [0, FINE, first - FINE * shift[0]]])
    return np.asarray(cv2.warpAffine(image, place, (size, size), flags=how | cv2.WARP_INVERSE_MAP))


def stretch(image: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[list[float]]]:
    """8-bit digital numbers, each band from its own least to its own greatest value, and these values."""
    noisy = image * (1 + rng.normal(0, 0.006, image.shape)).astype(np.float32)
    low, high = noisy.min(axis=(1, 2), keepdims=True), noisy.max(axis=(1, 2), keepdims=True)
    numbers = np.rint(255 * (noisy - low) / (high - low)).astype(np.uint8)
    return numbers, np.stack([low, high]).reshape(2, -1).T.astype(float).round(5).tolist()


def frame(
    perfect: NDArray[np.float32], acquisition: Acquisition, light: Light, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What Sentinel-2 delivers of a perfect image: sensor model, haze, clouds, noise; and where it is clear."""
    clear = observe(perfect, SENTINEL2_SIGMAS)
    veil = np.maximum(0.2, 1 + 0.25 * smooth_noise(clear.shape[1:], 500, rng, pixel=_METRES))
    haze = np.array(acquisition.haze, np.float32)[:, None, None] * veil
    image = (1 - haze[0]) * clear + haze
    valid = np.ones(veil.shape, bool)
    if acquisition.clouds:
        cloud, shadow = _clouds(len(valid), acquisition.clouds, light, rng)
        image = image * (1 - 0.6 * shadow) * (1 - cloud) + cloud * _cloud_top(len(valid), rng)
        unclear = ((cloud > 0.03) | (shadow > 0.05)).astype(np.uint8)
        valid = cv2.dilate(unclear, np.ones((5, 5), np.uint8)) == 0
    noise = noise_sd(image) * rng.standard_normal(image.shape, dtype=np.float32)
    return (image + noise).astype(np.float32), valid


def _clouds(
    size: int, share: float, light: Light, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Opacity of clouds and of their shadows ``[size, size]``; the shadows fall away from the sun."""
    shape = (3 * size, 3 * size)
    layers = ((1.0, 700.0), (0.45, 230.0), (0.2, 80.0))
    sky = np.sum([weight * smooth_noise(shape, scale, rng, pixel=_METRES) for weight, scale in layers], axis=0)
    opacity = np.clip(2.2 * (sky - np.quantile(sky[size:-size, size:-size], 1 - share)), 0, 1).astype(np.float32)
    opacity = cv2.GaussianBlur(opacity, (0, 0), 1.2)
    reach = min(0.9 * size, rng.uniform(40, 110) / math.tan(math.radians(light.elevation)))
    azimuth = math.radians(light.azimuth)
    row, column = round(size - reach * math.cos(azimuth)), round(size + reach * math.sin(azimuth))
    return opacity[size:-size, size:-size], opacity[row : row + size, column : column + size]


def _cloud_top(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Reflectance of the clouds, about white."""
    return np.float32(0.52) + np.float32(0.06) * smooth_noise((size, size), 150, rng, pixel=_METRES)
