"""Sentinel-2 acquisitions to a `wald` data set: what is read, what is degraded, what is refused."""

import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.warp import transform
from scipy.signal import convolve2d

from tdsr_bench.data.acquisition import read_reflectance
from tdsr_bench.data.clouds import clear_by_brightness
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.grid import Grid, tiles
from tdsr_bench.data.import_s2 import import_s2
from tdsr_bench.data.sentinel2 import find_acquisitions
from tdsr_bench.errors import DataError
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Scene

UTM = "EPSG:32631"
GRID = Affine(10, 0, 500_000, 0, -10, 4_700_000)
DAYS = ("2021-01-10", "2021-06-20", "2021-07-05")

Image = NDArray[np.floating[Any]]


def ground(height: int = 50, width: int = 64, *, seed: int = 0, level: float = 0.08) -> Image:
    """Four bands of reflectance with detail, none of it cloud-like."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(-0.03, 0.03, (4, height // 5 + 1, width // 5 + 1)).repeat(5, axis=1).repeat(5, axis=2)
    return level + blocks[:, :height, :width] + rng.uniform(-0.005, 0.005, (4, height, width))


def stored(reflectance: Image) -> NDArray[np.uint16]:
    return np.rint(reflectance * 10_000).astype(np.uint16)


def write(
    path: Path,
    bands: NDArray[Any],
    *,
    grid: Affine = GRID,
    crs: str | None = UTM,
    names: Sequence[str] = (),
    driver: str = "GTiff",
    **more: Any,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    lossless = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    with rasterio.open(
        path, "w", driver=driver, width=width, height=height, count=count, dtype=bands.dtype, crs=crs, transform=grid,
        **lossless, **more,
    ) as raster:  # fmt: skip
        raster.write(bands)
        if names:
            raster.descriptions = tuple(names)
    return path


def write_days(folder: Path, days: Sequence[str] = DAYS, **options: Any) -> dict[str, Image]:
    """One GeoTIFF of four bands a day; returns what they show."""
    shown = {day: ground(seed=index, **options) for index, day in enumerate(days)}
    for day, image in shown.items():
        write(folder / f"place_{day}.tif", stored(image))
    return shown


def write_product(
    folder: Path,
    day: str,
    numbers: NDArray[np.uint16],
    *,
    offset: int | None = None,
    classes: NDArray[Any] | None = None,
) -> Path:
    """An unpacked L2A product; `numbers` are as stored, B02, B03, B04, B08."""
    product = folder / f"S2B_MSIL2A_{day.replace('-', '')}T105319_N0500_R051_T31TDG_20230113T124313.SAFE"
    images = product / "GRANULE" / "L2A_T31TDG_A025" / "IMG_DATA"
    for band, image in zip(("B02", "B03", "B04", "B08"), numbers, strict=True):
        write(images / "R10m" / f"T31TDG_{band}_10m.jp2", image[None], driver="JP2OpenJPEG")
    if classes is not None:
        coarse = GRID @ Affine.scale(2)
        write(images / "R20m" / "T31TDG_SCL_20m.jp2", classes[None].astype(np.uint8), grid=coarse, driver="JP2OpenJPEG")
    added = "".join(f'<BOA_ADD_OFFSET band_id="{band}">{offset}</BOA_ADD_OFFSET>' for band in range(13))
    (product / "MTD_MSIL2A.xml").write_text(
        '<?xml version="1.0"?><n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User.xsd">'
        f"<PRODUCT_START_TIME>{day}T10:53:19.024Z</PRODUCT_START_TIME>"
        '<BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>'
        f"<BOA_ADD_OFFSET_VALUES_LIST>{added if offset is not None else ''}</BOA_ADD_OFFSET_VALUES_LIST>"
        "</n1:Level-2A_User_Product>"
    )
    return product


Make = Callable[..., Scene]


@pytest.fixture
def make(tmp_path: Path, protocol: BenchmarkProtocol) -> Make:
    """Imports a folder, and reads the one scene back."""

    def imported(folder: Path, **options: Any) -> Scene:
        import_s2(folder, tmp_path / "out", name="here", **options)
        return open_dataset(tmp_path / "out", protocol).read("here")

    return imported


def degraded(image: Image) -> Image:
    """The sensor model by plain convolution, cut by three low-resolution pixels at each border."""
    bands = []
    for band, sigma in zip(image, (1.567, 1.524, 1.613, 1.567), strict=True):
        taps = np.exp(-0.5 * (np.arange(-10, 11) / sigma) ** 2)
        blurred = convolve2d(band, np.outer(taps, taps) / taps.sum() ** 2, mode="same")
        bands.append(blurred[1::3, 1::3])
    return np.stack(bands)[:, 3:-3, 3:-3]


def perfect(root: Path, day: str) -> NDArray[np.uint16]:
    """What a perfect instrument sees on `day`, as stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(root / "perfect" / "here" / f"{day.replace('-', '')}.tif") as raster:
            whole: NDArray[np.uint16] = raster.read()
            return whole


def test_frames_are_degraded_and_the_reference_is_native(tmp_path: Path, make: Make) -> None:
    shown = write_days(tmp_path / "in")
    scene = make(tmp_path / "in", reference_date=date(2021, 6, 20))
    assert scene.dates == (date(2021, 1, 10), date(2021, 7, 5))
    assert scene.reference_date == date(2021, 6, 20)
    assert scene.reference.shape == (4, 48, 63)  # 50 x 64 cut to multiples of 3
    assert scene.frames.shape == (2, 4, 16, 21)
    np.testing.assert_allclose(scene.reference, shown["2021-06-20"][:, :48, :63], atol=6e-5)
    for frame, day in zip(scene.frames, ("2021-01-10", "2021-07-05"), strict=True):
        np.testing.assert_allclose(frame[:, 3:-3, 3:-3], degraded(shown[day][:, :48, :63]), atol=1.5e-4)
    assert scene.frames_valid.all()
    assert scene.reference_valid.all()
    np.testing.assert_allclose(scene.transform, (30, 0, 500_000, 0, -30, 4_700_000))
    assert scene.metres_per_pixel == pytest.approx(10)


def test_perfect_images_are_the_native_dates(tmp_path: Path) -> None:
    shown = write_days(tmp_path / "in")
    record = import_s2(tmp_path / "in", tmp_path / "out", name="here", reference_date=date(2021, 7, 5))
    for day in DAYS[:2]:
        np.testing.assert_array_equal(perfect(tmp_path / "out", day), stored(shown[day])[:, :48, :63])
    assert record.arms == ("wald",)
    assert record.scenes["here"].region == "here"
    assert record.made["clear_share"] == dict.fromkeys(DAYS, 1.0)


def test_the_reference_is_the_clearest_and_then_the_nearest_in_season(tmp_path: Path) -> None:
    days = ("2020-07-20", "2021-05-20", "2021-06-20")
    write_days(tmp_path / "in", days)
    record = import_s2(tmp_path / "in", tmp_path / "out", name="here")
    assert record.scenes["here"].reference_date == date(2021, 6, 20)

    clouded = ground(seed=2)
    clouded[:, 10:30, 10:30] = 0.6
    write(tmp_path / "in" / "place_2021-06-20.tif", stored(clouded))
    record = import_s2(tmp_path / "in", tmp_path / "other", name="here")
    assert record.scenes["here"].reference_date == date(2020, 7, 20)
    assert record.made["clear_share"]["2021-06-20"] < 0.9


@pytest.mark.parametrize("count", [12, 13])
def test_bands_are_known_by_their_number(tmp_path: Path, count: int) -> None:
    numbers = np.stack([np.full((50, 60), 1000 + band, dtype=np.uint16) for band in range(count)])
    write(tmp_path / "20210110_all.tif", numbers)
    (one,) = find_acquisitions(tmp_path)
    assert one.day == date(2021, 1, 10)
    image, _ = read_reflectance(one, one.grid)
    np.testing.assert_allclose(image[:, 0, 0], [0.1001, 0.1002, 0.1003, 0.1007])


def test_descriptions_come_before_the_number(tmp_path: Path) -> None:
    numbers = np.stack([np.full((50, 60), 1000 + band, dtype=np.uint16) for band in range(5)])
    numbers[4] = 4
    write(tmp_path / "2021-01-10.tif", numbers, names=("B8", "B04", "B3 (green)", "B02", "SCL"))
    (one,) = find_acquisitions(tmp_path)
    image, _ = read_reflectance(one, one.grid)
    np.testing.assert_allclose(image[:, 0, 0], [0.1003, 0.1002, 0.1001, 0.1])
    assert one.classes is not None
    assert one.classes.index == 5


def test_floats_are_reflectance_and_a_files_own_scale_is_kept(tmp_path: Path) -> None:
    shown = ground()
    write(tmp_path / "2021-01-10.tif", shown.astype(np.float32))
    scaled = write(tmp_path / "2021-02-10.tif", stored(shown + 0.1))
    with rasterio.open(scaled, "r+") as raster:
        raster.scales, raster.offsets = (1e-4,) * 4, (-0.1,) * 4
    for acquisition in find_acquisitions(tmp_path):
        image, has_data = read_reflectance(acquisition, acquisition.grid)
        np.testing.assert_allclose(image, shown, atol=6e-5)
        assert has_data.all()


def test_products_are_read_with_their_offset(tmp_path: Path, make: Make) -> None:
    old, new = ground(48, 60, seed=1), ground(48, 60, seed=2)
    dark = stored(new + 0.1)
    dark[:, 0, 0] = 900  # a reflectance of -0.01, which is no error
    clear = np.full((24, 30), 4)
    write_product(tmp_path / "in", "2021-01-10", stored(old), classes=clear)
    write_product(tmp_path / "in" / "below", "2022-06-20", dark, offset=-1000, classes=clear)
    acquisitions = find_acquisitions(tmp_path / "in")
    assert [one.day for one in acquisitions] == [date(2021, 1, 10), date(2022, 6, 20)]
    image, _ = read_reflectance(acquisitions[1], acquisitions[1].grid)
    assert image[0, 0, 0] == pytest.approx(-0.01)
    np.testing.assert_allclose(image[:, 1:], new[:, 1:], atol=6e-5)
    scene = make(tmp_path / "in", reference_date=date(2021, 1, 10))
    np.testing.assert_allclose(scene.reference, old, atol=6e-5)
    np.testing.assert_allclose(scene.frames[0][:, 3:-3, 3:-3], degraded(new), atol=1.5e-4)


@pytest.mark.parametrize("invalid", [0, 1, 3, 8, 9, 10])
def test_scene_classes_hide_frames_and_reference(tmp_path: Path, make: Make, invalid: int) -> None:
    classes = np.full((24, 30), 4)
    classes[2:4, 4:6] = invalid  # native pixels 4 to 7 by 8 to 11: low-resolution 1 to 2 by 2 to 3
    numbers = stored(ground(48, 60))
    write_product(tmp_path / "in", "2021-01-10", numbers, classes=classes)
    write_product(tmp_path / "in", "2021-02-10", numbers, classes=np.full((24, 30), 5))
    scene = make(tmp_path / "in", reference_date=date(2021, 2, 10))
    expected = np.ones((16, 20), dtype=bool)
    expected[0:4, 1:5] = False  # and one pixel around it
    np.testing.assert_array_equal(scene.frames_valid[0], expected)
    assert scene.reference_valid.all()


def test_clouds_over_the_reference_are_excluded(tmp_path: Path, make: Make) -> None:
    classes = np.full((24, 30), 4)
    classes[2:4, 4:6] = 9
    write_product(tmp_path / "in", "2021-01-10", stored(ground(48, 60)), classes=classes)
    write_product(tmp_path / "in", "2021-02-10", stored(ground(48, 60)), classes=np.full((24, 30), 4))
    scene = make(tmp_path / "in", reference_date=date(2021, 1, 10))
    expected = np.ones((48, 60), dtype=bool)
    expected[4:8, 8:12] = False
    np.testing.assert_array_equal(scene.reference_valid, np.stack([expected] * 4))


def field(crs: str, grid: Affine, shape: tuple[int, int]) -> Image:
    """Slow waves over the ground, sampled at the pixels' centres of any grid."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    xs = grid.a * columns + grid.b * rows + grid.c
    ys = grid.d * columns + grid.e * rows + grid.f
    east, north = (np.reshape(axis, shape) for axis in transform(crs, UTM, xs.ravel(), ys.ravel())[:2])
    return np.stack([0.1 + 0.03 * np.sin((east - 5e5) / 60 + band) * np.cos((north - 47e5) / 80) for band in range(4)])


@pytest.mark.parametrize(
    ("crs", "grid", "shape"),
    [
        (UTM, Affine(10, 0, 499_944, 0, -10, 4_700_057), (70, 80)),
        (UTM, Affine(10, 0, 499_950, 0, -10, 4_700_050), (70, 80)),  # whole pixels away, and larger
        ("EPSG:4326", Affine(1.2e-4, 0, 2.9985, 0, -9e-5, 42.4533), (80, 90)),
    ],
)
def test_other_grids_are_brought_to_the_reference_which_stays(
    tmp_path: Path, make: Make, crs: str, grid: Affine, shape: tuple[int, int]
) -> None:
    here = field(UTM, GRID, (48, 60))
    write(tmp_path / "in" / "2021-01-10.tif", stored(field(crs, grid, shape)), crs=crs, grid=grid)
    write(tmp_path / "in" / "2021-06-20.tif", stored(here))
    scene = make(tmp_path / "in", reference_date=date(2021, 6, 20))
    np.testing.assert_allclose(scene.reference, here, atol=6e-5)
    assert scene.frames_valid.all()
    np.testing.assert_allclose(perfect(tmp_path / "out", "2021-01-10") * 1e-4, here, atol=4e-4)


def test_where_a_date_does_not_reach_there_is_no_data(tmp_path: Path, make: Make) -> None:
    write(tmp_path / "in" / "2021-01-10.tif", stored(ground(48, 30)))
    write(tmp_path / "in" / "2021-06-20.tif", stored(ground(48, 60)))
    scene = make(tmp_path / "in", reference_date=date(2021, 6, 20))
    assert scene.frames_valid[0, :, :9].all()
    assert not scene.frames_valid[0, :, 9:].any()  # column 9 lies beside the edge, in the skirt


def test_a_bounding_box_clips(tmp_path: Path, make: Make) -> None:
    write_days(tmp_path / "in")
    corners = transform(UTM, "EPSG:4326", [500_050, 500_500], [4_699_530, 4_699_960])
    (west, east), (south, north) = corners[:2]
    scene = make(tmp_path / "in", bbox=(west, south, east, north), reference_date=date(2021, 6, 20))
    assert scene.reference.shape == (4, 42, 45)
    np.testing.assert_allclose(scene.transform, (30, 0, 500_050, 0, -30, 4_699_960))
    with rasterio.open(tmp_path / "in" / "place_2021-06-20.tif") as raster:
        np.testing.assert_allclose(scene.reference * 1e4, raster.read()[:, 4:46, 5:50], atol=0.01)


def test_a_large_area_becomes_tiles_of_one_region(tmp_path: Path, protocol: BenchmarkProtocol) -> None:
    shown = [ground(100, 160, seed=index) for index in range(2)]
    for day, image in zip(DAYS, shown, strict=False):
        write(tmp_path / "in" / f"{day}.tif", stored(image))
    told: list[tuple[int, int]] = []
    record = import_s2(
        tmp_path / "in", tmp_path / "out", name="here", max_size=60, reference_date=date(2021, 6, 20),
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert set(record.scenes) == {f"here_r{row}c{column}" for row in range(2) for column in range(3)}
    assert {scene.region for scene in record.scenes.values()} == {"here"}
    data = open_dataset(tmp_path / "out", protocol)
    whole = np.zeros((4, 99, 159), dtype=np.float32)
    for name in record.scenes:
        scene = data.read(name)
        row, column = round((4_700_000 - scene.transform[5]) / 10), round((scene.transform[2] - 500_000) / 10)
        _, height, width = scene.reference.shape
        assert max(height, width) <= 60
        whole[:, row : row + height, column : column + width] = scene.reference
    np.testing.assert_allclose(whole, shown[1][:, :99, :159], atol=6e-5)
    assert [done for done, _ in told] == list(range(1, told[-1][1] + 1))


@pytest.mark.parametrize("most", [6, 9, 60, 1965])
def test_tiles_cover_an_area_once_and_are_of_about_one_size(most: int) -> None:
    for height, width in ((6, 7), (47, 101), (600, 333), (1966, 4001)):
        if height * width > 5000 * most:
            continue
        seen = np.zeros((height, width), dtype=int)
        sizes = []
        for _, rows, columns in tiles(Grid("", (1, 0, 0, 0, -1, 0), height, width), most=most):
            seen[rows, columns] += 1
            sizes.append(rows.stop - rows.start)
        whole = np.s_[: height // 3 * 3, : width // 3 * 3]
        assert (seen[whole] == 1).all()
        assert seen.sum() == seen[whole].size
        assert max(sizes) <= most
        assert all(size % 3 == 0 for size in sizes)


def test_brightness_finds_clouds_and_haze_and_not_mud_or_bare_soil() -> None:
    stack = np.stack([ground(60, 60, seed=0)] * 5).astype(np.float32)
    stack[1, :, 5:25, 5:25] += 0.4
    stack[2, :3, 30:50, 30:50] += np.array([0.08, 0.07, 0.06], dtype=np.float32)[:, None, None]
    stack[3, :, 5:25, 5:25] += np.array([0.05, 0.1, 0.15, 0.15], dtype=np.float32)[:, None, None]
    stack[4, :, 40, 40] += 0.4  # a roof
    clear = clear_by_brightness(stack, np.ones((5, 60, 60), dtype=bool))
    assert clear[0].all()
    assert not clear[1, 5:25, 5:25].any()
    assert not clear[1, 3, 10]  # the margin
    assert clear[1, 35:, 35:].all()
    assert not clear[2, 31:49, 31:49].any()
    assert clear[3].all()
    assert clear[4].all()


def test_a_date_that_is_mostly_cloud_is_given_up() -> None:
    stack = np.stack([ground(60, 60, seed=0)] * 3).astype(np.float32)
    stack[1, :, :, :40] += 0.4
    clear = clear_by_brightness(stack, np.ones((3, 60, 60), dtype=bool))
    assert not clear[1].any()
    assert clear[[0, 2]].all()


def overcast(folder: Path) -> None:
    for day in DAYS:
        write(folder / f"{day}.tif", stored(ground(level=0.6)))


def one_clear(folder: Path) -> None:
    overcast(folder)
    write(folder / f"{DAYS[0]}.tif", stored(ground()))


def one_only(folder: Path) -> None:
    write_days(folder, DAYS[:1])


def empty(folder: Path) -> None:
    folder.mkdir()
    (folder / "readme.txt").write_text("nothing here")


def no_date(folder: Path) -> None:
    write_days(folder)
    write(folder / "place.tif", stored(ground()))


def same_date(folder: Path) -> None:
    write_days(folder)
    write(folder / "again_20210110.tif", stored(ground()))


def truncated(folder: Path) -> None:
    write_days(folder)
    path = folder / f"place_{DAYS[1]}.tif"
    path.write_bytes(path.read_bytes()[:9000])


def truncated_on_another_grid(folder: Path) -> None:
    write_days(folder)
    path = write(folder / f"place_{DAYS[1]}.tif", stored(ground()), grid=GRID @ Affine.translation(0.5, 0.5))
    path.write_bytes(path.read_bytes()[:9000])


def no_raster(folder: Path) -> None:
    write_days(folder)
    (folder / "2021-09-01.tif").write_bytes(b"not a raster")


def truncated_product(folder: Path) -> None:
    for day in DAYS:
        product = write_product(folder, day, stored(ground(48, 60)))
    path = next(product.rglob("*_B04_10m.jp2"))
    path.write_bytes(path.read_bytes()[:3000])


def five_bands(folder: Path) -> None:
    write(folder / "2021-01-10.tif", np.full((5, 50, 60), 1000, dtype=np.uint16))


def no_red(folder: Path) -> None:
    write(folder / "2021-01-10.tif", stored(ground()), names=("B02", "B03", "B05", "B08"))


def product_without_band(folder: Path) -> None:
    next(write_product(folder, DAYS[0], stored(ground(48, 60))).rglob("*_B08_10m.jp2")).unlink()


def product_of_level_1(folder: Path) -> None:
    (write_product(folder, DAYS[0], stored(ground(48, 60))) / "MTD_MSIL2A.xml").unlink()


def entities(folder: Path) -> None:
    (write_product(folder, DAYS[0], stored(ground(48, 60))) / "MTD_MSIL2A.xml").write_text(
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    )


def eight_bits(folder: Path) -> None:
    write(folder / "2021-01-10.tif", np.full((4, 50, 60), 100, dtype=np.uint8))


def no_system(folder: Path) -> None:
    write(folder / "2021-01-10.tif", stored(ground()), crs=None)


def floats_of_another_unit(folder: Path) -> None:
    for day in DAYS:
        write(folder / f"{day}.tif", (ground() * 10_000).astype(np.float32))


def coarse(folder: Path) -> None:
    for day in DAYS:
        write(folder / f"{day}.tif", stored(ground()), grid=GRID @ Affine.scale(6))


def tiny(folder: Path) -> None:
    for day in DAYS:
        write(folder / f"{day}.tif", stored(ground(30, 40)))


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (overcast, "all 3 dates are clouded"),
        (one_clear, "only 2021-01-10 of 3 dates is clear"),
        (one_only, "one acquisition only"),
        (empty, "holds no Sentinel-2 acquisition"),
        (no_date, "place.tif has no date in its name"),
        (same_date, "are both of 2021-01-10"),
        (truncated, "place_2021-06-20.tif cannot be read as a raster, or is cut short"),
        (truncated_on_another_grid, "place_2021-06-20.tif cannot be read as a raster, or is cut short"),
        (no_raster, "2021-09-01.tif cannot be read as a raster"),
        (truncated_product, "T31TDG_B04_10m.jp2 cannot be read as a raster, or is cut short"),
        (five_bands, "has 5 bands without descriptions"),
        (no_red, "has no band B04"),
        (product_without_band, "has 0 images of B08"),
        (product_of_level_1, "has no MTD_MSIL2A.xml"),
        (entities, "declares a document type"),
        (eight_bits, "has 8 bits a pixel"),
        (no_system, "has no coordinate system"),
        (floats_of_another_unit, "the median of its reflectance would be"),
        (coarse, "has pixels of 60 m"),
        (tiny, "the area is 30 x 40"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, prepare: Callable[[Path], None], sentence: str
) -> None:
    prepare(tmp_path / "in")
    with pytest.raises(DataError, match=sentence) as caught:
        import_s2(tmp_path / "in", tmp_path / "out", name="here")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bbox": (10.0, 10.0, 11.0, 11.0)}, "lies outside of it"),
        ({"bbox": (3.0, 42.4, 2.0, 42.5)}, "is empty"),
        (
            {"reference_date": date(2020, 1, 1)},
            "has no acquisition of 2020-01-01; choose the reference from 2021",
        ),
        ({"name": "a/b"}, "letters, digits"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    write_days(tmp_path / "in")
    with pytest.raises(DataError, match=sentence):
        import_s2(tmp_path / "in", tmp_path / "out", **{"name": "here", **options})
    assert not (tmp_path / "out").exists()


def test_a_clouded_reference_is_refused(tmp_path: Path) -> None:
    write_days(tmp_path / "in", ("2021-01-10", "2021-06-20", "2021-07-05", "2021-08-01"))
    write(tmp_path / "in" / "place_2021-06-20.tif", stored(ground(level=0.6)))
    with pytest.raises(DataError, match="clear in 0% of the area, too little for a reference; name another date"):
        import_s2(tmp_path / "in", tmp_path / "out", name="here", reference_date=date(2021, 6, 20))


def test_real_acquisitions(shared: Path, tmp_path: Path, protocol: BenchmarkProtocol) -> None:
    folder = shared / "data" / "sentinel2_boadella"
    record = import_s2(folder, tmp_path / "out", name="boadella")
    clear = record.made["clear_share"]
    assert clear["2020-01-18"] == 0  # cloud
    assert clear["2020-01-23"] == 0  # broken cloud and its shadow
    assert clear["2020-01-13"] == 0  # haze
    assert 0.8 < clear["2021-06-26"] < 0.95  # haze in a corner
    others = [share for day, share in clear.items() if day[:7] != "2020-01" and day != "2021-06-26"]
    assert len(others) == 7
    assert min([*others, clear["2020-01-28"]]) > 0.99
    scene = open_dataset(tmp_path / "out", protocol).read("boadella")
    assert scene.frames.shape == (8, 4, 125, 126)
    assert scene.metres_per_pixel == pytest.approx(10, abs=0.05)
    with rasterio.open(folder / f"Boadella_{scene.reference_date}.tif") as raster:
        native = raster.read([2, 3, 4, 8])[:, :375, :378]
    np.testing.assert_allclose(scene.reference * 1e4, np.maximum(native, 1), atol=0.01)
    with rasterio.open(folder / f"Boadella_{scene.dates[-1]}.tif") as raster:
        native = raster.read([2, 3, 4, 8])[:, :375, :378] * 1e-4
    np.testing.assert_allclose(scene.frames[-1][:, 3:-3, 3:-3], degraded(native), atol=2e-4)
