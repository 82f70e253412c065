"""Fixtures that all tests share: scenes, data sets on disk, the command line."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

# Each worker of a test run takes one core; set before anything that counts cores is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from commands import Ran, Run
from makers import SceneMaker, write_dataset

from tdsr_bench.cli import main
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol

REPOSITORY = Path(__file__).parents[1]


LONG = ("test_docs.py", "test_interrupted.py", "test_disks.py", "test_extending.py", "test_ladder.py", "test_page.py")
"""Files of tests that take minutes. They come first: a worker that began one last would work on while others rest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, each file's tests in their order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pixels, which is not part of the repository; tests that need it skip without it."""
    folder = Path(os.environ.get("TDSR_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("real pixels are not here (set TDSR_SHARED to their folder)")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def protocol() -> BenchmarkProtocol:
    return load_protocol("tdsr-v1")


@pytest.fixture
def make_scene() -> SceneMaker:
    return SceneMaker()


WriteData = Callable[..., Path]


@pytest.fixture
def write_data(tmp_path: Path, make_scene: SceneMaker) -> WriteData:
    """Writes scenes of several regions as a data set; returns its folder. See `makers.write_dataset`."""

    def write(*, name: str = "tiny", **options: object) -> Path:
        return write_dataset(tmp_path / name, make_scene, name=name, **options)

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tdsr-bench", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        return Ran(code, *capsys.readouterr())

    return call
