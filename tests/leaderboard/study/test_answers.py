"""Verdicts on planted effects, and the statistics behind them against scipy's."""

from collections import Counter
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from studies import REGIONS, Run, no_effect, noise, write_study

from tdsr_bench.errors import DataError
from tdsr_leaderboard.study.answers import Answer, answers
from tdsr_leaderboard.study.differences import Difference, Missing, difference, effect_size
from tdsr_leaderboard.study.runs import Study, load_study


def study_of(folder: Path, *args: Any, **options: Any) -> Study:
    plan = write_study(folder, *args, **options)
    return load_study(plan, plan.with_suffix(""))


def answers_of(study: Study) -> dict[str, Answer]:
    return {answer.plan.key: answer for answer in answers(study)}


def planted(size: float, measure: str = "task_gap", spread: float = 0.01):
    """An effect of tasks on a measure, which differs between regions and seeds."""

    def effect(run: Run, key: str, region: str) -> float:
        gained = size if run.variant == "both" and key == measure else 0.0
        return 0.1 * REGIONS.index(region) + gained + noise(run, key, region, spread)

    return effect


def test_the_statistics_are_those_of_scipy(tmp_path: Path):
    effect = planted(0.05, spread=0.03)
    study = study_of(tmp_path, effect)
    found = difference(study, ["hat-real-both"], ["hat-real-pixel"], "task_gap")
    assert isinstance(found, Difference)
    by_seed = np.array(
        [
            [
                effect(Run("hat", "real", "both", seed), "task_gap", region)
                - effect(Run("hat", "real", "pixel", seed), "task_gap", region)
                for region in REGIONS
            ]
            for seed in (1, 2)
        ]
    )
    values = by_seed.mean(axis=0)
    assert [*found.estimate.regions.values()] == pytest.approx(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    interval = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    assert found.ci95 == pytest.approx(interval)
    assert found.seeds == (1, 2)
    assert found.seed_spread == pytest.approx(by_seed.mean(axis=1).std(ddof=1))


def test_the_effect_size_is_cohens_with_hedges_correction():
    values = [0.03, 0.01, 0.05, 0.02, 0.04, 0.00]
    freedom = len(values) - 1
    exact = special.gamma(freedom / 2) / (np.sqrt(freedom / 2) * special.gamma((freedom - 1) / 2))
    assert effect_size(values) == pytest.approx(exact * fmean(values) / stdev(values))
    assert exact == pytest.approx(1 - 3 / (4 * freedom - 1), abs=2e-3)  # the usual approximation
    assert effect_size([0.1, 0.2]) is None
    assert effect_size([0.1] * 6) is None


def test_p_values_are_adjusted_over_the_question_s_contrasts(tmp_path: Path):
    answer = answers_of(study_of(tmp_path, planted(0.02, spread=0.03)))["tasks"]
    plain = [contrast.difference.p for contrast in answer.contrasts if contrast.difference]
    ordered = np.sort(plain)
    stepped = np.minimum(1, np.maximum.accumulate(ordered * (len(plain) - np.arange(len(plain)))))
    adjusted = [contrast.p_holm for contrast in answer.contrasts]
    assert adjusted == pytest.approx(stepped[np.argsort(np.argsort(plain))])
    assert adjusted != pytest.approx(plain)


@pytest.mark.parametrize(
    ("size", "verdict"), [(0.1, "supported"), (-0.1, "contradicted"), (0.0, "not told apart")], ids=str
)
def test_a_planted_gain_gives_the_verdict_on_more(tmp_path: Path, size: float, verdict: str):
    answer = answers_of(study_of(tmp_path, planted(size)))["tasks"]
    assert {contrast.verdict for contrast in answer.contrasts} == {verdict}
    assert answer.verdict == verdict


@pytest.mark.parametrize(
    ("size", "spread", "verdict"),
    [
        (0.0, 0.01, "supported"),
        (0.2, 0.01, "contradicted"),
        (0.0, 0.2, "not told apart"),
        (0.05, 0.03, "not told apart"),
    ],
    ids=str,
)
def test_a_planted_change_gives_the_verdict_on_similar(tmp_path: Path, size: float, spread: float, verdict: str):
    answer = answers_of(study_of(tmp_path, planted(size, "image_gap_no_lpips", spread)))["images"]
    assert {contrast.verdict for contrast in answer.contrasts} == {verdict}


def test_networks_that_disagree_are_mixed(tmp_path: Path):
    def effect(run: Run, key: str, region: str) -> float:
        sign = 1 if run.network == "hat" else -1
        return no_effect(run, key, region) + (0.2 * sign if run.variant == "both" else 0)

    answer = answers_of(study_of(tmp_path, effect))["tasks"]
    assert answer.verdict == "mixed"
    assert answer.counted == "2 of 4 supported, 2 contradicted"


def test_two_regions_tell_nothing_and_say_why(tmp_path: Path):
    answer = answers_of(study_of(tmp_path, planted(0.5), regions=REGIONS[:2]))["tasks"]
    for contrast in answer.contrasts:
        assert contrast.verdict == "not told apart"
        assert "2 regions" in contrast.reason
        assert contrast.difference is not None
        assert contrast.difference.mean == pytest.approx(0.5, abs=0.05)
        assert (contrast.difference.p, contrast.difference.ci95, contrast.difference.effect) == (None, None, None)
    assert answer.verdict == "not told apart"


def test_a_contrast_without_runs_is_missing_with_the_reason(tmp_path: Path):
    failed = {f"hat-real-both-{seed}": "the loss is not finite" for seed in (1, 2)}
    waiting = ("rams-real-pixel-1", "rams-real-pixel-2")
    answer = answers_of(study_of(tmp_path, planted(0.1), failed=failed, waiting=waiting))["tasks"]
    by_words = {contrast.says: contrast for contrast in answer.contrasts}
    assert by_words["HAT, real"].verdict == by_words["RAMS, real"].verdict == "missing"
    assert "hat-real-both-1: failed (the loss is not finite)" in by_words["HAT, real"].reason
    assert "rams-real-pixel-2: waiting" in by_words["RAMS, real"].reason
    assert by_words["HAT, simulated"].verdict == "supported"
    assert answer.verdict == "mixed"  # two of four are no majority
    assert answer.counted == "2 of 4 supported, 0 contradicted, 2 missing"


def test_only_seeds_that_all_terms_have_are_averaged(tmp_path: Path):
    def effect(run: Run, key: str, region: str) -> float:
        return no_effect(run, key, region) + (10.0 if run.variant == "pixel" and run.seed == 2 else 0.0)

    study = study_of(tmp_path, effect)
    found = difference(study, ["hat-real-tuned"], ["hat-real-pixel"], "task_gap")  # tuned has the first seed alone
    assert isinstance(found, Difference)
    assert (found.seeds, found.seed_spread) == ((1,), None)
    assert abs(found.mean) < 0.05


def test_runs_that_share_no_seed_are_not_compared(tmp_path: Path):
    study = study_of(tmp_path, waiting=("hat-real-both-1", "hat-real-pixel-2"))
    assert difference(study, ["hat-real-both"], ["hat-real-pixel"], "task_gap") == Missing("its runs share no seed")


def test_a_measure_that_was_not_made_is_missing(tmp_path: Path):
    found = difference(study_of(tmp_path), ["hat-real-both"], ["hat-real-pixel"], "image_gap")
    assert isinstance(found, Missing)
    assert "no value of image_gap" in found.reason


def test_an_interaction_is_the_difference_of_differences(tmp_path: Path):
    def effect(run: Run, key: str, region: str) -> float:
        gained = {"real": 0.3, "simulated": 0.1}[run.arm] if run.variant == "both" else 0.0
        return no_effect(run, key, region) + gained

    plus, minus = ["hat-real-both", "hat-simulated-pixel"], ["hat-real-pixel", "hat-simulated-both"]
    found = difference(study_of(tmp_path, effect), plus, minus, "task_gap")
    assert isinstance(found, Difference)
    assert found.mean == pytest.approx(0.2, abs=0.02)


def test_a_study_that_was_not_run_is_an_error_that_says_so(tmp_path: Path):
    plan = write_study(tmp_path)
    with pytest.raises(DataError, match="study run"):
        load_study(plan, tmp_path / "nowhere")


def test_counts_add_up(tmp_path: Path):
    for answer in answers(study_of(tmp_path, planted(0.1), waiting=("hat-real-both-1", "hat-real-both-2"))):
        assert isinstance(answer.counts, Counter)
        assert answer.counts.total() == len(answer.contrasts)
