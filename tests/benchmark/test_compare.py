"""Two cards side by side: what differs, who is better, and which scenes make the difference."""

import json
from pathlib import Path

import pytest
from commands import Run

from tdsr_bench.card import ResultCard, read_card, write_card
from tdsr_bench.compare import compare
from tdsr_bench.errors import CardError

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"


@pytest.fixture(scope="module")
def fused() -> ResultCard:
    return read_card(CARDS / "shift-and-add.json")


@pytest.fixture(scope="module")
def single() -> ResultCard:
    return read_card(CARDS / "bicubic.json")


def test_the_difference_is_paired_over_regions(fused: ResultCard, single: ResultCard):
    found = compare(fused, single)
    (line,) = [line for line in found.gaps if line.key == "image_gap_no_lpips"]
    assert fused.summary is not None
    own = fused.summary.image_gap_no_lpips  # bicubic's own gap is 0 in every region
    assert line.result.difference.value == pytest.approx(own.value, abs=1e-9)
    assert line.result.difference.ci95 == pytest.approx(own.ci95, abs=1e-9)
    assert (line.verdict, line.result.told_apart) == ("first", True)
    assert (found.scenes, found.regions) == (12, 6)


def test_swapping_both_turns_signs_and_verdicts(fused: ResultCard, single: ResultCard):
    there, back = compare(fused, single), compare(single, fused)
    turned = {"first": "second", "second": "first"}
    for one, other in zip((*there.gaps, *there.metrics), (*back.gaps, *back.metrics), strict=True):
        assert one.result.difference.value == pytest.approx(-(other.result.difference.value or 0))
        assert turned.get(one.verdict, one.verdict) == other.verdict
        assert dict(one.drivers) == pytest.approx({scene: -value for scene, value in other.drivers})


def test_lower_errors_are_better_and_what_has_no_better_is_higher(fused: ResultCard, single: ResultCard):
    lines = {line.key: line for line in compare(fused, single).metrics}
    assert lines["cssim"].higher_is_better is False
    assert (lines["cssim"].result.difference.value or 0) < 0
    assert lines["cssim"].verdict == "first"
    assert lines["roads.iou"].higher_is_better is True
    assert lines["gain"].higher_is_better is None


def test_drivers_are_the_scenes_that_differ_most(fused: ResultCard):
    worse = [
        {**row, "value": row["value"] + (0.5 if row["scene"] == "mini_r09_s1" else 0.01)}
        if row["key"] == "psnr"
        else row
        for row in fused.rows
    ]
    lines = {line.key: line for line in compare(fused.model_copy(update={"rows": tuple(worse)}), fused).metrics}
    (scene, value), _ = lines["psnr"].drivers
    assert (scene, value) == ("mini_r09_s1", pytest.approx(0.5))


def test_a_card_against_itself_differs_in_nothing(fused: ResultCard):
    found = compare(fused, fused)
    assert found.first != found.second
    assert {line.verdict for line in (*found.gaps, *found.metrics)} == {"not told apart"}


@pytest.mark.parametrize(
    ("part", "change", "sentence"),
    [
        ("data", {"fingerprint": "0"}, "differ in pixels"),
        ("data", {"arm": "simulated"}, r"differ in data \(mini/real/test, mini/simulated/test\)"),
        ("protocol", {"sha256": "0" * 64}, "differ in protocol"),
    ],
)
def test_cards_that_share_too_little_are_refused(fused: ResultCard, part: str, change: dict[str, str], sentence: str):
    other = fused.model_copy(update={part: getattr(fused, part).model_copy(update=change)})
    with pytest.raises(CardError, match=sentence):
        compare(fused, other)


def test_cards_of_an_older_protocol_or_without_a_score_are_refused(fused: ResultCard):
    old = fused.model_copy(update={"protocol": fused.protocol.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(CardError, match="of another version of tdsr-v1"):
        compare(old, old)
    failed = fused.model_copy(update={"summary": None, "failed": {"s": "it raised"}})
    with pytest.raises(CardError, match="incomplete"):
        compare(fused, failed)
    networks = fused.model_copy(update={"networks": {"score": []}})
    with pytest.raises(CardError, match="scoring networks"):
        compare(fused, networks)


def test_the_command_prints_tables_or_json(run: Run, fused: ResultCard, single: ResultCard):
    for name, card in (("a", fused), ("b", single)):
        write_card(Path(name) / "card.json", card)
    ran = run("compare", "a", "b/card.json")
    assert ran.code == 0
    assert "shift-and-add less bicubic: 12 scenes in six independent regions" in " ".join(ran.out.split())
    found = json.loads(run("compare", "a", "b", "--json").out)
    assert found["gaps"][0]["verdict"] == "first"
    assert run("compare", "a", "nowhere").code == 2
