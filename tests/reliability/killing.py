"""Starts commands as processes, ends them at random moments, and looks at what they left."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from reliability.whole import check_whole

KILLS = int(os.environ.get("TDSR_BENCH_KILLS", "1"))
"""How often each command is killed."""

SEED = int(os.environ.get("TDSR_BENCH_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)

LIMIT = 300.0
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Command:
    """A command, run in a folder of its own.

    Attributes:
        words: of the command line.
        folder: the current one; what it writes lies below.
        environment: variables besides those of the tests.
        before: Python that the process runs first.
    """

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    before: str = ""


class Nursery:
    """A server that forks a process for each command; `around` is the command that it is started by, such as bwrap."""

    def __init__(self, around: Sequence[str] = ()) -> None:
        tests = Path(__file__).parents[1]
        self._compiled = tempfile.TemporaryDirectory()
        environment = os.environ | {"PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1"}
        if environment.get("PYTHONDONTWRITEBYTECODE"):  # what processes import again is compiled once all the same
            environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": self._compiled.name}
        words = [*around, sys.executable, str(Path(__file__).with_name("nursery.py"))]
        self._server = subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._said(LIMIT) == "1", "the nursery has threads, and cannot fork"

    def close(self) -> None:
        _pipe(self._server.stdin).close()
        self._server.wait(LIMIT)
        _pipe(self._server.stdout).close()
        self._compiled.cleanup()

    def start(self, command: Command, log: Path) -> "Running":
        """Start `command`; what it says goes into `log`."""
        log.unlink(missing_ok=True)
        command.folder.mkdir(parents=True, exist_ok=True)
        order = {
            "words": list(map(str, command.words)),
            "folder": str(command.folder),
            "environment": dict(command.environment),
            "before": command.before,
            "log": str(log),
        }
        _pipe(self._server.stdin).write(json.dumps(order) + "\n")
        return Running(self, int(self._said(LIMIT) or 0), log)

    def run(self, command: Command, log: Path) -> tuple[int, str]:
        """Run `command` to its end; its exit code, and what it said."""
        running = self.start(command, log)
        code = running.ended(LIMIT)
        if code is None:
            running.signal(signal.SIGKILL)
            running.ended(LIMIT)
        return (-1 if code is None else code), running.said

    def _said(self, seconds: float) -> str | None:
        out = _pipe(self._server.stdout)
        return out.readline().strip() if select.select([out], [], [], seconds)[0] else None


@dataclass
class Running:
    """A command that was started."""

    nursery: Nursery
    process: int
    log: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.begun

    @property
    def said(self) -> str:
        """What it said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ended(self, seconds: float) -> int | None:
        """Wait up to so many seconds for its end; its exit code, or None if it goes on."""
        said = self.nursery._said(seconds)
        return None if said is None else int(said)

    def signal(self, number: int, *, all_of_it: bool = True) -> None:
        """Send a signal to it and, unless said otherwise, to all that it started."""
        (os.killpg if all_of_it else os.kill)(self.process, number)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@dataclass(frozen=True)
class Case:
    """A command that may be killed.

    Attributes:
        make: the command in a new folder, given that folder.
        result: what it made, in a form that can be compared; all of it.
        once: whether it makes all or nothing, and refuses to make it again.
    """

    make: Callable[[Path], Command]
    result: Callable[[Path], Any]
    once: bool = False


@dataclass
class Count:
    """How often a command was killed, and when: the moments are shares of the time of a whole run."""

    finished: int = 0
    moments: list[float] = field(default_factory=list)

    @property
    def killed(self) -> int:
        return len(self.moments)

    def __str__(self) -> str:
        return f"killed {self.killed} times, at {self.moments}; finished {self.finished} times"


def kill_often(nursery: Nursery, case: Case, folder: Path, kills: int, name: str) -> Count:
    """Kill a command at random moments, `kills` times, each time starting it again on what is left.

    Whatever is left after a kill has to be whole, and what comes out at last the same as without a kill.
    """
    rng = random.Random(f"{SEED} {name}")
    expected, seconds = _uninterrupted(nursery, case, folder)
    count = Count()
    command, fresh = case.make(folder / "0"), True
    while count.killed < kills or not count.finished:
        share = rng.random() if count.killed < kills else LIMIT
        running = nursery.start(command, folder / "log")
        code = running.ended(share * seconds)
        if code == 0 and fresh:
            seconds = min(seconds, running.seconds)  # the first run is often the slowest
        fresh = False
        if code is None:
            running.signal(signal.SIGKILL)
            running.ended(LIMIT)
            count.moments.append(round(share, 2))
        about = f"seed {SEED}, {count}, {running.said[-3000:]}"
        assert code in (0, None), about
        check_whole(command.folder)
        if code is None and not (case.once and _visible(command.folder)):
            continue
        if code == 0:
            check_nothing_left(command.folder)
        assert case.result(command.folder) == expected, about
        count.finished += 1
        command, fresh = case.make(folder / str(count.finished)), True
    return count


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _uninterrupted(nursery: Nursery, case: Case, folder: Path) -> tuple[Any, float]:
    command = case.make(folder / "whole")
    start = time.monotonic()
    code, said = nursery.run(command, folder / "log")
    seconds = time.monotonic() - start
    assert code == 0, said[-3000:]
    check_whole(command.folder)
    check_nothing_left(command.folder)
    return case.result(command.folder), seconds


def check_nothing_left(folder: Path) -> None:
    """A run that ended well leaves no lock, nothing unfinished, and nothing to go on from."""
    left = [path for path in folder.rglob("*") if path.name.endswith((".lock", ".unfinished", ".ckpt"))]
    assert not left, left
