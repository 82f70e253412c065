"""Whole runs on full tiles: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k whole_tile``.
Skipped in the test suite.

Time and memory by the number of scenes and of pixels, each run in a process of its own with an empty cache. LPIPS is
not in it (its weights may not be there), see `test_speed`; nor are task networks, see `test_task_speed`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from makers import SceneMaker, write_dataset

SUBMISSIONS = [str(Path(__file__).parents[2] / "submissions" / name) for name in ("bicubic", "lanczos")]
"""The first pays for the methods that every table shows."""

FULL, DATES = 1965, 14

RUN = """
import resource, time
from tdsr_bench.api import evaluate

seconds = []
for submission in {submissions!r}:
    start = time.perf_counter()
    evaluate(submission, {data!r}, out={out!r}, quiet=True, isolation="none")
    seconds.append(round(time.perf_counter() - start, 1))
print(seconds, round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2))
"""


@pytest.mark.parametrize(
    ("scenes", "size"),
    [(1, 654), (1, 1311), (1, FULL), (3, FULL)],
)
@pytest.mark.benchmark(group="whole tiles")
def test_evaluate(benchmark, tmp_path: Path, scenes: int, size: int):
    data = write_dataset(tmp_path / "data", SceneMaker(), regions=1, scenes=scenes, size=size, frames=DATES)
    text = RUN.format(submissions=SUBMISSIONS, data=str(data), out=str(tmp_path / "card"))
    environment = os.environ | {"TDSR_BENCH_CACHE": str(tmp_path / "cache")}

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True
        ).stdout

    printed = benchmark.pedantic(run, rounds=1)
    seconds, peak = re.fullmatch(r"(.*) ([\d.]+)\n", printed).groups()  # type: ignore[union-attr]
    benchmark.extra_info |= {"seconds of each submission": seconds, "peak memory, GB": peak}
    print(f"\n{scenes} scenes of {size}: {benchmark.extra_info}")
