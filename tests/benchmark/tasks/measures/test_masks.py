"""What holds for every measure of masks: perfect, nothing found, nothing true, nothing valid, and getting worse."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from segmentations import blobs, buildings, roads, segmentation

from tdsr_bench.tasks.measures import average_precision, boundary, cldice, objects, overlap, relaxed

GSD = 10 / 3
MEASURES = (
    (overlap.IOU, {}),
    (overlap.F1, {}),
    (average_precision.MEASURE, {}),
    (relaxed.MEASURE, {"slack_m": GSD}),
    (cldice.MEASURE, {}),
    (boundary.MEASURE, {"tolerance_m": GSD}),
    (objects.MEASURE, {}),
)
NAMES = [measure.key for measure, _ in MEASURES]
ASK_FOR_WIDTHS = [(measure, settings) for measure, settings in MEASURES if measure is not cldice.MEASURE]


@pytest.fixture(params=MEASURES, ids=NAMES)
def measured(request):
    """Key of a measure, and its value of a segmentation with the settings of these tests."""
    measure, settings = request.param
    return measure.key, lambda *masks, **more: measure.compute(segmentation(*masks, **more), settings)


def suited(key):
    """Centre line Dice is about roads; the others can do with houses."""
    return roads() if key == "cldice" else buildings()


def test_the_truth_is_perfect(measured, rng):
    _, value = measured
    for truth in (buildings(), roads(), blobs(rng, (64, 64))):
        assert value(truth, truth) == 1
        assert type(value(truth, truth)) is float


def test_nothing_found_is_nothing(measured):
    key, value = measured
    truth = suited(key)
    expected = truth.mean() if key == "ap" else 0  # no ranking at all still ranks as well as chance
    assert value(np.zeros_like(truth), truth) == pytest.approx(expected)


def test_where_nothing_is_true_there_is_no_value(measured):
    key, value = measured
    found = suited(key)
    assert np.isnan(value(found, np.zeros_like(found)))
    assert np.isnan(value(np.zeros_like(found), np.zeros_like(found)))
    assert np.isnan(value(found, found, valid=~found))  # true things, but none that counts


def test_pixels_that_do_not_count_change_nothing(measured, rng):
    _, value = measured
    found, truth, valid = blobs(rng, (64, 64)), blobs(rng, (64, 64)), ~blobs(rng, (64, 64), share=0.3, sigma=4)
    probability = rng.random(truth.shape).astype(np.float32)
    masks = [
        (np.where(valid, found, fill), np.where(valid, truth, other))
        for fill, other in ((found, truth), (True, False), (False, True), (True, True), (~found, ~truth))
    ]
    values = [
        value(*pair, valid=valid, probability=np.where(valid, probability, np.float32(level)))
        for pair, level in zip(masks, (0.5, 0, 1, 0.2, 0.8), strict=True)
    ]
    assert 0 < values[0] < 1
    assert values == [values[0]] * 5
    assert value(*masks[0], probability=probability) != values[0]


def test_a_shift_makes_it_worse(measured):
    key, value = measured
    truth = suited(key)
    values = [value(np.roll(truth, (shift, shift), axis=(0, 1)), truth) for shift in range(5)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert values[1] > values[3]
    assert values[4] < 0.7


@pytest.mark.parametrize("measured", ASK_FOR_WIDTHS, ids=lambda pair: pair[0].key, indirect=True)
def test_houses_that_shrink_make_it_worse(measured):
    _, value = measured
    truth = buildings()
    eroded = [truth, *(ndimage.binary_erosion(truth, iterations=n) for n in (1, 2, 3))]
    values = [value(found, truth) for found in eroded]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.7 * values[0]


def test_what_is_missing_makes_it_worse(measured):
    key, value = measured
    truth = suited(key)
    values = []
    for rows in (0, 20, 40, 60):
        found = truth.copy()
        found[:rows] = False
        values.append(value(found, truth))
    assert values[0] == 1
    assert all(later < earlier for earlier, later in pairwise(values))


def test_what_is_invented_makes_it_worse(measured, rng):
    key, value = measured
    truth, extra = suited(key), rng.random((96, 96))
    values = [value(truth | (extra < share), truth) for share in (0, 0.02, 0.05, 0.2)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] == 1


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_north_is_not_special(measured, rng, turn):
    key, value = measured
    truth = blobs(rng, (48, 64), sigma=2)
    found = np.roll(truth, 2, axis=1) ^ blobs(rng, (48, 64), share=0.05)
    turned = value(np.rot90(found, turn), np.rot90(truth, turn))
    assert turned == pytest.approx(value(found, truth), abs=0.05 if key == "cldice" else 1e-12)


@pytest.mark.parametrize(("measure", "settings"), MEASURES, ids=NAMES)
def test_a_setting_that_is_not_known_is_an_error(measure, settings):
    truth = buildings()
    with pytest.raises(TypeError, match="slack"):
        measure.compute(segmentation(truth, truth), settings | {"slack": 3})
