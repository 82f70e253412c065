"""Repeatability and matching score against every way to pair the points, and by hand."""

import itertools

import numpy as np
import pytest

from tdsr_bench.tasks.measures.repeatability import matching_score, repeatability

METRES = {"metres_per_pixel": 10 / 3, "tolerance": 5.0}
"""A pixel and a half."""


def most_pairs(points, reference, reach):
    """The greatest number of one-to-one pairs within `reach`, by trying every order of `points`."""
    apart = np.hypot(*(reference[:, None] - points[None]).transpose(2, 0, 1))
    orders = itertools.permutations(range(len(points)), min(len(reference), len(points)))
    return max(sum(apart[row, column] <= reach for row, column in enumerate(order)) for order in orders)


def score_in_loops(points, descriptors, reference, reference_descriptors, reach):
    score = 0
    for row, descriptor in enumerate(reference_descriptors):
        column = min(range(len(points)), key=lambda c: np.sum((descriptors[c] - descriptor) ** 2))
        back = min(range(len(reference)), key=lambda r: np.sum((descriptors[column] - reference_descriptors[r]) ** 2))
        score += back == row and np.hypot(*(points[column] - reference[row])) <= reach
    return score / len(reference)


@pytest.mark.parametrize("seed", range(20))
def test_the_share_is_that_of_the_best_way_to_pair_the_points(seed):
    rng = np.random.default_rng(seed)
    reference, points = rng.integers(0, 6, (2, 6, 2)).astype(float)
    expected = most_pairs(points, reference, 1.5) / 6
    assert repeatability(points, reference, **METRES) == pytest.approx(expected)
    assert repeatability(reference, points, **METRES) == pytest.approx(expected)
    assert repeatability(points[rng.permutation(6)], reference, **METRES) == pytest.approx(expected)


def test_a_point_is_the_counterpart_of_one_only():
    reference = np.array([[0.0, 0.0], [2.0, 0.0], [50.0, 50.0]])
    between, left = [1.0, 0.0], [-1.0, 0.0]
    assert repeatability(np.array([between]), reference, **METRES) == pytest.approx(1 / 3)
    # the first alone could take either; that all find one, it has to leave the left one to the other
    assert repeatability(np.array([between, left]), reference, **METRES) == pytest.approx(2 / 3)
    assert repeatability(np.array([between, left, left]), reference, **METRES) == pytest.approx(2 / 3)


def test_points_that_are_missing_count_as_not_repeated(rng):
    reference = rng.uniform(0, 500, (100, 2))
    assert repeatability(reference, reference, **METRES) == 1
    assert repeatability(reference[:40], reference, **METRES) == pytest.approx(0.4)


def test_the_tolerance_is_in_metres(rng):
    reference = np.stack(np.meshgrid(np.arange(0, 100, 10.0), np.arange(0, 100, 10.0)), -1).reshape(-1, 2)
    moved = reference + np.array([3.0, 0.0])
    values = [repeatability(moved, reference, metres_per_pixel=2.0, tolerance=metres) for metres in (5.9, 6.0)]
    assert values == [0, 1]
    spread = reference + rng.normal(0, 1, reference.shape)
    values = [repeatability(spread, reference, metres_per_pixel=1.0, tolerance=t) for t in (0.5, 1.0, 1.5, 2.0)]
    assert values == sorted(values)
    assert len(set(values)) == 4


def test_points_at_random_repeat_as_often_as_chance_has_it(rng):
    points, reference = rng.uniform(0, 1000, (2, 2000, 2))
    expected = 1 - np.exp(-2000 / 1e6 * np.pi * 1.5**2)
    assert repeatability(points, reference, **METRES) == pytest.approx(expected, abs=0.008)


def test_the_score_is_that_of_plain_loops(rng):
    reference = rng.integers(0, 8, (30, 2)).astype(float)
    points = np.concatenate([reference[:20] + rng.integers(-1, 2, (20, 2)), rng.integers(0, 8, (5, 2))])
    reference_looks = rng.normal(0, 1, (30, 4)).astype(np.float32)
    looks = np.concatenate([reference_looks[:20], rng.normal(0, 1, (5, 4))]) + rng.normal(0, 0.6, (25, 4))
    looks = looks.astype(np.float32)
    expected = score_in_loops(points, looks, reference, reference_looks, 1.5)
    assert 0.1 < expected < 0.6
    assert matching_score(points, looks, reference, reference_looks, **METRES) == pytest.approx(expected)


def test_a_match_by_looks_has_to_lie_where_it_belongs():
    reference = np.array([[0.0, 0.0], [20.0, 0.0], [40.0, 0.0], [60.0, 0.0]])
    looks = np.eye(4, dtype=np.float32)
    assert matching_score(reference, looks, reference, looks, **METRES) == 1
    assert matching_score(reference, looks[[1, 0, 2, 3]], reference, looks, **METRES) == 0.5
    assert matching_score(reference[::-1].copy(), looks[::-1].copy(), reference, looks, **METRES) == 1
    # both of the first two look most like the reference's first, which looks most like the first of them
    alike = np.array([[1.0, 0, 0, 0], [0.9, 0.1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    alike_reference = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    assert matching_score(reference, alike, reference, alike_reference, **METRES) == 0.75


def test_the_reference_alone_decides_whether_there_is_a_value():
    none, some = np.empty((0, 2)), np.zeros((3, 2))
    no_looks, looks = np.empty((0, 128), np.float32), np.ones((3, 128), np.float32)
    assert np.isnan(repeatability(some, none, **METRES))
    assert np.isnan(repeatability(none, none, **METRES))
    assert repeatability(none, some, **METRES) == 0
    assert np.isnan(matching_score(some, looks, none, no_looks, **METRES))
    assert matching_score(none, no_looks, some, looks, **METRES) == 0


@pytest.mark.parametrize("wrong", [{"tolerance": 0.0}, {"metres_per_pixel": -1.0}, {"tolerance": float("nan")}])
def test_lengths_have_to_be_positive(wrong):
    points, looks = np.zeros((3, 2)), np.zeros((3, 128), np.float32)
    with pytest.raises(ValueError, match="have to be positive"):
        repeatability(points, points, **(METRES | wrong))
    with pytest.raises(ValueError, match="have to be positive"):
        matching_score(points, looks, points, looks, **(METRES | wrong))
