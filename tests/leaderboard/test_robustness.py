"""What disturbances cost: against SciPy's paired t test, and against Holm's adjustment by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Run
from scipy import stats

from cards import card, gap
from tdsr_bench.card import read_card
from tdsr_bench.errors import CardError
from tdsr_leaderboard.read import Entry, entries_of
from tdsr_leaderboard.robustness import loss_differences, losses, scores_of, undergone

SCORE = "image_gap_no_lpips"
PLAIN = {"one": [0.10, 0.20, 0.32, 0.41], "two": [0.30, 0.42, 0.50, 0.63]}
NOISE = {"one": [0.02, 0.11, 0.20, 0.35], "two": [0.29, 0.40, 0.50, 0.60]}
HAZE = {"one": [0.09, 0.21, 0.30, 0.40], "two": [0.10, 0.15, 0.31, 0.33]}


def entry(name: str, regions: Sequence[float], *, track: str = "sisr", of: str | None = None, **changes: Any) -> Entry:
    (made,) = entries_of([card(name, [*regions], track=track, about={"control_of": of}, **changes)])
    return made


def entries(*names: str) -> list[Entry]:
    plain = [entry(name, PLAIN[name]) for name in names]
    noisy = [entry(f"{name}, noise", NOISE[name], of=name) for name in names]
    hazy = [entry(f"{name}, haze", HAZE[name], of=name) for name in names]
    return [*plain, *noisy, *hazy]


def test_methods_find_what_is_made_of_them():
    other = entry("one, 3 frames", [0.0] * 4, of="one")
    methods = undergone([*entries("one", "two"), other], ["haze", "noise", "mtf"])
    assert [method.plain.label for method in methods] == ["one", "two"]
    assert [*methods[0].disturbed] == ["haze", "noise"]
    assert methods[1].disturbed["noise"].label == "two, noise"


def test_a_method_that_was_not_disturbed_is_not_there():
    assert undergone([entry("one", PLAIN["one"])], ["noise"]) == []


def test_two_methods_of_one_name_are_refused_unless_their_tracks_differ():
    twin = entry("one", PLAIN["one"])
    with pytest.raises(CardError, match="Two methods are called 'one'"):
        undergone([*entries("one"), twin], ["noise"])
    many = [entry("one", PLAIN["two"], track="misr"), entry("one, noise", NOISE["two"], track="misr", of="one")]
    methods = undergone([*entries("one"), *many], ["noise"])
    assert [method.disturbed["noise"].card.submission.track for method in methods] == ["sisr", "misr"]


def test_losses_are_those_of_a_paired_t_test():
    rows = losses(undergone(entries("one", "two"), ["noise", "haze"]), [SCORE])
    assert [(row.method, row.disturbance) for row in rows] == [
        ("one", "noise"),
        ("one", "haze"),
        ("two", "noise"),
        ("two", "haze"),
    ]
    expected = []
    for row in rows:
        after = {"noise": NOISE, "haze": HAZE}[row.disturbance][row.method]
        test = stats.ttest_rel(after, PLAIN[row.method])
        result = row.results[SCORE]
        assert result.p == pytest.approx(test.pvalue)
        assert result.difference.value == pytest.approx(np.mean(after) - np.mean(PLAIN[row.method]))
        assert result.difference.ci95 == pytest.approx(tuple(test.confidence_interval(0.95)))
        assert row.gaps[SCORE].value == pytest.approx(np.mean(after))
        assert (result.first, result.second) == (f"{row.method}, {row.disturbance}", row.method)
        expected.append(float(test.pvalue))
    assert [row.results[SCORE].p_holm for row in rows] == pytest.approx(by_hand(expected))


def by_hand(p_values: Sequence[float]) -> list[float]:
    """Holm: the smallest times their number, the next times one less, none under the one before."""
    order = np.argsort(p_values)
    steps = np.array(p_values)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted.tolist()


def test_differences_of_losses_are_tested_as_differences_of_differences():
    rows = loss_differences(undergone(entries("one", "two"), ["noise", "haze"]), [SCORE])
    assert [(row.disturbance, row.method, row.first) for row in rows] == [
        ("noise", "two", "one"),
        ("haze", "two", "one"),
    ]
    expected = []
    for row, after in zip(rows, (NOISE, HAZE), strict=True):
        changes = {name: np.subtract(after[name], PLAIN[name]) for name in PLAIN}
        test = stats.ttest_rel(changes["two"], changes["one"])
        assert row.results[SCORE].p == pytest.approx(test.pvalue)
        assert row.results[SCORE].difference.ci95 == pytest.approx(tuple(test.confidence_interval(0.95)))
        expected.append(float(test.pvalue))
    assert [row.results[SCORE].p_holm for row in rows] == pytest.approx(by_hand(expected))
    more, less = (row.results[SCORE].difference.value for row in rows)
    assert more is not None
    assert less is not None
    assert more > 0 > less  # two keeps more under noise, and less under haze


def test_what_changes_nothing_is_not_tested_and_does_not_count():
    same = entry("one, three-frames", PLAIN["one"], of="one")
    names = ["noise", "three-frames", "haze"]
    rows = losses(undergone([*entries("one"), same], names), [SCORE])
    without = losses(undergone(entries("one"), names), [SCORE])
    assert rows[1].results[SCORE].difference.value == 0
    assert rows[1].results[SCORE].p is None
    assert rows[1].results[SCORE].p_holm is None
    assert [rows[0].results[SCORE].p_holm, rows[2].results[SCORE].p_holm] == [
        row.results[SCORE].p_holm for row in without
    ]


def test_a_method_alone_is_held_against_nothing():
    assert loss_differences(undergone(entries("one"), ["noise"]), [SCORE]) == []
    assert loss_differences([], [SCORE]) == []


def test_each_gap_has_an_adjustment_of_its_own():
    def both(name: str, image: list[float], task: list[float], of: str | None = None) -> Entry:
        summary = card(name, image).model_dump(mode="json")["summary"]
        named = {f"r{index}": value for index, value in enumerate(task)}
        return entry(name, image, of=of, summary=summary | {"task_gap": gap(named)})

    made = [
        both("one", PLAIN["one"], PLAIN["two"]),
        both("one, noise", NOISE["one"], NOISE["two"], of="one"),
        both("one, haze", HAZE["one"], HAZE["two"], of="one"),
    ]
    methods = undergone(made, ["noise", "haze"])
    scores = scores_of(methods)
    assert scores == (SCORE, "task_gap")
    rows = losses(methods, scores)
    for score, name in ((SCORE, "one"), ("task_gap", "two")):
        p_values = [float(stats.ttest_rel(after[name], PLAIN[name]).pvalue) for after in (NOISE, HAZE)]
        assert [row.results[score].p_holm for row in rows] == pytest.approx(by_hand(p_values))


def test_regions_where_a_gap_is_clipped_are_counted():
    """Of the combined gap those of both parts; a region of two cards counts once."""

    def both(name: str, image: list[float], task: list[float], of: str | None = None) -> Entry:
        summary = card(name, image).model_dump(mode="json")["summary"]
        named = {f"r{index}": value for index, value in enumerate(task)}
        changes = {"task_gap": gap(named), "combined_gap_no_lpips": gap(dict.fromkeys(named, 0.0))}
        return entry(name, image, of=of, summary=summary | changes)

    made = [
        both("one", [0.1, 0.2, 0.3, 0.4], [-1.0, -0.5, 0.1, 0.2]),
        both("one, noise", [0.1, 0.1, 0.2, -1.0], [-1.0, -1.0, 0.1, 0.1], of="one"),
        both("two", [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 1.0, 0.3]),
        both("two, noise", [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, -1.0, 0.3], of="two"),
    ]
    methods = undergone(made, ["noise"])
    scores = scores_of(methods)
    assert [row.floored for row in losses(methods, scores)] == [
        {"combined_gap_no_lpips": 3, SCORE: 1, "task_gap": 2},
        {"combined_gap_no_lpips": 1, SCORE: 0, "task_gap": 1},
    ]
    (row,) = loss_differences(methods, scores)
    assert row.floored == {"combined_gap_no_lpips": 4, SCORE: 1, "task_gap": 3}


def test_a_card_without_a_summary_or_of_other_regions_leaves_its_row_empty():
    broken = entry("one, noise", NOISE["one"], of="one", status="incomplete", summary=None, failed={"s0": "x"})
    fewer = entry("two, noise", NOISE["two"][:3], of="two")
    methods = undergone([entry("one", PLAIN["one"]), entry("two", PLAIN["two"]), broken, fewer], ["noise"])
    rows = losses(methods, scores_of(methods))
    assert [row.results for row in rows] == [{}, {}]
    assert rows[0].gaps == {}
    assert loss_differences(methods, [SCORE])[0].results == {}


SUBMISSION = """
import numpy as np
from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission
def mean(view):
    return enlarge(view.frames[:{count}].mean(axis=0).astype(np.float32), 'bicubic')
submission = Submission('{name}', Track.{track}, mean)
"""


def test_the_analysis_scores_each_submission_under_each_disturbance(run: Run, tmp_path: Path, write_data):
    words = []
    for name, track, count in (("one", "SISR", 1), ("many", "MISR", 9)):
        path = tmp_path / name / "submission.py"
        path.parent.mkdir()
        path.write_text(SUBMISSION.format(name=name, track=track, count=count))
        words.append(path)
    ask = ("analyse", "robustness", *words, "--data", write_data(frames=4, noise=0.001), "--isolation", "none")
    ran = run(*ask, "--disturbances", "three-frames,noise")
    assert ran.code == 0, ran.err
    told = " ".join(ran.out.split())
    assert "robustness: 3 scenes in three independent regions" in told
    assert "loss less that of one" in told
    assert "nothing changes" in told
    lines = ran.out.splitlines()
    paths = [Path(line) for line in lines if line.endswith("card.json")]
    assert lines[-len(paths) :] == [str(path) for path in paths]
    cards = {card.submission.name: card for card in map(read_card, paths)}
    assert {name: card.submission.control_of for name, card in cards.items()} == {
        "one": None,
        "many": None,
        "one, three-frames": "one",
        "one, noise": "one",
        "many, three-frames": "many",
        "many, noise": "many",
    }
    assert {card.submission.track for name, card in cards.items() if name.startswith("one")} == {"sisr"}
    gaps = {name: card.summary.image_gap_no_lpips.value for name, card in cards.items() if card.summary}
    assert gaps["one, three-frames"] == gaps["one"]
    assert gaps["many, three-frames"] != gaps["many"]
    assert gaps["one, noise"] < gaps["one"]


def test_an_unknown_disturbance_is_refused_before_anything_is_scored(run: Run, tmp_path: Path):
    ran = run("analyse", "robustness", tmp_path / "none.py", "--disturbances", "noise,rain")
    assert ran.code == 2
    assert "no disturbance 'rain'" in ran.err
