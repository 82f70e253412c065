"""What can be wrong with a file: strategies that start from a valid one."""

import copy
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

DEEP = 20_000
"""How deep is deep: over any limit of recursion."""


class Mutated:
    """A file, and the fault that was put into it last."""

    def __init__(self, fault: str, content: bytes) -> None:
        self.fault, self.content = fault, content

    def __repr__(self) -> str:
        """Not all of it: some are megabytes."""
        return f"<{self.fault}: {len(self.content)} bytes, {self.content[:3000]!r}>"


_RAW = {
    "@huge@": "9" * 5000,
    "@lists@": "[" * DEEP + "]" * DEEP,
    "@open lists@": "[" * DEEP,
    "@objects@": '{"a":' * DEEP + "1" + "}" * DEEP,
    "@overflow@": "1e999",
}
"""What no writer of JSON would write, by what stands for it."""

ESCAPES = "\x1b[31mred\x1b]0;title\x07\r\x9b2J"

VALUES: Sequence[Any] = (
    *(None, True, False, 0, -0.0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**400)),
    *(1e308, -1e308, 1e-320, 1e100, float("nan"), float("inf"), float("-inf")),
    *("", "x", "x" * 100_000, ESCAPES, "[/]", "[bold]", "[link=http://a]", "\u202egnp", "\ud800", "a\nb", "{{ x }}"),
    *("../../../../etc/passwd", "/dev/zero", "http://127.0.0.1:9/x", "NaN", "2020-01-01", "9999-99-99"),
    *([], {}, [[]], [None], {"": None}, [1, 2, 3], ["x"] * 3, {"x": {"y": 1}}, [0] * 10_000),
    *_RAW,
)

_INTEGERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1, 200_000, 70_000)
_WORDS = [struct.pack(order + kind, n & (2**bits - 1)) for n in _INTEGERS for order in "<>"
          for kind, bits in (("B", 8), ("H", 16), ("I", 32), ("Q", 64))]  # fmt: skip


@st.composite
def mutated_bytes(draw: st.DrawFn, valid: bytes) -> Mutated:
    """`valid` with bits flipped, numbers overwritten, and parts cut out, put in or repeated; often near its begin."""
    content, fault = valid, ""
    for _ in range(draw(st.integers(1, 4))):
        fault = draw(st.sampled_from(sorted(_EDITS)))
        head = min(len(content), 300)
        at = draw(st.one_of(st.integers(0, head), st.integers(0, len(content))))
        content = _EDITS[fault](draw, content, at)
    return Mutated(fault, content)


def _flip(draw: st.DrawFn, content: bytes, at: int) -> bytes:
    byte = content[at : at + 1] or b"\0"
    return content[:at] + bytes([byte[0] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]


def _overwrite(draw: st.DrawFn, content: bytes, at: int) -> bytes:
    word = draw(st.sampled_from(_WORDS))
    return content[:at] + word + content[at + len(word) :]


def _insert(draw: st.DrawFn, content: bytes, at: int) -> bytes:
    return content[:at] + draw(st.one_of(st.binary(max_size=40), st.sampled_from(_WORDS))) + content[at:]


def _repeat(draw: st.DrawFn, content: bytes, at: int) -> bytes:
    length = draw(st.integers(1, 400))
    return content[:at] + content[at : at + length] * draw(st.integers(2, 30)) + content[at + length :]


_EDITS: Mapping[str, Callable[[st.DrawFn, bytes, int], bytes]] = {
    "bit flipped": _flip,
    "number overwritten": _overwrite,
    "bytes put in": _insert,
    "part repeated": _repeat,
    "cut short": lambda _draw, content, at: content[:at],
    "part cut out": lambda draw, content, at: content[:at] + content[at + draw(st.integers(1, 200)) :],
}


@st.composite
def mutated_json(draw: st.DrawFn, valid: Mapping[str, Any]) -> Mutated:
    """`valid` as JSON with values replaced by extreme ones, keys dropped, renamed and doubled."""
    content, fault = copy.deepcopy(dict(valid)), ""
    for _ in range(draw(st.integers(1, 3))):
        places = [*_places(content)]
        if not places:
            break
        table, key = draw(st.sampled_from(places))
        fault = draw(st.sampled_from(["value replaced", "value replaced", "key dropped", "key renamed"]))
        if fault == "key dropped":
            del table[key]
        elif fault == "key renamed" and isinstance(table, dict):
            table[draw(st.sampled_from(["", "x", ESCAPES, "[/]", "x" * 5000, str(key).upper()]))] = table.pop(key)
        else:
            table[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    text = json.dumps(content)
    if draw(st.integers(0, 9)) == 0:
        fault, text = "key twice", '{"schema": 1, "scenes": 3,' + text[1:]
    for name, raw in _RAW.items():
        text = text.replace(json.dumps(name), raw)
    return Mutated(fault or "key dropped", text.encode())


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every table and list in `content`, with each of its keys."""
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in [*keys][:50]:
        yield content, key
        yield from _places(content[key])


LITERALS = (
    *("nan", "inf", "-inf", "-0", "0", "-1", "1", "1e308", "1e-320", "9223372036854775808", "9" * 4000, "9" * 5000),
    *("0x" + "f" * 5000, "true", '""', '"x"', '"' + "x" * 100_000 + '"', '"\\u001b[31m\\u0007"', '"[/]"', '"""', "'"),
    *("[]", "{}", "[[]]", "[1, 'x']", "{a = {b = 1}}", "[" * DEEP + "]" * DEEP, "[" * DEEP),
    "{a=" * 900 + "1" + "}" * 900,
    *("2020-13-45", "25:61:61", "2020-01-01T00:00:00+99:99", "'/dev/zero'", "'../../x'", "", "\x00", "\x1b[31m"),
)  # fmt: skip
"""Values of TOML, and what is none."""

_LINES = (
    *("x = 1", "[x]", "[[x]]", "[training]", "[[loss]]", "a." * 3000 + "b = 1", "[" + "a." * 3000 + "b]"),
    *("\x00", "\x1b[31m", "\ufeff", "=", "\u202e = 1", '"\\u001b[31m" = 1', "x" * 50_000, ",,,,,,,,"),
)


@st.composite
def mutated_lines(draw: st.DrawFn, valid: str, mark: str = "=") -> Mutated:
    """Text with lines dropped, doubled, swapped and put in, and values after `mark` replaced."""
    lines, fault = valid.splitlines(), ""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        fault = draw(st.sampled_from(["value replaced", "value replaced", "line dropped", "line twice", "line put in"]))
        if fault == "line dropped":
            del lines[at]
        elif fault == "line twice":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif fault == "line put in":
            lines.insert(at, draw(st.sampled_from(_LINES)))
        else:
            lines[at] = lines[at].partition(mark)[0] + mark + draw(st.sampled_from(LITERALS))
        lines = lines or [""]
    return Mutated(fault, "\n".join(lines).encode())


def _linked(path: Path, target: str) -> None:
    path.symlink_to(target)


NO_FILES = ("not there", "a folder", "a pipe", "endless zeros", "a broken link", "a link to itself")

ODD: Mapping[str, Callable[[Path], None]] = {
    "not there": lambda _path: None,
    "empty": lambda path: path.write_bytes(b"") and None,
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "endless zeros": lambda path: _linked(path, "/dev/zero"),
    "a broken link": lambda path: _linked(path, "nowhere"),
    "a link to itself": lambda path: _linked(path, path.name),
    "a byte order mark": lambda path: path.write_bytes(b"\xef\xbb\xbf{}") and None,
    "no text": lambda path: path.write_bytes(b"\xff\xfe\xfa" * 20) and None,
    "zeros": lambda path: path.write_bytes(bytes(5000)) and None,
    "nested lists": lambda path: path.write_bytes(b"[" * 10 * DEEP) and None,
    "nested tables": lambda path: path.write_bytes(b'{"a":' * 10 * DEEP) and None,
    "nested elements": lambda path: path.write_bytes(b"<a>" * 10 * DEEP) and None,
}
"""What may stand where a file is expected, by name; each is made at a path."""
