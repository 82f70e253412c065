"""Average precision against torchmetrics, and by hand where probabilities tie."""

import numpy as np
import pytest
import torch
from segmentations import blobs
from torchmetrics.classification import BinaryAveragePrecision

from tdsr_bench.tasks.measures.average_precision import average_precision


def noisy_probability(rng, truth, levels):
    """Float32 that leans towards the truth; with few `levels`, many pixels are equal."""
    raw = np.clip(0.3 * truth + rng.random(truth.shape) * 0.7, 0, 1)
    return (np.rint(raw * levels) / levels).astype(np.float32)


@pytest.mark.parametrize("levels", [1, 4, 255, 10**7])
@pytest.mark.parametrize("share", [0.01, 0.4])
def test_it_is_that_of_torchmetrics(rng, levels, share):
    truth, valid = blobs(rng, (80, 90), share=share), ~blobs(rng, (80, 90), share=0.2)
    probability = noisy_probability(rng, truth, levels)
    picked = torch.from_numpy(probability[valid]), torch.from_numpy(truth[valid]).int()
    expected = float(BinaryAveragePrecision(thresholds=None)(*picked))
    assert 0 < average_precision(probability, truth, valid) == pytest.approx(expected, abs=1e-6)


def test_pixels_that_tie_are_one_step():
    truth, valid = np.array([[True, False, True, False, False]]), np.ones((1, 5), dtype=bool)
    probability = np.array([[0.8, 0.8, 0.5, 0.5, 0.1]], dtype=np.float32)
    assert average_precision(probability, truth, valid) == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 4)


def test_only_the_order_counts(rng):
    truth, valid = blobs(rng, (40, 40)), np.ones((40, 40), dtype=bool)
    probability = noisy_probability(rng, truth, 100)
    assert average_precision(probability**3, truth, valid) == average_precision(probability, truth, valid)


def test_noise_lowers_it_towards_the_share_of_true_pixels(rng):
    truth, valid = blobs(rng, (120, 120), share=0.2), np.ones((120, 120), dtype=bool)
    noise = rng.random(truth.shape)
    values = [
        average_precision(((1 - part) * truth + part * noise).astype(np.float32), truth, valid)
        for part in (0, 0.55, 0.7, 0.85, 1)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1
    assert values[-1] == pytest.approx(0.2, abs=0.02)


def test_a_constant_probability_gives_the_share_of_true_pixels():
    truth, valid = np.zeros((10, 10), dtype=bool), np.ones((10, 10), dtype=bool)
    truth[0, :7] = True
    assert average_precision(np.full((10, 10), 0.3, np.float32), truth, valid) == pytest.approx(0.07)


def test_shapes_have_to_be_equal():
    with pytest.raises(ValueError, match="probability has the shape"):
        average_precision(np.ones((4, 4), np.float32), np.ones((5, 4), bool), np.ones((4, 4), bool))
