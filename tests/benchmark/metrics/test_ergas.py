"""ERGAS against torchmetrics."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import error_relative_global_dimensionless_synthesis

from tdsr_bench.metrics.ergas import ergas


@pytest.mark.parametrize("scale", [3, 4])
def test_it_is_that_of_torchmetrics(reference, bicubic, scale):
    a, b = (torch.from_numpy(image.astype(np.float64))[None] for image in (bicubic, reference))
    expected = float(error_relative_global_dimensionless_synthesis(a, b, ratio=scale))
    everywhere = np.ones(reference.shape, dtype=bool)
    assert ergas(bicubic, reference, everywhere, scale=scale) == pytest.approx(expected, rel=1e-5)


def test_a_relative_error_of_a_tenth_in_all_bands(valid):
    reference = np.full(valid.shape, 0.2, np.float32)
    assert ergas(reference * np.float32(1.1), reference, valid) == pytest.approx(100 / 3 * 0.1, rel=1e-5)


def test_masked_pixels_are_left_out_band_by_band(reference, bicubic, valid):
    relative = [
        np.mean((bicubic[b][valid[b]] - reference[b][valid[b]]) ** 2) / np.mean(reference[b][valid[b]]) ** 2
        for b in range(4)
    ]
    assert ergas(bicubic, reference, valid) == pytest.approx(100 / 3 * np.sqrt(np.mean(relative)), rel=1e-5)
