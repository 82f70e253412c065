"""Asking a server that is busy, slow or broken: which failures pass, which do not, and how long to wait."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import TYPE_CHECKING

from tdsr_bench.errors import DataError

if TYPE_CHECKING:
    from requests import Response, Session

PIECE_BYTES = 256 * 1024
"""How much is read from a server at once, at most."""

MESSAGE_BYTES = 64 * 1024
"""How much of a refusal is read to find its message."""

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_FOR_THE_CALLER = (200, 206, 416)


@dataclass(frozen=True)
class Patience:
    """How often a server is asked again, and how long it is waited for.

    Attributes:
        attempts: in a row without a new byte, before it is given up.
        first, longest: seconds between two attempts: they double from the first to the longest.
        longest_asked: seconds that a server may ask to wait (``Retry-After``); more ends the work with a sentence.
        connect, read: seconds of silence, before the connection stands and after.
        fresh_starts: how often a file that came with the wrong checksum is fetched again from its beginning.
    """

    attempts: int = 8
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 600.0
    connect: float = 20.0
    read: float = 60.0
    fresh_starts: int = 2


class PassingError(Exception):
    """A failure that may be gone the next time; `wait` is the seconds that the server asks for, if it asks."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, eq=False)
class Connection:
    """What asks servers. Random numbers, sleep and the place for notes are passed in.

    Attributes:
        session: of `requests`.
        patience: with a server that fails.
        rng: spreads the waiting times, so that many clients do not come back at once.
        sleep: waits some seconds.
        tell: shows a note.
    """

    session: "Session"
    patience: Patience
    rng: Random
    sleep: Callable[[float], None]
    tell: Callable[[str], None]

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator["Response"]:
        """The beginning of what `url` answers, with status 200, 206 or 416; redirects are followed.

        Raises:
            PassingError: it is busy, or cannot be reached now.
            DataError: it refuses, or `url` is no address.
        """
        from requests import RequestException
        from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

        timeout = self.patience.connect, self.patience.read
        try:
            response = self.session.get(url, headers=dict(headers or {}), stream=True, timeout=timeout)
        except (InvalidSchema, InvalidURL, MissingSchema) as error:
            raise DataError(f"{url} is no address that can be asked ({error}); check --host.") from None
        except RequestException as error:
            raise PassingError(f"{url} cannot be reached: {reason(error)}") from None
        with response:
            _judge(response, url)
            yield response

    def back_off(self, what: str, failures: int, problem: PassingError) -> None:
        """Wait to ask for `what` again, after the failure number `failures` in a row, counted from 0.

        Raises:
            DataError: the server asks for a longer wait than `Patience.longest_asked`.
        """
        patience = self.patience
        if problem.wait is not None and problem.wait > patience.longest_asked:
            raise DataError(
                f"{what}: {problem}, and asks to come back in {problem.wait / 60:.0f} minutes; run the same command "
                f"then: what is finished is kept."
            )
        seconds = min(patience.longest, patience.first * 2**failures) * self.rng.uniform(0.5, 1.0)
        seconds = max(seconds, problem.wait or 0.0)
        self.tell(f"{what}: {problem}; trying again in {seconds:.0f} s")
        self.sleep(seconds)


def connect(rng: Random, sleep: Callable[[float], None], tell: Callable[[str], None]) -> Connection:
    """A connection with the usual patience, through the proxy that the environment names, if any."""
    from requests import Session

    from tdsr_bench import __version__

    session = Session()
    # Bytes as they are stored: a checksum is of those, and so is a range.
    session.headers.update({"User-Agent": f"tdsr-bench/{__version__}", "Accept-Encoding": "identity"})
    return Connection(session, Patience(), rng, sleep, tell)


def pieces(response: "Response") -> Iterator[bytes]:
    """The content, as it comes and not decoded; nothing that came before a failure is held back.

    Raises:
        PassingError: it is cut short, or nothing comes any more.
    """
    from urllib3.exceptions import HTTPError

    try:
        while piece := response.raw.read1(PIECE_BYTES):
            yield piece
    except (HTTPError, OSError) as error:
        raise PassingError(f"the connection broke: {reason(error)}") from None


def reason(error: Exception) -> str:
    """The innermost of nested network errors, in one line."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    inner = getattr(inner, "reason", None) or inner
    found = inner if isinstance(inner, BaseException) else error
    text = str(found).rpartition(">: ")[2] or type(found).__name__
    return printable(text)


def printable(text: str) -> str:
    """Somebody else's `text` in one line of at most 300 characters, without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]


def _judge(response: "Response", url: str) -> None:
    code = response.status_code
    if code in _PASSING:
        raise PassingError(f"{url} answered {code}", wait=asked_wait(response.headers.get("Retry-After")))
    if code not in _FOR_THE_CALLER:
        said = _message(response)
        raise DataError(
            f"{url} answered {code}{f' ({said})' if said else ''}; check --host, and in a browser whether the data "
            f"are open to everybody."
        )


def _message(response: "Response") -> str:
    """What a Dataverse says about its refusal, if it says it as JSON."""
    from urllib3.exceptions import HTTPError

    try:
        said = json.loads(response.raw.read(MESSAGE_BYTES)).get("message", "")
    except (ValueError, AttributeError, HTTPError, OSError):
        return ""
    return printable(str(said))


def asked_wait(header: str | None) -> float | None:
    """The seconds of a ``Retry-After``, which is a number or a date; None where it is neither.

    >>> asked_wait("7"), asked_wait("soon"), asked_wait("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, None, 0.0)
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
