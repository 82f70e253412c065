"""OpenStreetMap from files: one map in all formats, what it covers, of which day it is, and what is refused."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from osm_files import Map, to_geojson
from rasterio.warp import transform

from tdsr_bench.data.grid import Bounds
from tdsr_bench.data.osm_features import find_buildings, find_roads
from tdsr_bench.data.osm_file import FileMap, OsmFile
from tdsr_bench.data.osm_snapshot import snapshot_day
from tdsr_bench.errors import DataError

HERE: Bounds = (2.5, 41.5, 2.51, 41.51)
FAR: Bounds = (2.7, 41.7, 2.71, 41.71)
SQUARE = [(2.5, 41.5), (2.501, 41.5), (2.501, 41.501), (2.5, 41.501), (2.5, 41.5)]
COURT = [(2.5002, 41.5002), (2.5008, 41.5002), (2.5008, 41.5008), (2.5002, 41.5008), (2.5002, 41.5002)]
BEND = [(2.503, 41.503), (2.504, 41.503), (2.505, 41.504)]
CIRCLE = [(2.507, 41.507), (2.508, 41.507), (2.508, 41.508), (2.507, 41.507)]
TUNNEL = [(2.503, 41.506), (2.504, 41.506)]
WOOD = [(x + 0.004, y) for x, y in COURT]
UTM = "EPSG:32631"

FEATURES: Sequence[tuple[Any, dict[str, Any]]] = [
    (shapely.Polygon(SQUARE, [COURT]), {"building": "yes"}),
    (shapely.LineString(BEND), {"highway": "secondary", "width": "12' 6\"", "bridge": "yes"}),
    (shapely.LineString(CIRCLE), {"highway": "primary", "lanes": "2", "junction": "roundabout"}),
    (shapely.LineString(TUNNEL), {"highway": "primary", "tunnel": "yes"}),
    (shapely.Polygon(WOOD), {"landuse": "forest"}),
    (shapely.Point(2.503, 41.503), {"highway": "crossing"}),
]
"""A town: a house with a court, a bridge and a roundabout; and what is none of these."""


def town() -> Map:
    """The same as OpenStreetMap has it; the house is a relation of two ways, and there is more far away."""
    osm = Map()
    osm.multipolygon([osm.way(SQUARE)], [osm.way(COURT)], building="yes")
    osm.way(BEND, highway="secondary", width="12' 6\"", bridge="yes", name='the "old" road, C:\\')
    osm.way(CIRCLE, highway="primary", junction="roundabout", lanes="2")
    osm.way(TUNNEL, highway="primary", tunnel="yes")
    osm.way(WOOD, landuse="forest")
    osm.way([(x, y + 0.004) for x, y in COURT], highway="service", area="yes")
    osm.way([(x + 0.1, y + 0.1) for x, y in BEND], highway="secondary")
    return osm


def in_utm(shape: Any) -> Any:
    return shapely.transform(shape, lambda points: np.array(transform("EPSG:4326", UTM, *points.T)).T)


def hstore(tags: dict[str, Any], *, but: str) -> str | None:
    escaped = ((key, str(value).replace("\\", "\\\\").replace('"', '\\"')) for key, value in tags.items() if key != but)
    return ",".join(f'"{key}"=>"{value}"' for key, value in escaped) or None


def write_layer(path: Path, name: str, key: str, *, crs: str | None, kind: str) -> None:
    """A layer of what of the town has the tag `key`, the other tags packed, as ogr2ogr exports."""
    mine = [(shape, tags) for shape, tags in FEATURES if key in tags and shape.geom_type == kind]
    columns = [[tags[key] for _, tags in mine], [hstore(tags, but=key) for _, tags in mine]]
    pyogrio.raw.write(
        path, np.array(shapely.to_wkb([in_utm(shape) for shape, _ in mine])),
        [np.array(column, dtype=object) for column in columns], [key, "other_tags"],
        layer=name, crs=crs, geometry_type=kind, driver="GPKG", append=path.exists(),
    )  # fmt: skip


def write(path: Path) -> Path:
    """The town in the format that the name of `path` asks for."""
    if path.suffix in (".osm", ".pbf"):
        return town().write(path)
    if path.suffix == ".gpkg":
        write_layer(path, "lines", "highway", crs=UTM, kind="LineString")
        write_layer(path, "multipolygons", "building", crs=UTM, kind="Polygon")
    elif path.stem == "nested":  # osmtogeojson's other form
        path.write_text(
            to_geojson([(shape, {"id": index, "tags": tags}) for index, (shape, tags) in enumerate(FEATURES)])
        )
    elif path.stem == "utm":
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
        path.write_text(to_geojson([(in_utm(shape), tags) for shape, tags in FEATURES], crs=crs))
    else:
        path.write_text(to_geojson(FEATURES))
    return path


def load(path: Path, **boxes: Bounds) -> FileMap:
    return OsmFile(path).load(boxes or {"here": HERE})


@pytest.mark.parametrize("name", ["a.osm", "a.osm.pbf", "a.geojson", "utm.geojson", "nested.geojson", "a.gpkg"])
def test_every_format_gives_the_same_town(tmp_path: Path, name: str) -> None:
    features = load(write(tmp_path / name)).near("here")
    (house,) = find_buildings(features).outlines
    assert shapely.hausdorff_distance(house, shapely.Polygon(SQUARE, [COURT])) < 1e-8
    assert len(house.interiors) == 1
    roads = find_roads(features)
    expected = {"secondary": (BEND, 3.81, True), "primary": (CIRCLE, 7.0, False)}
    assert {told["class"] for told in roads.properties} == set(expected)
    for line, width, told in zip(roads.outlines, roads.widths, roads.properties, strict=True):
        points, metres, bridge = expected[told["class"]]
        np.testing.assert_allclose(shapely.get_coordinates(line), points, atol=1e-8)
        assert width == pytest.approx(metres)
        assert told.get("bridge", False) == bridge


def test_only_what_lies_around_the_scenes_is_read(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "a.osm.pbf"), there=(2.6, 41.6, 2.61, 41.61), far=FAR)
    assert len(find_roads(loaded.features).outlines) == 1
    assert len(loaded.near("there").tags) == 1
    assert not loaded.near("far").tags


def test_a_file_without_bounds_covers_where_it_has_something(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "a.osm"), here=HERE, far=FAR)
    assert loaded.covers("here")
    assert not loaded.covers("far")


@pytest.mark.parametrize("name", ["a.osm", "a.osm.pbf"])
def test_a_scene_has_to_lie_wholly_in_stated_bounds(tmp_path: Path, name: str) -> None:
    path = town().write(tmp_path / name, bounds=(2.4, 41.4, 2.8, 41.705))
    loaded = load(path, here=HERE, empty=(2.75, 41.65, 2.76, 41.66), partly=FAR)
    assert [loaded.covers(scene) for scene in ("here", "empty", "partly")] == [True, True, False]


def test_other_formats_cover_the_box_around_their_features(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "a.gpkg"), here=HERE, between=(2.5055, 41.5055, 2.506, 41.506), far=FAR)
    assert [loaded.covers(scene) for scene in ("here", "between", "far")] == [True, True, False]


def test_a_file_may_hold_one_of_the_tasks_only(tmp_path: Path) -> None:
    path = tmp_path / "houses.geojson"
    path.write_text(to_geojson(FEATURES[:1]))
    assert load(path).tasks == ("buildings",)


@pytest.mark.parametrize(
    ("name", "content", "expected", "where"),
    [
        ("a.osm", b'<osm><meta osm_base="2020-05-06T01:00:00Z"/><node id="1"/>', date(2020, 5, 6), "osm_base"),
        ("a.osm", b'<osm version="0.6" timestamp="2020-05-06T01:00:00Z"><node/>', date(2020, 5, 6), "timestamp"),
        ("a.osm", b'<osm version="0.6"><node id="1" timestamp="2020-05-06T01:00:00Z"/>', None, "not stated"),
        ("a.geojson", b'{"generator": "overpass-turbo", "timestamp": "2020-05-06T01:00:00Z", "features": []}',
         date(2020, 5, 6), "timestamp"),
        ("a.geojson", b'{"features": [{"properties": {"timestamp": "2020-05-06"}}]}', None, "not stated"),
        ("a.gpkg", b'SQLite format 3 "timestamp": "2020-05-06"', None, "not stated"),
        ("a.osm.pbf", b"\0\0\0\xffnothing", None, "not stated"),
        ("a.osm.pbf", b"", None, "not stated"),
    ],
)  # fmt: skip
def test_a_file_says_of_which_day_it_is(
    tmp_path: Path, name: str, content: bytes, expected: date | None, where: str
) -> None:
    (tmp_path / name).write_bytes(content)
    day, told = snapshot_day(tmp_path / name)
    assert day == expected
    assert where in told


def test_the_header_of_a_pbf_says_its_day(tmp_path: Path) -> None:
    path = town().write(tmp_path / "a.osm.pbf", day=datetime(2019, 12, 31, 23, 59), bounds=(2, 41, 3, 42))
    assert snapshot_day(path) == (date(2019, 12, 31), "the file's replication timestamp")
    assert OsmFile(path, date(2019, 12, 31)).load({"here": HERE}).origin.snapshot == date(2019, 12, 31)
    with pytest.raises(DataError, match=r"is of 2019-12-31 by .*, and --date says 2020-01-01; leave --date away"):
        OsmFile(path, date(2020, 1, 1)).load({"here": HERE})


def test_the_day_that_the_user_says_is_recorded_as_theirs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson")
    origin = OsmFile(path, date(2020, 1, 1)).load({"here": HERE}).origin
    assert (origin.snapshot, origin.snapshot_from) == (date(2020, 1, 1), "--date")
    assert load(path).origin.snapshot is None
    assert "--date" in load(path).origin.snapshot_from


def test_the_key_depends_on_content_and_day(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.geojson"), write(tmp_path / "b.geojson")
    other = write(tmp_path / "a.osm")
    assert OsmFile(one).key == OsmFile(two).key
    assert len({OsmFile(one).key, OsmFile(other).key, OsmFile(one, date(2020, 1, 1)).key}) == 3


def test_a_map_of_another_place_names_both(tmp_path: Path) -> None:
    expected = r"covers 2\.5000, 41\.5000, 2\.5080, 41\.5080, the scenes lie in 2\.7000, 41\.7000, 2\.7100, 41\.7100"
    with pytest.raises(DataError, match=expected):
        load(write(tmp_path / "a.geojson"), far=FAR)
    with pytest.raises(DataError, match=r"covers a place that it does not say, the scenes lie in 2\.7000"):
        load(write(tmp_path / "a.osm"), far=FAR)


def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.osm is not there, or no file; name one"):
        load(tmp_path / "nothing.osm")
    for name in ("a.osm.pbf", "a.osm", "a.geojson", "a.gpkg", "a.osm.bz2"):
        (tmp_path / name).write_bytes(b"\x0b\xad" * 500)
        with pytest.raises(DataError, match=rf"{name} cannot be read as vectors"):
            load(tmp_path / name)
    (tmp_path / "b.osm.pbf").write_bytes(write(tmp_path / "c.osm.pbf").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"b\.osm\.pbf cannot be read as vectors"):
        load(tmp_path / "b.osm.pbf")


def test_vectors_without_tags_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(to_geojson([(shape, {"name": "A"}) for shape, _ in FEATURES]))
    with pytest.raises(DataError, match="no layer of lines or polygons with a column highway, building or other_tags"):
        load(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp"])
def test_vectors_without_a_coordinate_system_are_refused(tmp_path: Path, name: str) -> None:
    lines = np.array(shapely.to_wkb([in_utm(shape) for shape, _ in FEATURES[1:3]]))
    driver = "GPKG" if name == "a.gpkg" else "ESRI Shapefile"
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.raw.write(
            tmp_path / name, lines, [np.array(["primary"] * 2, dtype=object)], ["highway"], geometry_type="LineString",
            driver=driver,
        )  # fmt: skip
    with pytest.raises(DataError, match=r"says no coordinate system, expected one .*; assign"):
        load(tmp_path / name)


def test_a_coordinate_system_that_lies_nowhere_is_refused(tmp_path: Path) -> None:
    local = 'ENGCRS["local",EDATUM["x"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    write_layer(tmp_path / "a.gpkg", "lines", "highway", crs=local, kind="LineString")
    with pytest.raises(DataError, match=r"a\.gpkg: its coordinate system .* is not known; assign one"):
        load(tmp_path / "a.gpkg")
