"""Errors that are the user's to mend: one sentence that says what was expected, what came and how to mend it.

The command line prints the sentence without a traceback and exits with code 2. Any other exception is a bug (exit 1).
"""

from tdsr_bench.printable import printable

LONGEST = 1500
"""Characters of a line of a message, which may quote what a file says."""


class UserError(Exception):
    """The user can mend this; the message is one sentence for them, in which nothing steers a terminal."""

    def __str__(self) -> str:
        """The message, as it is shown."""
        return "\n".join(printable(line, most=LONGEST) for line in super().__str__().split("\n"))


class DataError(UserError):
    """A data set, or a file of it, is not what the protocol can read."""


class SubmissionError(UserError):
    """A submission, or what it returned, breaks the contract."""


class ProtocolError(UserError):
    """A protocol, split, arm or metric that does not exist, or does not fit the data."""


class CardError(UserError):
    """A result card that cannot be read."""


class TrainingError(UserError):
    """A training that cannot go on."""
