"""Text of others that can be shown: on a terminal it steers nothing."""

import re

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tabs and line ends, marks that turn the direction of reading, and halves of pairs."""


def printable(text: str, *, most: int | None = None) -> str:
    r"""`text` with what would steer a terminal written as an escape, and of at most `most` characters.

    >>> printable("red \x1b[31m")
    'red \\x1b[31m'
    >>> printable("long name", most=5)
    'long…'
    """
    shown = _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return shown if most is None or len(shown) <= most else shown[: most - 1] + "…"


def plain(text: str) -> str:
    """`text` for rich: `printable`, and nothing in it is markup."""
    from rich.markup import escape

    return escape(printable(text))
