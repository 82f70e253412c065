"""Gain and offset: injected ones are found."""

import numpy as np
import pytest

from tdsr_bench.metrics.gain import gain_and_offset


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("offset", [-0.02, 0.05])
def test_an_exact_line_is_found_exactly(reference, valid, gain, offset):
    sr = np.float32(gain) * reference[0] + np.float32(offset)
    assert gain_and_offset(sr, reference[0], valid[0]) == pytest.approx((gain, offset), abs=1e-4)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("band", range(4))
def test_the_gain_of_a_soft_image_is_found_to_three_percent(reference, bicubic, gain, band):
    everywhere = np.ones(reference[band].shape, dtype=bool)
    found, offset = gain_and_offset(np.float32(gain) * bicubic[band], reference[band], everywhere)
    assert found == pytest.approx(gain, rel=0.03)
    assert offset == pytest.approx(0, abs=0.01)


def test_noise_is_not_taken_for_contrast(reference, rng):
    everywhere = np.ones(reference[0].shape, dtype=bool)
    noisy = reference[0] + rng.normal(0, reference[0].std() / 2, reference[0].shape).astype(np.float32)
    assert gain_and_offset(noisy, reference[0], everywhere)[0] == pytest.approx(1, abs=0.03)


def test_an_inverted_image_has_a_negative_gain(reference, valid):
    assert gain_and_offset(-reference[0], reference[0], valid[0])[0] == pytest.approx(-1)


def test_a_constant_reference_has_no_gain(reference, valid):
    assert np.isnan(gain_and_offset(reference[0], 0 * reference[0], valid[0])).all()
