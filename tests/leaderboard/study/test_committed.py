"""The study that comes with the repository: its report is what its records say, and what it names is there."""

from pathlib import Path

import pytest

from tdsr_bench.card import read_card
from tdsr_bench.study.record import read_index, read_study
from tdsr_leaderboard.markdown import leaderboard_markdown
from tdsr_leaderboard.read import read_cards
from tdsr_leaderboard.study.report import make_report, write_report

REPOSITORY = Path(__file__).parents[3]
PLAN, FOLDER = REPOSITORY / "studies/seed.toml", REPOSITORY / "studies/seed"


def test_its_runs_are_done() -> None:
    index = read_index(FOLDER)
    assert {entry.status for entry in index.runs} == {"done"}
    assert [record.key for record in read_study(FOLDER)] == [entry.key for entry in index.runs]


def test_its_report_is_what_its_records_say(tmp_path: Path) -> None:
    """Made by `tdsr-bench study report studies/seed.toml --figures docs/images/study`."""
    written = tmp_path / "studies/seed/report.md"
    figures = tmp_path / "docs/images/study"
    write_report(make_report(PLAN, FOLDER), PLAN, out=written, html=written.with_suffix(".html"), folder=figures)
    assert (FOLDER / "report.md").read_text(encoding="utf-8") == written.read_text(encoding="utf-8")
    known = {path.name for path in (REPOSITORY / "docs/images/study").glob("*.svg")}
    assert known == {path.name for path in figures.glob("*.svg")}


def test_its_table_is_that_of_its_cards() -> None:
    table = leaderboard_markdown(read_cards(FOLDER / "cards"))
    assert (FOLDER / "leaderboard.md").read_text(encoding="utf-8") == table


def test_cards_are_there_and_say_what_records_say() -> None:
    for record in (record for record in read_study(FOLDER) if record.card):
        assert read_card(FOLDER / str(record.card)).summary == record.summary


@pytest.mark.parametrize("variant", ["pixel", "roads", "buildings", "both", "hr-free", "task-only"])
def test_checkpoints_of_the_seeds_grid_are_there(variant: str) -> None:
    first = [record.training for record in read_study(FOLDER) if (record.variant, record.seed) == (variant, 1)]
    assert first
    assert all(training and (FOLDER / training.checkpoint).is_file() for training in first)
