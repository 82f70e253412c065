"""Spectral angle against torchmetrics."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import spectral_angle_mapper

from tdsr_bench.metrics.sam import spectral_angle


def everywhere(image):
    return np.ones(image.shape, dtype=bool)


def test_it_is_that_of_torchmetrics(reference, bicubic):
    a, b = (torch.from_numpy(image.astype(np.float64))[None] for image in (bicubic, reference))
    expected = np.degrees(float(spectral_angle_mapper(a, b)))
    assert spectral_angle(bicubic, reference, everywhere(reference)) == pytest.approx(expected, rel=1e-5)


def test_pixels_count_where_all_bands_are_valid(reference, bicubic, valid):
    whole = valid.all(axis=0)
    a, b = bicubic[:, whole][:, None], reference[:, whole][:, None]
    assert spectral_angle(bicubic, reference, valid) == pytest.approx(spectral_angle(a, b, everywhere(a)), rel=1e-6)


@pytest.mark.parametrize("angle", [1e-4, 1e-2, 30.0, 90.0, 180.0])
def test_small_and_large_angles_are_exact(angle):
    a = np.array([1.0, 0.0], np.float32).reshape(2, 1, 1)
    b = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32).reshape(2, 1, 1)
    assert spectral_angle(a, b, everywhere(a)) == pytest.approx(angle, rel=1e-3)


def test_a_black_pixel_is_at_a_right_angle_and_a_black_reference_is_left_out(reference):
    black = np.zeros_like(reference)
    assert spectral_angle(black, reference, everywhere(reference)) == pytest.approx(90)
    half = reference.copy()
    half[:, :100] = 0
    assert spectral_angle(reference, half, everywhere(half)) == 0
    assert np.isnan(spectral_angle(reference, black, everywhere(reference)))
