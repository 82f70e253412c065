"""Tags of OpenStreetMap: how they are read, which ways are roads and how wide, which outlines are buildings."""

import pytest

from tdsr_bench.data.osm_tags import CLASS_METRES, is_bridge, is_building, parse_hstore, read_tags, road_width
from tdsr_bench.data.vectors import parse_metres


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ('"lanes"=>"2"', {"lanes": "2"}),
        (r'"width"=>"12\' 6\"","tunnel"=>"no"'.replace(r"\'", "'"), {"width": "12' 6\"", "tunnel": "no"}),
        (r'"name"=>"C:\\road, \"a\"=>\"b\"", "layer"=>"-1"', {"name": 'C:\\road, "a"=>"b"', "layer": "-1"}),
        ('"name"=>"two\nlines","note"=>NULL', {"name": "two\nlines"}),
    ],
)
def test_hstore_is_parsed_with_its_escapes(text: str, pairs: dict[str, str]) -> None:
    assert parse_hstore(text) == pairs


def test_tags_are_found_in_columns_and_in_packed_ones() -> None:
    packed = {"other_tags": '"lanes"=>"2","bridge"=>"yes","name"=>"A"', "highway": "primary", "name": "B"}
    assert read_tags(packed) == {"lanes": "2", "bridge": "yes", "highway": "primary"}
    assert read_tags({"tags": '{"building": "yes", "layer": -1, "area": null}'}) == {"building": "yes", "layer": "-1"}
    assert read_tags({"tags": "{no, JSON}", "other_tags": None, "highway": float("nan"), "building": ""}) == {}


@pytest.mark.parametrize(
    ("entry", "metres"),
    [
        ("3.5", 3.5),
        ("3,5 m", 3.5),
        ("7 metres", 7.0),
        (2.0, 2.0),
        ("12'", 3.6576),
        ("12'6\"", 3.81),
        ("12' 6\"", 3.81),
        ("12 ft", 3.6576),
        ("12 ft 6 in", 3.81),
        ("3-4", None),
        ("3;4", None),
        ("narrow", None),
        ("-3", None),
        ("12'6", None),
        (float("nan"), None),
    ],
)
def test_lengths_have_the_units_of_mappers(entry: object, metres: float | None) -> None:
    assert parse_metres(entry) == (None if metres is None else pytest.approx(metres))


@pytest.mark.parametrize(
    ("tags", "metres"),
    [
        ({"highway": "motorway"}, 12.0),
        ({"highway": "motorway", "lanes": "2"}, 12.0),
        ({"highway": "motorway", "lanes": "3"}, 15.5),
        ({"highway": "residential"}, 5.0),
        ({"highway": "residential", "lanes": "2"}, 7.0),
        ({"highway": "residential", "lanes": "2", "width": "4 m"}, 4.0),
        ({"highway": "residential", "lanes": "2", "width": "wide"}, 7.0),
        ({"highway": "residential", "lanes": "1;2"}, 5.0),
        ({"highway": "residential", "width": "0"}, 5.0),
        ({"highway": "residential", "width": "400"}, 5.0),
        ({"highway": "residential", "est_width": "6", "lanes": "1"}, 6.0),
        ({"highway": "primary", "tunnel": "no", "covered": "no", "layer": "-1"}, 7.5),
        ({"highway": "primary", "bridge": "viaduct", "layer": "1"}, 7.5),
        ({"highway": "service", "service": "alley"}, 3.5),
        ({"highway": "service", "service": "driveway"}, None),
        ({"highway": "service", "service": "parking_aisle"}, None),
        ({"highway": "primary", "tunnel": "yes"}, None),
        ({"highway": "primary", "tunnel": "True"}, None),
        ({"highway": "primary", "tunnel": "building_passage"}, None),
        ({"highway": "primary", "covered": "yes"}, None),
        ({"highway": "primary", "location": "underground"}, None),
        ({"highway": "service", "area": "yes"}, None),
        ({"highway": "footway"}, None),
        ({"highway": "pedestrian"}, None),
        ({"highway": "track"}, None),
        ({"highway": "construction", "construction": "motorway"}, None),
        ({"railway": "rail"}, None),
    ],
)
def test_roads_are_of_motor_traffic_seen_from_above_and_as_wide_as_said(
    tags: dict[str, str], metres: float | None
) -> None:
    assert road_width(tags) == metres


@pytest.mark.parametrize("kind", CLASS_METRES)
def test_more_lanes_make_a_wider_road(kind: str) -> None:
    widths = [road_width({"highway": kind, "lanes": str(lanes)}) for lanes in range(1, 9)]
    assert widths == sorted(set(widths))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"building": "yes"}, True),
        ({"building": "roof", "layer": "1"}, True),
        ({"building": "yes", "tunnel": "no"}, True),
        ({"building": "no"}, False),
        ({"building": "construction"}, False),
        ({"building": "ruins"}, False),
        ({"building": "yes", "location": "underground"}, False),
        ({"building": "yes", "layer": "-1"}, False),
        ({"building": "yes", "layer": "-2.0"}, False),
        ({"landuse": "residential"}, False),
    ],
)
def test_buildings_have_a_roof_above_the_ground(tags: dict[str, str], expected: bool) -> None:
    assert is_building(tags) is expected


def test_bridges_are_known() -> None:
    assert is_bridge({"bridge": "movable"})
    assert not is_bridge({"bridge": "no"})
    assert not is_bridge({})
