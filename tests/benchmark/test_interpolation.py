"""Enlarging and back-projection, against torch, loops written out, and the sensor model."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from makers import landscape
from numpy.typing import NDArray
from torch.nn import functional

from tdsr_bench.interpolation import BACK_PROJECTIONS, back_project, enlarge
from tdsr_bench.metrics.detail import detail_error
from tdsr_bench.sensor import observe, sample

Image = NDArray[np.float32]
METHODS = ("nearest", "bilinear", "bicubic", "lanczos")


@pytest.fixture
def image(rng: np.random.Generator) -> Image:
    return rng.random((4, 13, 17), dtype=np.float32)


def keys(x: float) -> float:
    """Keys 1981, equation 15 for a = -0.5."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def lanczos(x: float) -> float:
    """sinc(x) sinc(x / 3)."""
    if x == 0:
        return 1.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2 if abs(x) < 3 else 0.0


def written_out(image: Image, row: int, column: int, kernel: Callable[[float], float]) -> float:
    """The enlarged image at one high-resolution pixel: low-resolution pixel i lies at index 3i + 1."""
    total = weights = 0.0
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            weight = kernel((row - 1) / 3 - i) * kernel((column - 1) / 3 - j)
            total += weight * float(image[i, j])
            weights += weight
    return total / weights


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_enlarging_equals_torch(image: Image, method: str):
    expected = functional.interpolate(
        torch.from_numpy(image)[None], scale_factor=3, mode=method, align_corners=False, antialias=True
    )[0].numpy()
    assert enlarge(image, method) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("method", "kernel"), [("bicubic", keys), ("lanczos", lanczos)])
def test_enlarging_equals_the_kernel_written_out(image: Image, method: str, kernel: Callable[[float], float]):
    enlarged = enlarge(image, method)
    for row, column in [(12, 15), (13, 15), (14, 16), (20, 31), (23, 29)]:
        assert enlarged[2, row, column] == pytest.approx(written_out(image[2], row, column, kernel), abs=1e-6)


def test_nearest_repeats(image: Image):
    assert np.array_equal(enlarge(image, "nearest"), image.repeat(3, axis=1).repeat(3, axis=2))


@pytest.mark.parametrize("method", METHODS)
def test_pixels_stay_where_the_sensor_samples(image: Image, method: str):
    assert sample(enlarge(image, method)) == pytest.approx(image, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_values_are_neither_clipped_nor_scaled(image: Image, method: str):
    moved = enlarge(200 * image - 100, method)
    assert moved.dtype == np.float32
    assert moved == pytest.approx(200 * enlarge(image, method) - 100, abs=1e-3)


def test_axes_in_front_are_kept(image: Image):
    stack = np.stack([image, 2 * image])
    enlarged = enlarge(stack, "bicubic")
    assert enlarged.shape == (2, 4, 39, 51)
    assert np.array_equal(enlarged[1, 3], enlarge(2 * image[3], "bicubic"))


def test_another_scale(image: Image):
    assert enlarge(image, "bicubic", scale=2).shape == (4, 26, 34)


def test_unknown_kernels_are_refused(image: Image):
    with pytest.raises(KeyError, match="cubic"):
        enlarge(image, "cubic")


def residual(estimate: Image, observed: Image) -> float:
    return float(np.sqrt(np.mean((observed - observe(estimate)) ** 2)))


def test_back_projection_lowers_the_residual_in_each_round(rng: np.random.Generator):
    observed = observe(landscape(rng)) + rng.normal(0, 0.002, (4, 48, 48)).astype(np.float32)
    estimate = enlarge(observed, "bicubic")
    before = residual(estimate, observed)
    for _ in range(BACK_PROJECTIONS):
        estimate = back_project(estimate, observed, iterations=1)
        after = residual(estimate, observed)
        assert after < before
        before = after


def test_back_projection_brings_detail_back(rng: np.random.Generator):
    high = landscape(rng)
    observed = observe(high)
    bicubic = enlarge(observed, "bicubic")
    projected = back_project(bicubic, observed, iterations=BACK_PROJECTIONS)
    everywhere = np.ones(high.shape[1:], dtype=bool)
    for band in range(4):
        error, zero = (detail_error(sr[band], high[band], everywhere, sigma=3.0) for sr in (projected, bicubic))
        assert error < 0.85 * zero


def test_back_projection_leaves_a_consistent_image_alone(rng: np.random.Generator):
    high = landscape(rng)
    assert back_project(high, observe(high), iterations=3) == pytest.approx(high, abs=1e-6)


def test_rounds_add_up(rng: np.random.Generator):
    observed = observe(landscape(rng))
    start = enlarge(observed, "nearest")
    twice = back_project(back_project(start, observed, iterations=2), observed, iterations=3)
    assert np.array_equal(twice, back_project(start, observed, iterations=5))


def test_the_step_scales_a_round(rng: np.random.Generator):
    observed = observe(landscape(rng))
    start = enlarge(observed, "bicubic")
    whole, half = (back_project(start, observed, iterations=1, step=step) - start for step in (1.0, 0.5))
    assert half == pytest.approx(whole / 2, abs=1e-6)


def test_invalid_pixels_play_no_part(rng: np.random.Generator):
    observed = observe(landscape(rng))
    valid = np.ones((48, 48), dtype=bool)
    valid[10:20, 10:30] = False
    clouded = np.where(valid, observed, np.float32(0.9))
    start = enlarge(observed, "bicubic")
    results = [back_project(start, image, iterations=4, valid=valid) for image in (observed, clouded)]
    assert np.array_equal(*results)
    assert not np.array_equal(results[0], back_project(start, observed, iterations=4))


def test_frames_of_another_size_are_refused(image: Image):
    with pytest.raises(ValueError, match="broadcast"):
        back_project(enlarge(image, "bicubic"), image[:, :-1], iterations=1)
