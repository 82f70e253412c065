"""Speed of 200 cards: ``uv run pytest -n 0 tests/benchmarks --benchmark-only``. Skipped in the test suite.

The cards are those of mini under other names, each with its sheet, from disk to table, page and figures.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tdsr_leaderboard.markdown import leaderboard_markdown
from tdsr_leaderboard.publish import publish
from tdsr_leaderboard.read import read_cards

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"
COUNT = 200

Benchmark = Callable[..., object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    sheets = sorted(CARDS.glob("*.webp"))
    originals = [(json.loads(sheet.with_suffix(".json").read_text()), sheet) for sheet in sheets]
    for number in range(COUNT):
        content, sheet = originals[number % len(originals)]
        about = content["submission"] | {"name": f"method {number}", "sha256": f"{number:064}", "training": None}
        (folder / f"{number}.json").write_text(json.dumps(content | {"submission": about}))
        shutil.copy(sheet, folder / f"{number}.webp")
    return folder


def test_reading(folder: Path, benchmark: Benchmark):
    benchmark(read_cards, folder)


def test_table_page_and_figures(folder: Path, tmp_path: Path, benchmark: Benchmark):
    def build() -> None:
        entries = read_cards(folder)
        leaderboard_markdown(entries)
        list(publish(entries, html=tmp_path / "page.html", figures=tmp_path / "figures"))

    benchmark(build)
    assert (tmp_path / "page.html").stat().st_size < 5_000_000


def test_json_alone(folder: Path, benchmark: Benchmark):
    """What reading costs at the least, without holding cards against their form."""
    benchmark(lambda: [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))])
