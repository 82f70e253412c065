"""The sheet of pictures beside a card."""

from pathlib import Path

import numpy as np
import pytest
from commands import Run
from networks import PIXEL, pixel_module, write_pixel_networks
from PIL import Image

from tdsr_bench.errors import DataError
from tdsr_bench.tasks.colours import FOUND
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES
from tdsr_bench.tasks.sheet import COLUMNS, TILE, Block, read_sheet, sheet_scenes, write_sheet


def test_scenes_are_the_first_of_regions_far_apart():
    regions = {"a2": "a", "a1": "a", "b1": "b", "c1": "c", "d1": "d"}
    assert sheet_scenes(regions) == ("a1", "c1")
    assert sheet_scenes({"x": "a", "y": "a"}) == ("x",)


def flat(colour: int, rows: int = 2) -> Block:
    return Block(("roads",), np.full((rows * TILE, len(COLUMNS) * TILE, 3), colour, dtype=np.uint8))


def test_what_is_written_is_read(tmp_path: Path):
    write_sheet(tmp_path / "a.webp", "mine", {"s1": flat(40), "s2": flat(200)})
    sheet = read_sheet(tmp_path / "a.webp")
    assert (sheet.record.method, sheet.record.scenes, sheet.record.rows) == ("mine", ("s1", "s2"), ("image", "roads"))
    assert sheet.tile("s1", "image", "method").mean() == pytest.approx(40, abs=2)
    assert sheet.tile("s2", "roads", "reference").mean() == pytest.approx(200, abs=2)


def test_other_files_are_refused_in_a_sentence(tmp_path: Path):
    path = tmp_path / "a.webp"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is no sheet of a card"):
        read_sheet(path)
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(DataError, match="is no sheet of a card"):
        read_sheet(path)
    path.write_bytes(bytes(3_000_000))
    with pytest.raises(DataError, match="expected at most 2000000"):
        read_sheet(path)
    about = Image.Exif()
    about[0x010E] = '{"method": "x", "scenes": ["a"], "rows": ["image"]}'
    Image.new("RGB", (8, 8)).save(path, exif=about)
    with pytest.raises(DataError, match="by what it says of itself"):
        read_sheet(path)


def test_evaluation_writes_a_sheet_of_images_and_finds(
    run: Run, tmp_path: Path, write_data, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    networks = write_pixel_networks(tmp_path / "networks", bright=0.08)
    path = tmp_path / "submission.py"
    path.write_text(
        "from tdsr_bench.interpolation import enlarge\nfrom tdsr_bench.submission import Submission\n"
        "submission = Submission('plain', 'sisr', lambda view: enlarge(view.frames[0], 'bicubic'))\n"
    )
    ran = run("evaluate", path, "--data", write_data(bright=0.08), "--networks", networks)
    assert ran.code == 0, ran.err
    sheet = read_sheet(Path("results/tiny-wald-test/plain/card.webp"))
    assert sheet.record.rows == ("image", "roads", "buildings")
    assert len(sheet.record.scenes) == 2
    scene = sheet.record.scenes[0]
    method, bicubic = (sheet.tile(scene, "image", column).astype(float) for column in ("method", "bicubic"))
    assert np.abs(method - bicubic).mean() < 3  # the same image, but for its compression
    white = np.array(FOUND) * 255
    truth, found = (sheet.tile(scene, "roads", column) for column in ("frame", "reference"))
    share = [float((np.abs(tile - white).max(axis=-1) < 60).mean()) for tile in (truth, found)]
    assert share[0] > 0.02
    assert share[1] == pytest.approx(share[0], abs=0.05)  # these networks find in the reference just what is bright
