"""Fuzzing: files of others, mutated, read in a process whose time and memory are watched.

By hand, with thousands of examples drawn anew and a table of what came of them:
``TDSR_BENCH_FUZZ=5000 TDSR_BENCH_FUZZ_TABLE=fuzz.jsonl uv run pytest -n 0 tests/fuzz``
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuzz.mutations import Mutated
from fuzz.reading import Child
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("TDSR_BENCH_FUZZ", "25")),
    derandomize="TDSR_BENCH_FUZZ" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fuzz")

Fuzz = Callable[[str, str, Mutated], None]


@pytest.fixture(scope="session")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """The process that reads."""
    running = Child(tmp_path_factory.mktemp("child"))
    yield running
    running.stop()
    if table := os.environ.get("TDSR_BENCH_FUZZ_TABLE"):
        with Path(table).open("a") as file:
            file.writelines(json.dumps([*key, count]) + "\n" for key, count in sorted(running.counts.items()))


@pytest.fixture
def fuzz(child: Child, tmp_path: Path) -> Fuzz:
    """Has a reader read a mutated file of a name, and holds it to its promises."""

    def check(reader: str, name: str, mutated: Mutated) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mutated.content)
        child.read(reader, path, how=mutated.fault)

    return check


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """A path of a name at which nothing is."""

    def empty(name: str) -> Path:
        shutil.rmtree(tmp_path / name.partition("/")[0], ignore_errors=True)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        return tmp_path / name

    return empty
