"""Where work runs: anything with the interface of `concurrent.futures.Executor`."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from typing import Any, ParamSpec, TypeVar

from tdsr_bench.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")


J = TypeVar("J")

Progress = Callable[[str, int, int], None]
"""Called with the scene that is done, how many are, and how many there are."""


class SerialExecutor(Executor):
    """Runs each job at once, in this process."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` now; its result or its exception waits in the future that is returned."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # whatever a job raises belongs to its future, as in every executor
            future.set_exception(error)
        return future


def open_engine(name: str) -> Executor:
    """The executor called `name`: ``serial``, or ``process:N`` for N processes.

    Raises:
        UserError: there is no such engine.
    """
    kind, _, count = name.partition(":")
    if name == "serial":
        return SerialExecutor()
    if kind == "process" and count.isdigit() and int(count) > 0:
        # spawn: a forked child of a process that has run torch or OpenMP threads can hang
        context: Any = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(int(count), mp_context=context, initializer=_share_cores, initargs=(int(count),))
    raise UserError(f"There is no engine {name!r}; choose serial, or process:N for N processes, such as process:2.")


def _share_cores(workers: int) -> None:
    """Give each of several processes its part of the cores; libraries would take them all and wait for each other."""
    import cv2
    import threadpoolctl

    threads = max(1, (os.cpu_count() or 1) // workers)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what a submission loads later, torch above all
    threadpoolctl.threadpool_limits(threads)
    cv2.setNumThreads(threads)


def completed(
    engine: Executor, work: Callable[[J, str], T], job: J, names: Sequence[str]
) -> Iterator[tuple[str, Future[T]]]:
    """``work(job, name)`` for each name: the futures, each as soon as it is done.

    What has not begun when the caller stops asking is cancelled.
    """
    waiting: dict[Future[T], str] = {}
    try:
        for name in names:
            future = engine.submit(work, job, name)
            if future.done():
                yield name, future
            else:
                waiting[future] = name
        for future in as_completed(waiting):
            yield waiting[future], future
    finally:
        for future in waiting:
            future.cancel()
