"""The reader: MuS2 as it is published, and what the makers write."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from makers import SceneMaker, content_of

from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.layout import SceneContent, read_record, write_scene
from tdsr_bench.data.mus2 import Window, read_excluded, read_frames, reference_date, scene_folders
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.protocol import BenchmarkProtocol

GOLDEN = Path(__file__).parents[2] / "golden" / "mus2_official_a"
SCENE = "0_31UFT_11JUN031102-2AS_R4C1"


@pytest.fixture
def mus2(tmp_path: Path) -> Path:
    """A copy of the golden data set: MuS2's layout, without a record."""
    root = tmp_path / "mus2"
    shutil.copytree(GOLDEN / "image_data", root / "image_data")
    shutil.copytree(GOLDEN / "masks", root / "masks")
    return root


def test_the_published_layout_is_read(mus2: Path, protocol: BenchmarkProtocol):
    data = open_dataset(mus2, protocol)
    assert (data.name, data.arm, data.record.arms) == ("mus2", "real", ("real", "simulated"))
    assert data.names("all") == [SCENE, "2_33UUU_14SEP051050-2AS_R07C1"]
    assert data.names("train") == ["2_33UUU_14SEP051050-2AS_R07C1"]
    assert data.names("fold-31U") == [SCENE]
    scene = data.read(SCENE)
    frames, bands, height, width = scene.frames.shape
    assert (frames, bands) == (9, 4)
    assert scene.reference.shape == (4, 3 * height, 3 * width)
    assert scene.reference_date == date(2011, 6, 3)
    assert scene.dates == tuple(sorted(scene.dates))
    assert (scene.region, scene.strip) == ("31U", "11JUN031102")
    folder = mus2 / "image_data" / SCENE
    with rasterio.open(next((folder / "b8" / "lrs").glob("*_20220308T*"))) as raster:
        assert scene.frames[-1, 3] == pytest.approx(raster.read(1) * 1e-4)
        assert scene.transform == tuple(raster.transform)[:6]


def test_band_pairs_are_those_of_the_publication(mus2: Path, protocol: BenchmarkProtocol):
    scene = open_dataset(mus2, protocol).read(SCENE)
    from PIL import Image

    for band, index in enumerate((1, 2, 4, 6)):
        stored = np.asarray(Image.open(mus2 / "image_data" / SCENE / "hr_resized" / f"mul_band_{index}.tiff"))
        assert np.array_equal(scene.reference[band], stored)


@pytest.mark.parametrize(
    "folder",
    [
        "difference_newest_masks/difference_newest_masks_b2",
        "difference_newest_masks/difference_newest_masks/difference_newest_masks_b2",
        "difference_masks_newest/difference_masks_newest_b2",
    ],
)
def test_masks_exclude_what_is_not_zero_however_they_are_nested(mus2: Path, folder: str):
    mask = np.zeros((180, 180), dtype=np.uint8)
    mask[3:6, 10:20] = 255
    path = mus2 / "masks" / folder / f"mask_{SCENE}.png"
    path.parent.mkdir(parents=True)
    from PIL import Image

    Image.fromarray(mask).save(path)
    excluded = read_excluded(mus2, SCENE, ["difference_newest", "perceptual"], (180, 180))
    assert np.array_equal(excluded[0], mask > 0)
    assert not excluded[1:].any()


def test_a_mask_of_another_size_is_refused(mus2: Path):
    with pytest.raises(DataError, match=rf"{SCENE}: the mask .* is \(180, 180\), expected \(10, 10\)"):
        read_excluded(mus2, SCENE, ["final"], (10, 10))


def test_the_relevance_mask_is_never_used(protocol: BenchmarkProtocol):
    assert not {"relevance", "final"} & set(protocol.masks)


def test_a_window_is_a_part_of_the_whole(protocol: BenchmarkProtocol, write_data):
    data = open_dataset(write_data(regions=1), protocol)
    whole, part = data.read("scene-0-0"), data.read("scene-0-0", Window(5, 8, 20, 30))
    assert np.array_equal(part.frames, whole.frames[:, :, 5:25, 8:38])
    assert np.array_equal(part.reference, whole.reference[:, 15:75, 24:114])
    assert np.array_equal(part.frames_valid, whole.frames_valid[:, 5:25, 8:38])
    assert part.transform[2] == whole.transform[2] + 8 * whole.transform[0]


def test_what_is_written_is_read(make_scene: SceneMaker, protocol: BenchmarkProtocol, write_data):
    scene = make_scene(name="scene-0-0", region="region-0", seed=0)
    read = open_dataset(write_data(regions=1), protocol).read("scene-0-0")
    assert read.frames == pytest.approx(scene.frames, abs=0.51e-4)
    assert read.reference == pytest.approx(scene.reference, abs=0.51e-4)
    assert (read.dates, read.reference_date, read.transform) == (scene.dates, scene.reference_date, scene.transform)
    assert read.region == "region-0"


def test_clouds_come_from_the_scene_classes(tmp_path: Path, make_scene: SceneMaker):
    scene = make_scene()
    valid = scene.frames_valid.copy()
    valid[1, 4:9, 6:30] = False
    content = content_of(scene)
    write_scene(tmp_path, "x", SceneContent(**{**vars(content), "frames_valid": valid}))
    assert np.array_equal(read_frames(tmp_path / "image_data" / "x").valid, valid)


def test_a_coarser_cloud_layer_is_put_on_the_grid(mus2: Path):
    frames = sorted((mus2 / "image_data" / SCENE / "b2" / "lrs").iterdir())
    layer = np.zeros((30, 30), dtype=np.uint8)
    layer[:15] = 90
    folder = mus2 / "image_data" / SCENE / "CLD" / "20m"
    folder.mkdir(parents=True)
    options = {"driver": "GTiff", "width": 30, "height": 30, "count": 1, "dtype": "uint8"}
    with rasterio.open(
        folder / f"{frames[0].stem}.tif", "w", transform=rasterio.Affine(20, 0, 0, 0, -20, 0), **options
    ) as r:
        r.write(layer, 1)
    valid = read_frames(mus2 / "image_data" / SCENE).valid
    assert not valid[0, :30].any()
    assert valid[0, 30:].all()
    assert valid[1:].all()


def test_the_offset_of_newer_baselines_is_taken_off(tmp_path: Path, make_scene: SceneMaker):
    write_scene(tmp_path, "x", content_of(make_scene(frames=1)))
    before = read_frames(tmp_path / "image_data" / "x").images
    for path in (tmp_path / "image_data" / "x").rglob("*N0000*"):
        path.rename(path.with_name(path.name.replace("N0000", "N0400")))
    assert read_frames(tmp_path / "image_data" / "x").images == pytest.approx(before - 0.1, abs=1e-6)


def test_a_duplicate_ground_counts_once(mus2: Path, protocol: BenchmarkProtocol):
    twin = "1_33UUT_14SEP051050-2AS_R09C1", "2_33UUU_14SEP051050-2AS_R09C1"
    for name in twin:
        (mus2 / "image_data" / name).mkdir()
    data = open_dataset(mus2, protocol)
    assert twin[0] in data.names("train")
    assert twin[1] not in data.names("train")
    assert data.scenes[twin[1]].exclude == f"shows the same ground as {twin[0]}"


def break_frame(root: Path) -> None:
    path = sorted((root / "image_data" / SCENE / "b3" / "lrs").iterdir())[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def break_reference(root: Path) -> None:
    path = root / "image_data" / SCENE / "hr_resized" / "mul_band_4.tiff"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop_band(root: Path) -> None:
    shutil.rmtree(root / "image_data" / SCENE / "b8")


def drop_reference(root: Path) -> None:
    (root / "image_data" / SCENE / "hr_resized" / "mul_band_6.tiff").unlink()


def other_reference(root: Path) -> None:
    from PIL import Image

    for path in (root / "image_data" / SCENE / "hr_resized").glob("*.tiff"):
        Image.fromarray(np.zeros((177, 180), dtype=np.uint8)).save(path)


def other_frame(root: Path) -> None:
    path = sorted((root / "image_data" / SCENE / "b3" / "lrs").iterdir())[0]
    options = {"driver": "JP2OpenJPEG", "width": 40, "height": 60, "count": 1, "dtype": "uint16"}
    with rasterio.open(path, "w", transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **options) as raster:
        raster.write(np.ones((1, 60, 40), dtype=np.uint16))


def empty_scene(root: Path) -> None:
    shutil.rmtree(root / "image_data" / SCENE)
    (root / "image_data" / SCENE).mkdir()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (break_frame, r"b3.lrs.*jp2 cannot be read as a raster, or is cut short"),
        (break_reference, r"mul_band_4.tiff cannot be read as a raster, or is cut short"),
        (drop_band, rf"{SCENE}: the frame .* has no B08"),
        (drop_reference, rf"{SCENE}: the reference has no mul_band_6.tiff"),
        (other_reference, rf"{SCENE}: the reference is \(177, 180\) pixels, expected \(180, 180\), three times"),
        (other_frame, rf"{SCENE}: images of .* and of .* pixels; all have to be of one size"),
        (empty_scene, rf"{SCENE}: no frame below"),
    ],
)
def test_broken_scenes_are_refused_in_a_sentence(mus2: Path, protocol: BenchmarkProtocol, harm, sentence: str):
    harm(mus2)
    with pytest.raises(DataError, match=sentence):
        open_dataset(mus2, protocol).read(SCENE)


def test_an_empty_folder_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="holds no scene: expected folders below"):
        scene_folders(tmp_path)


def test_an_unknown_scene_is_refused(mus2: Path, protocol: BenchmarkProtocol):
    (mus2 / "image_data" / "elsewhere").mkdir()
    with pytest.raises(DataError, match=r"elsewhere is no scene of MuS2, and the data set has no tdsr.json"):
        open_dataset(mus2, protocol)


def test_unknown_arms_and_splits_are_refused(mus2: Path, protocol: BenchmarkProtocol):
    with pytest.raises(ProtocolError, match="no arm 'wald'; choose real or simulated"):
        open_dataset(mus2, protocol, "wald")
    with pytest.raises(ProtocolError, match="no split 'holdout'"):
        open_dataset(mus2, protocol).names("holdout")
    with pytest.raises(ProtocolError, match="has no scene"):
        open_dataset(mus2, protocol).names("test")


def test_a_broken_record_is_refused(write_data):
    root = write_data(regions=1)
    (root / "tdsr.json").write_text('{"schema": 1}')
    with pytest.raises(DataError, match=r"tdsr.json: name: Field required"):
        read_record(root)


def test_reference_dates_come_from_names():
    assert reference_date("1_33UUT_15MAR221037-2AS_R06C1") == date(2015, 3, 22)
    with pytest.raises(DataError, match="no WorldView-2 date in the name"):
        reference_date("somewhere")
