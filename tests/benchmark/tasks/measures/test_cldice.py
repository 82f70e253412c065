"""Centre line Dice on lines whose skeletons are known."""

import numpy as np
import pytest
from scipy import ndimage
from segmentations import roads

from tdsr_bench.tasks.measures.cldice import cldice
from tdsr_bench.tasks.measures.overlap import f1, iou

ALL = np.ones((96, 96), dtype=bool)

ENDS = 0.02
"""What a skeleton may differ from a centre line, as it ends early or bends towards a corner."""


def line(start, stop, *, row=40, width=1):
    """A road from left to right, with its centre on `row`."""
    mask = np.zeros((96, 96), dtype=bool)
    mask[row - width // 2 : row + width // 2 + 1, start:stop] = True
    return mask


def test_a_line_of_one_pixel_is_its_own_skeleton():
    found, truth = line(20, 60), line(10, 50)
    precision, sensitivity = 30 / 40, 30 / 40
    assert cldice(found, truth, ALL) == pytest.approx(2 * precision * sensitivity / (precision + sensitivity))
    assert cldice(found, truth, ALL) == pytest.approx(f1(found, truth, ALL))


def test_precision_and_sensitivity_by_hand():
    truth = line(10, 90)
    found = line(10, 50) | line(10, 30, row=60)  # half of the road, and 20 pixels of one that is not there
    precision, sensitivity = 40 / 60, 40 / 80
    assert cldice(found, truth, ALL) == pytest.approx(2 * precision * sensitivity / (precision + sensitivity))


def test_it_asks_where_the_skeleton_lies_not_how_wide_the_road_is():
    truth, thin = line(10, 86, width=9), line(10, 86)
    assert cldice(thin, truth, ALL) == pytest.approx(1, abs=ENDS)
    assert iou(thin, truth, ALL) == pytest.approx(1 / 9)


def test_a_skeleton_leaves_a_road_that_is_shifted_by_more_than_half_its_width():
    truth = line(10, 86, width=5)
    near, beside = (cldice(line(10, 86, row=40 + shift, width=5), truth, ALL) for shift in (2, 3))
    assert near == pytest.approx(1, abs=ENDS)
    assert beside == 0


def test_gaps_lower_it_by_their_length():
    truth, values = roads(), []
    for gap in (0, 4, 8, 16):
        found = truth.copy()
        found[:, 44 - gap // 2 : 44 + gap // 2] = False
        values.append(cldice(found, truth, ALL))
    skeleton_length = 4 * 76
    expected = [2 / (1 + 1 / (1 - 2 * gap / skeleton_length)) for gap in (0, 4, 8, 16)]
    assert values == pytest.approx(expected, abs=ENDS)
    assert values == sorted(values, reverse=True)


def test_a_thick_road_survives_erosion_until_it_is_gone():
    truth = line(10, 86, width=7)
    eroded = [ndimage.binary_erosion(truth, np.ones((3, 1)), iterations=n) if n else truth for n in range(5)]
    values = [cldice(found, truth, ALL) for found in eroded]
    assert values[:4] == pytest.approx([1, 1, 1, 1], abs=ENDS)
    assert values[4] == 0


def test_it_is_the_formula_applied_to_skeletons_from_a_second_method(rng):
    from skimage.morphology import skeletonize

    truth = roads()
    found = np.roll(truth, (1, 1), axis=(0, 1)) & (ndimage.gaussian_filter(rng.normal(0, 1, truth.shape), 4) < 0.08)
    skeletons = [skeletonize(mask, method="lee").astype(bool) for mask in (found, truth)]
    precision = np.mean([truth[at] for at in zip(*np.nonzero(skeletons[0]), strict=True)])
    sensitivity = np.mean([found[at] for at in zip(*np.nonzero(skeletons[1]), strict=True)])
    expected = 2 * precision * sensitivity / (precision + sensitivity)
    assert 0.5 < cldice(found, truth, ALL) == pytest.approx(expected, abs=0.02)


def test_what_lies_behind_the_mask_bends_no_skeleton():
    truth, valid = line(10, 86, width=3), ALL.copy()
    valid[:, 70:] = False
    found = truth.copy()
    found[30:60, 70:] = True
    assert cldice(found, truth, valid) == 1
    assert cldice(found, truth, ALL) < 1


def test_shapes_have_to_be_equal():
    with pytest.raises(ValueError, match="they have to be equal"):
        cldice(ALL, ALL[1:], ALL)
