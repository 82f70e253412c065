"""What the tags of OpenStreetMap mean here: which ways are roads and how wide, which outlines are buildings."""

import re
from collections.abc import Mapping
from typing import Any

from tdsr_bench.data.vectors import LANE_FIELDS, WIDTH_FIELDS, road_metres
from tdsr_bench.foreign import from_json

Tags = Mapping[str, str]

ROAD_WIDTHS = 1
"""The version of how roads are chosen and how wide they are; raised with every change of it."""

CLASS_METRES: Mapping[str, float] = {
    "motorway": 12.0,
    "trunk": 7.5,
    "primary": 7.5,
    "secondary": 6.5,
    "tertiary": 5.5,
    "unclassified": 4.5,
    "residential": 5.0,
    "living_street": 4.0,
    "service": 3.5,
    "busway": 5.0,
    "road": 4.5,
    "motorway_link": 5.0,
    "trunk_link": 5.0,
    "primary_link": 5.0,
    "secondary_link": 5.0,
    "tertiary_link": 5.0,
}
"""The classes that count as roads, those of motor traffic, and the width in metres of one that says nothing else.

From trunk to tertiary: the paved width of German standard cross-sections, RAS-Q 96, RQ 10.5 (7.5 m), RQ 9.5 (6.5 m) and
RQ 7.5 (5.5 m). The others: near the medians of the widths that mappers entered (osm-guesstimator on PyPI: motorway 12,
unclassified 4 to 5, residential 5, living_street 3, service 3, busway 5, one-lane links 4 to 6). A motorway's
carriageways are a way each.
"""

HARD_SHOULDER_METRES = 5.0
"""What a motorway has beside its lanes of 3.5 m, so that the usual two make its class's 12 m."""

PRIVATE_SERVICE = ("driveway", "parking_aisle", "drive-through")
"""Kinds of `service` that are part of a plot or a car park."""

NOT_STANDING = ("no", "construction", "proposed", "demolished", "razed", "destroyed", "collapsed", "ruins")
"""Values of `building` that mean no roof."""

TAG_COLUMNS = ("other_tags", "tags", "all_tags")
"""Columns that hold tags without a column of their own: hstore by GDAL, JSON by others."""

TAG_NAMES = (
    *("highway", "building", "tunnel", "covered", "location", "layer", "bridge", "area", "service"),
    *WIDTH_FIELDS,
    *LANE_FIELDS,
)
"""The tags that matter here."""

_NO = (None, "", "no", "false", "f", "0", "none", "nan")
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse_hstore(text: str) -> dict[str, str]:
    r"""The pairs of PostgreSQL's hstore, as GDAL writes tags; pairs without a value are left out.

    >>> parse_hstore(r'"lanes"=>"2","name"=>"the \"old\" road","note"=>NULL')
    {'lanes': '2', 'name': 'the "old" road'}
    """
    return {
        _ESCAPED.sub(r"\1", key): _ESCAPED.sub(r"\1", value)
        for key, value in (found.groups() for found in _PAIR.finditer(text))
        if value is not None
    }


def read_tags(row: Mapping[str, Any]) -> dict[str, str]:
    """The tags that matter of a feature, from its columns, whether they have columns of their own or share one.

    >>> read_tags({"highway": "primary", "lanes": 2.0, "other_tags": '"bridge"=>"yes"', "name": "A"})
    {'bridge': 'yes', 'highway': 'primary', 'lanes': '2.0'}
    """
    tags: dict[str, Any] = {}
    for name in TAG_COLUMNS:
        if isinstance(packed := row.get(name), str):
            tags.update(_parse_json(packed) if packed.startswith("{") else parse_hstore(packed))
    tags.update((name, row[name]) for name in TAG_NAMES if _said(row.get(name)))
    return {name: str(value) for name, value in tags.items() if name in TAG_NAMES and _said(value)}


def road_width(tags: Tags) -> float | None:
    """The width in metres of the road that `tags` describe; None where it is none that is seen from above.

    A road is a way of one of `CLASS_METRES`, bridges included. Left out are tunnels, roads covered or underground,
    areas, driveways and the aisles of car parks. Its width is `width`, `width:carriageway` or `est_width`, else its
    `lanes` times 3.5 m and, of a motorway, the hard shoulder; else its class's.

    >>> road_width({"highway": "secondary"}), road_width({"highway": "secondary", "lanes": "3"})
    (6.5, 10.5)
    >>> road_width({"highway": "primary", "tunnel": "yes"}) is road_width({"highway": "footway"}) is None
    True
    """
    kind = tags.get("highway", "")
    if kind not in CLASS_METRES or _hidden(tags) or _is(tags, "area") or tags.get("service") in PRIVATE_SERVICE:
        return None
    beside = HARD_SHOULDER_METRES if kind == "motorway" else 0.0
    return road_metres(tags, otherwise=CLASS_METRES[kind], beside_lanes=beside)


def is_building(tags: Tags) -> bool:
    """Whether `tags` describe a building whose roof is seen from above.

    >>> is_building({"building": "house"}), is_building({"building": "no"}), is_building({"building:part": "yes"})
    (True, False, False)
    """
    underground = _hidden(tags) or tags.get("layer", "0").startswith("-")
    return _is(tags, "building") and tags["building"].lower() not in NOT_STANDING and not underground


def is_bridge(tags: Tags) -> bool:
    """Whether `tags` describe something on a bridge: where it crosses another line, the two do not meet."""
    return _is(tags, "bridge")


def _hidden(tags: Tags) -> bool:
    return _is(tags, "tunnel") or _is(tags, "covered") or tags.get("location") == "underground"


def _is(tags: Tags, name: str) -> bool:
    return tags.get(name, "no").lower() not in _NO


def _parse_json(text: str) -> dict[str, Any]:
    try:
        return dict(from_json(text))
    except ValueError:
        return {}


def _said(value: Any) -> bool:
    if hasattr(value, "__len__") and not isinstance(value, str):  # GDAL has columns of lists; no tag is one
        return False
    return value is not None and value == value and value != ""  # NaN is what a column of numbers has for nothing
