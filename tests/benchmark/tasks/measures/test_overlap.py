"""IoU and F1 against torchmetrics."""

import numpy as np
import pytest
import torch
from segmentations import blobs
from torchmetrics.classification import BinaryF1Score, BinaryJaccardIndex

from tdsr_bench.tasks.measures.overlap import f1, iou


@pytest.mark.parametrize(("measure", "reference"), [(iou, BinaryJaccardIndex), (f1, BinaryF1Score)])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_they_are_those_of_torchmetrics(rng, measure, reference, share):
    found, truth = (blobs(rng, (60, 80), share=share) for _ in range(2))
    valid = ~blobs(rng, (60, 80), share=0.2)
    expected = reference()(torch.from_numpy(found[valid]).float(), torch.from_numpy(truth[valid]).int())
    assert 0 < measure(found, truth, valid) == pytest.approx(float(expected), abs=1e-6)


def test_by_hand():
    valid = np.ones((4, 4), dtype=bool)
    found, truth = np.zeros((2, 4, 4), dtype=bool)
    truth[:2] = True  # 8 pixels
    found[1:, :3] = True  # 9, of which 3 are true
    assert iou(found, truth, valid) == pytest.approx(3 / 14)
    assert f1(found, truth, valid) == pytest.approx(2 * 3 / (8 + 9))


def test_each_follows_from_the_other(rng):
    found, truth, valid = blobs(rng, (40, 40)), blobs(rng, (40, 40)), np.ones((40, 40), dtype=bool)
    overlap = iou(found, truth, valid)
    assert f1(found, truth, valid) == pytest.approx(2 * overlap / (1 + overlap))


@pytest.mark.parametrize("measure", [iou, f1])
def test_shapes_have_to_be_equal(measure):
    with pytest.raises(ValueError, match=r"found has the shape \(4, 4\) but truth has \(4, 5\)"):
        measure(np.ones((4, 4), bool), np.ones((4, 5), bool), np.ones((4, 4), bool))
