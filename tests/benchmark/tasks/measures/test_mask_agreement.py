"""Agreement of sets of masks against loops over all pixels and all pairs of pixels, and by hand."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tdsr_bench.tasks.measures.mask_agreement import (
    MaskPair,
    adjusted_rand,
    contingency,
    iou_table,
    mean_best_iou,
    partition,
)


def boxes(*corners, size=8):
    """Masks of rectangles, each (top, left, bottom, right)."""
    masks = np.zeros((len(corners), size, size), dtype=bool)
    for mask, (top, left, bottom, right) in zip(masks, corners, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def pair_of(found, reference, valid=None):
    everywhere = np.ones(reference.shape[1:], dtype=bool)
    return MaskPair(found, reference, everywhere if valid is None else valid)


def random_masks(rng, count, size=12):
    return boxes(*(sorted_box(rng, size) for _ in range(count)), size=size)


def sorted_box(rng, size):
    (top, bottom), (left, right) = np.sort(rng.choice(size + 1, (2, 2), replace=False), axis=1)
    return top, left, bottom, right


def best_ious_in_loops(masks, others):
    return [max((np.sum(m & o) / np.sum(m | o) for o in others), default=0.0) for m in masks]


def rand_of_all_pairs(a, b):
    """The adjusted Rand index by looking at each pair of pixels: together in both, in one, in the other, in neither."""
    pairs = list(itertools.combinations(range(a.size), 2))
    in_a, in_b = (np.array([labels.flat[i] == labels.flat[j] for i, j in pairs]) for labels in (a, b))
    both, neither = np.sum(in_a & in_b), np.sum(~in_a & ~in_b)
    only_a, only_b = np.sum(in_a & ~in_b), np.sum(~in_a & in_b)
    # Steinley, Psychological Methods 9 (2004), eq. 9: Hubert and Arabie's index from the four counts
    change = (both + only_a) * (both + only_b) + (only_a + neither) * (only_b + neither)
    total = len(pairs)
    return (total * (both + neither) - change) / (total**2 - change)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_ious_are_those_of_plain_loops(seed):
    rng = np.random.default_rng(seed)
    found, reference = random_masks(rng, 4), random_masks(rng, 7)
    table = iou_table(reference, found)
    assert table.shape == (7, 4)
    both = [best_ious_in_loops(reference, found), best_ious_in_loops(found, reference)]
    np.testing.assert_allclose(table.max(axis=1), both[0])
    assert mean_best_iou([pair_of(found, reference)]) == pytest.approx(np.mean([np.mean(side) for side in both]))


@pytest.mark.parametrize("seed", range(6))
def test_the_rand_index_is_that_of_all_pairs_of_pixels(seed):
    rng = np.random.default_rng(seed)
    found, reference = random_masks(rng, 3), random_masks(rng, 5)
    expected = rand_of_all_pairs(partition(found), partition(reference))
    assert -0.5 < expected < 0.9
    assert adjusted_rand([pair_of(found, reference)]) == pytest.approx(expected)


def test_equal_masks_agree_in_whatever_order_they_come(rng):
    masks = random_masks(rng, 6)
    same = [pair_of(masks[rng.permutation(6)], masks)]
    assert mean_best_iou(same) == 1
    assert adjusted_rand(same) == 1


def test_a_case_by_hand():
    reference = boxes((0, 0, 4, 4), (4, 4, 8, 8))
    found = boxes((0, 0, 4, 2), (4, 4, 8, 8), (0, 6, 2, 8))
    # half of the first, all of the second, and one that is made up: (1/2 + 1) / 2 and (1/2 + 1 + 0) / 3
    assert mean_best_iou([pair_of(found, reference)]) == pytest.approx((3 / 4 + 1 / 2) / 2)
    # the reference's background, first and second by what was found there: nothing, half of the first, second, made up
    table = np.array([[28, 0, 0, 4], [8, 8, 0, 0], [0, 0, 16, 0]])
    np.testing.assert_array_equal(contingency(partition(reference).ravel(), partition(found).ravel()), table)
    pairs = [np.sum(counts * (counts - 1)) / 2 for counts in (table, table.sum(1), table.sum(0), np.array([64]))]
    expected = pairs[1] * pairs[2] / pairs[3]
    assert adjusted_rand([pair_of(found, reference)]) == pytest.approx(
        (pairs[0] - expected) / ((pairs[1] + pairs[2]) / 2 - expected)
    )


def test_parts_show_in_front_of_what_they_are_part_of():
    whole, part = boxes((0, 0, 8, 8), (2, 2, 4, 4))
    for masks, inside in ((np.stack([whole, part]), 2), (np.stack([part, whole]), 1)):
        labels = partition(masks)
        assert labels[3, 3] == inside
        assert labels[0, 0] == 3 - inside
    assert not partition(np.empty((0, 8, 8), dtype=bool)).any()


@pytest.mark.parametrize("value", [mean_best_iou, adjusted_rand])
def test_agreement_falls_the_more_the_masks_are_moved_and_the_more_are_lost(value, rng):
    reference = random_masks(rng, 8, size=40)
    moved = [value([pair_of(np.roll(reference, step, axis=2), reference)]) for step in (0, 1, 3, 8)]
    assert moved == sorted(moved, reverse=True)
    assert len(set(moved)) == 4
    large_first = reference[np.argsort(-reference.sum(axis=(1, 2)))]
    lost = [value([pair_of(large_first[count:], reference)]) for count in (0, 2, 4, 8)]
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] == pytest.approx(0)


def test_masks_that_are_made_up_cost():
    reference = boxes((0, 0, 4, 4))
    found = np.concatenate([reference, boxes((5, 5, 8, 8), (0, 6, 3, 8))])
    assert mean_best_iou([pair_of(found, reference)]) == pytest.approx((1 + 1 / 3) / 2)
    assert 0 < adjusted_rand([pair_of(found, reference)]) < 1


def test_unrelated_partitions_have_a_rand_index_about_zero(rng):
    masks = [np.arange(4)[:, None, None] == rng.integers(0, 4, (60, 60)) for _ in range(2)]
    assert adjusted_rand([pair_of(*masks)]) == pytest.approx(0, abs=0.01)


def test_parts_of_an_image_are_pooled_and_the_edges_between_them_are_no_agreement(rng):
    first, second = (pair_of(random_masks(rng, 3), random_masks(rng, 4)) for _ in range(2))
    bests = [
        np.mean([*best_ious_in_loops(*a), *best_ious_in_loops(*b)])
        for a, b in (
            ((first.reference, first.found), (second.reference, second.found)),
            ((first.found, first.reference), (second.found, second.reference)),
        )
    ]
    assert mean_best_iou([first, second]) == pytest.approx(np.mean(bests))
    values = [adjusted_rand([first]), adjusted_rand([second])]
    assert min(values) <= adjusted_rand([first, second]) <= max(values)
    unrelated = [pair_of(*(np.arange(2)[:, None, None] == rng.integers(0, 2, (2, 1, 30, 30)))) for _ in range(4)]
    assert adjusted_rand(unrelated) == pytest.approx(0, abs=0.01)


def test_what_is_not_valid_takes_no_part(rng):
    valid = np.ones((12, 12), dtype=bool)
    valid[:, 7:] = False
    found, reference = random_masks(rng, 5), random_masks(rng, 5)
    inside = boxes((0, 0, 5, 5), (6, 2, 11, 7), size=12)
    pair = MaskPair(np.concatenate([inside, found]), np.concatenate([inside, reference]), valid)
    spoilt = replace(pair, found=pair.found.copy())
    spoilt.found[2:, :, 10:] ^= rng.random((5, 12, 2)) < 0.2
    same = [masks.sum(axis=(1, 2)) <= 2 * (masks & valid).sum(axis=(1, 2)) for masks in (pair.found, spoilt.found)]
    np.testing.assert_array_equal(*same)
    for value in (mean_best_iou, adjusted_rand):
        assert value([spoilt]) == value([pair])


def test_pixels_that_are_not_valid_are_no_background_that_agrees():
    valid = np.ones((12, 12), dtype=bool)
    valid[3], valid[:, 9:] = False, False
    found, reference = boxes((0, 0, 5, 5), (6, 2, 11, 7), size=12), boxes((1, 0, 6, 5), (6, 4, 11, 9), size=12)
    expected = rand_of_all_pairs(partition(found)[valid], partition(reference)[valid])
    assert adjusted_rand([MaskPair(found, reference, valid)]) == pytest.approx(expected)


def test_a_mask_that_lies_mostly_where_nothing_is_valid_is_left_out():
    valid = np.ones((8, 8), dtype=bool)
    valid[:, 4:] = False
    mostly_inside, mostly_outside, outside = boxes((0, 2, 2, 6), (4, 3, 6, 8), (6, 6, 8, 8))
    reference = np.stack([mostly_inside, mostly_outside, outside])
    assert mean_best_iou([MaskPair(boxes((0, 2, 2, 4)), reference, valid)]) == 1
    assert np.isnan(mean_best_iou([MaskPair(reference, reference[1:], valid)]))


def test_the_reference_alone_decides_whether_there_is_a_value():
    none, some = np.empty((0, 8, 8), dtype=bool), boxes((0, 0, 4, 4))
    for value in (mean_best_iou, adjusted_rand):
        assert np.isnan(value([]))
        assert np.isnan(value([pair_of(some, none)]))
        assert np.isnan(value([pair_of(none, none)]))
        assert np.isnan(value([pair_of(some, np.zeros((1, 8, 8), dtype=bool))]))
        assert value([pair_of(none, some)]) == 0
        assert value([pair_of(some, none), pair_of(some, some)]) < 1
    whole = np.ones((1, 8, 8), dtype=bool)
    assert adjusted_rand([pair_of(whole, whole)]) == 1
    assert adjusted_rand([pair_of(some, whole)]) == 0


def test_masks_of_other_sizes_are_refused():
    for value in (mean_best_iou, adjusted_rand):
        with pytest.raises(ValueError, match=r"\(1, 8, 8\).*\(1, 8, 7\)"):
            value([pair_of(boxes((0, 0, 2, 2)), boxes((0, 0, 2, 2))[:, :, :7])])
