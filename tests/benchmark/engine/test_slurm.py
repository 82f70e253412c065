"""Jobs of submitit: as processes of this machine, and through stand-ins for the commands of Slurm."""

import operator
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engines import KILLED_ONCE, Score, same

from tdsr_bench.card import ResultCard
from tdsr_bench.engine import completed, job_array, open_engine
from tdsr_bench.engine.elsewhere import this_site
from tdsr_bench.engine.job_array import ArrayExecutor, Share
from tdsr_bench.errors import UserError

submitit = pytest.importorskip("submitit", reason="submitit is not installed")

OpenLocal = Callable[..., ArrayExecutor]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_array, "PAUSE", 0.1)
    monkeypatch.setattr(job_array, "LATE", 0.3)


@pytest.fixture
def open_local(tmp_path: Path) -> OpenLocal:
    """Opens an executor whose jobs are processes of this machine."""

    def run(jobs: int = 2) -> ArrayExecutor:
        folder = tmp_path / "jobs"
        submitter = submitit.AutoExecutor(folder, cluster="local")
        submitter.update_parameters(timeout_min=10)
        return ArrayExecutor(submitter, folder, this_site(), jobs=jobs)

    return run


@pytest.mark.slow
def test_jobs_give_the_same_digits(open_local: OpenLocal, score: Score, serial: ResultCard, tmp_path: Path):
    assert same(score(open_local), serial)
    assert not (tmp_path / "jobs").exists()  # nothing failed, so nobody needs the logs


@pytest.mark.slow
def test_a_job_that_is_killed_is_told_with_its_log_and_what_was_finished_is_kept(
    open_local: OpenLocal, score: Score, serial: ResultCard, tmp_path: Path
):
    (tmp_path / "deadly").touch()
    with pytest.raises(UserError, match=r"ended without a result .* its log is \S+log.out\), most likely .* is kept"):
        score(lambda: open_local(jobs=1), KILLED_ONCE, tmp_path)
    assert list((tmp_path / "jobs").glob("*_log.out"))
    assert score(text=KILLED_ONCE, folder=tmp_path).rows == serial.rows


def test_each_call_of_a_job_has_an_outcome_of_its_own(open_local: OpenLocal):
    with open_local(jobs=1) as engine:
        futures = [engine.submit(operator.truediv, 6, number) for number in (3, 0, 2)]
        assert futures[0].result() == 2
        with pytest.raises(ZeroDivisionError):
            futures[1].result()
        assert futures[2].result() == 3
        assert len(list(engine._folder.glob("*_submitted.pkl"))) == 1
    with pytest.raises(RuntimeError, match="after shutdown"):
        engine.submit(operator.add, 1, 1)


def test_a_job_for_which_nobody_waits_is_cancelled(open_local: OpenLocal):
    engine = open_local(jobs=2)
    futures = [engine.submit(time.sleep, 3600) for _ in range(3)]
    while len(engine._running) < 2:
        time.sleep(0.05)
    jobs = [running.job for running in engine._running]
    engine.shutdown(cancel_futures=True)
    assert all(future.cancelled() for future in futures)
    while not all(job.done() for job in jobs):  # much sooner than they would end by themselves
        time.sleep(0.05)


def test_jobs_that_are_not_taken_are_told(open_local: OpenLocal, monkeypatch: pytest.MonkeyPatch):
    with open_local() as engine:
        monkeypatch.setattr(engine._submitter, "submit_array", lambda _: operator.truediv(1, 0))
        [(_, future)] = completed(engine, operator.add, 1, [2])
        with pytest.raises(UserError, match=r"The jobs were not taken \(division by zero\)"):
            future.result()


class Stopped(BaseException):
    """What ends a job at its time limit."""


def test_a_job_that_is_stopped_goes_on_where_it_was():
    done: list[int] = []

    def work(number: int) -> int:
        if number == 1 and len(done) == 1:
            done.append(-1)
            raise Stopped
        done.append(number)
        return number

    share = Share(this_site(), [(work, (number,), {}) for number in range(3)])
    with pytest.raises(Stopped):
        share()
    assert share.checkpoint().result() == [(True, 0), (True, 1), (True, 2)]
    assert done == [0, -1, 1, 2]


def test_without_slurm_the_engine_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="There is no Slurm on this machine"):
        open_engine("slurm:cpu")


SBATCH = """
import os, pathlib, re, subprocess, sys
script = pathlib.Path(sys.argv[1])
text = script.read_text()
(script.parent / "seen.sh").write_text(text)
for index in range(int(re.search(r"--array=0-([0-9]+)", text)[1]) + 1):
    names = {"SLURM_JOB_ID": str(100 + index), "SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": str(index)}
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(["bash", script], env={**os.environ, **names}, **quiet)
print("Submitted batch job 77")
"""
SRUN = """
import os, subprocess, sys
words = sys.argv[1:]
while words[0].startswith("--"):
    words = words[2:] if words[0] in ("--output", "--error") else words[1:]
sys.exit(subprocess.call(words))
"""
SACCT = """
print("JobID|State|NodeList")
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that are called as Slurm's are, and run jobs at once on this machine."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT), ("scancel", "")):
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("slurm")
def test_slurm_is_given_one_array_of_jobs(tmp_path: Path):
    with open_engine("slurm:cpu?cpus=3&memory=5&minutes=7&jobs=2") as engine:
        futures = [engine.submit(operator.mul, number, number) for number in range(5)]
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]
        script = next((tmp_path / "cache" / "slurm").glob("*/seen.sh")).read_text()
    for line in ("--array=0-1%2", "--partition=cpu", "--time=7", "--mem=5GB", "--cpus-per-task=3"):
        assert f"#SBATCH {line}" in script
