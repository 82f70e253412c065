"""Three workers of a Dask scheduler on this machine, one of which is killed."""

import operator
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import KILLED_ONCE, Score, same

from tdsr_bench.card import ResultCard
from tdsr_bench.engine import completed, dask_workers, open_engine
from tdsr_bench.errors import UserError

distributed = pytest.importorskip("distributed", reason="Dask is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler with three workers, each a process with one thread."""
    with local_cluster(n_workers=3, threads_per_worker=1, processes=True) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def engine(cluster: Any) -> str:
    """How the command line is told of it."""
    return f"dask:{cluster.scheduler_address}"


def local_cluster(**options: object) -> Any:
    return distributed.LocalCluster(dashboard_address=":0", **options)


@pytest.mark.slow
def test_dask_gives_the_same_digits(engine: str, score: Score, serial: ResultCard):
    assert same(score(lambda: open_engine(engine)), serial)


def test_a_worker_that_is_killed_changes_no_digit(engine: str, score: Score, serial: ResultCard, tmp_path: Path):
    (tmp_path / "deadly").touch()
    card = score(lambda: open_engine(engine), KILLED_ONCE, tmp_path)
    assert not (tmp_path / "deadly").exists()
    assert card.rows == serial.rows
    assert card.reference_rows == serial.reference_rows


def test_errors_of_a_job_arrive_as_they_are(engine: str):
    with open_engine(engine) as opened:
        [(_, future)] = completed(opened, operator.truediv, 1, [0])
        with pytest.raises(ZeroDivisionError):
            future.result()
        assert opened.submit(operator.add, 1, 1).result() == 2


def test_what_the_caller_does_not_wait_for_is_cancelled(engine: str):
    with open_engine(engine) as opened:
        futures = [opened.submit(time.sleep, 0.2) for _ in range(20)]
        cancelled = [future.cancel() for future in futures]
    assert any(cancelled)
    assert [future.cancelled() for future in futures] == cancelled


def test_a_job_that_ends_every_worker_is_told_in_a_sentence(cluster: Any, engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)  # the fourth worker is the last otherwise
    with open_engine(engine) as opened:
        future = opened.submit(os._exit, 1)
        with pytest.raises(UserError, match="ended several Dask workers, most likely because memory ran out"):
            future.result()


def test_workers_of_several_threads_are_refused():
    with (
        local_cluster(n_workers=1, threads_per_worker=2, processes=False) as cluster,
        pytest.raises(UserError, match=r"has 2 threads, and scoring is not safe .* --nworkers 2 --nthreads 1"),
    ):
        open_engine(f"dask:{cluster.scheduler_address}")


def test_a_scheduler_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_workers, "JOIN", 0.5)
    with (
        local_cluster(n_workers=0) as cluster,
        pytest.raises(UserError, match=r"has had no worker for 0\.5 seconds; start some by `dask worker"),
    ):
        open_engine(f"dask:{cluster.scheduler_address}")


@pytest.mark.parametrize("address", ["", "127.0.0.1:8786"])
def test_an_address_is_needed(address: str):
    with pytest.raises(UserError, match="say dask:tcp://HOST:PORT"):
        open_engine(f"dask:{address}")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "smoke://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_is_told(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_workers, "CONNECT", 1)
    with pytest.raises(UserError, match=f"No Dask scheduler answers at {address}"):
        open_engine(f"dask:{address}")
