"""Pairs of one frame and many, and their controls."""

from typing import Any

import pytest

from cards import card
from tdsr_leaderboard.matched import competitors, contrasts, controls, matched
from tdsr_leaderboard.read import Entry, entries_of

SCORE = "image_gap_no_lpips"
TRAINING = {"data": "d", "regime": "pixel", "samples": 6000, "patch": 32, "started": ""}


def entry(name: str, regions: list[float], track: str = "sisr", **about: Any) -> Entry:
    (made,) = entries_of([card(name, regions, track=track, about=about)])
    return made


ONE = entry("one", [0.1, 0.2, 0.3], training=TRAINING)
MANY = entry("many", [0.2, 0.31, 0.4], "misr", training=TRAINING, frames=9)
AVERAGED = entry("one, averaged", [0.15, 0.2, 0.31], "misr", training=TRAINING, control_of="one")
FEWER = entry("many, 3 frames", [0.15, 0.25, 0.36], "misr", training=TRAINING, control_of="many", frames=3)


def test_what_shares_data_budget_and_field_of_view_is_matched():
    assert matched(ONE, MANY) == "pixel: the same data, 6,000 patches of 32 x 32 pixels"
    assert matched(MANY, ONE) is None


@pytest.mark.parametrize(
    "change", [{"data": "e"}, {"regime": "task"}, {"samples": 12000}, {"patch": 64}, {"started": "x"}]
)
def test_whatever_differs_unmatches(change: dict[str, Any]):
    assert matched(ONE, entry("many", [0.2, 0.3, 0.4], "misr", training=TRAINING | change)) is None


def test_methods_that_do_not_say_what_they_were_trained_with_are_not_matched():
    assert matched(entry("a", [0.1] * 3), entry("b", [0.2] * 3, "misr")) is None


def test_an_idea_without_training_is_matched_by_its_name():
    idea = {"data": "none", "regime": "back-projection", "samples": 0, "patch": 0, "started": ""}
    pair = entry("a", [0.1] * 3, training=idea), entry("b", [0.2] * 3, "misr", training=idea)
    assert matched(*pair) == "back-projection, no training"


def test_a_pair_its_controls_and_fewer_frames_are_held_against_the_many():
    found = contrasts([ONE, MANY, AVERAGED, FEWER], [SCORE])
    assert [(c.misr.label, c.other.label) for c in found] == [
        ("many", "one"),
        ("many", "one, averaged"),
        ("many", "many, 3 frames"),
    ]
    result = found[0].results[SCORE]
    assert result.difference.value == pytest.approx(0.31 / 3)
    assert result.p is not None
    assert result.p_holm is not None
    assert result.p_holm >= result.p


def test_disturbed_methods_are_no_fewer_frames():
    """They have the track and the frames of what they are made of; see tdsr_leaderboard.robustness."""
    noisy = entry("many, noise", [0.1, 0.2, 0.3], "misr", training=TRAINING, control_of="many", frames=9)
    cloudy = entry("one, cloud", [0.1, 0.1, 0.2], training=TRAINING, control_of="one")
    found = contrasts([ONE, MANY, AVERAGED, FEWER, noisy, cloudy], [SCORE])
    assert [c.other.label for c in found] == ["one", "one, averaged", "many, 3 frames"]


def test_controls_take_no_part():
    entries = [FEWER, ONE, MANY, AVERAGED]
    assert [e.label for e in competitors(entries)] == ["one", "many"]
    assert [e.label for e in controls(entries)] == ["many, 3 frames", "one, averaged"]


def test_a_card_of_other_regions_or_without_a_score_is_not_held_against_anything():
    other = entry("many", [0.2, 0.31], "misr", training=TRAINING)
    assert contrasts([ONE, other], [SCORE]) == []
    assert contrasts([ONE, MANY], ["task_gap"]) == []
