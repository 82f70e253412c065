"""Work in several processes of this machine."""

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from tdsr_bench.errors import UserError


def open_processes(count: str) -> Executor:
    """`count` processes.

    Raises:
        UserError: it is no number above 0.
    """
    if not (count.isdigit() and int(count) > 0):
        raise UserError(f"The engine process:{count} has no number of processes; say process:2 for two.")
    # spawn: a forked child of a process that has run torch or OpenMP threads can hang
    context: Any = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // int(count))
    return ProcessPoolExecutor(int(count), mp_context=context, initializer=take_cores, initargs=(threads,))


def take_cores(threads: int) -> None:
    """Keep this process to `threads` cores: libraries would take all, and several processes wait for each other."""
    import cv2
    import threadpoolctl

    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what a submission loads later, torch above all
    threadpoolctl.threadpool_limits(threads)
    cv2.setNumThreads(threads)
