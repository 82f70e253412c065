"""PSNR against scikit-image and torchmetrics."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import peak_signal_noise_ratio as torch_psnr

from tdsr_bench.metrics.psnr import cpsnr, psnr


def test_psnr_is_that_of_scikit_image_and_torchmetrics(reference, bicubic):
    a, b = bicubic[0], reference[0]
    found = psnr(a, b, np.ones(a.shape, dtype=bool), data_range=0.5)
    assert found == pytest.approx(peak_signal_noise_ratio(b.astype(float), a.astype(float), data_range=0.5), abs=1e-5)
    assert found == pytest.approx(float(torch_psnr(torch.from_numpy(a), torch.from_numpy(b), data_range=0.5)), abs=1e-4)


def test_masked_psnr_is_that_of_the_valid_pixels(reference, bicubic, valid):
    a, b, mask = bicubic[2], reference[2], valid[2]
    assert psnr(a, b, mask, data_range=0.5) == pytest.approx(
        peak_signal_noise_ratio(b[mask].astype(float), a[mask].astype(float), data_range=0.5), abs=1e-5
    )


def test_psnr_sees_an_offset_and_cpsnr_does_not(reference, valid):
    moved = reference[0] + np.float32(0.05)
    assert psnr(moved, reference[0], valid[0], data_range=0.5) == pytest.approx(20, abs=1e-4)
    assert cpsnr(moved, reference[0], valid[0], data_range=0.5) > 120


def test_cpsnr_is_psnr_after_the_means_are_made_equal(reference, bicubic, valid):
    a, b, mask = bicubic[3] + np.float32(0.03), reference[3], valid[3]
    a64, b64 = a.astype(float)[mask], b.astype(float)[mask]
    expected = 10 * np.log10(0.25 / np.var(a64 - b64))
    assert cpsnr(a, b, mask, data_range=0.5) == pytest.approx(expected, abs=1e-4)


def test_a_data_range_has_to_be_positive(reference, valid):
    with pytest.raises(ValueError, match="data_range has to be positive, not 0"):
        psnr(reference[0], reference[0], valid[0], data_range=0)
