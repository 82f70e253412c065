"""Consistency with the frame."""

import numpy as np
import pytest

from tdsr_bench.interpolation import back_project, enlarge
from tdsr_bench.metrics.consistency import METRIC, consistency_error
from tdsr_bench.sensor import observe


def test_it_is_the_spread_of_the_difference_over_clear_pixels(reference, bicubic):
    observed = observe(reference)
    clear = np.ones(observed.shape[1:], dtype=bool)
    clear[10:30, 5:20] = False
    difference = observe(bicubic).astype(np.float64) - observed
    expected = [np.sqrt(np.mean((band[clear] - band[clear].mean()) ** 2)) for band in difference]
    np.testing.assert_allclose(consistency_error(bicubic, observed, clear), expected, rtol=1e-5)


def test_the_size_of_a_difference_is_found_and_an_offset_is_not(reference, rng):
    observed = observe(reference)
    clear = np.ones(observed.shape[1:], dtype=bool)
    noisy = observed + rng.normal(0, 0.01, observed.shape).astype(np.float32)
    np.testing.assert_allclose(consistency_error(reference, noisy, clear), 0.01, rtol=0.05)
    np.testing.assert_allclose(consistency_error(reference + np.float32(0.1), observed, clear), 0, atol=1e-6)


def test_back_projection_makes_an_image_consistent(reference, bicubic):
    observed = observe(reference)
    clear = np.ones(observed.shape[1:], dtype=bool)
    projected = back_project(enlarge(observed, "bicubic"), observed, iterations=10)
    assert (consistency_error(projected, observed, clear) < 0.3 * consistency_error(bicubic, observed, clear)).all()


def test_what_lies_behind_a_cloud_reaches_two_pixels_and_no_further(reference):
    observed = observe(reference)
    clear = np.ones(observed.shape[1:], dtype=bool)
    clear[30:40, 30:40] = False
    spoilt = reference.copy()
    spoilt[:, 90:120, 90:120] = 1
    beyond = clear.copy()
    beyond[28:42, 28:42] = False
    assert (consistency_error(spoilt, observed, beyond) == consistency_error(reference, observed, beyond)).all()
    assert (consistency_error(spoilt, observed, clear) > consistency_error(reference, observed, clear)).all()


def test_an_image_of_another_size_is_refused(reference):
    observed = observe(reference)
    with pytest.raises(ValueError, match=r"\(4, 71, 72\).*\(4, 72, 72\)"):
        consistency_error(reference[:, :-3], observed, np.ones((72, 72), dtype=bool))
    with pytest.raises(ValueError, match=r"\(72, 72\).*\(72, 71\)"):
        consistency_error(reference, observed, np.ones((72, 71), dtype=bool))


def test_of_several_views_the_nearer_counts(make_pair, reference, rng):
    """An image that keeps to its first frame, or to the middle of its dates, is consistent."""
    first = observe(reference)
    other = first + rng.normal(0, 0.05, first.shape).astype(np.float32)
    valid = np.ones((2, *first.shape[1:]), dtype=bool)
    kept, swapped = (
        METRIC.compute(make_pair(reference, observed=np.stack(views), observed_valid=valid), {})
        for views in ((first, other), (other, first))
    )
    neither = METRIC.compute(make_pair(reference, observed=np.stack((other, other)), observed_valid=valid), {})
    np.testing.assert_allclose(kept, 0, atol=1e-6)
    np.testing.assert_array_equal(kept, swapped)
    assert (neither > 0.04).all()
