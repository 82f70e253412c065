"""Disturbances: what can happen to frames on their way to a method, for tables of how robust methods are.

All are made from a view's own pixels, so every method sees the same. What is random in a frame follows from that
frame's pixels and the disturbance's name alone: neither the order of scenes nor the other frames change it, and the
first frame of nine is disturbed as the only one of a single-image method.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tdsr_bench.data.landscape.canvas import smooth_noise
from tdsr_bench.data.mini_sensors import HAZE
from tdsr_bench.errors import UserError
from tdsr_bench.files import digest
from tdsr_bench.scene import LowResView
from tdsr_bench.submission import Submission

Pixel = TypeVar("Pixel", bound=np.generic)

Frame = NDArray[np.float32]
"""``[4, h, w]``, reflectance."""

Disturbance = Callable[[LowResView], LowResView]
"""From a view to what a method is shown in its place; masks, dates and the grid are those of the frames shown."""

_METRES = 10.0


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, independent in each pixel, band and frame.

    Attributes:
        sd: its standard deviation, in reflectance. The sensor's own is 0.0008 to 0.0012 at the reflectance of mini's
            frames (`tdsr_bench.data.simulate.noise_sd`), and that is in them already: with 0.002 of its own on top,
            all noise together is a little over twice what a method has met.
    """

    sd: float = 0.002

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with noise on all frames."""
        return _each(view, self._noisy)

    def _noisy(self, frame: Frame) -> Frame:
        return frame + np.float32(self.sd) * _generator("noise", frame).standard_normal(frame.shape, dtype=np.float32)


@dataclass(frozen=True)
class Haze:
    """A veil over each frame, another one over each: what a correction of the atmosphere has missed.

    A frame becomes ``(1 - loss path) frame + path``. The path radiance falls with the wavelength as mini's does, is
    drawn evenly from `blue` for each frame, and varies smoothly over it, by a quarter on 500 m.

    Attributes:
        blue: the least and the greatest mean path radiance in B02, in reflectance. Mini's own has a mean of 0.008.
        loss: contrast lost for each unit of path radiance; over 1, as most of what haze takes out of the beam goes
            on downwards and comes back from all around. 5 stands for a fifth of it that goes up.
    """

    blue: tuple[float, float] = (0.02, 0.06)
    loss: float = 5.0

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with haze over all frames."""
        return _each(view, self._hazy)

    def _hazy(self, frame: Frame) -> Frame:
        rng = _generator("haze", frame)
        shares = rng.uniform(*self.blue) * np.array(HAZE, np.float32)[:, None, None]
        veil = np.maximum(0.2, 1 + 0.25 * smooth_noise(frame.shape[1:], 500, rng, pixel=_METRES))
        path = np.asarray(shares * veil, np.float32)
        return (1 - np.float32(self.loss) * path) * frame + path


@dataclass(frozen=True)
class Cloud:
    """A cloud that no mask knows of, with its shadow, in the best frame: the only one of a single-image method.

    Soft at its edge, white, and dark where its shadow falls, to the north-west of it; as opaque as mini's clouds.

    Attributes:
        share: of the frame's area, where the cloud takes more than half of the light. The shadow is as large, but
            part of it may lie under the cloud or outside the frame.
        top: the reflectance of the cloud.
        shade: what its shadow takes of the light.
    """

    share: float = 0.1
    top: float = 0.52
    shade: float = 0.6

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with a cloud in its first frame."""
        return replace(view, frames=np.concatenate([self._clouded(view.frames[0])[None], view.frames[1:]]))

    def opacity(self, frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the cloud over `frame` and of its shadow, 0 to 1, each ``[h, w]``."""
        height, width = frame.shape[1:]
        rng = _generator("cloud", frame)
        rows, columns = np.mgrid[-height:height, -width:width] / np.reshape((height, width), (2, 1, 1))
        down, right = rng.uniform(0.3, 0.7, 2)
        ragged = 0.05 * smooth_noise(rows.shape, 250, rng, pixel=_METRES)
        near = ragged - np.hypot(rows - down, columns - right)  # twice the frame on each side, for the shadow's sake
        edge = np.quantile(near[height:, width:], 1 - self.share)
        cloud = np.clip(0.5 + (near - edge) / 0.1, 0, 1).astype(np.float32)
        north, west = round(0.22 * height), round(0.16 * width)
        return cloud[height:, width:], np.roll(cloud, (-north, -west), axis=(0, 1))[height:, width:]

    def _clouded(self, frame: Frame) -> Frame:
        cloud, shadow = self.opacity(frame)
        lit = frame * (1 - np.float32(self.shade) * shadow)
        return lit * (1 - cloud) + np.float32(self.top) * cloud


@dataclass(frozen=True)
class Misregistered:
    """The second frame, with its mask, lies one pixel off: the grid of a date is wrong.

    Down, up, right or left, by chance. The first frame stays where it is, because the protocol moves a method's image
    back to where it fits best, so a first frame that has moved would cost a single-image method nothing. A view of one
    frame stays as it is.
    """

    pixels: int = 1

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with its second frame moved."""
        if len(view.frames) < 2:
            return view
        frames, valid = view.frames.copy(), view.valid.copy()
        step = self.step(frames[1])
        frames[1], valid[1] = _moved(frames[1], step), _moved(valid[1], step)
        return replace(view, frames=frames, valid=valid)

    def step(self, frame: Frame) -> tuple[int, int]:
        """By how many (rows, columns) the content of `frame` moves."""
        sign, axis = _generator("misregistered", frame).integers(2, size=2)
        length = self.pixels if sign else -self.pixels
        return (length, 0) if axis else (0, length)


@dataclass(frozen=True)
class BestFrames:
    """Only the best `count` frames; nothing changes for a single-image method."""

    count: int = 3

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with its first frames."""
        kept = slice(self.count)
        return replace(view, frames=view.frames[kept], valid=view.valid[kept], dates=view.dates[kept])


@dataclass(frozen=True)
class SensorMtf:
    """Another sensor: each frame blurred until the transfer at its Nyquist frequency falls.

    A Gaussian blur of sigma pixels lets ``exp(-2 (pi sigma f)^2)`` of the frequency f through, which at the Nyquist
    frequency, half a cycle a pixel, is ``exp(-(pi sigma)^2 / 2)``. That has to be ``after / before``, so
    ``sigma = sqrt(-2 ln(after / before)) / pi``: a third of a pixel. A kernel of so few pixels is no Gaussian, so the
    transfer is applied to the frame's cosine transform, which mirrors it at the edges. Unlike a blurred scene that is
    sampled afterwards, what was aliased loses by the frequency that it has in the frame.

    Attributes:
        before: the transfer of Sentinel-2's bands is 0.24 to 0.28, see `tdsr_bench.sensor.SENTINEL2_MTF`.
        after: what it becomes; other bands fall by the same ratio.
    """

    before: float = 0.26
    after: float = 0.15

    @property
    def sigma(self) -> float:
        """Of the blur, in pixels of the frame.

        >>> round(SensorMtf().sigma, 3)
        0.334
        """
        return math.sqrt(-2 * math.log(self.after / self.before)) / math.pi

    def __call__(self, view: LowResView) -> LowResView:
        """`view` with all frames blurred."""
        return _each(view, self._blurred)

    def _blurred(self, frame: Frame) -> Frame:
        down, right = (self._transfer(np.arange(size) / (2 * size)) for size in frame.shape[1:])
        spectrum = fft.dctn(frame.astype(np.float64), axes=(1, 2)) * down[:, None] * right
        return np.asarray(fft.idctn(spectrum, axes=(1, 2)), np.float32)

    def _transfer(self, cycles: NDArray[np.float64]) -> NDArray[np.float64]:
        """At so many cycles a pixel."""
        return np.asarray(np.exp(-2 * (math.pi * self.sigma * cycles) ** 2))


DISTURBANCES: Mapping[str, Disturbance] = MappingProxyType(
    {
        "noise": Noise(),
        "haze": Haze(),
        "cloud": Cloud(),
        "misregistered": Misregistered(),
        "three-frames": BestFrames(3),
        "mtf": SensorMtf(),
    }
)
"""All that frames are put through, by name."""


@dataclass(frozen=True)
class Disturbed:
    """A control: the method, shown views under the disturbance called `key`; its track and frames stay the same."""

    key: str

    def __call__(self, method: Submission) -> Submission:
        """The method made of `method`."""
        disturb = DISTURBANCES[self.key]
        return replace(
            method,
            name=f"{method.name}, {self.key}",
            super_resolve=lambda view: method.super_resolve(disturb(view)),
        )


def disturbances_named(text: str) -> tuple[str, ...]:
    """The keys in `text`, which has commas between them, each once.

    Raises:
        UserError: there is no such disturbance.

    >>> disturbances_named("noise, mtf")
    ('noise', 'mtf')
    """
    keys = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = next((key for key in keys if key not in DISTURBANCES), None)
    if unknown is not None:
        raise UserError(f"There is no disturbance {unknown!r}; expected some of {', '.join(DISTURBANCES)}.")
    return keys


def _each(view: LowResView, change: Callable[[Frame], Frame]) -> LowResView:
    return replace(view, frames=np.stack([change(frame) for frame in view.frames]))


def _moved(image: NDArray[Pixel], step: tuple[int, int]) -> NDArray[Pixel]:
    """The content of ``[..., h, w]`` by whole (rows, columns); its edge is repeated."""
    rows, columns = (
        np.clip(np.arange(size) - length, 0, size - 1) for size, length in zip(image.shape[-2:], step, strict=True)
    )
    return image[..., rows[:, None], columns]


def _generator(name: str, frame: Frame) -> np.random.Generator:
    """The random numbers of the disturbance `name` in `frame`."""
    return np.random.default_rng(int(digest(name, np.ascontiguousarray(frame).data.cast("B"), frame.shape), 16))
