"""Boundary F1 against plain loops."""

import numpy as np
import pytest
from scipy import ndimage
from segmentations import blobs, buildings, f1_in_loops

from tdsr_bench.tasks.measures.boundary import boundary_f1, inner_boundary

GSD = 10 / 3


def boundary_in_loops(mask, valid):
    height, width = mask.shape
    boundary = np.zeros_like(mask)
    for row in range(height):
        for column in range(width):
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                inside = 0 <= r < height and 0 <= c < width
                if mask[row, column] and valid[row, column] and inside and valid[r, c] and not mask[r, c]:
                    boundary[row, column] = True
    return boundary


@pytest.mark.parametrize("pixels", [0, 1, 2, 3.5])
def test_it_is_that_of_plain_loops(rng, pixels):
    found, truth = (blobs(rng, (20, 24), share=0.2, sigma=1.5) for _ in range(2))
    valid = ~blobs(rng, (20, 24), share=0.15)
    expected = f1_in_loops(boundary_in_loops(found, valid), boundary_in_loops(truth, valid), pixels)
    measured = boundary_f1(found, truth, valid, tolerance_m=pixels * GSD, metres_per_pixel=GSD)
    assert 0 < measured == pytest.approx(expected)


def test_by_hand():
    truth, valid = np.zeros((12, 12), dtype=bool), np.ones((12, 12), dtype=bool)
    truth[2:8, 2:8] = True  # 20 pixels of boundary
    found = truth.copy()
    found[2:8, 2:4] = False  # a boundary of 16: 14 stay, the new side's 4 inner pixels are 2 pixels off
    hits_of_found, hits_of_truth = 16 - 4, 20 - 8
    precision, recall = hits_of_found / 16, hits_of_truth / 20
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_f1(found, truth, valid, tolerance_m=0, metres_per_pixel=1) == pytest.approx(expected)
    assert boundary_f1(found, truth, valid, tolerance_m=2, metres_per_pixel=1) == 1


def test_the_boundary_is_the_outermost_ring_inside():
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:7, 2:7] = True
    boundary = inner_boundary(mask, np.ones_like(mask))
    assert boundary.sum() == 16
    np.testing.assert_array_equal(boundary, mask & ~ndimage.binary_erosion(mask))


def test_a_cut_by_the_image_or_by_the_mask_is_no_boundary():
    mask, valid = np.zeros((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)
    mask[0:4, 0:6] = True
    assert inner_boundary(mask, valid).sum() == 4 + 6 - 1
    valid[:, 3:] = False
    assert inner_boundary(mask & valid, valid).sum() == 3


def test_a_tolerance_in_metres_does_not_depend_on_the_crop():
    truth = buildings()
    found = np.roll(truth, 2, axis=1)
    valid = np.ones(truth.shape, dtype=bool)
    larger = [np.pad(mask, 200) for mask in (found, truth, valid)]
    options = {"tolerance_m": GSD, "metres_per_pixel": GSD}
    assert boundary_f1(found, truth, valid, **options) == boundary_f1(*larger, **options)


def test_filling_a_block_of_houses_costs_more_than_it_does_in_pixels():
    from tdsr_bench.tasks.measures.overlap import f1

    truth, valid = np.zeros((40, 60), dtype=bool), np.ones((40, 60), dtype=bool)
    truth[10:30, 10:29] = truth[10:30, 31:50] = True
    found = truth.copy()
    found[10:30, 29:31] = True
    assert boundary_f1(found, truth, valid, tolerance_m=0, metres_per_pixel=1) < f1(found, truth, valid)


def test_truth_that_covers_all_has_no_boundary():
    truth, valid = np.ones((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)
    assert np.isnan(boundary_f1(buildings()[:8, :8], truth, valid, tolerance_m=3, metres_per_pixel=1))
    assert boundary_f1(truth, np.eye(8, dtype=bool), valid, tolerance_m=3, metres_per_pixel=1) == 0


def test_a_negative_tolerance_is_refused():
    mask = buildings()
    with pytest.raises(ValueError, match="0 m or more, not -2"):
        boundary_f1(mask, mask, np.ones_like(mask), tolerance_m=-2, metres_per_pixel=1)
