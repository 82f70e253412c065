"""Relaxed F1 against plain loops, and what its slack reaches."""

import numpy as np
import pytest
from scipy import ndimage
from segmentations import blobs, buildings, f1_in_loops

from tdsr_bench.tasks.measures.agreement import within
from tdsr_bench.tasks.measures.overlap import f1
from tdsr_bench.tasks.measures.relaxed import relaxed_f1

GSD = 10 / 3


@pytest.mark.parametrize("pixels", [0, 1, 1.5, 2, np.sqrt(5), 3])
def test_it_is_that_of_plain_loops(rng, pixels):
    found, truth = (blobs(rng, (18, 22), share=0.04) for _ in range(2))
    found[0, 0] = truth[0, 0] = True
    valid = ~blobs(rng, (18, 22), share=0.2)
    valid[0, 0] = True
    expected = f1_in_loops(found & valid, truth & valid, pixels)
    measured = relaxed_f1(found, truth, valid, slack_m=pixels * GSD, metres_per_pixel=GSD)
    assert 0 < measured == pytest.approx(expected)


def test_by_hand():
    found, truth, valid = np.zeros((1, 10), dtype=bool), np.zeros((1, 10), dtype=bool), np.ones((1, 10), dtype=bool)
    truth[0, :4] = True
    found[0, 5:7] = True  # 2 and 3 pixels beside the truth
    assert relaxed_f1(found, truth, valid, slack_m=10, metres_per_pixel=10) == 0
    precision, recall = 1 / 2, 1 / 4
    expected = 2 * precision * recall / (precision + recall)
    assert relaxed_f1(found, truth, valid, slack_m=20, metres_per_pixel=10) == pytest.approx(expected)
    precision, recall = 1, 2 / 4
    expected = 2 * precision * recall / (precision + recall)
    assert relaxed_f1(found, truth, valid, slack_m=30, metres_per_pixel=10) == pytest.approx(expected)


def test_under_the_size_of_a_pixel_there_is_no_slack(rng):
    found, truth, valid = blobs(rng, (40, 40)), blobs(rng, (40, 40)), np.ones((40, 40), dtype=bool)
    assert relaxed_f1(found, truth, valid, slack_m=3.3, metres_per_pixel=GSD) == f1(found, truth, valid)


def test_more_slack_forgives_more():
    truth = buildings()
    found, valid = np.roll(truth, (3, 1), axis=(0, 1)), np.ones(truth.shape, dtype=bool)
    values = [relaxed_f1(found, truth, valid, slack_m=n * GSD, metres_per_pixel=GSD) for n in range(5)]
    assert values == sorted(values)
    assert values[3] < values[4] == 1  # the corner is sqrt(10) pixels away


def test_truth_behind_the_mask_forgives_nothing():
    found, truth, valid = np.zeros((3, 1, 8), dtype=bool)
    truth[0, [0, 4]], found[0, [0, 5]], valid[0] = True, True, True
    assert relaxed_f1(found, truth, valid, slack_m=GSD, metres_per_pixel=GSD) == 1
    valid[0, 4] = False
    assert relaxed_f1(found, truth, valid, slack_m=GSD, metres_per_pixel=GSD) == pytest.approx(2 / 3)


@pytest.mark.parametrize("share", [0.0005, 0.1])
@pytest.mark.parametrize("pixels", [1, np.sqrt(2), 3, np.sqrt(13), 40])
def test_within_is_the_distance_of_scipy(rng, share, pixels):
    mask = rng.random((150, 170)) < share
    expected = ndimage.distance_transform_edt(~mask) <= pixels + 1e-9
    np.testing.assert_array_equal(within(mask, pixels * GSD, metres_per_pixel=GSD), expected)


def test_nothing_is_near_to_nothing():
    assert not within(np.zeros((5, 5), dtype=bool), 1e9, metres_per_pixel=GSD).any()


@pytest.mark.parametrize(
    ("slack_m", "metres_per_pixel", "message"),
    [
        (-1.0, GSD, "has to be 0 m or more, not -1.0"),
        (float("nan"), GSD, "has to be 0 m or more"),
        (3.0, 0.0, "metres_per_pixel has to be positive, not 0.0"),
    ],
)
def test_a_slack_that_makes_no_sense_is_refused(slack_m, metres_per_pixel, message):
    mask = np.ones((4, 4), dtype=bool)
    with pytest.raises(ValueError, match=message):
        relaxed_f1(mask, mask, mask, slack_m=slack_m, metres_per_pixel=metres_per_pixel)
