"""Small files of OpenStreetMap: one map written as `.osm`, as `.osm.pbf`, as Overpass JSON and as GeoJSON."""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Tags = Mapping[str, str]
Point = tuple[float, float]
"""Longitude and latitude."""


@dataclass
class Map:
    """Nodes, ways and relations of type multipolygon, as OpenStreetMap has them; identifiers count from 1."""

    nodes: dict[Point, int] = field(default_factory=dict)
    ways: dict[int, tuple[list[int], Tags]] = field(default_factory=dict)
    relations: dict[int, tuple[list[tuple[int, str]], Tags]] = field(default_factory=dict)

    def way(self, points: Iterable[Point], **tags: str) -> int:
        """Add a way; points of equal place are one node, so that a closed way ends in its first."""
        rounded = ((round(x, 7), round(y, 7)) for x, y in points)
        nodes = [self.nodes.setdefault(point, len(self.nodes) + 1) for point in rounded]
        self.ways[len(self.ways) + 1] = (nodes, tags)
        return len(self.ways)

    def multipolygon(self, outer: Sequence[int], inner: Sequence[int], **tags: str) -> None:
        """Add a relation of ways: outlines and holes."""
        members = [(way, "outer") for way in outer] + [(way, "inner") for way in inner]
        self.relations[len(self.relations) + 1] = (members, {"type": "multipolygon", **tags})

    def write(self, path: Path, **options: Any) -> Path:
        """Write it by the ending of `path`: ``.osm`` or ``.pbf``."""
        path.write_bytes(to_pbf(self, **options) if path.suffix == ".pbf" else to_xml(self, **options))
        return path


def to_xml(osm: Map, *, stamp: str | None = None, bounds: tuple[float, float, float, float] | None = None) -> bytes:
    """OSM XML, with its `osm_base` and `bounds` (west, south, east, north) where they are given."""
    root = ElementTree.Element("osm", version="0.6", generator="tests")
    if stamp:
        ElementTree.SubElement(root, "meta", osm_base=stamp)
    if bounds:
        names = ("minlon", "minlat", "maxlon", "maxlat")
        ElementTree.SubElement(root, "bounds", dict(zip(names, map(str, bounds), strict=True)))
    for (lon, lat), node in osm.nodes.items():
        ElementTree.SubElement(root, "node", id=str(node), lon=f"{lon:.7f}", lat=f"{lat:.7f}", version="1")
    for way, (nodes, tags) in osm.ways.items():
        element = ElementTree.SubElement(root, "way", id=str(way), version="1")
        for node in nodes:
            ElementTree.SubElement(element, "nd", ref=str(node))
        _add_tags(element, tags)
    for relation, (members, tags) in osm.relations.items():
        element = ElementTree.SubElement(root, "relation", id=str(relation), version="1")
        for way, role in members:
            ElementTree.SubElement(element, "member", type="way", ref=str(way), role=role)
        _add_tags(element, tags)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def to_overpass(osm: Map, *, stamp: str = "2021-03-04T05:06:07Z") -> dict[str, Any]:
    """What an Overpass server answers."""
    nodes = [{"type": "node", "id": node, "lon": lon, "lat": lat} for (lon, lat), node in osm.nodes.items()]
    ways = [{"type": "way", "id": way, "nodes": refs, "tags": dict(tags)} for way, (refs, tags) in osm.ways.items()]
    relations = [
        {
            "type": "relation",
            "id": relation,
            "members": [{"type": "way", "ref": way, "role": role} for way, role in members],
            "tags": dict(tags),
        }
        for relation, (members, tags) in osm.relations.items()
    ]
    return {"version": 0.6, "osm3s": {"timestamp_osm_base": stamp}, "elements": [*nodes, *ways, *relations]}


def to_geojson(features: Iterable[tuple[Any, Mapping[str, Any]]], **members: Any) -> str:
    """A collection of shapely geometries with their properties; `members` stand before its features."""
    import shapely

    listed = [
        {"type": "Feature", "properties": dict(properties), "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, properties in features
    ]
    return json.dumps({"type": "FeatureCollection", **members, "features": listed})


def to_pbf(osm: Map, *, day: datetime | None = None, bounds: tuple[float, float, float, float] | None = None) -> bytes:
    """OSM's binary format, version 0.6: a header, with its replication timestamp, and one block of everything.

    After fileformat.proto and osmformat.proto of OSM-binary; coordinates are in 1e-7 degrees, the default granularity.
    """
    header = _text(4, "OsmSchema-V0.6")
    if bounds:
        west, south, east, north = (_zigzag(round(edge * 1e9)) for edge in bounds)
        header = _bytes(1, _number(1, west) + _number(2, east) + _number(3, north) + _number(4, south)) + header
    if day:
        header += _number(32, int(day.replace(tzinfo=UTC).timestamp()))
    return _block("OSMHeader", header) + _block("OSMData", _primitives(osm))


def _primitives(osm: Map) -> bytes:
    strings = [""]

    def index(text: str) -> int:
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    def tagged(tags: Tags) -> bytes:
        return _packed(2, map(index, tags)) + _packed(3, map(index, tags.values())) if tags else b""

    nodes = b"".join(
        _bytes(1, _number(1, _zigzag(node)) + _degrees(8, lat) + _degrees(9, lon))
        for (lon, lat), node in osm.nodes.items()
    )
    ways = b"".join(
        _bytes(3, _number(1, way) + tagged(tags) + _packed(8, _deltas(refs))) for way, (refs, tags) in osm.ways.items()
    )
    relations = b"".join(
        _bytes(
            4,
            _number(1, relation)
            + tagged(tags)
            + _packed(8, [index(role) for _, role in members])
            + _packed(9, _deltas([way for way, _ in members]))
            + _packed(10, [1] * len(members)),
        )
        for relation, (members, tags) in osm.relations.items()
    )
    groups = b"".join(_bytes(2, group) for group in (nodes, ways, relations) if group)  # of one kind each
    return _bytes(1, b"".join(_text(1, text) for text in strings)) + groups


def _block(kind: str, content: bytes) -> bytes:
    blob = _number(2, len(content)) + _bytes(3, zlib.compress(content))
    header = _text(1, kind) + _number(3, len(blob))
    return struct.pack(">I", len(header)) + header + blob


def _degrees(number: int, value: float) -> bytes:
    return _number(number, _zigzag(round(value * 1e7)))


def _deltas(values: Sequence[int]) -> list[int]:
    return [_zigzag(value - before) for value, before in zip(values, [0, *values], strict=False)]


def _packed(number: int, values: Iterable[int]) -> bytes:
    return _bytes(number, b"".join(map(_varint, values)))


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _add_tags(element: ElementTree.Element, tags: Tags) -> None:
    for key, value in tags.items():
        ElementTree.SubElement(element, "tag", k=key, v=value)
