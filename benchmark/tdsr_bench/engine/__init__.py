"""Where work runs: anything with the interface of `concurrent.futures.Executor`, one file an engine."""

from collections.abc import Callable
from concurrent.futures import Executor

from tdsr_bench.engine.dask_workers import open_dask
from tdsr_bench.engine.processes import open_processes
from tdsr_bench.engine.serial import SerialExecutor
from tdsr_bench.engine.slurm_jobs import open_slurm
from tdsr_bench.engine.work import Progress, completed
from tdsr_bench.errors import UserError

__all__ = ["ENGINES", "Progress", "SerialExecutor", "completed", "open_engine"]

ENGINES: dict[str, Callable[[str], Executor]] = {
    "serial": lambda _: SerialExecutor(),
    "process": open_processes,
    "dask": open_dask,
    "slurm": open_slurm,
}
"""What opens an engine, given what stands after its name and a colon."""

KNOWN = (
    "serial, process:N for N processes, dask:tcp://HOST:PORT for the workers of a Dask scheduler, or slurm:PARTITION "
    "for jobs of Slurm"
)


def open_engine(name: str) -> Executor:
    """The executor called `name`, such as ``serial``, ``process:2``, ``dask:tcp://host:8786``, ``slurm:cpu``.

    Raises:
        UserError: there is no such engine, what it needs is not installed, or it cannot be reached.
    """
    kind, _, rest = name.partition(":")
    if kind not in ENGINES or (kind == "serial" and rest):
        raise UserError(f"There is no engine {name!r}; choose {KNOWN}.")
    return ENGINES[kind](rest)
