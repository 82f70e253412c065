"""What a submission's processes may use up, and a look at what they do."""

import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil

GIB = 1 << 30

STARTING_SECONDS = 600.0
"""How long a submission may take to be loaded."""


def _half_of_memory() -> int:
    return int(psutil.virtual_memory().total) // 2


@dataclass(frozen=True)
class Limits:
    """The most that a submission may use.

    Attributes:
        seconds: wall time a scene.
        cpu_seconds: processor time a scene, of all its processes.
        memory: bytes, of all its processes; half of the machine's unless it is said.
        processes: how many at once.
        file_size: bytes of a file that it writes, and of all that it may put into its private folders.
    """

    seconds: float = 3600.0
    cpu_seconds: float = 16 * 3600.0
    memory: int = field(default_factory=_half_of_memory)
    processes: int = 64
    file_size: int = GIB


def limit_this_process(limits: Limits, *, memory: bool) -> None:
    """Let the kernel hold this process, and all that it starts, to `limits`, as far as it can.

    Args:
        limits: memory is held a process; see `Usage` for what holds all of them together.
        memory: whether to limit it. Not with a graphics card, whose driver reserves far more than it uses.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, limits.file_size)
    if memory:
        _lower(resource.RLIMIT_DATA, limits.memory)


def _lower(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


class Usage:
    """Watches a process and all that it started, while it works on one scene."""

    def __init__(self, pid: int, limits: Limits, seconds: float) -> None:
        """Begin now; `seconds` is the wall time that may pass."""
        self._root = psutil.Process(pid)
        self._limits = limits
        self._seconds = seconds
        self._start = time.monotonic()
        self._cpu_before = _cpu_seconds(self._processes())

    def excess(self) -> str | None:
        """What it has used too much of, in words; None where all is well."""
        if time.monotonic() - self._start > self._seconds:
            return f"took more than {self._seconds:g} s and was stopped; make it faster, or raise --time-limit"
        processes = self._processes()
        if len(processes) > self._limits.processes:
            return f"started more than {self._limits.processes} processes and was stopped; start fewer"
        if _cpu_seconds(processes) - self._cpu_before > self._limits.cpu_seconds:
            return f"used more than {self._limits.cpu_seconds:g} s of processor time and was stopped; make it faster"
        if _memory(processes, self._limits.memory) > self._limits.memory:
            most = f"{self._limits.memory / GIB:.3g} GiB"
            return f"used more than {most} of memory and was stopped; work in tiles, or raise --memory-limit"
        return None

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []


def _cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Of `processes`, and of those of their children that have ended."""
    return _sum(processes, lambda process: sum(process.cpu_times()[:4]))


def _memory(processes: list[psutil.Process], most: int) -> float:
    """Bytes in memory; where that seems too much, pages that processes share are counted once."""
    total = _sum(processes, lambda process: process.memory_info().rss)
    return total if total <= most else _sum(processes, lambda process: process.memory_full_info().pss)


def _sum(processes: Iterable[psutil.Process], measure: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += measure(process)
        except psutil.Error:  # it has just ended
            continue
    return total
