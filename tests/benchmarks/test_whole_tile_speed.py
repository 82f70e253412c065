"""Whole runs on full tiles: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k whole_tile``.
Skipped in the test suite.

Time and memory by the number of scenes and of pixels, each run in a process of its own with an empty cache; with and
without the task networks of the package. LPIPS is not in it (its weights may not be there): see `test_speed`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from makers import SceneMaker, write_dataset

from tdsr_bench.data.mini import MINI_VERSION
from tdsr_bench.tasks.networks.sets import shipped_networks

BICUBIC = Path(__file__).parents[2] / "submissions" / "bicubic"
FULL, DATES = 1965, 14

RUN = """
import resource, sys, time
from tdsr_bench.api import evaluate

start = time.perf_counter()
evaluate({submission!r}, {data!r}, out={out!r}, networks={networks!r}, quiet=True, isolation="none")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"seconds {{time.perf_counter() - start:.1f}}, GB {{peak:.2f}}")
"""


@pytest.mark.parametrize(
    ("scenes", "size", "tasks"),
    [(1, 654, False), (1, 1311, False), (1, FULL, False), (3, FULL, False), (1, FULL, True)],
)
@pytest.mark.benchmark(group="whole tiles")
def test_evaluate(benchmark, tmp_path: Path, scenes: int, size: int, tasks: bool):
    data = write_dataset(
        tmp_path / "data",
        SceneMaker(),
        regions=1,
        scenes=scenes,
        size=size,
        frames=DATES,
        bright=0.08 if tasks else None,
    )
    networks = str(shipped_networks("mini", MINI_VERSION)) if tasks else None
    text = RUN.format(submission=str(BICUBIC), data=str(data), out=str(tmp_path / "card"), networks=networks)
    environment = os.environ | {"TDSR_BENCH_CACHE": str(tmp_path / "cache")}

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True
        ).stdout

    printed = benchmark.pedantic(run, rounds=1)
    found = re.search(r"seconds (.+), GB (.+)", printed)
    assert found, printed
    benchmark.extra_info |= {"seconds without start-up": float(found[1]), "peak memory, GB": float(found[2])}
    print(f"\n{scenes} scenes of {size}, tasks {tasks}: {benchmark.extra_info}")
