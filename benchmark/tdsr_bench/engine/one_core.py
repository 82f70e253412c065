"""One job takes one core: sums of floats depend on how many threads share them, and a score must not."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

VARIABLE = "OMP_NUM_THREADS"


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """For a while, libraries compute in the thread that calls them and in no other; afterwards as before."""
    import cv2
    import threadpoolctl

    opencv, torch = cv2.getNumThreads(), sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else os.cpu_count() or 1
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1"  # for what is loaded by the job itself, torch above all
    cv2.setNumThreads(1)
    _set_torch(1)
    try:
        with threadpoolctl.threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(opencv)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        _set_torch(int(before) if before and before.isdigit() and not torch else threads)


def _set_torch(threads: int) -> None:
    torch: Any = sys.modules.get("torch")
    if torch:
        torch.set_num_threads(threads)
