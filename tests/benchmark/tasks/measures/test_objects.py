"""Object F1 against flood fill and a search of all pairings."""

import numpy as np
import pytest
from segmentations import blobs, buildings

from tdsr_bench.tasks.measures.objects import object_f1


def objects_in_loops(mask):
    """Sets of (row, column) that hang together by their edges."""
    left, objects = set(zip(*np.nonzero(mask), strict=True)), []
    while left:
        stack, grown = [left.pop()], set()
        while stack:
            row, column = stack.pop()
            grown.add((row, column))
            around = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)} & left
            left -= around
            stack.extend(around)
        objects.append(grown)
    return objects


def most_pairs_in_loops(found, truth, iou):
    """The best of all ways to pair the first found object, or not to, with the best of the others."""
    if not found:
        return 0
    first, *others = found
    best = most_pairs_in_loops(others, truth, iou)
    for index, candidate in enumerate(truth):
        if len(first & candidate) / len(first | candidate) >= iou:
            best = max(best, 1 + most_pairs_in_loops(others, truth[:index] + truth[index + 1 :], iou))
    return best


def object_f1_in_loops(found, truth, iou):
    found, truth = objects_in_loops(found), objects_in_loops(truth)
    return 2 * most_pairs_in_loops(found, truth, iou) / (len(found) + len(truth))


@pytest.mark.parametrize("iou", [0.05, 0.2, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_plain_loops(seed, iou):
    rng = np.random.default_rng(seed)
    truth = blobs(rng, (18, 24), share=0.35, sigma=1.2)
    found = truth ^ blobs(rng, (18, 24), share=0.12, sigma=0.7)
    valid = ~blobs(rng, (18, 24), share=0.1)
    expected = object_f1_in_loops(found & valid, truth & valid, iou)
    assert 0 < object_f1(found, truth, valid, iou=iou) == pytest.approx(expected)


def test_by_hand():
    found, truth, valid = np.zeros((10, 20), dtype=bool), np.zeros((10, 20), dtype=bool), np.ones((10, 20), dtype=bool)
    truth[1:4, 1:4] = truth[1:4, 10:13] = truth[6:9, 1:4] = True
    found[1:4, 1:4] = True  # the first, whole
    found[1:4, 12:15] = True  # a third of the second: 3 of 15
    assert object_f1(found, truth, valid) == pytest.approx(2 * 1 / (2 + 3))
    assert object_f1(found, truth, valid, iou=0.2) == pytest.approx(2 * 2 / (2 + 3))


def test_the_threshold_itself_is_enough():
    found, truth, valid = np.zeros((4, 8), dtype=bool), np.zeros((4, 8), dtype=bool), np.ones((4, 8), dtype=bool)
    truth[1:3, 1:5], found[1:3, 1:3] = True, True  # 4 of 8
    assert object_f1(found, truth, valid) == 1
    assert object_f1(found, truth, valid, iou=0.51) == 0


def test_of_two_halves_only_one_is_paired():
    found, truth, valid = np.zeros((4, 11), dtype=bool), np.zeros((4, 11), dtype=bool), np.ones((4, 11), dtype=bool)
    truth[:, :9] = True
    found[:, :4], found[:, 5:9] = True, True
    assert object_f1(found, truth, valid, iou=0.4) == pytest.approx(2 * 1 / 3)


def test_pairs_are_as_many_as_can_be_not_the_best_ones_first():
    found, truth, valid = np.zeros((1, 30), dtype=bool), np.zeros((1, 30), dtype=bool), np.ones((1, 30), dtype=bool)
    truth[0, 0:6] = truth[0, 7:16] = True
    found[0, 3:13] = True  # it shares 3 of 13 with the first and 6 of 13 with the second
    found[0, 14:16] = True  # it shares 2 of 9 with the second, and nothing else
    assert object_f1(found, truth, valid, iou=0.2) == 1
    assert object_f1(found, truth, valid, iou=0.3) == pytest.approx(2 * 1 / 4)


def test_pixels_that_touch_at_a_corner_are_apart():
    truth, valid = np.zeros((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)
    truth[1:4, 1:4] = truth[4:7, 4:7] = True
    joined = truth.copy()
    joined[3, 4] = True  # a bridge
    assert object_f1(truth, truth, valid) == 1
    assert object_f1(joined, truth, valid) == 0  # 9 of 19 pixels


def test_speckle_costs_precision_and_joined_houses_cost_recall():
    truth, valid = buildings(), np.ones((96, 96), dtype=bool)
    speckled = truth.copy()
    speckled[2, 2::4] = True
    added = len(range(2, 96, 4))
    assert object_f1(speckled, truth, valid) == pytest.approx(2 * 20 / (20 + 20 + added))
    joined = truth.copy()
    joined[12, 10:86] = True
    assert object_f1(joined, truth, valid) == pytest.approx(2 * 15 / (20 + 16))


def test_an_object_that_the_mask_cuts_is_cut():
    truth, valid = np.zeros((10, 10), dtype=bool), np.ones((10, 10), dtype=bool)
    truth[2:8, 2:8], valid[:, 5:] = True, False
    found = truth.copy()
    found[2:8, 5:8] = False
    assert object_f1(found, truth, valid) == 1
    valid[:] = True
    valid[:, 4:6] = False
    assert object_f1(found, truth, valid) == pytest.approx(2 * 1 / 3)  # two parts are two objects


@pytest.mark.parametrize("iou", [0.0, -0.5, 1.5, float("nan")])
def test_a_threshold_has_to_be_a_share(iou):
    mask = buildings()
    with pytest.raises(ValueError, match="iou has to be above 0 and at most 1"):
        object_f1(mask, mask, np.ones_like(mask), iou=iou)
