"""Cards to Markdown: sections, ranks, pairs, and what is not ranked."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cards import card, guarded
from tdsr_bench.card import GapPart, ResultCard, write_card
from tdsr_bench.errors import CardError
from tdsr_leaderboard.board import boards
from tdsr_leaderboard.markdown import escaped, leaderboard_markdown
from tdsr_leaderboard.page.rows import pairs_text
from tdsr_leaderboard.ranking import pairs, ranking_column, standings
from tdsr_leaderboard.read import entries_of, only_section, read_cards, sections


def markdown(cards: Sequence[ResultCard]) -> str:
    return leaderboard_markdown(entries_of(cards))


def test_the_highest_score_is_first_and_tracks_share_a_table():
    text = markdown([card("low", [0.1, 0.1, 0.12]), card("high", [0.5, 0.5, 0.52], track="misr")])
    rows = [line for line in text.splitlines() if line.startswith(("| 1 |", "| 2 |"))]
    assert rows[0].startswith("| 1 | high | misr | — | 0 | +0.507 [+0.407, +0.607] |")
    assert rows[1].startswith("| 2 | low | sisr |")
    assert text.count("\n## ") == 1
    assert "|  | *bicubic* |  |  |  | +0.000" in text


def test_the_table_says_which_column_ranks_it_and_what_is_missing():
    text = markdown([card("a", [0.1, 0.2, 0.3])])
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
    text = markdown(cards)
    assert "| 1 | fair |" in text
    assert "| — | painter |" in text
    assert "not ranked: consistency is 3.00 times bicubic's, over 1.5 |" in text
    assert "| — | broken | sisr | — | 0 | — | not ranked: incomplete: 1 scenes failed; incomplete (1 of 4) |" in text
    assert "incomplete: 1 scenes failed" in text


def test_pairs_that_the_data_cannot_tell_apart_are_named():
    cards = [card("a", [0.30, 0.40, 0.50]), card("b", [0.28, 0.42, 0.49]), card("c", [0.1, 0.2, 0.3])]
    score = "image_gap_no_lpips"
    found = {(p.first, p.second): p.told_apart for p in pairs(standings(entries_of(cards), score), score)}
    assert found == {("a", "b"): False, ("a", "c"): True, ("b", "c"): True}
    text = markdown(cards)
    assert "Not told apart, of 3 pairs" in text
    assert "- a and b: +0.003 [" in text
    assert "- a and c" not in text


@pytest.fixture
def two_are_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a table of three methods had more than are tested against each other."""
    for module in ("ranking", "board"):
        monkeypatch.setattr(f"tdsr_leaderboard.{module}.MOST_TESTED", 2)


@pytest.mark.usefixtures("two_are_tested")
def test_of_many_methods_the_best_are_tested_against_each_other():
    cards = [card("c", [0.1, 0.2, 0.3]), card("a", [0.30, 0.40, 0.50]), card("b", [0.28, 0.42, 0.49])]
    (found,) = boards(entries_of(cards))
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b")]
    assert "Not told apart, of 1 pairs of the 2 best" in markdown(cards)
    assert "0 of 1 pairs of the 2 best methods are told apart" in pairs_text(found)


def test_under_three_regions_no_pair_is_told_apart():
    cards = [card("a", [0.9, 0.9]), card("b", [0.1, 0.1])]
    text = markdown(cards)
    assert "two independent regions: too few for an interval" in text
    assert "- a and b: +0.800\n" in text


def test_other_pixels_make_another_table():
    cards = [card("a", [0.1, 0.1, 0.1]), card("b", [0.1, 0.1, 0.1], fingerprint="0" * 64)]
    assert len(sections(entries_of(cards))) == 2
    assert markdown(cards).count("\n## ") == 2


def test_of_two_cards_of_one_submission_the_later_counts():
    found = sections(entries_of([card("a", [0.1, 0.1, 0.1]), card("a", [0.2, 0.2, 0.2])]))
    (members,) = found.values()
    assert [member.card.summary.image_gap_no_lpips.value for member in members if member.card.summary] == [
        pytest.approx(0.2)
    ]


def test_cards_are_found_below_a_folder_and_other_files_are_left_alone(tmp_path: Path):
    write_card(tmp_path / "deep" / "er" / "card.json", card("a", [0.1, 0.1, 0.1]))
    (tmp_path / "other.json").write_text("{}")
    assert [found.label for found in read_cards(tmp_path)] == ["a"]


def test_a_broken_card_is_refused_and_so_is_an_empty_folder(tmp_path: Path):
    with pytest.raises(CardError, match="There is no card below"):
        read_cards(tmp_path)
    (tmp_path / "card.json").write_text('{"schema": 1, "submission"')
    with pytest.raises(CardError, match="is no JSON, or is cut short"):
        read_cards(tmp_path)


def test_a_gap_without_value_is_a_dash():
    assert str(GapPart(value=None, missing=("x",))) == "—"


def test_two_submissions_of_one_name_are_told_apart_by_their_hashes():
    text = markdown([card("a", [0.3, 0.3, 0.3], about={"sha256": hash_ * 64}) for hash_ in "bc"])
    assert "| 1 | a (bbbbbbbb, sisr) |" in text
    assert "| 2 | a (cccccccc, sisr) |" in text


def test_every_broken_card_is_named(tmp_path: Path):
    write_card(tmp_path / "good.json", card("a", [0.1, 0.1, 0.1]))
    (tmp_path / "one.json").write_text('{"schema": 1, "submission": {}}')
    (tmp_path / "two.json").write_text('{"schema": 7, "submission": {}}')
    with pytest.raises(CardError, match=r"(?s)one\.json.*two\.json is of card schema 7, expected 1"):
        read_cards(tmp_path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a | b\n| 1 | c", r"a \| b \| 1 \| c"),
        ("[x](javascript:y) & `z`", r"\[x\](javascript:y) &amp; \`z\`"),
        ("x" * 300, "x" * 79 + "…"),
    ],
)
def test_names_are_text_whatever_they_hold(name: str, shown: str):
    assert escaped(name) == shown
    assert f"| 1 | {shown} | sisr |" in markdown([card(name, [0.1, 0.1, 0.1])])


def test_flags_say_what_a_reader_has_to_know():
    metrics = {
        key: {"mean": value, "n": 3} for key, value in (("hallucination", 0.4), ("improvement", 0.3), ("grid", 0.25))
    }
    summary = card("x", [0.2, 0.2, 0.3]).model_dump(mode="json")["summary"] | {"metrics": metrics}
    text = markdown([card("x", [0.2] * 3, summary=summary, about={"sha256": None}, environment={"dirty": True})])
    assert "| hallucination 0.40; grid 0.25; images only; changed code |" in text
    assert "*grid*: a pattern that repeats every three pixels" in text
    assert "*incomplete*" not in text


def test_cards_of_different_pixels_may_not_stand_side_by_side():
    cards = [card("a", [0.1] * 3), card("b", [0.1] * 3, fingerprint="0" * 64)]
    with pytest.raises(CardError, match="may not stand side by side"):
        only_section(entries_of(cards))
    with pytest.raises(CardError, match="There is no card"):
        only_section([])


@pytest.mark.parametrize("value", ["NaN", "1e300", "-Infinity", '"high"'])
def test_numbers_that_cannot_be_counted_with_are_refused(tmp_path: Path, value: str):
    write_card(tmp_path / "card.json", card("a", [0.125, 0.125, 0.125]))
    text = (tmp_path / "card.json").read_text()
    (tmp_path / "card.json").write_text(text.replace("0.125", value, 1))
    with pytest.raises(CardError, match=r"card\.json"):
        read_cards(tmp_path)


def test_tables_do_without_torch():
    script = (
        "import sys, tdsr_leaderboard.publish, tdsr_leaderboard.markdown, tdsr_bench.tasks.sheet; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
