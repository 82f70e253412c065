"""Intervals, paired tests, Holm's adjustment and detectable differences: golden numbers, SciPy, and simulated truth."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from tdsr_bench.card import GapPart
from tdsr_bench.inference import (
    Estimate,
    PairedResult,
    detectable_difference,
    holm,
    in_words,
    interval,
    p_value,
    pair_matrix,
    paired_difference,
)

SETTINGS = {"confidence": 0.95, "least": 3}

# Hours of sleep gained with the second drug less those with the first, ten patients (Student, Biometrika 6, 1908).
SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)


def named(values: Sequence[float]) -> dict[str, float]:
    return {f"r{index}": float(value) for index, value in enumerate(values)}


def equal_methods(rng: np.random.Generator, regions: int) -> dict[str, dict[str, float]]:
    """Six methods without any true difference, in regions that differ."""
    level = rng.normal(0.3, 0.2, regions)
    return {f"m{m}": named(level + rng.normal(0, 0.05, regions)) for m in range(6)}


# The interval


def test_under_three_regions_there_is_no_interval():
    assert interval([0.1, 0.2], **SETTINGS) is None


def test_interval_agrees_with_scipy():
    values = [0.12, 0.3, 0.17, 0.41]
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert interval(values, **SETTINGS) == pytest.approx(expected)


@pytest.mark.parametrize("regions", [3, 4, 6, 12])
def test_interval_covers_what_it_says(rng: np.random.Generator, regions: int):
    """Over 4000 draws the share lies within three of its standard errors, 0.0034 each."""
    draws = rng.normal(0.3, 0.1, (4000, regions))
    ends = [interval(list(values), **SETTINGS) or (math.nan, math.nan) for values in draws]
    assert np.mean([low <= 0.3 <= high for low, high in ends]) == pytest.approx(0.95, abs=0.0103)


# The paired test


def test_the_test_and_its_interval_are_students_own():
    """t.test(extra ~ group, data = sleep, paired = TRUE) in the manual of R: p = 0.002833, 0.7001142 to 2.4598858."""
    assert p_value(SLEEP, least=3) == pytest.approx(0.002833, abs=5e-7)
    assert interval(SLEEP, **SETTINGS) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)


@pytest.mark.parametrize("regions", [3, 4, 6, 12])
def test_p_value_agrees_with_scipy(rng: np.random.Generator, regions: int):
    a, b = rng.normal(0.3, 0.1, (2, regions))
    assert p_value(list(a - b), least=3) == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-9)


def test_the_test_rejects_where_the_interval_leaves_zero_out(rng: np.random.Generator):
    for values in rng.normal(0.1, 0.1, (300, 4)):
        low, high = interval(list(values), **SETTINGS) or (math.nan, math.nan)
        p = p_value(list(values), least=3)
        assert p is not None
        assert (p < 0.05) == (not low <= 0 <= high)


def test_equal_differences_have_no_spread():
    assert p_value([0.1, 0.1, 0.1], least=3) == 0.0
    assert p_value([-0.3, -0.3, -0.3, -0.3], least=3) == 0.0
    assert p_value([0.0, 0.0, -0.0], least=3) == 1.0


@pytest.mark.parametrize("unit", [1e-300, 1e-12, 1e12, 1e300])
def test_p_value_has_no_unit(unit: float):
    assert p_value([unit * value for value in SLEEP], least=3) == pytest.approx(p_value(SLEEP, least=3))


def test_p_value_has_no_sign_and_is_never_without_enough_regions():
    assert p_value([-value for value in SLEEP], least=3) == p_value(SLEEP, least=3)
    assert p_value([0.1, 0.2], least=3) is None
    assert p_value([-0.1, 0.0, 0.1], least=3) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_p_value_of_what_is_not_finite_is_an_error(value: float):
    with pytest.raises(ValueError, match="have to be finite"):
        p_value([0.1, 0.2, value], least=3)


def test_paired_differences_cancel_what_regions_share(rng: np.random.Generator):
    """Regions differ by far more than the methods, yet the pair is told apart."""
    level = rng.normal(0.3, 0.2, 6)
    a, b = named(level + 0.05 + rng.normal(0, 0.01, 6)), named(level)
    low, high = paired_difference(a, b, **SETTINGS).ci95 or (math.nan, math.nan)
    assert 0 < low < 0.05 < high


def test_unlike_regions_are_no_pair():
    with pytest.raises(ValueError, match="have to be the same"):
        paired_difference({"a": 1.0}, {"b": 1.0}, **SETTINGS)


# Holm's adjustment


def test_holm_agrees_with_published_software():
    """multipletests(..., method="holm") of statsmodels 0.15.0."""
    found = holm([0.0081, 0.0412, 0.3001, 0.0007, 0.0299, 0.0299, 0.85])
    assert found == pytest.approx([0.0486, 0.1495, 0.6002, 0.0049, 0.1495, 0.1495, 0.85])


def test_what_is_no_test_does_not_count():
    assert holm([None, 0.02, None, 0.03]) == [None, pytest.approx(0.04), None, pytest.approx(0.04)]
    assert holm([None, None]) == [None, None]
    assert holm([]) == []


def test_holm_keeps_order_and_only_raises(rng: np.random.Generator):
    for count in (1, 2, 15, 36):
        raw = rng.uniform(0, 1, count) ** 3
        adjusted = np.array(holm(list(raw)), dtype=float)
        assert (adjusted >= raw).all()
        assert (adjusted <= np.minimum(1, count * raw)).all()  # never more than Bonferroni's
        assert (np.diff(adjusted[np.argsort(raw)]) >= 0).all()


def test_holm_does_not_know_the_order_of_tests(rng: np.random.Generator):
    raw = np.round(rng.uniform(0, 0.2, 12), 2)  # with ties
    order = rng.permutation(12)
    assert holm(list(raw[order])) == list(np.array(holm(list(raw)))[order])


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_holm_of_what_is_no_p_value_is_an_error(value: float):
    with pytest.raises(ValueError, match=r"lie in 0\.\.1"):
        holm([0.1, None, value])


@pytest.mark.parametrize("regions", [3, 6])
def test_holm_keeps_false_pairs_rare(rng: np.random.Generator, regions: int):
    """Six equal methods have fifteen pairs: one of them is called apart in at most 5 % of tables, not in 40."""
    tables = [pair_matrix(equal_methods(rng, regions), **SETTINGS) for _ in range(1000)]
    assert np.mean([any(pair.told_apart for pair in pairs) for pairs in tables]) < 0.07
    assert np.mean([any(pair.before_correction for pair in pairs) for pairs in tables]) > 0.3


# The detectable difference


@pytest.mark.parametrize(("regions", "effect"), [(3, 3.264044), (4, 2.127949), (6, 1.434545), (12, 0.888654)])
def test_detectable_difference_agrees_with_published_software(regions: int, effect: float):
    """TTestPower().solve_power(nobs=regions, alpha=0.05, power=0.8) of statsmodels 0.15.0, with the other tail."""
    assert detectable_difference(1.0, regions, **SETTINGS) == pytest.approx(effect, abs=2e-6)


@pytest.mark.parametrize("regions", [3, 4, 6, 12])
def test_the_detectable_difference_is_found_in_four_of_five_cases(rng: np.random.Generator, regions: int):
    apart = detectable_difference(0.1, regions, **SETTINGS)
    found = stats.ttest_1samp(rng.normal(apart, 0.1, (20_000, regions)), 0.0, axis=1)
    assert np.mean(found.pvalue < 0.05) == pytest.approx(0.8, abs=0.02)
    assert np.mean((found.pvalue < 0.05) & (found.statistic < 0)) < 1e-3  # the tail that is left out


def test_detectable_difference_falls_with_regions_and_grows_with_what_is_asked():
    by_regions = [detectable_difference(0.1, regions, **SETTINGS) for regions in range(3, 40)]
    assert (np.diff(np.array(by_regions, dtype=float)) < 0).all()
    by_power = [detectable_difference(0.1, 6, power=power, **SETTINGS) for power in (0.5, 0.8, 0.9, 0.99)]
    assert (np.diff(np.array(by_power, dtype=float)) > 0).all()
    assert detectable_difference(0.0, 6, **SETTINGS) == 0.0


def test_two_regions_detect_nothing():
    assert detectable_difference(0.1, 2, **SETTINGS) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spread": -0.1}, "not negative"),
        ({"spread": math.nan}, "not negative"),
        ({"spread": math.inf}, "finite"),
        ({"power": 0.05}, "the power has to be between 0.05 and 1"),
        ({"power": 1.0}, "the power has to be between 0.05 and 1"),
    ],
)
def test_bad_input_is_an_error(options: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        detectable_difference(**{"spread": 0.1, "regions": 6, **SETTINGS, **options})  # type: ignore[arg-type]


# Pairs and words


def test_pairs_stand_in_the_given_order_with_one_adjustment(rng: np.random.Generator):
    methods = {name: named(rng.normal(0.3, 0.1, 6)) for name in "cab"}
    pairs = pair_matrix(methods, **SETTINGS)
    assert [(pair.first, pair.second) for pair in pairs] == [("c", "a"), ("c", "b"), ("a", "b")]
    assert [pair.p_holm for pair in pairs] == holm([pair.p for pair in pairs])
    for pair in pairs:
        first, second = (list(methods[name].values()) for name in (pair.first, pair.second))
        assert pair.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
        spread = float(np.std(np.subtract(first, second), ddof=1))
        assert pair.detectable == pytest.approx(detectable_difference(spread, 6, **SETTINGS))
        assert pair.difference.value == pytest.approx(np.mean(first) - np.mean(second))


def test_a_pair_can_be_apart_by_itself_and_not_among_others():
    level = [0.30, 0.35, 0.42, 0.28]
    methods = {
        "a": named(level),
        "b": named(np.subtract(level, [0.02, 0.05, 0.03, 0.06])),  # p = 0.022
        "c": named(np.subtract(level, [0.04, -0.05, 0.01, 0.02])),
    }
    pair = pair_matrix(methods, **SETTINGS)[0]
    assert pair.before_correction
    assert pair.p_holm == pytest.approx(0.066, abs=1e-3)
    assert not pair.told_apart


def test_under_three_regions_no_pair_is_told_apart():
    pair = pair_matrix({"a": named([0.9, 0.8]), "b": named([0.1, 0.0])}, **SETTINGS)[0]
    assert pair == PairedResult("a", "b", pair.difference, None, None, None, 0.95)
    assert pair.difference.value == pytest.approx(0.8)
    assert not pair.told_apart
    assert not pair.before_correction


def test_a_method_equal_to_another_is_not_told_apart_and_one_shifted_is():
    pairs = pair_matrix({"a": named([0.5, 0.25, 0.75]), "b": named([0.5, 0.25, 0.75])}, **SETTINGS)
    assert (pairs[0].p, pairs[0].detectable, pairs[0].told_apart) == (1.0, 0.0, False)
    pairs = pair_matrix({"a": named([0.5, 0.25, 0.75]), "b": named([0.25, 0.0, 0.5])}, **SETTINGS)
    assert (pairs[0].p, pairs[0].detectable, pairs[0].told_apart) == (0.0, 0.0, True)


def test_pairs_without_the_same_regions_are_an_error():
    with pytest.raises(ValueError, match="have to be the same"):
        pair_matrix({"a": named([0.1, 0.2, 0.3]), "b": named([0.1, 0.2])}, **SETTINGS)


def test_one_method_has_no_pair():
    assert pair_matrix({"a": named([0.1, 0.2, 0.3])}, **SETTINGS) == []


def test_a_difference_goes_into_a_card():
    difference = pair_matrix({"a": named([0.1, 0.2, 0.3]), "b": named([0.1, 0.1, 0.1])}, **SETTINGS)[0].difference
    assert isinstance(difference, Estimate)
    assert str(GapPart(**asdict(difference))).startswith("+0.100 [")


@pytest.mark.parametrize(
    ("scenes", "regions", "words"),
    [
        (12, 6, "12 scenes in six independent regions: intervals by Student's t with five degrees of freedom"),
        (69, 13, "69 scenes in 13 independent regions: intervals by Student's t with twelve degrees of freedom"),
        (
            9,
            2,
            "9 scenes in two independent regions: too few for an interval, so each region's value stands alone and "
            "nothing here is called significant",
        ),
        (
            1,
            1,
            "1 scene in one independent region: too few for an interval, so its value stands alone and nothing here is "
            "called significant",
        ),
    ],
)
def test_regions_in_words(scenes: int, regions: int, words: str):
    assert in_words(scenes, regions, least=3) == words


def test_one_degree_of_freedom_is_singular():
    assert in_words(2, 2, least=2).endswith("Student's t with one degree of freedom")


@pytest.mark.parametrize(("scenes", "regions"), [(0, 0), (3, 0), (2, 3)])
def test_no_region_or_fewer_scenes_than_regions_is_an_error(scenes: int, regions: int):
    with pytest.raises(ValueError, match="a region has a scene at least"):
        in_words(scenes, regions, least=3)
