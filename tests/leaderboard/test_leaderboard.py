"""Cards to Markdown: sections, ranks, pairs, and what is not ranked."""

from pathlib import Path
from typing import Any

import pytest

from tdsr_bench.card import GapPart, ResultCard, write_card
from tdsr_bench.errors import CardError
from tdsr_leaderboard.markdown import leaderboard_markdown
from tdsr_leaderboard.ranking import pairs, ranking_column, standings
from tdsr_leaderboard.read import read_cards, sections

NONE = {"value": None, "missing": ["no network"]}


def gap(regions: dict[str, float]) -> dict[str, Any]:
    value = sum(regions.values()) / len(regions)
    return {"value": value, "regions": regions, "raw": value, "ci95": [value - 0.1, value + 0.1]}


def card(
    name: str, regions: list[float], *, track: str = "sisr", fingerprint: str = "f" * 64, **changes: Any
) -> ResultCard:
    named = {f"r{index}": value for index, value in enumerate(regions)}
    content = {
        "schema": 1,
        "status": "complete",
        "protocol": {"id": "tdsr-v1", "version": "1", "sha256": "a" * 64},
        "data": {
            "name": "tiny",
            "arm": "real",
            "split": "test",
            "fingerprint": fingerprint,
            "scenes": ["s0", "s1"],
            "strips": ["t"],
            "regions": list(named),
        },
        "submission": {"name": name, "track": track, "sha256": name, "training_data": "none", "parameters": 0},
        "networks": {"score": []},
        "environment": {},
        "summary": {
            "image_gap": NONE,
            "task_gap": NONE,
            "combined_gap": NONE,
            "image_gap_no_lpips": gap(named),
            "combined_gap_no_lpips": NONE,
            "guards": {"ranked": True, "consistency_ratio": 1.0},
            "metrics": {},
        },
        "references": {"bicubic": {"image_gap": NONE, "image_gap_no_lpips": gap(dict.fromkeys(named, 0.0))}},
        "timing": {},
        "rows": [],
    }
    return ResultCard.model_validate(content | changes)


def guarded(reason: str) -> dict[str, Any]:
    summary = card("x", [9.0, 9.0, 9.0]).model_dump(mode="json")["summary"]
    return summary | {"guards": {"ranked": False, "reasons": [reason]}}


def test_the_highest_score_is_first_and_tracks_share_a_table():
    text = leaderboard_markdown([card("low", [0.1, 0.1, 0.12]), card("high", [0.5, 0.5, 0.52], track="misr")])
    rows = [line for line in text.splitlines() if line.startswith(("| 1 |", "| 2 |"))]
    assert rows[0].startswith("| 1 | high | misr | +0.507 [+0.407, +0.607] |")
    assert rows[1].startswith("| 2 | low | sisr |")
    assert text.count("\n## ") == 1
    assert "|  | *bicubic* |  | +0.000" in text


def test_the_table_says_which_column_ranks_it_and_what_is_missing():
    text = leaderboard_markdown([card("a", [0.1, 0.2, 0.3])])
    assert "Ranked by image gap without LPIPS, the fullest score that all rows have" in text
    assert "Missing: no network." in text


def test_a_fuller_column_ranks_where_all_rows_have_it():
    whole = card("a", [0.1, 0.2, 0.3])
    full = whole.model_copy(
        update={"summary": whole.summary.model_copy(update={"image_gap": whole.summary.image_gap_no_lpips})}  # type: ignore[union-attr]
    )
    assert ranking_column([full]) == "image_gap"
    assert ranking_column([full, whole]) == "image_gap_no_lpips"


def test_guarded_and_incomplete_cards_are_shown_and_not_ranked():
    cards = [
        card("fair", [0.2, 0.2, 0.3]),
        card("painter", [9.0, 9.0, 9.0], summary=guarded("consistency is 3.00 times bicubic's, over 1.5")),
        card("broken", [0.5, 0.5, 0.5], status="incomplete", summary=None, failed={"s1": "s1: it raised"}),
    ]
    text = leaderboard_markdown(cards)
    assert "| 1 | fair |" in text
    assert "| — | painter |" in text
    assert "consistency is 3.00 times bicubic's, over 1.5 |" in text
    assert "| — | broken | sisr | — |" in text
    assert "incomplete: 1 scenes failed" in text


def test_pairs_that_the_data_cannot_tell_apart_are_named():
    cards = [card("a", [0.30, 0.40, 0.50]), card("b", [0.28, 0.42, 0.49]), card("c", [0.1, 0.2, 0.3])]
    found = {
        (pair.better, pair.other): pair.told_apart
        for pair in pairs(standings(cards, "image_gap_no_lpips"), "image_gap_no_lpips")
    }
    assert found == {("a", "b"): False, ("a", "c"): True, ("b", "c"): True}
    text = leaderboard_markdown(cards)
    assert "Not told apart, of 3 pairs" in text
    assert "- a and b: +0.003 [" in text
    assert "- a and c" not in text


def test_under_three_regions_no_pair_is_told_apart():
    cards = [card("a", [0.9, 0.9]), card("b", [0.1, 0.1])]
    text = leaderboard_markdown(cards)
    assert "under three regions there is no interval" in text
    assert "- a and b: +0.800\n" in text


def test_other_pixels_make_another_table():
    cards = [card("a", [0.1, 0.1, 0.1]), card("b", [0.1, 0.1, 0.1], fingerprint="0" * 64)]
    assert len(sections(cards)) == 2
    assert leaderboard_markdown(cards).count("\n## ") == 2


def test_of_two_cards_of_one_submission_the_later_counts():
    found = sections([card("a", [0.1, 0.1, 0.1]), card("a", [0.2, 0.2, 0.2])])
    (members,) = found.values()
    assert [member.summary.image_gap_no_lpips.value for member in members if member.summary] == [pytest.approx(0.2)]


def test_cards_are_found_below_a_folder_and_other_files_are_left_alone(tmp_path: Path):
    write_card(tmp_path / "deep" / "er" / "card.json", card("a", [0.1, 0.1, 0.1]))
    (tmp_path / "other.json").write_text("{}")
    assert [found.submission.name for found in read_cards(tmp_path)] == ["a"]


def test_a_broken_card_is_refused_and_so_is_an_empty_folder(tmp_path: Path):
    with pytest.raises(CardError, match="There is no card below"):
        read_cards(tmp_path)
    (tmp_path / "card.json").write_text('{"schema": 1, "submission"')
    with pytest.raises(CardError, match="is no JSON, or is cut short"):
        read_cards(tmp_path)


def test_a_gap_without_value_is_a_dash():
    assert str(GapPart(value=None, missing=("x",))) == "—"
