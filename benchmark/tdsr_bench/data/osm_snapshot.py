"""Of which day a file of OpenStreetMap is, by what the file says of itself."""

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

TEXT_FORMATS = (".osm", ".geojson", ".json")

HEAD_BYTES = 65_536
"""Where text formats say their date, before their first feature; and more than the header of any ``.osm.pbf``."""

_STAMP = re.compile(rb'"?(osm_base|timestamp)"?\s*[:=]\s*["\'](\d{4}-\d\d-\d\d)')
_FIRST_FEATURE = re.compile(rb'"features"|<node|<way|<relation')

# Field numbers of OSM-binary's fileformat.proto and osmformat.proto
_BLOB_SIZE, _BLOB_RAW, _BLOB_ZLIB, _REPLICATION_TIMESTAMP = 3, 1, 3, 32


def snapshot_day(path: Path) -> tuple[date | None, str]:
    """The day that the file at `path` states, or None; and where it states it, or why there is none.

    Known are the replication timestamp of ``.osm.pbf``, and ``osm_base`` or ``timestamp`` in the head of ``.osm`` and
    of what Overpass turbo exports as GeoJSON. The day is that of UTC.
    """
    with path.open("rb") as file:
        if path.suffix.lower() == ".pbf":
            return _pbf_day(file)
        head = file.read(HEAD_BYTES) if path.suffix.lower() in TEXT_FORMATS else b""
    found = _STAMP.search(_FIRST_FEATURE.split(head, maxsplit=1)[0])
    if found is None:
        return None, "not stated: the file says no date, and none was given by --date"
    try:
        return date.fromisoformat(found[2].decode()), f"the file's {found[1].decode()}"
    except ValueError:
        return None, f"not stated: the file's {found[1].decode()} is no day, and none was given by --date"


def _pbf_day(file: BinaryIO) -> tuple[date | None, str]:
    try:
        seconds = dict(_fields(_first_block(file))).get(_REPLICATION_TIMESTAMP)
        day = datetime.fromtimestamp(seconds, UTC).date() if isinstance(seconds, int) else None
    except (ValueError, KeyError, IndexError, OverflowError, OSError, zlib.error):
        day = None
    if day is None:
        return None, "not stated: the file's header has no replication timestamp, and no date was given by --date"
    return day, "the file's replication timestamp"


def _first_block(file: BinaryIO) -> bytes:
    """The content of the first block of a ``.osm.pbf``, its header."""
    header = dict(_fields(file.read(min(int.from_bytes(file.read(4), "big"), HEAD_BYTES))))
    size = header[_BLOB_SIZE]
    blob = dict(_fields(file.read(min(size, HEAD_BYTES) if isinstance(size, int) else 0)))
    packed, raw = blob.get(_BLOB_ZLIB), blob.get(_BLOB_RAW, b"")
    content = zlib.decompressobj().decompress(packed, HEAD_BYTES) if isinstance(packed, bytes) else raw
    return content if isinstance(content, bytes) else b""


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: number and content, of those of variable length and of whole numbers."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        value, place = _varint(message, place)
        if kind == 0:
            yield number, value
        elif kind == 2:
            yield number, message[place : place + value]
            place += value
        else:
            raise ValueError(f"wire type {kind} is in no block's header")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
