"""How a command ends that cannot go on: what the system refuses as a sentence, signals as a note."""

import errno
import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

INTERRUPTED, TERMINATED, HUNG_UP = 130, 143, 129

ENDINGS = {INTERRUPTED: "interrupted", TERMINATED: "terminated", HUNG_UP: "terminated"}
"""Exit codes of a command that was told to end."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a full quota, a file larger than is allowed."""

FAILED = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO)
"""A broken disk, or one that is gone."""

NO_FOLDER = (errno.ENOTDIR, errno.EEXIST)
"""A file where a folder is expected."""


def refusal(error: OSError) -> str | None:
    """What the system refused, as a sentence for the user; None for what only a bug asks of it."""
    where = str(error.filename) if error.filename else "a file"
    place = f"name another place{_by(where)}"
    if error.errno in NO_SPACE:
        told = f" for {where}" if error.filename else ""
        return f"no space left{told}; free some and run the same command again: what was finished is kept."
    if error.errno == errno.EROFS:
        return f"{where} cannot be written, since it lies on a disk that is read-only; {place}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} cannot be read or written ({error.strerror}); change its rights, or {place}."
    if error.errno in FAILED:
        return (
            f"{where}: the disk failed ({error.strerror}); mend it and run the same command again: what was finished "
            f"is kept."
        )
    if error.errno in NO_FOLDER:
        return f"{where}: a file stands where a folder is expected; remove it, or {place}."
    if error.errno == errno.EISDIR:
        return f"{where}: a folder stands where a file is expected; remove it, or {place}."
    if error.errno == errno.ENAMETOOLONG:
        return f"{where}: this name is too long for the disk; choose a shorter one."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many files are open at once; allow more by `ulimit -n`, or use fewer processes."
    return None


def _by(where: str) -> str:
    """How another place is named, where that is not plain."""
    from tdsr_bench.files import cache_folder

    return " by TDSR_BENCH_CACHE" if Path(where).is_relative_to(cache_folder()) else ""


@contextmanager
def obeyed() -> Iterator[None]:
    """Signals to end are obeyed, once, by an exception that tidies up; and threads do not tell what is told anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup has it
    before = {number: signal.signal(number, _end) for number in heard}
    hook, threading.excepthook = threading.excepthook, _thread_failed
    try:
        yield
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    """End workers, whose jobs may be long, and then this process; a second signal ends it as if this were not here."""
    for heard in SIGNALS:
        if signal.getsignal(heard) is _end:
            signal.signal(heard, signal.SIG_DFL)
    for worker in multiprocessing.active_children():
        worker.terminate()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread that writes raises again what it met, at the next thing that it is asked to write."""
    if not isinstance(failed.exc_value, OSError) or refusal(failed.exc_value) is None:
        threading.__excepthook__(failed)
