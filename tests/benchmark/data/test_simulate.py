"""The simulated arm against an explicit kernel, and what is drawn for it."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d

from tdsr_bench.data.simulate import (
    GAIN_SD,
    OFFSET_SD,
    SHIFT_MOST,
    SHIFT_RMS,
    SPREAD_DAYS,
    SimulatedStack,
    noise_sd,
    scene_generator,
    simulate_frames,
    simulated,
)
from tdsr_bench.scene import BANDS, Scene

START = date(2019, 1, 1)
MTF = (0.26, 0.28, 0.24, 0.26)
"""As the protocol states them, written out: these tests are to notice a change."""


def waves(height: int, width: int, moved: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float64]:
    """Four bands of slow waves, whose value at any sub-pixel place is known."""
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - moved[0], x - moved[1]
    bands = [np.sin(2 * np.pi * (y / (17 + band) + x / 23)) + np.cos(2 * np.pi * x / (14 + band)) for band in range(4)]
    return 0.15 + 0.03 * np.stack(bands)


def kernel(mtf: float) -> NDArray[np.float64]:
    """A Gaussian whose transfer at 1/6 cycles a pixel is `mtf`, found by its own spectrum rather than by a formula."""
    x = np.arange(-9, 10)
    sigmas = np.linspace(1.2, 2.0, 4001)
    taps = np.exp(-0.5 * (x / sigmas[:, None]) ** 2)
    taps /= taps.sum(axis=1, keepdims=True)
    transfer = (taps * np.cos(2 * np.pi * x / 6)).sum(axis=1)
    best = taps[np.abs(transfer - mtf).argmin()]
    return np.outer(best, best)


def a_stack(frames: int = 6, seed: int = 1, size: int = 96) -> SimulatedStack:
    highres = waves(size, size + 12).astype(np.float32)
    return simulate_frames(highres, frames=frames, rng=np.random.default_rng(seed), start=START)


def test_a_frame_is_the_moved_scene_seen_through_the_mtf() -> None:
    stack = a_stack()
    for frame, shift, gain, offset in zip(stack.frames, stack.shifts, stack.gains, stack.offsets, strict=True):
        moved = waves(96, 108, (shift[0], shift[1]))
        seen = np.stack(
            [convolve2d(band, kernel(mtf), mode="same")[1::3, 1::3] for band, mtf in zip(moved, MTF, strict=True)]
        )
        expected = gain[:, None, None] * seen + offset[:, None, None]
        inside = np.s_[:, 5:-5, 5:-5]
        noise = ((frame - expected) / noise_sd(expected))[inside]
        assert abs(noise.mean()) < 0.05
        assert noise.std() == pytest.approx(1.0, abs=0.05)


def test_noise_is_the_stated_signal_to_noise_and_grows_with_the_signal() -> None:
    assert 0.15 / float(noise_sd(np.array(0.15))) == pytest.approx(150)
    assert np.all(np.diff(noise_sd(np.linspace(0, 1, 20))) > 0)
    assert np.isfinite(noise_sd(np.array([-0.1, 0.0]))).all()


def test_what_is_drawn_has_the_stated_spread() -> None:
    highres = np.full((4, 9, 9), 0.1, dtype=np.float32)
    stack = simulate_frames(highres, frames=700, rng=np.random.default_rng(0), start=START)
    lengths = np.hypot(*stack.shifts.T)
    assert lengths.max() <= SHIFT_MOST
    assert np.sqrt((lengths**2).mean()) == pytest.approx(SHIFT_RMS, rel=0.06)
    assert stack.gains.std() == pytest.approx(GAIN_SD, rel=0.06)
    assert stack.offsets.std() == pytest.approx(OFFSET_SD, rel=0.06)
    assert stack.gains.mean() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("frames", [1, 2, 9, 15])
def test_dates_are_different_ascending_and_spread_over_two_years(frames: int) -> None:
    days = [(day - START).days for day in a_stack(frames, size=9).dates]
    assert len(set(days)) == frames
    assert days == sorted(days)
    assert days[0] >= 0
    assert days[-1] < SPREAD_DAYS
    assert max(np.diff([0, *days, SPREAD_DAYS])) <= 2 * SPREAD_DAYS / frames + 2


def test_the_record_tells_all_that_was_drawn() -> None:
    stack = a_stack(3, size=9)
    made = stack.made
    np.testing.assert_allclose(made["shifts"], stack.shifts, atol=1e-4)
    np.testing.assert_allclose(made["gains"], stack.gains, atol=1e-5)
    np.testing.assert_allclose(made["offsets"], stack.offsets, atol=1e-6)
    assert made["dates"] == [day.isoformat() for day in stack.dates]
    assert made["mtf"] == dict(zip(BANDS, MTF, strict=True))


def a_scene(name: str) -> Scene:
    rng = np.random.default_rng(3)
    return Scene(
        name=name,
        region="here",
        strip="s",
        frames=np.zeros((2, 4, 10, 12), dtype=np.float32),
        frames_valid=np.zeros((2, 10, 12), dtype=bool),
        dates=(date(2020, 1, 1), date(2020, 2, 1)),
        reference=rng.uniform(0, 0.3, (4, 30, 36)).astype(np.float32),
        reference_valid=rng.random((4, 30, 36)) > 0.1,
        reference_date=date(2020, 6, 15),
        truth={"roads": rng.random((30, 36)) > 0.9},
        lines={},
        transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5e6),
        crs=None,
    )


def test_the_simulated_arm_replaces_the_frames_and_nothing_else() -> None:
    real = a_scene("a")
    made = simulated(real, seed=0, frames=5)
    assert made.frames.shape == (5, 4, 10, 12)
    assert made.frames.dtype == np.float32
    assert made.frames_valid.shape == (5, 10, 12)
    assert made.frames_valid.all()
    assert max(abs((day - real.reference_date).days) for day in made.dates) <= SPREAD_DAYS // 2
    for field in ("name", "region", "strip", "reference", "reference_valid", "reference_date", "truth", "transform"):
        assert getattr(made, field) is getattr(real, field)


def test_a_scene_and_a_seed_fix_the_frames() -> None:
    frames = simulated(a_scene("a"), seed=0).frames
    np.testing.assert_array_equal(frames, simulated(a_scene("a"), seed=0).frames)
    assert np.abs(frames - simulated(a_scene("b"), seed=0).frames).max() > 0.001
    assert np.abs(frames - simulated(a_scene("a"), seed=1).frames).max() > 0.001
    assert scene_generator("a", seed=0).random() != scene_generator("a", seed=1).random()
