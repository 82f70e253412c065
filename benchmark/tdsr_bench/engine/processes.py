"""Work in several processes of this machine."""

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from tdsr_bench.errors import UserError
from tdsr_bench.orphans import end_with_parent


def open_processes(count: str) -> Executor:
    """`count` processes.

    Raises:
        UserError: it is no number above 0.
    """
    if not (count.isdigit() and int(count) > 0):
        raise UserError(f"The engine process:{count} has no number of processes; say process:2 for two.")
    # spawn: a forked child of a process that has run torch or OpenMP threads can hang
    context: Any = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(int(count), mp_context=context, initializer=end_with_parent)
