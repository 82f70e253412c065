"""Submissions for tests of engines, and what it means that two of them give the same."""

from collections.abc import Callable

from tdsr_bench.card import ResultCard

Score = Callable[..., ResultCard]
"""Evaluates a submission by an engine."""

BICUBIC = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))
"""

KILLED_ONCE = """
import os
import signal
from pathlib import Path

from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission


def super_resolve(view):
    deadly = Path(__file__).with_name("deadly")
    if deadly.exists():
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return enlarge(view.frames[0], "bicubic")


submission = Submission("plain", "sisr", super_resolve)
"""
"""Kills the process that it works in, as long as the file `deadly` is beside it."""


def same(card: ResultCard, other: ResultCard) -> bool:
    """Whether all numbers are the same, to the last digit, and none of `card`'s was kept from before."""
    return (
        card.timing["kept"] == 0
        and card.rows == other.rows
        and card.reference_rows == other.reference_rows
        and card.summary == other.summary
        and card.data == other.data
    )


class StubbornError(Exception):
    """Pickles, and cannot be made again from its pickle: its arguments are not those of its class."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} {why}")


def raise_stubborn(what: str, why: str) -> None:
    """A job that fails so."""
    raise StubbornError(what, why)
