"""Masks from OpenStreetMap: where they lie, what they hold, how work goes on, and what is refused."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from makers import TRANSFORM, SceneMaker, content_of
from numpy.typing import NDArray
from osm_files import Map, to_geojson
from rasterio.warp import transform
from scipy import ndimage

from tdsr_bench.cli import main
from tdsr_bench.data import osm as module
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.data.grid import Grid
from tdsr_bench.data.layout import (
    DataRecord,
    ReferenceUnit,
    SceneRecord,
    new_dataset,
    truth_files,
    write_record,
    write_scene,
    write_truth,
)
from tdsr_bench.data.mini import make_scene as make_mini_scene
from tdsr_bench.data.osm import OsmReport, osm_masks
from tdsr_bench.data.osm_features import on_reference
from tdsr_bench.data.osm_file import OsmFile
from tdsr_bench.data.truth import read_truth_record
from tdsr_bench.data.vectors import DEGREES, Shapes, rasterise, read_layer
from tdsr_bench.errors import DataError
from tdsr_bench.georeference import Affine6, finer
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Scene

UTM = "EPSG:32631"
METRES = 10 / 3
SIZE = 144
ROAD = {"highway": "residential", "width": "10"}
HOUSE = {"building": "yes"}

Open = Callable[..., DataSet]


@pytest.fixture
def opened(tmp_path: Path, protocol: BenchmarkProtocol) -> Open:
    """Writes scenes as a data set, and opens it."""

    def write(*scenes: Scene, arm: str = "real", name: str = "data") -> DataSet:
        with new_dataset(tmp_path / name) as folder:
            for scene in scenes:
                write_scene(folder, scene.name, content_of(scene))
            record = DataRecord(
                name=name,
                arms=(arm,),
                reference=ReferenceUnit(kind="reflectance", scale=1e-4),
                source="made by a test",
                licence="none",
                scenes={
                    scene.name: SceneRecord(region=scene.region, strip=scene.strip, reference_date=scene.reference_date)
                    for scene in scenes
                },
            )
            write_record(folder, record)
        return open_dataset(tmp_path / name, protocol)

    return write


def moved_to(scene: Scene, *, east: float) -> Scene:
    """The same scene at another place, in metres east of the first."""
    return replace(scene, transform=(10.0, 0.0, TRANSFORM[2] + east, 0.0, -10.0, TRANSFORM[5]))


def on_map(shape: Any, *, place: Affine6 = TRANSFORM, crs: str = UTM) -> Any:
    """A shape drawn in high-resolution pixels (column, row), in degrees."""
    a, _, c, _, e, f = place

    def degrees(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = (points * [a / 3, e / 3] + [c, f]).T
        return np.array(transform(crs, DEGREES, x, y)).T

    return shapely.transform(shape, degrees)


def write_map(path: Path, *features: tuple[Any, Mapping[str, Any]], **members: Any) -> OsmFile:
    path.write_text(to_geojson(features, **members))
    return OsmFile(path)


def street(row: float) -> Any:
    return on_map(shapely.LineString([(-50, row), (200, row)]))


def house(column: float, row: float, size: float = 10) -> Any:
    return on_map(shapely.box(column, row, column + size, row + size))


def truth(dataset: DataSet, scene: str = "a") -> Mapping[str, NDArray[np.bool_]]:
    return dataset.read(scene).truth


def content(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted((root / "truth").rglob("*")) if path.is_file()
    }


def test_masks_hold_the_pixels_whose_centres_lie_within(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"))
    court = shapely.box(70, 30, 90, 50).difference(shapely.box(75, 35, 85, 45))
    features = [
        (street(20.5), ROAD),
        (street(60.5), {"highway": "residential", "lanes": "2", "bridge": "yes", "layer": "1"}),
        (street(80.5), {**ROAD, "tunnel": "yes"}),
        (on_map(court), HOUSE),
        (house(100, 90), {"building": "construction"}),
    ]
    report = osm_masks(dataset, write_map(tmp_path / "map.geojson", *features))
    assert report == OsmReport(made=["a"])
    roads, buildings = np.zeros((SIZE, SIZE), dtype=bool), np.zeros((SIZE, SIZE), dtype=bool)
    roads[19:22] = roads[59:62] = True  # 10 m are three pixels; 7 m reach the centres that lie 3.33 m away
    buildings[30:50, 70:90] = True
    buildings[35:45, 75:85] = False
    np.testing.assert_array_equal(truth(dataset)["roads"], roads)
    np.testing.assert_array_equal(truth(dataset)["buildings"], buildings)


@pytest.mark.parametrize("shift", [(3.0, -2.0), (-4.0, 5.0)])
def test_truth_lies_where_the_reference_shows_it(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, shift: tuple[float, float]
) -> None:
    dataset = opened(make_scene(name="a", shift=shift))  # the frames' content lies `shift` from the reference's
    osm_masks(dataset, write_map(tmp_path / "map.geojson", (house(70, 40), HOUSE), (street(100.5), ROAD)))
    row, column = 40 - int(shift[0]), 70 - int(shift[1])
    buildings = np.zeros((SIZE, SIZE), dtype=bool)
    buildings[row : row + 10, column : column + 10] = True
    np.testing.assert_array_equal(truth(dataset)["buildings"], buildings)
    assert set(np.flatnonzero(truth(dataset)["roads"][:, 70])) == {row + 59, row + 60, row + 61}
    recorded = read_truth_record(dataset.root).scenes["a"]["roads"].shift_hr_px
    assert recorded == pytest.approx(shift, abs=0.1)


def test_a_reference_that_lies_on_the_map_itself_is_not_moved(
    tmp_path: Path, opened: Open, make_scene: SceneMaker
) -> None:
    dataset = opened(make_scene(name="a", shift=(3.0, -2.0)), arm="simulated")
    osm_masks(dataset, write_map(tmp_path / "map.geojson", (house(70, 40), HOUSE)))
    assert truth(dataset)["buildings"][40:50, 70:80].sum() == truth(dataset)["buildings"].sum() == 100
    assert read_truth_record(dataset.root).scenes["a"]["buildings"].shift_hr_px == (0, 0)


def test_the_vectors_beside_a_mask_give_the_mask(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, rng: np.random.Generator
) -> None:
    scene = make_scene(name="a", shift=(2.3, -1.6))
    dataset = opened(scene)
    lines = [on_map(shapely.LineString(rng.uniform(-30, 170, (4, 2)))) for _ in range(8)]
    houses = [house(*rng.uniform(-10, 150, 2), size=rng.uniform(2, 9)) for _ in range(40)]
    features = [(line, {"highway": "primary", "width": str(rng.integers(2, 20))}) for line in lines]
    osm_masks(dataset, write_map(tmp_path / "map.geojson", *features, *((one, HOUSE) for one in houses)))
    grid = Grid(UTM, finer(scene.transform, 3), SIZE, SIZE)
    for task, mask in truth(dataset).items():
        _, shapes, columns = read_layer(truth_files(dataset.root, "a", task)[1])
        widths = columns["width_m"] if task == "roads" else np.zeros(len(shapes))
        np.testing.assert_array_equal(rasterise(Shapes(shapes, widths, UTM), grid), mask)
        assert 0.01 < mask.mean() < 0.6
        assert shapely.box(*grid.bounds).buffer(1e-6).covers(shapely.union_all(shapes))
    assert set(columns) == {"class", "width_m"}


def test_lines_say_what_they_are(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"))
    features = (street(20.5), ROAD), (street(60.5), {"highway": "trunk", "bridge": "yes", "name": "A 1"})
    osm_masks(dataset, write_map(tmp_path / "map.geojson", *features))
    drawn = json.loads(truth_files(dataset.root, "a", "roads")[1].read_text())["features"]
    assert [feature["properties"] for feature in drawn] == [
        {"class": "residential", "width_m": 10.0},
        {"class": "trunk", "bridge": True, "width_m": 7.5},
    ]


@pytest.mark.parametrize("seed", range(12))
def test_no_road_is_broken_however_narrow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(UTM, finer(TRANSFORM, 3), SIZE, SIZE)
    angle = rng.uniform(0, np.pi)
    middle, way = rng.uniform(60, 84, 2), np.array([np.cos(angle), np.sin(angle)])
    line = on_map(shapely.LineString([middle - 55 * way, middle + 55 * way]))
    shapes = Shapes(np.array([line]), np.array([1.0]), DEGREES)
    mask = rasterise(on_reference(shapes, grid, (0.0, 0.0), pixel=METRES), grid)
    assert ndimage.label(mask, structure=np.ones((3, 3)))[1] == 1
    assert mask.sum() >= np.abs(110 * way).max() - 2


def test_widths_are_metres_on_the_ground_in_degrees_too(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    place = (1.2104e-4, 0.0, 2.79, 0.0, -9.003e-5, 42.36)  # 10 m on both axes, at 42 degrees north
    dataset = opened(replace(make_scene(name="a"), transform=place, crs=DEGREES))
    down, across = shapely.LineString([(40.5, -50), (40.5, 200)]), shapely.LineString([(-50, 70.5), (200, 70.5)])
    tags = {"highway": "primary", "width": "30"}
    osm_masks(
        dataset,
        write_map(
            tmp_path / "map.geojson", *((on_map(line, place=place, crs=DEGREES), tags) for line in (down, across))
        ),
    )
    expected = np.zeros((SIZE, SIZE), dtype=bool)
    expected[:, 36:45] = expected[66:75] = True
    np.testing.assert_array_equal(truth(dataset)["roads"], expected)
    assert len(dataset.read("a").lines["roads"]) == 2


def test_where_nothing_is_the_mask_is_empty_and_the_record_says_so(
    tmp_path: Path, opened: Open, make_scene: SceneMaker
) -> None:
    dataset = opened(make_scene(name="a"), moved_to(make_scene(name="b", seed=1), east=5000))
    far = (on_map(shapely.Point(3000, 10)), {"name": "so far the map goes"})
    source = write_map(tmp_path / "map.geojson", (street(20.5), ROAD), (house(9, 9), HOUSE), far)
    osm_masks(dataset, source)
    truth_files(dataset.root, "b", "roads")[0].unlink()
    assert osm_masks(dataset, source) == OsmReport(made=["b"], kept=["a"])  # none is absent, though none is left
    assert not truth(dataset, "b")["roads"].any()
    assert dataset.read("b").lines["roads"] == ()
    told = read_truth_record(dataset.root).scenes
    assert {task: one.features for task, one in told["b"].items()} == {"buildings": 0, "roads": 0}
    assert {task: one.features for task, one in told["a"].items()} == {"buildings": 1, "roads": 1}


def test_a_task_that_the_map_has_nothing_of_gets_no_truth(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"))
    houses = write_map(tmp_path / "houses.geojson", (house(70, 40), HOUSE), timestamp="2014-05-06T00:00:00Z")
    assert osm_masks(dataset, houses).absent == ["roads"]
    assert set(truth(dataset)) == {"buildings"}
    streets = write_map(tmp_path / "streets.geojson", (street(20.5), ROAD))
    assert osm_masks(dataset, streets) == OsmReport(made=["a"], absent=["buildings"])
    assert set(truth(dataset)) == {"buildings", "roads"}
    told = dataset.truth_source
    assert told is not None
    assert {key: told[key] for key in ("source", "licence")} == {"source": "OpenStreetMap", "licence": "ODbL-1.0"}
    assert "centre" in told["rule"]
    one, two = told["origins"]
    assert (one["name"], one["snapshot"], one["tasks"]) == ("houses.geojson", "2014-05-06", ["buildings"])
    assert (two["name"], two["snapshot"], two["tasks"]) == ("streets.geojson", None, ["roads"])
    assert "not stated" in two["snapshot_from"]
    assert one["sha256"] == houses.sha256
    assert one["road_widths"] == 1


def test_scenes_outside_of_the_map_keep_what_they_have(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    scenes = make_scene(name="a"), moved_to(make_scene(name="b", seed=1), east=5000)
    dataset = opened(*scenes)
    first = osm_masks(dataset, write_map(tmp_path / "a.geojson", (street(20.5), ROAD)))
    assert first == OsmReport(made=["a"], outside=["b"], absent=["buildings"])
    assert not truth(dataset, "b")
    before = content(dataset.root)
    there = on_map(shapely.LineString([(-9, 30.5), (150, 30.5)]), place=scenes[1].transform)
    second = osm_masks(dataset, write_map(tmp_path / "b.geojson", (there, ROAD)))
    assert second == OsmReport(made=["b"], outside=["a"], absent=["buildings"])
    after = content(dataset.root)
    assert all(after[name] == before[name] for name in before if name != "truth/osm.json")
    assert dataset.truth_source is not None
    assert [origin["name"] for origin in dataset.truth_source["origins"]] == ["a.geojson", "b.geojson"]


def test_finished_scenes_are_not_made_again(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"), make_scene(name="b", seed=1))
    source = write_map(tmp_path / "map.geojson", (street(20.5), ROAD), (house(9, 9), HOUSE))
    osm_masks(dataset, source)
    before = content(dataset.root)
    assert osm_masks(dataset, source) == OsmReport(kept=["a", "b"])
    truth_files(dataset.root, "b", "roads")[0].unlink()
    assert osm_masks(dataset, source) == OsmReport(made=["b"], kept=["a"])
    assert content(dataset.root) == before
    assert osm_masks(dataset, source, overwrite=True).made == ["a", "b"]
    assert content(dataset.root) == before


def test_an_interruption_loses_nothing_that_is_finished(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = opened(make_scene(name="a"), make_scene(name="b", seed=1))
    source = write_map(tmp_path / "map.geojson", (street(20.5), ROAD), (house(9, 9), HOUSE))
    with interrupted(monkeypatch, after=3), pytest.raises(KeyboardInterrupt):  # at the last task of the last scene
        osm_masks(dataset, source)
    assert set(truth(dataset, "b")) == {"buildings"}
    assert osm_masks(dataset, source) == OsmReport(made=["b"], kept=["a"])
    assert truth(dataset, "b")["roads"].sum() == 3 * SIZE


def test_an_interrupted_replacement_mixes_nothing_up(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = opened(make_scene(name="a"), make_scene(name="b", seed=1))
    old = write_map(tmp_path / "old.geojson", (street(20.5), ROAD))
    osm_masks(dataset, old)
    new = write_map(tmp_path / "new.geojson", (street(70.5), ROAD))
    with interrupted(monkeypatch, after=0), pytest.raises(KeyboardInterrupt):
        osm_masks(dataset, new, overwrite=True)
    assert not truth(dataset, "a")
    with pytest.raises(DataError, match=r"b has truth of roads already, from old\.geojson; give --overwrite"):
        osm_masks(dataset, new)
    assert osm_masks(dataset, old) == OsmReport(made=["a"], kept=["b"], absent=["buildings"])
    assert list(read_truth_record(dataset.root).origins) == [old.key]


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, *, after: int) -> Iterator[None]:
    """The user interrupts when so many tasks are written."""
    calls = iter(range(99))

    def write(root: Path, scene: str, task: str, *rest: Any) -> None:
        if next(calls) == after:
            raise KeyboardInterrupt
        write_truth(root, scene, task, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_truth", write)
        yield


def test_other_truth_is_not_replaced_unasked(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"), make_scene(name="b", seed=1))
    own = np.eye(SIZE, dtype=bool)
    write_truth(dataset.root, "b", "roads", own, "{}")
    write_truth(dataset.root, "b", "water", own, "{}")
    truth_files(dataset.root, "b", "roads")[1].unlink()
    source = write_map(tmp_path / "map.geojson", (street(20.5), ROAD), (house(9, 9), HOUSE))
    before = content(dataset.root)
    with pytest.raises(DataError, match="b has truth of roads already, from the data set itself; give --overwrite"):
        osm_masks(dataset, source)
    assert content(dataset.root) == before
    osm_masks(dataset, source, overwrite=True)
    assert truth(dataset, "b")["roads"].sum() == 3 * SIZE
    np.testing.assert_array_equal(truth(dataset, "b")["water"], own)


def test_a_scene_that_cannot_be_done_does_not_stop_the_others(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, rng: np.random.Generator
) -> None:
    unlike = replace(make_scene(name="b"), reference=rng.uniform(0, 1, (4, SIZE, SIZE)).astype(np.float32))
    nowhere = replace(make_scene(name="c", seed=2), crs=None)
    dataset = opened(make_scene(name="a"), unlike, nowhere, make_scene(name="d", seed=3))
    source = write_map(tmp_path / "map.geojson", (street(20.5), ROAD), (house(9, 9), HOUSE))
    told: list[tuple[int, int]] = []
    report = osm_masks(dataset, source, progress=lambda done, total: told.append((done, total)))
    assert report.made == ["a", "d"]
    assert "no common detail" in report.failed["b"]
    assert "c, frames: its coordinate system" in report.failed["c"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert not (dataset.root / "truth" / "b").exists()
    assert set(read_truth_record(dataset.root).scenes) == {"a", "d"}
    assert osm_masks(dataset, source).kept == ["a", "d"]


def test_no_scene_that_can_be_done_is_an_error(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(replace(make_scene(name="a"), crs=None))
    with pytest.raises(DataError, match="No scene of data could be given truth; the first of 1: a, frames: its coord"):
        osm_masks(dataset, write_map(tmp_path / "map.geojson", (street(20.5), ROAD)))


def test_a_broken_record_says_what_to_do(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    dataset = opened(make_scene(name="a"))
    assert dataset.truth_source is None
    (dataset.root / "truth").mkdir()
    (dataset.root / "truth" / "osm.json").write_text('{"schema": 2}')
    with pytest.raises(DataError, match=r"osm\.json: schema: .*--overwrite"):
        osm_masks(dataset, write_map(tmp_path / "map.geojson", (street(20.5), ROAD)))


def test_a_pbf_becomes_masks(tmp_path: Path, opened: Open, make_scene: SceneMaker) -> None:
    osm = Map()
    osm.way(shapely.get_coordinates(street(20.5)), **ROAD)
    rings = [shapely.get_coordinates(house(60, 60, size).exterior) for size in (30, 10)]
    osm.multipolygon([osm.way(rings[0])], [osm.way(rings[1])], building="yes")
    dataset = opened(make_scene(name="a"))
    osm_masks(dataset, OsmFile(osm.write(tmp_path / "map.osm.pbf")))
    assert truth(dataset)["roads"].sum() == 3 * SIZE
    assert truth(dataset)["buildings"].sum() == 900 - 100


def test_masks_of_mini_agree_with_its_own_truth(tmp_path: Path, protocol: BenchmarkProtocol) -> None:
    """The map has vectors where they truly are; the reference lies an offset away, which only its pixels tell."""
    name = "mini_r02_s4"
    made, record = make_mini_scene(name, seed=0, size=64)
    offset = record.made["reference"]["offset_hr_px"]
    assert np.hypot(*offset) > 2
    source = write_map(tmp_path / "map.geojson", *true_features(made.vectors, offset), crs=crs_member(UTM))
    agreements = []
    for arm in ("real", "simulated"):  # of which the second is not registered
        with new_dataset(tmp_path / arm) as folder:
            write_scene(folder, name, replace(made, truth={}, vectors={}))
            write_record(folder, DataRecord(name=arm, arms=(arm,), source="", licence="", scenes={name: record}))
        dataset = open_dataset(tmp_path / arm, protocol)
        osm_masks(dataset, source)
        agreements.append([overlap(truth(dataset, name)[task], own) for task, own in made.truth.items()])
    registered, laid = np.array(agreements)
    assert (registered > 0.8).all()  # 0.84 for buildings and 0.85 for roads in the mean over all of mini
    assert (laid < registered - 0.2).all()


def true_features(vectors: Mapping[str, str], offset: list[float]) -> list[tuple[Any, Mapping[str, Any]]]:
    """Mini's vectors without the `offset` of its reference, tagged as OpenStreetMap would."""
    features: list[tuple[Any, Mapping[str, Any]]] = []
    back = np.array([offset[1], -offset[0]]) * METRES
    for task, text in vectors.items():
        for feature in json.loads(text)["features"]:
            shape = shapely.transform(
                shapely.from_geojson(json.dumps(feature["geometry"])), lambda points: points - back
            )
            width = feature["properties"].get("width_m")
            features.append((shape, HOUSE if task == "buildings" else {**ROAD, "width": f"{width} m"}))
    return features


def crs_member(crs: str) -> dict[str, Any]:
    return {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union, without the border that scores cut."""
    inner = np.s_[12:-12, 12:-12]
    return float((a & b)[inner].sum() / (a | b)[inner].sum())


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["tdsr-bench", "data", "osm-masks", *map(str, words)])
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def test_the_command_ends_with_the_record_and_its_code(
    tmp_path: Path, opened: Open, make_scene: SceneMaker, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root = opened(make_scene(name="a")).root
    path = write_map(tmp_path / "map.geojson", (street(20.5), ROAD)).path
    assert run(monkeypatch, root, "--osm", path, "--date", "2014-05-06") == 0
    said = capsys.readouterr()
    assert said.out == f"{root / 'truth' / 'osm.json'}\n"
    assert "1 scenes made" in said.err
    assert "holds no buildings" in said.err
    (origin,) = read_truth_record(root).origins.values()
    assert (str(origin.snapshot), origin.snapshot_from) == ("2014-05-06", "--date")
    broken = opened(make_scene(name="a"), replace(make_scene(name="b"), crs=None), name="other").root
    assert run(monkeypatch, broken, "--osm", path) == 3
    assert "failed: b, frames: its coordinate system" in capsys.readouterr().err
    for words in ((root,), (root, "--osm", path, "--overpass", "http://localhost"), (root, "--osm", tmp_path / "no")):
        assert run(monkeypatch, *words) == 2
