"""What this process and a submission's process tell each other: a header of JSON, then arrays as raw bytes.

Never pickles: whoever reads one runs what it says.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.isolation.limits import Limits
from tdsr_bench.printable import printable
from tdsr_bench.scene import LowResView

LONGEST_HEADER = 1 << 20
"""Bytes; a header that says it is longer is not read."""

LONGEST_WORDS = 1000
"""Characters of a foreign sentence that are passed on."""

_LENGTH = struct.Struct("<I")


class GarbledError(Exception):
    """What came is no message."""


def message(header: Mapping[str, Any], *arrays: NDArray[Any]) -> list[memoryview]:
    """The parts of a message, to be sent one after the other."""
    text = json.dumps(header).encode()
    parts = [memoryview(_LENGTH.pack(len(text)) + text)]
    return parts + [np.ascontiguousarray(array).data.cast("B") for array in arrays]


def read_header(stream: BinaryIO) -> dict[str, Any] | None:
    """The next header; None at the end of `stream`."""
    length = stream.read(_LENGTH.size)
    return json.loads(stream.read(_LENGTH.unpack(length)[0])) if len(length) == _LENGTH.size else None


def load_request(path: Path, limits: Limits, *, memory: bool) -> list[memoryview]:
    """Asks for the submission at `path` to be loaded, under `limits`."""
    return message({"path": str(path), "limits": asdict(limits), "memory": memory})


def view_request(view: LowResView) -> list[memoryview]:
    """Asks for the image of `view`."""
    header = {
        "shape": view.frames.shape,
        "dates": [day.isoformat() for day in view.dates],
        "bands": view.bands,
        "scale": view.scale,
        "transform": view.transform,
    }
    return message(header, view.frames.astype(np.float32, copy=False), view.valid.astype(bool, copy=False))


def read_view(header: Mapping[str, Any], stream: BinaryIO) -> LowResView:
    """The view that `header` announces; its arrays can be written to, as those of a view in this process can."""
    count, bands, height, width = header["shape"]
    frames, valid = np.empty((count, bands, height, width), np.float32), np.empty((count, height, width), bool)
    for array in (frames, valid):
        _fill(array, stream)
    return LowResView(
        frames=frames,
        valid=valid,
        dates=tuple(date.fromisoformat(day) for day in header["dates"]),
        bands=tuple(header["bands"]),
        scale=header["scale"],
        transform=tuple(header["transform"]),
    )


def _fill(array: NDArray[Any], stream: BinaryIO) -> None:
    room = array.data.cast("B")
    while room:
        count = stream.readinto(room)  # type: ignore[attr-defined]  # of every buffered stream
        if not count:
            raise GarbledError("the view is cut short")
        room = room[count:]


@dataclass
class Answer:
    """A message of a submission's process, as it comes in: nothing in it is believed.

    Attributes:
        payload_size: how many bytes have to follow a header that tells of no failure; no more are taken.
        header: None until it is there.
        payload: what has come of the bytes.
    """

    payload_size: int
    header: dict[str, Any] | None = None
    payload: bytearray = field(default_factory=bytearray)
    _head: bytearray = field(default_factory=bytearray)

    @property
    def wanted(self) -> int:
        """How many bytes still have to come, at least; 0 when the message is whole."""
        if self.header is not None:
            return 0 if "error" in self.header else self.payload_size - len(self.payload)
        if len(self._head) < _LENGTH.size:
            return _LENGTH.size - len(self._head)
        return _LENGTH.size + self._length() - len(self._head)

    def feed(self, data: bytes) -> None:
        """Take the next bytes, at most as many as are `wanted`.

        Raises:
            GarbledError: they are no part of a message.
        """
        if self.header is not None:
            self.payload += data
            return
        self._head += data
        if len(self._head) >= _LENGTH.size and self.wanted == 0:
            self.header = _parsed(bytes(self._head[_LENGTH.size :]))

    def _length(self) -> int:
        length: int = _LENGTH.unpack(self._head[: _LENGTH.size])[0]
        if not 0 < length <= LONGEST_HEADER:
            raise GarbledError(f"a header of {length} bytes")
        return length


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise GarbledError("a header that is no JSON") from None
    if not isinstance(header, dict):
        raise GarbledError("a header that is no object")
    return header


def told(words: object) -> str:
    r"""Foreign `words` as a part of a sentence: on one line, without control characters, and not for ever.

    >>> told("red \x1b[31m and\n more")
    'red \\x1b[31m and more'
    """
    return printable(" ".join(str(words)[: 2 * LONGEST_WORDS].split()), most=LONGEST_WORDS)
