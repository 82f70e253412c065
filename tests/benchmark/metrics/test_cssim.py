"""cSSIM against scikit-image."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage
from skimage.metrics import structural_similarity

from tdsr_bench.metrics.cssim import cssim_error, ssim_map

OPTIONS = {"sigma": 1.5, "radius": 5}


def by_scikit_image(a, b, data_range):
    _, similarity = structural_similarity(
        a.astype(np.float64),
        b.astype(np.float64),
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return similarity


@pytest.mark.parametrize("band", range(4))
def test_the_map_is_that_of_scikit_image(reference, bicubic, band):
    a, b = bicubic[band], reference[band]
    found = ssim_map(a, b, data_range=0.1, level=float(b.mean()), **OPTIONS)
    expected = by_scikit_image(a, b, 0.1)
    assert_allclose(found, expected, rtol=0, atol=5e-4)  # float32 against float64, where an image is flat
    assert found.mean(dtype=float) == pytest.approx(expected.mean(), abs=1e-6)


def test_a_level_brings_only_precision(reference, bicubic):
    plain, levelled = (
        ssim_map(bicubic[3], reference[3], data_range=0.1, level=level, **OPTIONS) for level in (0.0, 0.3)
    )
    expected = by_scikit_image(bicubic[3], reference[3], 0.1)
    assert np.abs(levelled - expected).max() < np.abs(plain - expected).max() < 5e-3


def test_the_error_is_that_of_scikit_image_over_whole_windows(reference, bicubic, valid):
    a, b, mask = bicubic[0] + np.float32(0.02), reference[0], valid[0]
    whole = ndimage.binary_erosion(mask, np.ones((11, 11)))
    moved = a - (a.astype(np.float64)[mask].mean() - b.astype(np.float64)[mask].mean())
    expected = np.sqrt(1 - by_scikit_image(moved, b, 0.1)[whole].mean())
    assert cssim_error(a, b, mask, data_range=0.1, **OPTIONS) == pytest.approx(expected, abs=1e-6)


def test_without_a_mask_it_is_the_mean_that_scikit_image_gives(reference, bicubic):
    a, b = bicubic[1] - bicubic[1].mean() + reference[1].mean(), reference[1]
    expected = structural_similarity(
        a, b, data_range=0.1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    error = cssim_error(a, b, np.ones(a.shape, dtype=bool), data_range=0.1, **OPTIONS)
    assert error == pytest.approx(np.sqrt(1 - expected), abs=1e-5)


def test_a_mask_without_one_whole_window_gives_no_value(reference):
    band = reference[0]
    valid = np.ones(band.shape, dtype=bool)
    valid[5::11, 5::11] = False
    assert np.isnan(cssim_error(band, band, valid, data_range=0.1, **OPTIONS))


@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan")])
def test_a_data_range_has_to_be_positive(reference, data_range):
    with pytest.raises(ValueError, match="data_range has to be positive"):
        cssim_error(
            reference[0], reference[0], np.ones(reference[0].shape, dtype=bool), data_range=data_range, **OPTIONS
        )
