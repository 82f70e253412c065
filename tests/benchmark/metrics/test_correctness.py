"""Improvement, omission and hallucination against opensr-test's formulas, typed afresh in torch."""

from dataclasses import astuple

import numpy as np
import pytest
import torch

from tdsr_bench.metrics.correctness import correctness


def by_torch(sr, hr, lr, valid):
    keep = torch.from_numpy(valid).all(dim=0)
    sr, hr, lr = (torch.from_numpy(image)[:, keep] for image in (sr, hr, lr))

    def distance(x, y):
        return ((x - y).abs() / (x + y + 1e-8).abs()).mean(dim=0)

    d_ref, d_im, d_om = distance(lr, hr), distance(sr, hr), distance(sr, lr)
    threshold = d_ref.kthvalue(int(0.75 * d_ref.numel())).values
    happens = (d_ref > threshold) | (d_im > threshold) | (d_om > threshold)
    d_im, d_om = (d_im / d_ref)[happens], (d_om / d_ref)[happens]
    centre = d_im + d_om - 1
    improvement = d_im + d_om * (1 - torch.exp(-centre * 0.05))
    omission = d_om + d_im * (1 - torch.exp(-centre * 0.05))
    hallucination = torch.exp(-d_im * d_om * 0.05)
    shares = torch.softmax(-torch.stack([improvement, omission, hallucination]) / 0.25, dim=0)
    return [float(share) for share in shares.nanmean(dim=1)]


@pytest.fixture
def images(reference, bicubic, rng):
    """A blend, a sharpened and a noisy image: something of each of the three."""
    noise = rng.normal(0, 0.01, reference.shape).astype(np.float32)
    return [0.6 * reference + 0.4 * bicubic, 2 * bicubic - 0.9 * reference, bicubic + noise, 0.9 * reference]


def test_it_is_the_formula_in_torch(images, reference, bicubic, valid):
    for image in images:
        sr = image.astype(np.float32)
        found = astuple(correctness(sr, reference, bicubic, valid))
        assert found == pytest.approx(by_torch(sr, reference, bicubic, valid), abs=1e-5)
        assert sum(found) == pytest.approx(1, abs=1e-5)


def test_the_enlarged_input_is_an_omission(reference, bicubic, valid):
    found = correctness(bicubic, reference, bicubic, valid)
    assert found.omission == pytest.approx(1 / (1 + 2 * np.exp(-4)), abs=1e-6)


def test_invented_detail_is_a_hallucination(reference, bicubic, valid, rng):
    invented = bicubic * rng.uniform(0.2, 3, bicubic.shape).astype(np.float32)
    found = correctness(invented, reference, bicubic, valid)
    assert found.hallucination > 0.9


def test_a_gain_is_seen_since_no_histogram_is_matched(reference, bicubic, valid):
    perfect = correctness(reference, reference, bicubic, valid)
    brighter = correctness(np.float32(1.3) * reference + np.float32(0.05), reference, bicubic, valid)
    assert perfect.improvement > 0.96
    assert brighter.improvement < 0.5


def test_where_bicubic_is_exact_everywhere_there_is_nothing_to_judge(reference, valid):
    assert np.isnan(astuple(correctness(reference, reference, reference, valid))).all()
