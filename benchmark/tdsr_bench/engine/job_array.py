"""An executor over jobs of submitit, which live in files: on Slurm, or as processes of this machine in tests."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tdsr_bench.engine.elsewhere import Site, at_site
from tdsr_bench.errors import UserError

if TYPE_CHECKING:
    import submitit

P = ParamSpec("P")
T = TypeVar("T")

PAUSE = 1.0
"""Seconds between looks at what was submitted and at what is done; so long has nothing more to come, for an array."""

LATE = 20.0
"""Seconds that the result of a job that ended is waited for: shared file systems show files late."""


@dataclass(frozen=True)
class Call:
    """A function with its arguments, and the future of its result, which stays here."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any]


@dataclass
class Share:
    """What one job does: several calls, one after the other, each with a result or an exception of its own.

    A job that is stopped at its time limit is queued again by submitit, and goes on after the last call that was done.
    """

    site: Site
    calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]
    outcomes: list[tuple[bool, Any]] = field(default_factory=list)

    def __call__(self) -> list[tuple[bool, Any]]:
        """For each call whether it went well, and what it gave."""
        for fn, args, kwargs in self.calls[len(self.outcomes) :]:
            try:
                self.outcomes.append((True, at_site(self.site, fn, args, kwargs)))
            except Exception as error:  # it belongs to the future of this call
                self.outcomes.append((False, error))
        return self.outcomes

    def checkpoint(self) -> Any:
        """What is to be done in the next job, for submitit."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    __submitit_checkpoint__ = checkpoint  # its name from the next submitit on


@dataclass
class Running:
    """A job and the calls that it does."""

    job: "submitit.Job[list[tuple[bool, Any]]]"
    calls: Sequence[Call]
    ended: float | None = None
    """When it was first seen to have ended without a result."""


class ArrayExecutor(Executor):
    """Deals what is submitted to at most so many `jobs` of an array, and looks after them in a thread of its own.

    Args:
        submitter: of submitit; its time limit and resources are set.
        folder: where it keeps tasks, results and logs; removed at the end unless a job failed.
        site: see `tdsr_bench.engine.elsewhere.Site`.
        jobs: the most jobs in an array.
    """

    def __init__(self, submitter: "submitit.Executor", folder: Path, site: Site, *, jobs: int) -> None:
        self._submitter, self._folder, self._site = submitter, folder, site
        self._jobs = jobs
        self._gathered: list[Call] = []
        self._running: list[Running] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._seen = 0
        self._failed = False
        self._thread = threading.Thread(target=self._look_after, name="tdsr-bench jobs", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have `fn` run in a job; it is submitted once nothing more has come for a moment."""
        if self._closed.is_set():
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        with self._lock:
            self._gathered.append(Call(fn, args, kwargs, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all jobs. One whose futures are all cancelled, as `cancel_futures` does, is cancelled."""
        if cancel_futures:
            with self._lock:
                pending = [*self._gathered, *(call for running in self._running for call in running.calls)]
            for call in pending:
                call.future.cancel()
        self._closed.set()
        if wait:
            self._thread.join()

    def _look_after(self) -> None:
        """Submit what was gathered and collect what is done, until there is nothing left to do."""
        try:
            while not (self._closed.is_set() and not self._gathered and not self._running):
                self._start(self._settled())
                self._running = [running for running in self._running if not self._collect(running)]
                time.sleep(PAUSE)
        except BaseException as error:  # nobody else would ever tell those who wait
            self._failed = True
            for call in [*self._gathered, *(call for running in self._running for call in running.calls)]:
                if not call.future.done():
                    call.future.set_exception(error)
            raise
        if not self._failed:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _settled(self) -> list[Call]:
        """All that was gathered, if nothing has come since the last look."""
        with self._lock:
            if len(self._gathered) != self._seen and not self._closed.is_set():
                self._seen = len(self._gathered)
                return []
            calls, self._gathered, self._seen = self._gathered, [], 0
        return [call for call in calls if not call.future.cancelled()]

    def _start(self, calls: Sequence[Call]) -> None:
        """Submit an array of jobs that shares `calls` out."""
        if not calls:
            return
        dealt = [calls[index :: self._jobs] for index in range(min(self._jobs, len(calls)))]
        work = [Share(self._site, [(c.fn, c.args, c.kwargs) for c in share]) for share in dealt]
        try:
            jobs = self._submitter.submit_array(work)
        except Exception as error:  # the text of sbatch says why; it belongs to whoever waits for a future
            self._fail(calls, f"The jobs were not taken ({_last_line(error)}); mend what --engine asks for.")
            return
        self._running += [Running(job, share) for job, share in zip(jobs, dealt, strict=True)]

    def _collect(self, running: Running) -> bool:
        """Whether there is nothing more to come of a job; its futures then have what it gave."""
        job = running.job
        if all(call.future.cancelled() for call in running.calls):
            job.cancel(check=False)
            return True
        if not job.done():
            return False
        if not job.paths.result_pickle.exists():
            running.ended = running.ended or time.monotonic()
            late = time.monotonic() - running.ended > LATE
            if late:
                self._fail(running.calls, _lost(job, f"its state is {job.state}"))
            return late
        try:
            outcomes = job.result()
        except Exception as error:  # its traceback as text, or a file that cannot be unpickled
            self._fail(running.calls, _lost(job, _last_line(error)))
        else:
            _deliver(running.calls, outcomes)
        return True

    def _fail(self, calls: Sequence[Call], sentence: str) -> None:
        self._failed = True
        _deliver(calls, [(False, UserError(sentence))] * len(calls))


def _deliver(calls: Sequence[Call], outcomes: Sequence[tuple[bool, Any]]) -> None:
    """Give each future what its call gave, unless nobody waits for it any more."""
    for call, (well, outcome) in zip(calls, outcomes, strict=True):
        if not call.future.set_running_or_notify_cancel():
            continue
        if well:
            call.future.set_result(outcome)
        else:
            call.future.set_exception(outcome)


def _lost(job: "submitit.Job[Any]", why: str) -> str:
    return (
        f"The job {job.job_id} ended without a result ({why}; its log is {job.paths.stdout}), most likely because "
        f"memory or time ran out; what was finished is kept, so ask for more, as in --engine "
        f"'slurm:PARTITION?memory=16&minutes=240', and run the same command again."
    )


def _last_line(error: Exception) -> str:
    """Of what submitit tells, the line that says what went wrong: the last one of the traceback that it quotes."""
    told = str(error).split("-" * 22)
    lines = [line for line in told[1 if len(told) > 2 else 0].splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
