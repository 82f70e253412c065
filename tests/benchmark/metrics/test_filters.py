"""Smoothing and masks against SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from tdsr_bench.filters import gaussian, local_mean, separable
from tdsr_bench.metrics.pixels import mean_over, shrink
from tdsr_bench.sensor import blur


@pytest.mark.parametrize(("sigma", "radius"), [(1.5, 5), (3.0, 12), (0.5, 1)])
def test_gaussian_is_that_of_scipy(reference, sigma, radius):
    expected = ndimage.gaussian_filter(reference[0].astype(np.float64), sigma, radius=radius, mode="reflect")
    np.testing.assert_allclose(gaussian(reference[0], sigma, radius=radius), expected, rtol=0, atol=2e-7)


def test_without_a_radius_it_is_the_blur_of_the_sensor_model(reference):
    np.testing.assert_allclose(gaussian(reference[0], 3.0), blur(reference[0], 3.0), rtol=0, atol=2e-7)


def test_a_wild_pixel_stays_in_its_window(reference):
    wild = reference[0].copy()
    wild[100, 100] = 1e30
    for smooth in (lambda image: gaussian(image, 1.5, radius=5), lambda image: separable(image, np.full(3, 1 / 3))):
        changed = smooth(wild) != smooth(reference[0])
        changed[95:106, 95:106] = False
        assert not changed.any()


def test_a_local_mean_of_a_constant_is_that_constant(valid):
    image = np.where(valid[0], np.float32(0.25), np.float32(9))
    np.testing.assert_allclose(local_mean(image, valid[0], 3.0)[valid[0]], 0.25, rtol=1e-6)


def test_a_local_mean_without_a_mask_is_the_blur(reference):
    nearly = np.ones(reference[0].shape, dtype=bool)
    nearly[0, 0] = False
    plain = gaussian(reference[0], 3.0)
    np.testing.assert_allclose(local_mean(reference[0], nearly, 3.0)[30:, 30:], plain[30:, 30:], rtol=1e-6)


def test_a_mask_shrinks_as_by_scipy_and_from_the_border(rng):
    valid = rng.random((40, 30)) > 0.02
    expected = ndimage.binary_erosion(valid, np.ones((5, 5)), border_value=0)
    np.testing.assert_array_equal(shrink(valid, 2), expected)


def test_the_mean_over_nothing_is_nan():
    assert np.isnan(mean_over(np.ones((3, 3)), np.zeros((3, 3), dtype=bool)))
    assert np.isnan(mean_over(np.ones((0, 3)), np.ones((0, 3), dtype=bool)))
