"""A tiny data set, a submission, and how they are scored by an engine without anything kept from another."""

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from engines import BICUBIC, Score
from makers import SceneMaker, write_dataset

from tdsr_bench.card import ResultCard, SubmissionPart
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.engine import SerialExecutor
from tdsr_bench.evaluate import Job, evaluate
from tdsr_bench.predict import FromSubmission
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.submission import load_submission


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of four scenes."""
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny", SceneMaker(), regions=2, scenes=2, frames=2)


@pytest.fixture(scope="module")
def score(tiny: Path, tmp_path_factory: pytest.TempPathFactory, protocol: BenchmarkProtocol) -> Score:
    """Evaluates a submission, given as text, by an engine that is opened in a cache of its own."""
    count = itertools.count()

    def run(
        engine: Callable[[], AbstractContextManager[Executor]] = SerialExecutor,
        text: str = BICUBIC,
        folder: Path | None = None,
    ) -> ResultCard:
        folder = folder or tmp_path_factory.mktemp(f"run-{next(count)}")
        path = folder / "submission.py"
        path.write_text(text)
        loaded = load_submission(path)
        about = SubmissionPart(name="plain", track="sisr", sha256=loaded.sha256, training_data="none", parameters=0)
        source = FromSubmission(path, loaded.sha256, folder / "kept")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TDSR_BENCH_CACHE", str(folder / "cache"))
            with engine() as opened:
                return evaluate(Job(open_dataset(tiny, protocol), "test", about, source), opened)

    return run


@pytest.fixture(scope="module")
def serial(score: Score) -> ResultCard:
    """What comes out in this process."""
    return score()
