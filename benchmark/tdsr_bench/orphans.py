"""Worker processes that end with the process that started them, however that ended."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """Make this worker end as soon as its parent has; the initializer of every pool of processes.

    A worker whose parent was killed would go on with what is queued, and then wait for ever: it holds both ends of the
    queue. An interruption ends it at once and without a word, since its parent tells.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)  # nobody is there to be told of an error
