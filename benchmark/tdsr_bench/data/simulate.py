"""The `simulated` arm: Sentinel-2 frames made from a high-resolution image by the sensor model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import BANDS, SCALE, Scene
from tdsr_bench.sensor import SENTINEL2_MTF, fourier_shift, observe

SHIFT_RMS = 0.35 * SCALE
"""Root mean square length of a frame's shift, in high-resolution pixels.

Ten clear Sentinel-2 dates of one place were found to lie 0.35 of their pixels rms, up to 0.82, from their median.
"""

SHIFT_MOST = 2.5
"""The longest shift, in high-resolution pixels: the 0.82 Sentinel-2 pixels of `SHIFT_RMS`."""

GAIN_SD, OFFSET_SD = 0.03, 0.003
"""Standard deviation of a date's gain (3 %) and offset (reflectance) in each band: what atmospheric correction leaves.

Modest on purpose. Between real dates of a place seasons change far more; a simulated arm leaves that out.
"""

SNR = 150.0
SNR_REFLECTANCE = 0.15
"""Signal to noise at this reflectance.

Half of the variance there is the photons' (it grows with the signal), half is the same for all pixels: a standard
deviation of 0.0010 at a reflectance of 0.15, 0.0008 at 0.05. On eight clear real Sentinel-2 L2A dates the second
difference of the smoothest twentieth of the pixels was 0.0009 (green, at 0.10) and 0.0003 to 0.0010 at 0.02 to 0.05;
that includes what texture they have, and excludes what their resampling took away.
"""

SPREAD_DAYS = 730
"""The dates of a stack are spread over two years."""


@dataclass(frozen=True, eq=False)
class SimulatedStack:
    """Simulated frames, and all that was drawn for them.

    Attributes:
        frames: float32 ``[T, 4, h, w]``, reflectance.
        dates: a different day for each frame, ascending.
        shifts: float ``[T, 2]``, how far the content of a frame lies (down, right) of the high-resolution image's, in
            high-resolution pixels.
        gains, offsets: float ``[T, 4]``: ``frame = gain * seen + offset + noise``.
    """

    frames: NDArray[np.float32]
    dates: tuple[date, ...]
    shifts: NDArray[np.float64]
    gains: NDArray[np.float64]
    offsets: NDArray[np.float64]

    @property
    def made(self) -> Mapping[str, Any]:
        """What was drawn, and with which settings, for the scene's record."""
        return MappingProxyType(
            {
                "dates": [day.isoformat() for day in self.dates],
                "shifts": self.shifts.round(4).tolist(),
                "gains": self.gains.round(5).tolist(),
                "offsets": self.offsets.round(6).tolist(),
                "mtf": dict(SENTINEL2_MTF),
                "snr": {"ratio": SNR, "at_reflectance": SNR_REFLECTANCE},
            }
        )


def simulate_frames(
    highres: NDArray[np.float32], *, frames: int, rng: np.random.Generator, start: date, days: int = SPREAD_DAYS
) -> SimulatedStack:
    """See `highres` with Sentinel-2 on `frames` days: shift, MTF, sampling, each date's gain and offset, noise.

    Args:
        highres: float32 ``[4, 3h, 3w]``, reflectance, finite everywhere.
        frames: how many, at least one and at most `days`.
        rng: the source of everything that is drawn.
        start: the first day that a frame may have.
        days: the frames are spread over so many days, one drawn from each of `frames` equal parts.
    """
    dates = _dates(frames, rng, start, days)
    shifts = np.array([_shift(rng) for _ in range(frames)])
    gains = rng.normal(1.0, GAIN_SD, (frames, len(BANDS)))
    offsets = rng.normal(0.0, OFFSET_SD, (frames, len(BANDS)))
    stack = [
        _frame(highres, shift, gain, offset, rng) for shift, gain, offset in zip(shifts, gains, offsets, strict=True)
    ]
    return SimulatedStack(np.stack(stack), dates, shifts, gains, offsets)


def simulated(scene: Scene, *, seed: int, frames: int = 9) -> Scene:
    """The `simulated` arm of `scene`: its frames, all clear, are made from its own reference.

    The days lie in the two years around the reference's. All else is `scene`'s. The same scene and seed give the same
    frames, whatever other scenes there are.

    Args:
        scene: its reference in reflectance (harmonised).
        seed: of the data set's simulated arm.
        frames: how many.
    """
    start = scene.reference_date - timedelta(days=SPREAD_DAYS // 2)
    rng = scene_generator(scene.name, seed=seed)
    stack = simulate_frames(scene.reference, frames=frames, rng=rng, start=start)
    valid = np.ones((frames, *stack.frames.shape[2:]), dtype=bool)
    return replace(scene, frames=stack.frames, frames_valid=valid, dates=stack.dates)


def scene_generator(scene: str, *, seed: int) -> np.random.Generator:
    """The random numbers of the scene called `scene`, which do not depend on other scenes."""
    return np.random.default_rng([seed, crc32(scene.encode())])


def noise_sd(reflectance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Standard deviation of Sentinel-2's noise at each pixel's `reflectance`; see `SNR_REFLECTANCE`.

    >>> float(noise_sd(np.array(0.15)).round(6))
    0.001
    """
    relative = np.clip(reflectance, 0.0, None) / SNR_REFLECTANCE
    return np.asarray(SNR_REFLECTANCE / SNR * np.sqrt(0.5 + 0.5 * relative))


def _dates(frames: int, rng: np.random.Generator, start: date, days: int) -> tuple[date, ...]:
    edges = np.linspace(0, days, frames + 1).astype(int)
    return tuple(start + timedelta(days=int(rng.integers(low, high))) for low, high in pairwise(edges))


def _shift(rng: np.random.Generator) -> NDArray[np.float64]:
    while True:
        shift = rng.normal(0.0, SHIFT_RMS / np.sqrt(2), 2)
        if np.hypot(*shift) <= SHIFT_MOST:
            return shift


def _frame(
    highres: NDArray[np.float32],
    shift: NDArray[np.float64],
    gain: NDArray[np.float64],
    offset: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    seen = observe(fourier_shift(highres, (float(shift[0]), float(shift[1]))))
    scaled = gain[:, None, None] * seen + offset[:, None, None]
    noisy = scaled + noise_sd(scaled) * rng.standard_normal(scaled.shape)
    return noisy.astype(np.float32)
