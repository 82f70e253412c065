"""What docstrings here do and Markdown or Google's style does not: doctests in the text, several names in one entry."""

import re
from typing import Any

from griffe import Docstring, Extension

DOCTEST = re.compile(r"(?:(?<=\n\n)|\A)(>>> .*?)(?=\n\n|\Z)", re.DOTALL)
ENTRY = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+)(?P<text>: .*(?:\n(?P=indent) +.*)*)$", re.MULTILINE)
"""``sr, reference: text``, with the lines below that belong to it."""


class Docstrings(Extension):
    """Puts doctests into blocks of code, which would be quotations of quotations, and gives every name its entry."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Called for every module, class, function and attribute that is read."""
        if isinstance(obj.docstring, Docstring):
            fenced = DOCTEST.sub(r"```python\n\1\n```", obj.docstring.value)
            obj.docstring.value = ENTRY.sub(_one_each, fenced)


def _one_each(entry: re.Match[str]) -> str:
    return "\n".join(f"{entry['indent']}{name}{entry['text']}" for name in entry["names"].split(", "))
