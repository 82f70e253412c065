"""What runs in a submission's own process: loads the submission, then answers view after view.

Requests come by standard input and answers go by standard output, as they were when the process began; the submission
itself finds nothing to read, and what it prints goes to standard error.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from tdsr_bench.errors import SubmissionError
from tdsr_bench.isolation.limits import Limits, limit_this_process
from tdsr_bench.isolation.wire import message, read_header, read_view, told
from tdsr_bench.submission import LoadedSubmission, ask, imported_from, load_submission

PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h."""


def main() -> None:
    """Serve until standard input ends."""
    _end_with_parent()
    requests, answers = _take_streams()
    first = read_header(requests)
    if first is None:
        return
    limit_this_process(Limits(**first["limits"]), memory=first["memory"])
    try:
        loaded = load_submission(Path(first["path"]))
        _send(answers, _described(loaded))
    except BaseException as error:  # whatever foreign code raises, SystemExit too
        _send(answers, {"error": _told(error)})
        return
    while (header := read_header(requests)) is not None:
        _answer(loaded, header, requests, answers)


def _end_with_parent() -> None:
    """Let the kernel kill this process when the one that started it dies, even in the middle of a scene."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for us alone; in their place nothing, and standard error."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, answers


def _described(loaded: LoadedSubmission) -> dict[str, Any]:
    """What `tdsr_bench.isolation.isolated.Description` reads."""
    submission = loaded.submission
    return {
        "name": submission.name,
        "track": submission.track.value,
        "training_data": submission.training_data,
        "parameters": submission.parameters,
        "frames": submission.frames,
        "files": [os.fspath(Path(file).absolute()) for file in submission.files],
        "training": asdict(submission.training) if submission.training else None,
        "imported": [os.fspath(file) for file in imported_from(loaded.path.parent)],
    }


def _answer(loaded: LoadedSubmission, header: Mapping[str, Any], requests: BinaryIO, answers: BinaryIO) -> None:
    view = read_view(header, requests)
    try:
        sr = ask(loaded, view)
    except BaseException as error:
        _send(answers, {"error": _told(error)})
    else:
        _send(answers, {}, sr)


def _told(error: BaseException) -> str:
    known = isinstance(error, SubmissionError)
    return told(error if known else f"The submission raised {type(error).__name__}: {error}.")


def _send(stream: BinaryIO, header: Mapping[str, Any], *arrays: Any) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for part in message(header, *arrays):
        stream.write(part)
    stream.flush()


if __name__ == "__main__":
    main()
