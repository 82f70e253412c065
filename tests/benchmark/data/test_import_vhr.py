"""A very-high-resolution image to a `simulated` data set: grid, radiometry, truth, and what is refused."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import ColorInterp
from rasterio.warp import transform

from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.grid import Grid
from tdsr_bench.data.import_vhr import METRES, import_vhr
from tdsr_bench.data.making import lowres_valid
from tdsr_bench.data.simulate import scene_generator, simulate_frames
from tdsr_bench.data.vectors import Shapes, rasterise, read_roads
from tdsr_bench.data.vhr import read_vhr
from tdsr_bench.errors import DataError
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Scene

UTM = "EPSG:32637"
WEST, NORTH = 526_000.0, 9_330_000.0
UTM_SOUTH = "EPSG:32737"
FINE = Affine(METRES / 4, 0, WEST, 0, -METRES / 4, NORTH)


def write(
    path: Path,
    bands: NDArray[Any],
    *,
    grid: Affine = FINE,
    crs: str | None = UTM_SOUTH,
    names: Sequence[str] = (),
    colours: Sequence[ColorInterp] = (),
    **more: Any,
) -> Path:
    count, height, width = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=bands.dtype, crs=crs, transform=grid,
        **more,
    ) as raster:  # fmt: skip
        raster.write(bands)
        if names:
            raster.descriptions = tuple(names)
        if colours:
            raster.colorinterp = tuple(colours)
    return path


def numbers(count: int = 4, size: tuple[int, int] = (200, 248), *, most: int = 2000, seed: int = 0) -> NDArray[Any]:
    """Digital numbers from 1 to `most`, with detail."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, most, (count, *size)).astype(np.uint8 if most < 256 else np.uint16)


def write_vectors(path: Path, shapes: Sequence[Any], *, crs: str | None = UTM_SOUTH, **fields: Any) -> Path:
    columns = [np.array(values, dtype=object if isinstance(values[0], str) else None) for values in fields.values()]
    kind = shapes[0].geom_type if len({shape.geom_type for shape in shapes}) == 1 else "Unknown"
    pyogrio.raw.write(
        path, np.array(shapely.to_wkb(list(shapes))), columns, list(fields), geometry_type=kind, crs=crs,
        driver="GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile" if path.suffix == ".shp" else "GeoJSON",
    )  # fmt: skip
    return path


def placed(shape: Any) -> Any:
    """A shape drawn in high-resolution pixels (column, row) on the map."""
    return shapely.transform(shape, lambda points: points * [METRES, -METRES] + [WEST, NORTH])


Make = Callable[..., Scene]


@pytest.fixture
def make(tmp_path: Path, protocol: BenchmarkProtocol) -> Make:
    """Imports an image, and reads the one scene back."""

    def imported(image: Path, **options: Any) -> Scene:
        import_vhr(image, tmp_path / "out", name="town", **options)
        return open_dataset(tmp_path / "out", protocol).read("town")

    return imported


def test_pixels_are_area_means_and_frames_come_from_them(tmp_path: Path, make: Make) -> None:
    fine = numbers()
    image = write(tmp_path / "town_2019-05-03.tif", fine)
    scene = make(image, seed=3, frames=4)
    means = fine.reshape(4, 50, 4, 62, 4).mean(axis=(2, 4))
    scale = 0.4 / np.percentile(means, 99.9)
    assert scene.reference.shape == (4, 48, 60)  # 50 x 62 cut to multiples of 3
    np.testing.assert_allclose(scene.reference, (means * scale)[:, :48, :60], atol=1e-4)
    assert scene.reference_date == date(2019, 5, 3)
    np.testing.assert_allclose(scene.transform, (10, 0, WEST, 0, -10, NORTH))
    assert scene.metres_per_pixel == pytest.approx(METRES)
    made = simulate_frames(
        read_vhr(image, metres=METRES).reflectance[:, :48, :60],
        frames=4, rng=scene_generator("town", seed=3), start=date(2018, 5, 3),
    )  # fmt: skip
    assert scene.dates == made.dates
    np.testing.assert_allclose(scene.frames, made.frames, atol=6e-5)
    assert scene.frames_valid.all()
    assert scene.reference_valid.all()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    image = write(tmp_path / "town.tif", numbers())
    contents = []
    for out, seed in (("one", 0), ("two", 0), ("three", 1)):
        import_vhr(image, tmp_path / out, name="town", seed=seed, frames=2)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / out).rglob("*") if path.is_file()})
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_pixels_are_averaged_at_any_ratio(tmp_path: Path) -> None:
    fine = numbers(1, (240, 260))
    high = read_vhr(write(tmp_path / "a.tif", fine, grid=Affine(0.7, 0, WEST, 0, -0.7, NORTH)), metres=METRES)
    assert high.grid.height == 50  # 168 m
    edges = np.arange(51) * METRES / 0.7
    expected = np.diff(np.array([overlap_sum(fine[0].astype(float), edge) for edge in edges]), axis=0)
    columns = np.arange(high.grid.width + 1) * METRES / 0.7
    expected = np.diff(np.array([overlap_sum(expected.T, edge) for edge in columns]), axis=0).T * (0.7 / METRES) ** 2
    found = high.reflectance[0] / high.made["reflectance_of_one_number"]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def overlap_sum(rows: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
    """The sum of all rows above `edge`, a fraction of the last one included."""
    whole = int(edge + 1e-9)
    part = rows[whole] * (edge - whole) if whole < len(rows) else 0.0
    total: NDArray[np.float64] = rows[:whole].sum(axis=0) + part
    return total


@pytest.mark.parametrize(
    ("count", "options", "order"),
    [
        (1, {}, (0, 0, 0, 0)),
        (4, {}, (0, 1, 2, 3)),
        (4, {"order": "RGBN"}, (2, 1, 0, 3)),
        (4, {"names": ("Red", "Green", "Blue", "NIR")}, (2, 1, 0, 3)),
        (8, {}, (1, 2, 4, 6)),
        (6, {"order": "-rgb-n"}, (3, 2, 1, 5)),
        (2, {"order": "-P"}, (1, 1, 1, 1)),
    ],
)
def test_bands_are_put_in_their_places(
    tmp_path: Path, count: int, options: dict[str, Any], order: tuple[int, ...]
) -> None:
    constant = np.stack([np.full((200, 200), 100 * (band + 1), dtype=np.uint16) for band in range(count)])
    path = write(tmp_path / "a.tif", constant, names=options.get("names", ()))
    high = read_vhr(path, metres=METRES, band_order=options.get("order"))
    found = high.reflectance[:, 20, 20] / high.made["reflectance_of_one_number"] / 100 - 1
    np.testing.assert_allclose(found, order, atol=1e-4)


def test_a_colour_image_gets_a_stand_in_for_near_infrared(tmp_path: Path) -> None:
    rgb = np.stack([np.full((200, 200), value, dtype=np.uint8) for value in (30, 60, 120)])
    high = read_vhr(write(tmp_path / "a.tif", rgb), metres=METRES)
    np.testing.assert_allclose(high.reflectance[:, 9, 9] * 255 / 0.4, [120, 60, 30, 70], atol=1e-3)
    assert any("B08 is the mean" in note for note in high.made["notes"])


def test_an_alpha_band_is_a_mask_and_no_near_infrared(tmp_path: Path) -> None:
    rgb = np.stack([np.full((200, 200), value, dtype=np.uint8) for value in (30, 60, 120, 255)])
    rgb[3, :, :80] = 0
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    high = read_vhr(write(tmp_path / "a.tif", rgb, colours=colours), metres=METRES)
    np.testing.assert_allclose(high.reflectance[:, 9, 40] * 255 / 0.4, [120, 60, 30, 70], atol=1e-3)
    assert not high.valid[:, :20].any()
    assert high.valid[:, 20:].all()


def test_four_bands_of_8_bits_whose_last_is_no_mask_are_blue_green_red_infrared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", numbers(4, most=255), photometric="RGB", ALPHA="YES")
    with rasterio.open(path) as raster:
        assert raster.colorinterp[3] == ColorInterp.alpha
    assert read_vhr(path, metres=METRES).made["bands"] == "BGRN"


def test_web_mercator_is_brought_to_true_metres(tmp_path: Path, make: Make) -> None:
    (x,), (y,) = transform("EPSG:4326", "EPSG:3857", [11.0], [60.0])
    image = write(tmp_path / "a.tif", numbers(3, (600, 600), most=255), grid=Affine(1, 0, x, 0, -1, y), crs="EPSG:3857")
    scene = make(image)
    assert scene.crs is not None
    assert rasterio.CRS.from_user_input(scene.crs).to_epsg() == 32632
    # 600 map metres are 300 m on the ground at 60 degrees north; north is 1.7 degrees off, which takes 9 m.
    assert scene.reference.shape[1:] == (87, 87)
    assert scene.metres_per_pixel == pytest.approx(METRES)
    assert scene.reference_valid.all()


def test_degrees_are_brought_to_metres_and_content_keeps_its_place(tmp_path: Path, make: Make) -> None:
    dark = np.full((1, 600, 700), 500, dtype=np.uint16)
    grid = Affine(5e-6, 0, 39.2411, 0, -5e-6, -6.0425)
    rows, columns = slice(280, 320), slice(340, 380)
    dark[0, rows, columns] = 2000
    scene = make(write(tmp_path / "a.tif", dark, grid=grid, crs="EPSG:4326"))
    weights = scene.reference[0] - np.median(scene.reference[0])
    centre = [np.average(axis + 0.5, weights=weights) for axis in np.indices(weights.shape)]
    a, _, c, _, e, f = scene.transform
    (longitude,), (latitude,) = transform(scene.crs, "EPSG:4326", [c + a / 3 * centre[1]], [f + e / 3 * centre[0]])[:2]
    assert longitude == pytest.approx(39.2411 + 360 * 5e-6, abs=1e-6)
    assert latitude == pytest.approx(-6.0425 - 300 * 5e-6, abs=1e-6)


def test_an_image_that_lies_askew_keeps_its_corners_out(tmp_path: Path, make: Make) -> None:
    grid = FINE @ Affine.rotation(30) @ Affine.scale(0.8)
    scene = make(write(tmp_path / "a.tif", np.full((1, 400, 400), 1000, dtype=np.uint16), grid=grid))
    found = scene.reference_valid[0]
    image = shapely.Polygon([grid @ corner for corner in ((0, 0), (400, 0), (400, 400), (0, 400))])
    x, y = scene.transform[2], scene.transform[5]
    rows, columns = np.indices(found.shape)
    squares = shapely.box(x + METRES * columns, y - METRES * (rows + 1), x + METRES * (columns + 1), y - METRES * rows)
    whole = shapely.covers(image.buffer(1e-6), squares)
    assert not (found & ~whole).any()
    assert found.sum() > 0.97 * whole.sum()
    assert np.ptp(scene.reference) < 1e-3


@pytest.mark.parametrize("declared", [True, False])
def test_no_data_is_excluded_with_a_skirt_and_does_not_darken_its_edge(
    tmp_path: Path, make: Make, declared: bool
) -> None:
    fine = np.full((4, 240, 288), 1000, dtype=np.uint16)
    fine[:, :, :70] = 0
    fine[:, 120:130, 150:160] = 0 if declared else 1
    scene = make(write(tmp_path / "a.tif", fine, nodata=0 if declared else None))
    known = np.ones((60, 72), dtype=bool)
    known[:, :18] = False  # the last of them half
    if declared:
        known[30:33, 37:40] = False
    np.testing.assert_array_equal(scene.reference_valid, np.stack([known] * 4))
    np.testing.assert_array_equal(scene.frames_valid[0], lowres_valid(known, skirt=2))
    assert 0.39 < np.median(scene.reference) < 0.41
    edge = scene.frames[:, :, 2:-2, 6:9].mean()
    inside = scene.frames[:, :, 2:-2, 16:20].mean()
    assert edge == pytest.approx(inside, rel=0.01)


def test_buildings_are_rasterised_by_centres_with_their_courtyards(tmp_path: Path, make: Make) -> None:
    house = placed(shapely.box(9.6, 6.4, 20.4, 12.6))
    court = placed(shapely.Polygon(shapely.box(30, 20, 40, 30).exterior, [shapely.box(33, 23, 37, 27).exterior.coords]))
    bow_tie = placed(shapely.Polygon([(50, 5), (56, 11), (50, 11), (56, 5)]))
    outside = placed(shapely.box(900, 900, 910, 910))
    point = placed(shapely.Point(5, 5))
    vectors = write_vectors(tmp_path / "b.geojson", [house, court, bow_tie, outside, point])
    scene = make(write(tmp_path / "a.tif", numbers()), buildings=vectors)
    expected = np.zeros((48, 60), dtype=bool)
    expected[6:13, 10:20] = True
    expected[20:30, 30:40] = True
    expected[23:27, 33:37] = False
    found = scene.truth["buildings"]
    np.testing.assert_array_equal(found[:, :48], expected[:, :48])
    assert 6 <= found[:, 48:].sum() <= 24  # the two halves of the bow tie
    drawn = json.loads((tmp_path / "out" / "truth" / "town" / "buildings.geojson").read_text())
    assert len(drawn["features"]) == 3
    assert drawn["crs"]["properties"]["name"].endswith("EPSG::32737")
    assert shapely.from_geojson(json.dumps(drawn["features"][0]["geometry"])).equals_exact(house, 1e-6, normalize=True)


def test_vectors_in_degrees_land_on_the_same_pixels(tmp_path: Path, make: Make) -> None:
    house = placed(shapely.box(9.6, 6.4, 20.4, 12.6))
    moved = shapely.transform(
        house, lambda points: np.column_stack(transform(UTM_SOUTH, "EPSG:4326", points[:, 0], points[:, 1])[:2])
    )
    vectors = write_vectors(tmp_path / "b.gpkg", [moved], crs="EPSG:4326")
    scene = make(write(tmp_path / "a.tif", numbers()), buildings=vectors)
    expected = np.zeros((48, 60), dtype=bool)
    expected[6:13, 10:20] = True
    np.testing.assert_array_equal(scene.truth["buildings"], expected)


@pytest.mark.parametrize(
    ("fields", "metres"),
    [
        ({}, 6.0),
        ({"width": ["10"]}, 10.0),
        ({"width": ["10 m"]}, 10.0),
        ({"width_m": [20.0], "width": ["10"]}, 20.0),
        ({"lanes": [4]}, 14.0),
        ({"width": [""], "lane_number": ["2"]}, 7.0),
        ({"width": [-999999.0]}, 6.0),
        ({"width": ["12'3"]}, 6.0),
        ({"width": [float("nan")], "lanes": [2]}, 7.0),
        ({"width_m": [5000.0]}, 6.0),
    ],
)
def test_roads_are_as_wide_as_they_say(tmp_path: Path, fields: dict[str, list[Any]], metres: float) -> None:
    grid = Grid(rasterio.CRS.from_epsg(32737).to_wkt(), (1.0, 0.0, WEST, 0.0, -1.0, NORTH), 100, 120)
    line = shapely.LineString([(WEST - 50, NORTH - 50.25), (WEST + 200, NORTH - 50.25)])
    roads = read_roads(write_vectors(tmp_path / "r.geojson", [line], **fields), grid)
    assert roads.widths == pytest.approx([metres])
    mask = rasterise(roads, grid)
    assert mask[:, 60].sum() == metres
    assert abs(np.flatnonzero(mask[:, 60]).mean() + 0.5 - 50.25) < 0.5


def test_roads_of_polygons_stay_and_lines_keep_their_width_in_the_file(tmp_path: Path, make: Make) -> None:
    line = placed(shapely.LineString([(-30, 30.5), (200, 30.5)]))
    square = placed(shapely.box(10, 5, 20, 10))
    vectors = write_vectors(tmp_path / "r.gpkg", [line, square], width_m=[10.0, 3.0])
    scene = make(write(tmp_path / "a.tif", numbers()), roads=vectors)
    expected = np.zeros((48, 60), dtype=bool)
    expected[29:32] = True
    expected[5:10, 10:20] = True
    np.testing.assert_array_equal(scene.truth["roads"], expected)
    drawn = json.loads((tmp_path / "out" / "truth" / "town" / "roads.geojson").read_text())["features"]
    assert [feature["properties"] for feature in drawn] == [{"width_m": 10.0}, {}]
    length = shapely.from_geojson(json.dumps(drawn[0]["geometry"])).length
    assert length == pytest.approx(60 * METRES)  # cut at the scene's borders


def test_a_pixel_belongs_to_a_shape_by_its_centre() -> None:
    grid = Grid(rasterio.CRS.from_epsg(32737).to_wkt(), (2.0, 0.0, 0.0, 0.0, -2.0, 80.0), 40, 40)
    rng = np.random.default_rng(0)
    triangles = [shapely.Polygon(rng.uniform(0, 80, (3, 2))) for _ in range(5)]
    mask = rasterise(Shapes(np.array(triangles), np.zeros(5), grid.crs), grid)
    y, x = np.mgrid[:40, :40]
    inside = np.any([shapely.contains_xy(one, 2 * x + 1.0, 80 - 2 * y - 1.0) for one in triangles], axis=0)
    np.testing.assert_array_equal(mask, inside)


def test_a_large_image_becomes_tiles_of_one_region(tmp_path: Path, protocol: BenchmarkProtocol) -> None:
    image = write(tmp_path / "a.tif", numbers(1, (440, 480)))
    house = write_vectors(tmp_path / "b.geojson", [placed(shapely.box(50, 50, 70, 60))])
    told: list[tuple[int, int]] = []
    record = import_vhr(
        image, tmp_path / "out", name="town", buildings=house, max_size=60, frames=2,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert set(record.scenes) == {"town_r0c0", "town_r0c1", "town_r1c0", "town_r1c1"}
    assert {scene.region for scene in record.scenes.values()} == {"town"}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    data = open_dataset(tmp_path / "out", protocol)
    whole = read_vhr(image, metres=METRES)
    built = np.zeros((110, 120), dtype=bool)
    for name in record.scenes:
        scene = data.read(name)
        row, column = round((NORTH - scene.transform[5]) / METRES), round((scene.transform[2] - WEST) / METRES)
        here = np.s_[row : row + scene.reference.shape[1], column : column + scene.reference.shape[2]]
        np.testing.assert_allclose(scene.reference, whole.reflectance[:, *here], atol=6e-5)
        built[here] = scene.truth["buildings"]
    assert built.sum() == 200
    assert built[50:60, 50:70].all()


def a_town(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers())}


def truncated(folder: Path) -> dict[str, Any]:
    path = write(folder / "a.tif", numbers())
    path.write_bytes(path.read_bytes()[:50_000])
    return {"image": path}


def no_system(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers(), crs=None)}


def five_bands(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers(5))}


def wrong_order(folder: Path) -> dict[str, Any]:
    return {**a_town(folder), "band_order": "RGB"}


def doubled_order(folder: Path) -> dict[str, Any]:
    return {**a_town(folder), "band_order": "RGBB"}


def too_coarse(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers(), grid=FINE @ Affine.scale(6))}


def too_small(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers(4, (90, 200)))}


def blank(folder: Path) -> dict[str, Any]:
    return {"image": write(folder / "a.tif", numbers() * np.uint16(0))}


def no_frames(folder: Path) -> dict[str, Any]:
    return {**a_town(folder), "frames": 0}


def vectors_elsewhere(folder: Path) -> dict[str, Any]:
    far = placed(shapely.box(9000, 9000, 9010, 9010))
    return {**a_town(folder), "buildings": write_vectors(folder / "b.geojson", [far])}


def vectors_of_another_system(folder: Path) -> dict[str, Any]:
    near = placed(shapely.box(5, 5, 10, 10))
    return {**a_town(folder), "buildings": write_vectors(folder / "b.gpkg", [near], crs=UTM)}


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def vectors_without_system(folder: Path) -> dict[str, Any]:
    near = placed(shapely.box(5, 5, 10, 10))
    return {**a_town(folder), "buildings": write_vectors(folder / "b.shp", [near], crs=None)}


def points_only(folder: Path) -> dict[str, Any]:
    return {**a_town(folder), "roads": write_vectors(folder / "b.geojson", [placed(shapely.Point(5, 5))])}


def no_vectors(folder: Path) -> dict[str, Any]:
    (folder / "b.geojson").write_text("{")
    return {**a_town(folder), "buildings": folder / "b.geojson"}


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (truncated, "a.tif cannot be read as a raster, or is cut short"),
        (no_system, "a.tif has no coordinate system"),
        (five_bands, "has 5 bands, and nothing tells which is which"),
        (wrong_order, "'RGB' does not fit its 4 bands"),
        (doubled_order, "'RGBB' does not fit its 4 bands"),
        (too_coarse, "has pixels of about 5 m, expected 3.33 m or finer"),
        (too_small, "the area is 22 x 50"),
        (blank, "has no pixel with data"),
        (no_frames, "0 frames cannot be made"),
        (vectors_elsewhere, "b.geojson: none of its 1 features is a Polygon on the image"),
        (vectors_of_another_system, "b.gpkg: none of its 1 features is a Polygon on the image"),
        (vectors_without_system, "b.shp says no coordinate system"),
        (points_only, "none of its 1 features is a Polygon or LineString on the image"),
        (no_vectors, "b.geojson cannot be read as vectors"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, prepare: Callable[[Path], dict[str, Any]], sentence: str
) -> None:
    (tmp_path / "in").mkdir()
    options = prepare(tmp_path / "in")
    with pytest.raises(DataError, match=sentence) as caught:
        import_vhr(options.pop("image"), tmp_path / "out", name="town", **options)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_output_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="is not empty"):
        import_vhr(write(tmp_path / "a.tif", numbers()), tmp_path / "out", name="town")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_real_image_and_buildings(shared: Path, make: Make) -> None:
    folder = shared / "data" / "vhr_zanzibar"
    scene = make(folder / "rgb_a.tif", buildings=folder / "buildings.geojson")
    assert scene.reference.shape == (4, 90, 180)  # 304 x 608 m: Web Mercator says 306 x 611
    built = scene.truth["buildings"]
    assert built.mean() == pytest.approx(0.087, abs=0.005)

    # Roofs are bright here. Were the outlines misplaced by two pixels, most of that would be lost.
    def contrast(mask: NDArray[np.bool_]) -> float:
        return float(scene.reference[0][mask].mean() - scene.reference[0][~mask].mean())

    there = contrast(built)
    assert there > 0.05
    for shift in ((3, 0), (-3, 0), (0, 3), (0, -3)):
        assert contrast(np.roll(built, shift, axis=(0, 1))) < 0.75 * there


def test_real_panchromatic_image_in_degrees_and_roads(shared: Path, make: Make) -> None:
    folder = shared / "data" / "vhr_las_vegas"
    scene = make(folder / "pan.tif", roads=folder / "roads.geojson")
    assert scene.crs is not None
    assert rasterio.CRS.from_user_input(scene.crs).to_epsg() == 32611
    assert scene.reference_valid.all()
    np.testing.assert_array_equal(scene.reference[0], scene.reference[3])
    with rasterio.open(folder / "road_mask.tif") as raster:
        drawn = raster.read(1) != 0
    own = Grid("", (2.7e-06, 0.0, -115.2338076, 0.0, -2.7e-06, 36.1423377), 1300, 1300)
    rows, columns = np.nonzero(scene.truth["roads"])
    a, _, c, _, e, f = scene.transform
    degrees = transform(scene.crs, "EPSG:4326", c + a / 3 * (columns + 0.5), f + e / 3 * (rows + 0.5))[:2]
    at = [np.array(axis) for axis in degrees]
    x, y = (at[0] - own.transform[2]) / 2.7e-6, (own.transform[5] - at[1]) / 2.7e-6
    assert drawn[y.astype(int), x.astype(int)].mean() > 0.6
