"""Work on the workers of a Dask scheduler that somebody started."""

import functools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tdsr_bench.engine.elsewhere import Site, at_site, check_site, this_site
from tdsr_bench.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

CONNECT, JOIN = 10, 60
"""Seconds that a scheduler is given to answer, and its first worker to join."""


def open_dask(address: str) -> Executor:
    """The workers of the scheduler at `address`, such as ``tcp://host:8786``.

    Raises:
        UserError: Dask is not installed, no scheduler answers, it has no worker, or a worker cannot be used.
    """
    if "://" not in address:
        raise UserError(f"The engine dask:{address} names no scheduler; say dask:tcp://HOST:PORT, its address.")
    try:
        from distributed import Client
    except ImportError:
        raise UserError("The engine dask needs Dask; install it by `pip install 'tdsr-bench[dask]'`.") from None
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False, name="tdsr-bench")
    except (OSError, ValueError) as error:
        raise UserError(
            f"No Dask scheduler answers at {address} ({str(error).splitlines()[0]}); start one by `dask scheduler`, "
            f"or mend the address."
        ) from None
    site = this_site()
    try:
        _check_workers(client, address, site)
    except BaseException:
        client.close()
        raise
    return DaskExecutor(client, site)


class DaskExecutor(Executor):
    """Sends each job to a worker of `client`; one that is killed is replaced by another, as Dask does."""

    def __init__(self, client: "Client", site: Site) -> None:
        self._client, self._site = client, site
        self._workers = client.get_executor(pure=False)  # pure: two jobs that look alike would be done once

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have `fn` run by a worker; what goes wrong with the cluster is told in the future, as a sentence."""
        work = functools.partial(at_site, self._site, fn, args, kwargs)
        theirs: Future[T] = self._workers.submit(work)
        ours: Future[T] = Future()
        theirs.add_done_callback(lambda done: _hand_on(done, ours))
        ours.add_done_callback(lambda done: theirs.cancel() if done.cancelled() else None)
        return ours

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler; it and its workers go on."""
        self._workers.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def _hand_on(theirs: Future[T], ours: Future[T]) -> None:
    """Give `ours` what came of `theirs`."""
    if not ours.set_running_or_notify_cancel():
        return
    if theirs.cancelled():
        ours.set_exception(
            UserError("The Dask scheduler is gone; what was finished is kept, so start it and run the command again.")
        )
        return
    error = theirs.exception()
    if error is None:
        ours.set_result(theirs.result())
    else:
        ours.set_exception(_told(error))


def _told(error: BaseException) -> BaseException:
    """The error, or the sentence for one that is Dask's."""
    from distributed.scheduler import KilledWorker

    if not isinstance(error, KilledWorker):
        return error
    return UserError(
        "One job ended several Dask workers, most likely because memory ran out; what was finished is kept, so start "
        "workers with more memory, fewer on a machine, and run the command again."
    )


def _check_workers(client: "Client", address: str, site: Site) -> None:
    """Refuse a cluster without workers, and one with workers that could not do the work."""
    try:
        client.wait_for_workers(1, timeout=JOIN)
    except TimeoutError:
        raise UserError(
            f"The scheduler at {address} has had no worker for {JOIN} seconds; start some by `dask worker {address} "
            f"--nthreads 1`."
        ) from None
    for worker, threads in client.nthreads().items():
        if threads != 1:
            raise UserError(
                f"The Dask worker {worker} has {threads} threads, and scoring is not safe in several at once; start it "
                f"by `dask worker {address} --nworkers {threads} --nthreads 1`."
            )
    for worker, problem in client.run(check_site, site, on_error="return").items():
        if problem is not None:
            raise _unfit(worker, problem)


def _unfit(worker: str, problem: Any) -> UserError:
    """The sentence for a worker that could not even be asked, or that said no."""
    if isinstance(problem, UserError):
        return problem
    return UserError(
        f"The Dask worker {worker} cannot be used ({type(problem).__name__}: {problem}); install the same tdsr-bench "
        f"there."
    )
