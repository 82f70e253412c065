"""The same work for many names, on any executor: what is done comes as soon as it is."""

import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import TypeVar

from tdsr_bench.engine.one_core import one_core
from tdsr_bench.errors import UserError

J = TypeVar("J")
T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with the scene that is done, how many are, and how many there are."""


def completed(
    engine: Executor, work: Callable[[J, str], T], job: J, names: Sequence[str]
) -> Iterator[tuple[str, Future[T]]]:
    """``work(job, name)`` for each name, each on one core: the futures, each as soon as it is done.

    What has not begun when the caller stops asking is cancelled.

    Raises:
        UserError: a process that worked was killed.
    """
    waiting: dict[Future[T], str] = {}
    try:
        for name in names:
            future = engine.submit(sound, work, job, name)
            if future.done():
                yield name, _whole(future)
            else:
                waiting[future] = name
        for future in as_completed(waiting):
            yield waiting[future], _whole(future)
    except BrokenExecutor as error:
        raise UserError(
            "A process that worked was killed, most likely because memory ran out; what was finished is kept, so run "
            "the same command again, with fewer processes (such as --engine process:1)."
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def sound(work: Callable[[J, str], T], job: J, name: str) -> T:
    """``work(job, name)`` on one core, so that its numbers are the same by every engine.

    An exception that could not travel to another process is told in words instead: one that cannot be unpickled would
    break a pool of processes, and everything that waits for it.
    """
    try:
        with one_core():
            return work(job, name)
    except UserError:
        raise
    except Exception as error:
        if travels(error):
            raise
        told = "".join(traceback.format_exception(error))
        raise RuntimeError(f"{name}: {type(error).__name__}, which cannot be pickled:\n{told}") from None


def travels(thing: object) -> bool:
    """Whether `thing` survives being pickled."""
    try:
        pickle.loads(pickle.dumps(thing))
    except Exception:  # a class's own code runs here, and may raise anything
        return False
    return True


def _whole(future: Future[T]) -> Future[T]:
    """The future that is done, unless it ended because the process that worked for it is gone."""
    error = None if future.cancelled() else future.exception()
    if isinstance(error, BrokenExecutor):
        raise error
    return future
