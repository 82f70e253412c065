"""The embedded data set: the same every time, true to what it records, and no harder or easier than it says."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from tdsr_bench.data import mini
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.landscape import STYLES, Light, make_landscape
from tdsr_bench.data.landscape.canvas import PIXEL
from tdsr_bench.data.landscape.render import lit
from tdsr_bench.data.layout import SceneContent, SceneRecord, write_scene
from tdsr_bench.data.mini_sensors import OFFSET_MOST, draw_acquisitions, draw_offset
from tdsr_bench.data.simulate import SHIFT_MOST, SHIFT_RMS, noise_sd
from tdsr_bench.errors import DataError
from tdsr_bench.files import digest_files
from tdsr_bench.georeference import finer
from tdsr_bench.protocol import load_protocol
from tdsr_bench.sensor import SENTINEL2_SIGMAS, blur, observe

NAME = "mini_r09_s1"
SIZE = 64


@dataclass(frozen=True, eq=False)
class Made:
    content: SceneContent
    record: SceneRecord

    @property
    def clear(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.content.frames_valid.all(axis=(1, 2)))

    @property
    def shifts(self) -> NDArray[np.float64]:
        return np.array([frame["shift_hr_px"] for frame in self.record.made["frames"]])

    @property
    def offset(self) -> NDArray[np.float64]:
        return np.array(self.record.made["reference"]["offset_hr_px"])

    @property
    def perfect(self) -> NDArray[np.float32]:
        assert self.content.perfect is not None
        return self.content.perfect


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(*mini.make_scene(NAME, seed=0, size=SIZE))


def files_of(root: Path, content: SceneContent) -> str:
    write_scene(root, NAME, content)
    return digest_files((path for path in root.rglob("*") if path.is_file()), relative_to=root)


def test_same_seed_gives_the_same_bytes_and_another_seed_other_ones(made: Made, tmp_path: Path) -> None:
    again, record = mini.make_scene(NAME, seed=0, size=SIZE)
    other, _ = mini.make_scene(NAME, seed=1, size=SIZE)
    first = files_of(tmp_path / "a", made.content)
    assert files_of(tmp_path / "b", again) == first
    assert record == made.record
    assert files_of(tmp_path / "c", other) != first


@pytest.mark.slow
def test_number_of_workers_changes_no_byte(tmp_path: Path) -> None:
    digests = []
    for workers in (1, 2):
        root = tmp_path / str(workers)
        records = dict(mini._made(root, ["mini_r07_s1", "mini_r04_s2"], 3, workers))
        files = digest_files((path for path in root.rglob("*") if path.is_file()), relative_to=root)
        digests.append((files, dict(sorted(records.items()))))
    assert digests[0] == digests[1]


def test_splits_are_by_region() -> None:
    scenes = mini.scene_names()
    count = {split: sum(member == split for member, _ in scenes.values()) for split in mini.SPLITS}
    assert count == {"train": 20, "validation": 6, "test": 12}
    regions = [region for members in mini.SPLITS.values() for region in members]
    assert sorted(regions) == sorted(STYLES)
    assert len(set(regions)) == 14


def test_whole_path_writes_a_data_set_that_the_reader_reads(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mini, "scene_names", lambda: {NAME: ("test", "small-fields")})
    monkeypatch.setattr(mini, "make_scene", lambda *_, **__: (made.content, made.record))
    told: list[tuple[int, int]] = []
    mini.make_mini(tmp_path / "mini", workers=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]
    dataset = open_dataset(tmp_path / "mini", load_protocol("tdsr-v1"), "real")
    scene = dataset.read(NAME)
    np.testing.assert_allclose(scene.frames, np.maximum(made.content.frames, 1e-4), atol=5.1e-5)
    assert scene.reference_date == made.record.reference_date
    assert set(scene.truth) == {"buildings", "roads"}
    perfect = dataset.read_perfect(scene)
    assert perfect is not None
    np.testing.assert_allclose(perfect, made.perfect, atol=5.1e-5)


def test_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="is not empty"):
        mini.make_mini(tmp_path)


def test_perfect_image_through_the_sensor_model_is_the_frame_but_for_haze_and_noise(made: Made) -> None:
    for number in made.clear:
        haze = np.array(made.record.made["frames"][number]["haze"])[:, None, None]
        seen = (1 - haze[0]) * observe(made.perfect[number], SENTINEL2_SIGMAS)
        left = made.content.frames[number] - seen
        assert np.abs(left.mean(axis=(1, 2)) - haze[:, 0, 0]).max() < 0.01
        detail = left - blur(left, 1.5)
        kept = np.sqrt(1 - 3 / (4 * np.pi * 1.5**2))  # of white noise, by one minus a Gaussian
        expected = kept * noise_sd(made.content.frames[number]).mean(axis=(1, 2))
        np.testing.assert_allclose(detail.std(axis=(1, 2)), expected, rtol=0.12)


def test_only_the_test_split_keeps_perfect_images() -> None:
    content, _ = mini.make_scene("mini_r05_s1", seed=0, size=SIZE)
    assert content.perfect is None


def highpassed(image: NDArray[np.generic], sigma: float) -> NDArray[np.float32]:
    plain = image.astype(np.float32)
    return plain - blur(plain, sigma)


def found_shift(fixed: NDArray[np.generic], moving: NDArray[np.generic], sigma: float) -> NDArray[np.float64]:
    """How far the content of `moving` lies (down, right) of that of `fixed`, in pixels."""
    pair = highpassed(fixed, sigma), highpassed(moving, sigma)
    return -np.array(phase_cross_correlation(*pair, upsample_factor=50, normalization=None)[0])


def test_recorded_shifts_are_in_the_pixels(made: Made) -> None:
    first, *others = made.clear
    for number in others:
        expected = made.shifts[number] - made.shifts[first]
        red = [made.content.frames[index][2] for index in (first, number)]
        np.testing.assert_allclose(3 * found_shift(*red, sigma=4), expected, atol=0.3)
        np.testing.assert_allclose(found_shift(*made.perfect[[first, number], 2], sigma=6), expected, atol=0.3)


def test_recorded_offset_of_the_reference_is_in_the_pixels(made: Made) -> None:
    for number in made.clear:
        found = found_shift(made.perfect[number][2], made.content.reference[2], sigma=6)
        np.testing.assert_allclose(found, made.offset - made.shifts[number], atol=0.4)


NEIGHBOURS = [(row, column) for row in (-2, 0, 2) for column in (-2, 0, 2) if row or column]


def gradient(image: NDArray[np.generic]) -> NDArray[np.float32]:
    plain = image.astype(np.float32)
    return np.hypot(ndimage.sobel(plain, 0), ndimage.sobel(plain, 1))


def test_edges_of_buildings_lie_where_the_reference_shows_them(made: Made) -> None:
    edges, contrast = gradient(made.content.truth["buildings"]), gradient(made.content.reference[2])

    def agreement(shift: tuple[int, int]) -> float:
        moved = np.roll(edges, shift, (0, 1))
        return float(np.corrcoef(moved[8:-8, 8:-8].ravel(), contrast[8:-8, 8:-8].ravel())[0, 1])

    assert agreement((0, 0)) > 0.3
    assert max(map(agreement, NEIGHBOURS)) < 0.7 * agreement((0, 0))


def test_roads_lie_where_near_infrared_is_dark(made: Made) -> None:
    roads, infrared = made.content.truth["roads"], made.content.reference[3].astype(float)

    def brightness(shift: tuple[int, int]) -> float:
        return float(infrared[np.roll(roads, shift, (0, 1))].mean())

    assert brightness((0, 0)) < 0.7 * infrared.mean()
    assert min(map(brightness, NEIGHBOURS)) > 1.1 * brightness((0, 0))


@pytest.mark.parametrize("task", ["buildings", "roads"])
def test_vectors_draw_the_truth(made: Made, task: str) -> None:
    import shapely
    from rasterio import Affine
    from rasterio.features import rasterize

    collection = json.loads(made.content.vectors[task])
    assert collection["crs"]["properties"]["name"].endswith(mini.CRS.removeprefix("EPSG:"))
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in collection["features"]]
    widths = [feature["properties"].get("width_m", 0) / 2 for feature in collection["features"]]
    grid = Affine(*finer(made.content.transform, 3))
    areas = [shape.buffer(width) if width else shape for shape, width in zip(shapes, widths, strict=True)]
    drawn = rasterize(areas, (3 * SIZE, 3 * SIZE), transform=grid) > 0
    truth = made.content.truth[task]
    assert (drawn & truth).sum() / (drawn | truth).sum() > 0.85


def test_radiometry_is_plausible(made: Made) -> None:
    frames = made.content.frames[made.clear]
    assert ((frames > -0.01) & (frames < 1.0)).all()
    low, high = [0.02, 0.03, 0.02, 0.12], [0.12, 0.14, 0.15, 0.35]
    means = frames.mean(axis=(0, 2, 3))
    assert ((means > low) & (means < high)).all()
    median = np.median(frames, axis=0)
    assert all(
        np.corrcoef(image.ravel(), other.ravel())[0, 1] > 0.3 for image, other in zip(frames[0], median, strict=True)
    )
    assert (made.content.reference.min(axis=(1, 2)) == 0).all()
    assert (made.content.reference.max(axis=(1, 2)) == 255).all()
    assert made.record.reference_date.year in range(2010, 2016)


def test_clouds_are_masked(made: Made) -> None:
    clouded = np.setdiff1d(np.arange(len(made.content.dates)), made.clear)
    assert len(clouded) > 0
    reach = made.content.frames[made.clear][:, 0].max()
    for number in clouded:
        frame, valid = made.content.frames[number], made.content.frames_valid[number]
        assert frame[0][~valid].max() > 1.2 * reach
        assert (frame[0][valid] < reach + 0.05).all()


def test_dates_shifts_and_clouds_are_drawn_as_stated() -> None:
    rng = np.random.default_rng(0)
    stacks = [draw_acquisitions(STYLES["suburb"], rng) for _ in range(300)]
    assert {len(stack) for stack in stacks} == set(range(9, 16))
    assert all(len({frame.day for frame in stack}) == len(stack) for stack in stacks)
    assert min(sum(frame.clouds == 0 for frame in stack) for stack in stacks) >= 3
    lengths = np.array([np.hypot(*frame.shift) for stack in stacks for frame in stack])
    assert lengths.max() <= SHIFT_MOST
    assert np.sqrt(np.mean(lengths**2)) == pytest.approx(SHIFT_RMS, rel=0.1)
    assert max(np.hypot(*draw_offset(rng)) for _ in range(300)) <= OFFSET_MOST < 4


def test_shadow_is_as_long_as_the_sun_says() -> None:
    height = np.zeros((90, 90), np.uint8)
    height[60:64, 40:50] = 80  # 20 m
    shaded = lit(height, Light(elevation=45.0, azimuth=180.0)) == 0
    assert not shaded[60:].any()
    rows = np.flatnonzero(shaded[:60, 45])
    assert rows.max() == 59
    assert len(rows) * PIXEL == pytest.approx(20, abs=2.5)
    assert shaded[:, 40:50].sum() == shaded.sum()


@pytest.mark.slow
@pytest.mark.parametrize("region", STYLES)
def test_every_region_has_something_to_segment(region: str) -> None:
    shares, whole = [], []
    for seed in (0, 1):
        landscape = make_landscape(STYLES[region], size=1280.0, rng=np.random.default_rng(seed))
        shares.append((landscape.building_mask.mean(), landscape.road_mask.mean()))
        _, labels = cv2.connectedComponents(landscape.road_mask)
        whole.append(np.bincount(labels.ravel())[1:].max() / landscape.road_mask.sum())
    assert np.mean(shares, axis=0).min() > 0.03
    assert min(whole) > 0.5
