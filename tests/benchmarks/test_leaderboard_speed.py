"""Speed of many cards: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k leaderboard``. Skipped in the suite.

The cards are those of mini under other names, each with its sheet, from disk to table, page and figures.
"""

import json
import shutil
from pathlib import Path

import pytest

from tdsr_leaderboard.markdown import leaderboard_markdown
from tdsr_leaderboard.publish import publish
from tdsr_leaderboard.read import read_cards

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"
COUNTS = (200, 1000)


@pytest.fixture(scope="module", params=COUNTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    sheets = sorted(CARDS.glob("*.webp"))
    originals = [(json.loads(sheet.with_suffix(".json").read_text()), sheet) for sheet in sheets]
    for number in range(request.param):
        content, sheet = originals[number % len(originals)]
        about = content["submission"] | {"name": f"method {number}", "sha256": f"{number:064}", "training": None}
        (folder / f"{number}.json").write_text(json.dumps(content | {"submission": about}))
        shutil.copy(sheet, folder / f"{number}.webp")
    return folder


def test_reading(folder: Path, benchmark):
    benchmark(read_cards, folder)


def test_table_page_and_figures(folder: Path, tmp_path: Path, benchmark):
    def build() -> None:
        entries = read_cards(folder)
        leaderboard_markdown(entries)
        list(publish(entries, html=tmp_path / "page.html", figures=tmp_path / "figures"))

    benchmark.pedantic(build, rounds=3)
    benchmark.extra_info["page, MB"] = round((tmp_path / "page.html").stat().st_size / 1e6, 1)
    print(f"\n{benchmark.extra_info}")


def test_json_alone(folder: Path, benchmark):
    """What reading costs at the least, without holding cards against their form."""
    benchmark(lambda: [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))])
