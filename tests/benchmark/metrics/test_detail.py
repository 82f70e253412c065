"""Detail against its formula in SciPy, and against plain loops around a mask."""

import numpy as np
import pytest
from scipy import ndimage

from tdsr_bench.metrics.detail import concordance, detail_error


def test_the_error_is_the_formula_in_scipy(reference, bicubic):
    images = (image[0].astype(np.float64) for image in (bicubic, reference))
    high = [image - ndimage.gaussian_filter(image, 3) for image in images]
    (var_a, cov), (_, var_b) = np.cov(high[0].ravel(), high[1].ravel())
    expected = np.sqrt(1 - 2 * cov / (var_a + var_b))
    found = detail_error(bicubic[0], reference[0], np.ones(bicubic[0].shape, dtype=bool), sigma=3.0)
    assert found == pytest.approx(expected, abs=1e-6)


def test_around_a_mask_the_blur_averages_valid_pixels_only(rng):
    sr, reference = rng.random((2, 14, 13)).astype(np.float32)
    valid = rng.random((14, 13)) > 0.3
    sigma, radius = 0.7, 3  # four sigma, rounded
    high = {name: [] for name in ("sr", "reference")}
    for row, column in zip(*np.nonzero(valid), strict=True):
        for name, image in (("sr", sr), ("reference", reference)):
            total = weight = 0.0
            for i in range(row - radius, row + radius + 1):
                for j in range(column - radius, column + radius + 1):
                    # mirrored at the edges, the edge pixel repeated
                    mirrored = (
                        -1 - i if i < 0 else 27 - i if i > 13 else i,
                        -1 - j if j < 0 else 25 - j if j > 12 else j,
                    )
                    share = np.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * sigma**2)) * valid[mirrored]
                    total, weight = total + share * image[mirrored], weight + share
            high[name].append(image[row, column] - total / weight)
    a, b = (np.array(values) - np.mean(values) for values in high.values())
    expected = np.sqrt(1 - 2 * (a * b).mean() / ((a**2).mean() + (b**2).mean()))
    assert detail_error(sr, reference, valid, sigma=sigma) == pytest.approx(expected, abs=1e-5)


def test_an_image_without_detail_has_an_error_of_one(reference):
    flat = np.zeros_like(reference[0])
    assert detail_error(flat, reference[0], np.ones(flat.shape, dtype=bool), sigma=3.0) == pytest.approx(1)


def test_inverted_detail_has_an_error_of_the_root_of_two(reference):
    valid = np.ones(reference[0].shape, dtype=bool)
    assert detail_error(-reference[0], reference[0], valid, sigma=3.0) == pytest.approx(np.sqrt(2))


def test_two_constant_images_have_no_concordance():
    flat = np.full((20, 20), 0.2, np.float32)
    assert np.isnan(concordance(np.ones(5), np.zeros(5)))
    assert np.isnan(detail_error(0 * flat, 0 * flat, np.ones(flat.shape, dtype=bool), sigma=3.0))
