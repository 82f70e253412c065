"""A submission's process, from this side: starts it, asks it, watches it, and ends it."""

import contextlib
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psutil

from tdsr_bench.errors import SubmissionError
from tdsr_bench.isolation.limits import Usage
from tdsr_bench.isolation.sandbox import WORK, Isolation, environment
from tdsr_bench.isolation.wire import Answer, GarbledError, told
from tdsr_bench.printable import printable

CHUNK = 1 << 20
"""Bytes that are read or written at once; pipes are made as large."""

LOOK_EVERY = 0.2
"""Seconds between two looks at what the process uses up."""

LONGEST_PRINT = 1 << 16
"""Bytes of what it prints, for each scene, that are shown; the rest is counted."""


ENDING_SECONDS = 5.0
"""How long to wait for processes that have been killed to be gone."""


class ChildError(Exception):
    """The process has ended, or had to be."""


class Child:
    """A process of its own for the submission in `folder`; ends with this object, and with this process."""

    def __init__(self, isolation: Isolation, folder: Path) -> None:
        """Start it.

        Raises:
            SubmissionError: it cannot be started.
        """
        self._limits = isolation.limits
        self._printed = bytearray()
        self._unshown = 0
        work = None if isolation.kind == "bwrap" else Path(tempfile.mkdtemp(prefix="tdsr-submission-"))
        try:
            self._process = subprocess.Popen(
                isolation.command(folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment(work or WORK),
                cwd=work or "/",
                start_new_session=True,  # a group of its own, so that all of it can be ended at once
            )
        except OSError as error:
            raise SubmissionError(f"The submission's process cannot be started ({error}).") from None
        self._end = weakref.finalize(self, _end, self._process, work)
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._streams = [_unwaited(pipe) for pipe in pipes]

    def ask(self, request: Sequence[memoryview], payload_size: int, seconds: float) -> Answer:
        """Send `request` and wait for the answer.

        Args:
            request: see `wire`.
            payload_size: see `Answer`.
            seconds: how long it may take.

        Raises:
            ChildError: the process died, broke a limit, or answered nonsense, and is no more. Its words go on a
                sentence that begins with the submission's name.
        """
        try:
            answer = self._exchange(list(request), Answer(payload_size), seconds)
        except (ChildError, psutil.Error) as error:
            self.close()
            raise ChildError(str(error)) from None
        except GarbledError as error:
            self.close()
            raise ChildError(f"answered with nonsense: {error}") from None
        except BaseException:
            self.close()  # half a conversation cannot be gone on with
            raise
        self._show()
        return answer

    def close(self) -> None:
        """End it."""
        self._show()
        self._end()

    def _exchange(self, outgoing: list[memoryview], answer: Answer, seconds: float) -> Answer:
        requests, answers, prints = self._streams
        usage, looked = Usage(self._process.pid, self._limits, seconds), time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(requests, selectors.EVENT_WRITE)
            selector.register(answers, selectors.EVENT_READ)
            selector.register(prints, selectors.EVENT_READ)
            while answer.wanted:
                ready = {key.fileobj for key, _ in selector.select(LOOK_EVERY)}
                if prints in ready and not self._take_print():
                    selector.unregister(prints)
                if requests in ready and not _send_some(requests, outgoing):
                    selector.unregister(requests)
                if answers in ready:
                    self._receive(answers, answer)
                if answer.wanted and time.monotonic() - looked > LOOK_EVERY:
                    if excess := usage.excess():
                        raise ChildError(excess)
                    looked = time.monotonic()
        self._take_print()
        return answer

    def _receive(self, answers: int, answer: Answer) -> None:
        data = os.read(answers, min(CHUNK, answer.wanted))
        if not data:
            raise ChildError(self._last_words())
        answer.feed(data)

    def _take_print(self) -> bool:
        """Take what has been printed; False when there will be no more."""
        try:
            data = os.read(self._streams[2], CHUNK)
        except BlockingIOError:
            return True
        room = LONGEST_PRINT - len(self._printed)
        self._printed += data[:room]
        self._unshown += len(data[room:])
        return bool(data)

    def _show(self) -> None:
        """Print what it has printed, as far as that can be printed, on standard error."""
        lines = self._printed.decode(errors="replace").splitlines()
        if self._unshown:
            lines.append(f"... and {self._unshown} bytes more")
        for line in lines:
            print(printable(line), file=sys.stderr)
        self._printed, self._unshown = bytearray(), 0

    def _last_words(self) -> str:
        """How it ended."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "closed its output"
        self._take_print()
        said = self._printed.decode(errors="replace").strip().splitlines()
        return f"died ({_cause(code)})" + (f": {told(said[-1])}" if said else "")


def _cause(code: int) -> str:
    """An exit code in words; bwrap gives 128 + N for what was killed by the signal N."""
    number = -code if code < 0 else code - 128
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"exit code {code}"


def _unwaited(stream: IO[bytes] | None) -> int:
    """The descriptor of a pipe, made large, and such that it is never waited for."""
    if stream is None:
        raise ValueError("not a pipe")
    os.set_blocking(stream.fileno(), False)
    with contextlib.suppress(OSError, AttributeError):  # not on this system, or not for this user: smaller ones do
        fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
    return stream.fileno()


def _send_some(requests: int, outgoing: list[memoryview]) -> bool:
    """Send as much as goes without waiting; False when all is sent, or nobody listens."""
    while outgoing:
        try:
            sent = os.write(requests, outgoing[0][:CHUNK])
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        outgoing[0] = outgoing[0][sent:]
        if not outgoing[0]:
            outgoing.pop(0)
    return False


def _end(process: "subprocess.Popen[bytes]", work: Path | None) -> None:
    """Kill the process and all that it started, as far as they can be found, and remove its working folder."""
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        started = []
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for other in started:
        with contextlib.suppress(psutil.Error):
            other.kill()
    psutil.wait_procs(started, timeout=ENDING_SECONDS)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    if work:
        shutil.rmtree(work, ignore_errors=True)
