"""The sparse maps between a moved frame and the scene, against the sensor model and Pillow."""

import numpy as np
import pytest
from makers import landscape

from tdsr_baselines.interpolate import coverage, enlargement, observation
from tdsr_bench.interpolation import enlarge
from tdsr_bench.sensor import SENTINEL2_SIGMAS, fourier_shift, observe

SHAPE = (40, 48)
SHIFT = (0.4, -0.7)


@pytest.fixture
def high(rng):
    return landscape(rng)[:, :120, :144]


def test_without_a_shift_the_sensor_model_is_the_protocols(high):
    expected = observe(high)
    for band, sigma in enumerate(SENTINEL2_SIGMAS):
        seen = observation(SHAPE, (0.0, 0.0), sigma=sigma)(high[band])
        assert seen == pytest.approx(expected[band], abs=1e-6)


def test_a_moved_sensor_sees_the_moved_scene(high):
    expected = observe(fourier_shift(high, (3 * SHIFT[0], 3 * SHIFT[1])))
    seen = observation(SHAPE, SHIFT, sigma=SENTINEL2_SIGMAS[0])(high[0])
    inner = np.s_[4:-4, 4:-4]
    assert seen[inner] == pytest.approx(expected[0][inner], abs=2e-4)
    assert np.abs(seen - observe(high)[0])[inner].max() > 0.01


def test_without_a_shift_enlargement_is_bicubic(rng):
    frame = rng.random(SHAPE, dtype=np.float32)
    inner = np.s_[6:-6, 6:-6]
    assert enlargement(SHAPE, (0.0, 0.0))(frame)[inner] == pytest.approx(enlarge(frame, "bicubic")[inner], abs=1e-6)


def test_enlargement_undoes_whole_shifts(rng):
    frame = rng.random(SHAPE, dtype=np.float32)
    moved = np.roll(frame, (2, -1), axis=(0, 1))
    inner = np.s_[12:-12, 12:-12]
    expected = enlarge(frame, "bicubic")[inner]
    assert enlargement(SHAPE, (2.0, -1.0))(moved)[inner] == pytest.approx(expected, abs=1e-6)


def test_constants_stay_constant_up_to_the_edges():
    constant = np.full(SHAPE, 0.25, dtype=np.float32)
    assert enlargement(SHAPE, SHIFT)(constant) == pytest.approx(0.25, abs=1e-6)
    assert observation(SHAPE, SHIFT, sigma=1.5)(enlarge(constant, "nearest")) == pytest.approx(0.25, abs=1e-6)


def test_coverage_ends_where_the_frame_does():
    covered = coverage(SHAPE, (2.0, 0.0))(np.ones(SHAPE, dtype=np.float32))
    assert covered[:-9, 2:-2] == pytest.approx(1.0, abs=1e-6)
    assert np.all(covered[-4:] == 0)
