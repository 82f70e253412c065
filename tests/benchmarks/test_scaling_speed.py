"""How a run grows with scenes and workers: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k scaling``. Skipped
in the test suite.

Scenes are small, 72 x 72 pixels of three dates, so that what a scene costs besides its pixels weighs as much as it can.
Each round begins with an empty cache. What is printed below the table: scenes a minute and the card's size.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from makers import SceneMaker, write_dataset

from tdsr_bench.api import evaluate

REGIONS = 5
BICUBIC = Path(__file__).parents[2] / "submissions" / "bicubic"
SCENES = (10, 100, 1000)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Data sets by their number of scenes."""
    folder = tmp_path_factory.mktemp("datasets")
    return {
        count: write_dataset(
            folder / str(count), SceneMaker(), regions=REGIONS, scenes=count // REGIONS, size=216, name=f"small{count}"
        )
        for count in SCENES
    }


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    """A scheduler on this machine with two workers of one thread."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield f"dask:{cluster.scheduler_address}"


@pytest.mark.parametrize(
    ("engine", "count"),
    [("serial", 10), ("serial", 100), ("process:2", 10), ("process:2", 100), ("process:2", 1000), ("dask", 100)],
)
@pytest.mark.benchmark(group="scaling, small scenes")
def test_evaluate(benchmark, request, tmp_path, monkeypatch, datasets: dict[int, Path], engine: str, count: int):
    engine = request.getfixturevalue("dask") if engine == "dask" else engine
    rounds = itertools.count()

    def begin() -> None:
        monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / f"cache-{next(rounds)}"))

    def run() -> None:
        evaluate(BICUBIC, datasets[count], out=tmp_path / "card", engine=engine, quiet=True, isolation="none")

    benchmark.pedantic(run, setup=begin, rounds=1)
    [card] = (tmp_path / "card").rglob("card.json")
    benchmark.extra_info["scenes a minute"] = round(60 * count / benchmark.stats["mean"], 1)
    benchmark.extra_info["card, kB a scene"] = round(card.stat().st_size / 1000 / count, 2)
    print(f"\n{engine}, {count} scenes: {benchmark.extra_info}")
