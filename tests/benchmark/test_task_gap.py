"""The task gap by hand: sums over scenes and networks, the better of two zeros, clipping, what is missing."""

from collections.abc import Mapping

import pytest

from tdsr_bench.gap import combined_gap, region_share, task_gap
from tdsr_bench.inference import Estimate
from tdsr_bench.rows import ScoreRow

SETTINGS = {"clip": 1.0, "confidence": 0.95, "least_regions": 3}


def rows(values: Mapping[tuple[str, str, str], float | None], key: str = "roads.iou") -> list[ScoreRow]:
    """Rows of {(scene, region, network): value}."""
    return [
        ScoreRow(scene, region, key, None, value, "1", network=network)
        for (scene, region, network), value in values.items()
    ]


def level(value: float | None, *, key: str = "roads.iou", regions: int = 3) -> list[ScoreRow]:
    """The same value in two scenes of each region and for two networks."""
    looks = [(f"s{r}{s}", f"r{r}", n) for r in range(regions) for s in range(2) for n in ("a", "b")]
    return rows(dict.fromkeys(looks, value), key)


def test_a_share_is_a_ratio_of_sums_over_scenes_and_networks():
    look = ("s", "r", "a"), ("s", "r", "b"), ("t", "r", "a")
    method, zero, top = (
        rows(dict(zip(look, v, strict=True))) for v in ((0.5, 0.2, 0.9), (0.3, 0.2, 0.5), (0.8, 0.4, 1.0))
    )
    assert region_share(method, [zero], top, "roads.iou") == pytest.approx({"r": (1.6 - 1.0) / (2.2 - 1.0)})


def test_the_better_zero_counts_in_each_region():
    one = rows({("s", "r", "a"): 0.2, ("t", "q", "a"): 0.6})
    two = rows({("s", "r", "a"): 0.4, ("t", "q", "a"): 0.1})
    top = rows({("s", "r", "a"): 0.9, ("t", "q", "a"): 0.9})
    method = rows({("s", "r", "a"): 0.5, ("t", "q", "a"): 0.5})
    share = region_share(method, [one, two], top, "roads.iou")
    assert share == pytest.approx({"r": 0.1 / 0.5, "q": -0.1 / 0.3})


def test_zero_and_one_to_the_last_digit():
    tasks = {"roads": ["roads.iou"], "buildings": ["buildings.iou"]}
    zero, top = ([*level(v), *level(v / 2, key="buildings.iou")] for v in (0.31, 0.83))
    assert task_gap(zero, [zero], top, tasks, **SETTINGS).value == pytest.approx(0.0, abs=1e-12)
    assert task_gap(top, [zero], top, tasks, **SETTINGS).value == pytest.approx(1.0, abs=1e-12)
    assert task_gap(top, [zero], top, tasks, **SETTINGS).ci95 == pytest.approx((1.0, 1.0))


def test_tasks_weigh_the_same_whatever_the_number_of_their_measures():
    tasks = {"roads": ["roads.iou", "roads.apls"], "buildings": ["buildings.iou"]}
    keys = ("roads.iou", "roads.apls", "buildings.iou")
    zero, top = ([row for key in keys for row in level(v, key=key)] for v in (0.0, 1.0))
    method = [row for key, v in zip(keys, (0.2, 0.4, 0.9), strict=True) for row in level(v, key=key)]
    assert task_gap(method, [zero], top, tasks, **SETTINGS).value == pytest.approx((0.3 + 0.9) / 2)


def test_a_painted_mask_is_clipped_and_its_raw_gap_is_kept():
    gap = task_gap(level(1.0), [level(0.4)], level(0.5), {"roads": ["roads.iou"]}, **SETTINGS)
    assert gap.value == 1.0
    assert gap.raw == pytest.approx(6.0)
    assert set(gap.regions.values()) == {1.0}


def test_a_scene_without_truth_counts_for_nobody():
    top = [*level(0.9), *rows({("empty", "r0", "a"): None, ("empty", "r0", "b"): None})]
    zero = [*level(0.4), *rows({("empty", "r0", "a"): None, ("empty", "r0", "b"): None})]
    method = [*level(0.65), *rows({("empty", "r0", "a"): None, ("empty", "r0", "b"): None})]
    assert task_gap(method, [zero], top, {"roads": ["roads.iou"]}, **SETTINGS).value == pytest.approx(0.5)


def test_a_region_counts_the_tasks_that_it_has_truth_of():
    tasks = {"roads": ["roads.iou"], "buildings": ["buildings.iou"]}
    zero, top, method = (
        [*level(v), *level(w, key="buildings.iou", regions=1)] for v, w in ((0, 0), (1, 1), (0.4, 0.8))
    )
    gap = task_gap(method, [zero], top, tasks, **SETTINGS)
    assert gap.regions == pytest.approx({"r0": 0.6, "r1": 0.4, "r2": 0.4})


def test_no_gap_to_close_is_named_and_not_divided_by():
    gap = task_gap(level(0.5), [level(0.9)], level(0.9), {"roads": ["roads.iou"]}, **SETTINGS)
    assert gap.value is None
    assert "roads.iou: in r0 the reference is no better than its frames" in gap.missing


def test_a_value_that_the_reference_has_and_the_method_lacks_is_a_bug():
    with pytest.raises(KeyError, match=r"no roads\.iou"):
        region_share(level(None), [level(0.1)], level(0.9), "roads.iou")


def test_combined_is_the_mean_of_both_and_names_what_is_missing():
    image = Estimate(0.4, None, {"a": 0.2, "b": 0.6}, raw=0.4)
    task = Estimate(0.1, None, {"a": 0.0, "b": 0.2}, raw=2.0)
    both = combined_gap(image, task, confidence=0.95, least_regions=3)
    assert both.value == pytest.approx(0.25)
    assert both.regions == pytest.approx({"a": 0.1, "b": 0.4})
    assert both.raw == pytest.approx(1.2)
    nothing = combined_gap(Estimate(None, missing=("lpips",)), task, confidence=0.95, least_regions=3)
    assert nothing.value is None
    assert nothing.missing == ("lpips",)
