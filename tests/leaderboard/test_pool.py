"""Folds that become one result."""

from pathlib import Path

import pytest

from cards import card
from tdsr_bench.card import ResultCard, read_card
from tdsr_bench.errors import CardError
from tdsr_bench.protocol import load_protocol
from tdsr_leaderboard.pool import pool, pooled
from tdsr_leaderboard.read import entries_of, sections

CARD = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test" / "shift-and-add.json"


@pytest.fixture(scope="module")
def whole() -> ResultCard:
    return read_card(CARD)


def part(whole: ResultCard, regions: tuple[str, ...], fold: str) -> ResultCard:
    """What a card of these regions alone would be, as far as pooling looks at it."""
    rows, references = (
        tuple(row for row in rows if row["group"] in regions) for rows in (whole.rows, whole.reference_rows)
    )
    data = whole.data.model_copy(
        update={
            "name": "mus2",
            "split": f"fold-{fold}",
            "regions": regions,
            "scenes": tuple(sorted({row["scene"] for row in rows})),
            "fingerprint": fold * 16,
        }
    )
    about = whole.submission.model_copy(update={"sha256": fold * 16, "training_data": f"all but {fold}"})
    return whole.model_copy(update={"data": data, "submission": about, "rows": rows, "reference_rows": references})


def folds(whole: ResultCard) -> list[ResultCard]:
    names = [*load_protocol("tdsr-v1").splits["mus2"].folds]
    regions = whole.data.regions
    return [part(whole, regions[index::4], name) for index, name in enumerate(names)]


def test_what_is_pooled_of_parts_is_the_whole(whole: ResultCard):
    (found,) = pooled(folds(whole))
    assert whole.summary is not None
    assert found.summary is not None
    for score in ("image_gap_no_lpips", "task_gap", "combined_gap_no_lpips"):
        expected, came = getattr(whole.summary, score), getattr(found.summary, score)
        assert came.value == pytest.approx(expected.value, abs=1e-12)
        assert came.ci95 == pytest.approx(expected.ci95, abs=1e-12)
        assert came.regions == pytest.approx(expected.regions, abs=1e-12)
    assert found.summary.image_gap.missing
    assert (found.data.split, found.data.scenes) == ("folds", whole.data.scenes)
    assert found.submission.training_data.count("all but") == 4
    for name, gaps in whole.references.items():
        assert found.references[name]["task_gap"].value == pytest.approx(gaps["task_gap"].value, abs=1e-12)


def test_a_missing_fold_pools_nothing_and_a_failed_one_makes_the_whole_incomplete(whole: ResultCard):
    parts = folds(whole)
    assert pooled(parts[:3]) == []
    broken = parts[0].model_copy(update={"status": "incomplete", "failed": {"x": "it raised"}})
    (found,) = pooled([broken, *parts[1:]])
    assert (found.status, found.summary, found.failed) == ("incomplete", None, {"x": "it raised"})


def test_a_scene_in_two_folds_is_refused(whole: ResultCard):
    parts = folds(whole)
    with pytest.raises(CardError, match="stands in two folds"):
        pool([parts[0], parts[0]], load_protocol("tdsr-v1"))


def test_tables_have_the_folds_and_what_is_pooled_of_them(whole: ResultCard):
    found = sections(entries_of(folds(whole)))
    assert sorted(section.split for section in found) == ["fold-30T", "fold-31U", "fold-32V", "fold-33U", "folds"]


def test_a_task_counts_where_it_counted_in_every_fold(whole: ResultCard):
    parts = folds(whole)
    summary = parts[0].summary
    assert summary is not None
    tasks = dict(summary.tasks) | {"roads.apls": summary.tasks["roads.apls"].model_copy(update={"in_gap": False})}
    parts[0] = parts[0].model_copy(update={"summary": summary.model_copy(update={"tasks": tasks})})
    (found,) = pooled(parts)
    assert found.summary is not None
    assert [key for key, task in found.summary.tasks.items() if task.in_gap] == ["roads.iou", "buildings.iou"]


def test_cards_of_other_data_are_left_alone():
    assert pooled([card("a", [0.1, 0.2, 0.3])]) == []
