"""Gaps against cases worked by hand."""

import pytest

from tdsr_bench.gap import image_gap, metric_mean, ratio_of_means, region_gap
from tdsr_bench.rows import ScoreRow

OPTIONS = {"clip": 1.0, "confidence": 0.95, "least_regions": 3}


def rows(values: dict[tuple[str, str, str], float | None], key: str = "e", reason: str | None = None) -> list[ScoreRow]:
    """Rows of (region, scene, band): value."""
    return [ScoreRow(scene, region, key, band, value, "1", reason) for (region, scene, band), value in values.items()]


def test_a_gap_is_a_ratio_of_sums_not_a_mean_of_ratios():
    method = rows({("r", "a", "B02"): 1.0, ("r", "b", "B02"): 1.0})
    zero = rows({("r", "a", "B02"): 1.0, ("r", "b", "B02"): 9.0})
    assert region_gap(method, zero, "e") == {"r": pytest.approx(0.8)}  # a mean of ratios would give 0.444


def test_bands_are_averaged_after_the_ratio():
    method = rows({("r", "a", "B02"): 0.5, ("r", "a", "B08"): 10.0})
    zero = rows({("r", "a", "B02"): 1.0, ("r", "a", "B08"): 10.0})
    assert region_gap(method, zero, "e") == {"r": pytest.approx(0.25)}


def test_the_zero_has_gap_zero_and_no_error_gap_one():
    zero = rows({(f"r{i}", f"s{i}", "B02"): 1.0 + i for i in range(4)})
    assert image_gap(zero, zero, ["e"], **OPTIONS).value == pytest.approx(0.0, abs=1e-12)
    perfect = rows({(f"r{i}", f"s{i}", "B02"): 0.0 for i in range(4)})
    assert image_gap(perfect, zero, ["e"], **OPTIONS).value == 1.0


def test_regions_weigh_the_same_whatever_their_number_of_scenes():
    method = rows({("a", "1", "B02"): 0.0} | {("b", str(i), "B02"): 1.0 for i in range(2, 9)})
    zero = rows({("a", "1", "B02"): 1.0} | {("b", str(i), "B02"): 1.0 for i in range(2, 9)})
    assert image_gap(method, zero, ["e"], **OPTIONS).value == pytest.approx(0.5)


def test_values_are_clipped_and_the_raw_one_is_kept():
    method, zero = rows({("a", "1", "B02"): 5.0}), rows({("a", "1", "B02"): 1.0})
    gap = image_gap(method, zero, ["e"], **OPTIONS)
    assert (gap.value, gap.raw) == (-1.0, -4.0)


def test_a_missing_metric_voids_the_gap_and_is_named():
    method = rows({("r", "a", "B02"): None}, reason="no weights")
    gap = image_gap(method, method, ["e"], **OPTIONS)
    assert gap.value is None
    assert gap.missing == ("e: no weights",)


def test_a_value_that_only_the_method_lacks_voids_the_gap():
    method = rows({("r", "a", "B02"): None, ("r", "a", "B03"): 1.0}, reason="undefined")
    zero = rows({("r", "a", "B02"): 1.0, ("r", "a", "B03"): 1.0})
    assert image_gap(method, zero, ["e"], **OPTIONS).missing == ("e: undefined",)


def test_a_value_that_nobody_can_have_counts_for_nobody():
    method = rows({("r", "a", "B02"): None, ("r", "a", "B03"): 0.5})
    zero = rows({("r", "a", "B02"): None, ("r", "a", "B03"): 1.0})
    assert image_gap(method, zero, ["e"], **OPTIONS).value == pytest.approx(0.5)


def test_metric_mean_is_over_bands_then_scenes_then_regions():
    found = metric_mean(
        rows({("a", "1", "B02"): 1.0, ("a", "1", "B03"): 3.0, ("a", "2", "B02"): 4.0, ("b", "3", "B02"): 9.0}),
        "e",
        confidence=0.95,
        least_regions=3,
    )
    assert found is not None
    assert found.value == pytest.approx((3.0 + 9.0) / 2)


def test_ratio_of_means():
    method, zero = rows({("a", "1", "B02"): 3.0}), rows({("a", "1", "B02"): 2.0})
    assert ratio_of_means(method, zero, "e") == pytest.approx(1.5)
    assert ratio_of_means(method, zero, "f") is None
