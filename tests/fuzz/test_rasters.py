"""TIFF, JPEG 2000 and PNG: frames, references, masks, acquisitions, images of very high resolution, predictions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import samples
from fuzz.conftest import Fuzz
from fuzz.mutations import ODD, Mutated, mutated_bytes
from fuzz.reading import Child
from hypothesis import given
from hypothesis import strategies as st

TIFF = st.sampled_from(sorted(samples.TIFFS)).flatmap(
    lambda kind: mutated_bytes(samples.raster(".tif", **samples.TIFFS[kind]))
)
JP2 = samples.raster(".jp2")
LOSSLESS = samples.raster(".jp2", size=60, QUALITY="100", REVERSIBLE="YES")
PNG = samples.raster(".png", crs=None, dtype="uint8")
VHR = samples.raster(".tif", bands=4, size=60, pixel=3.0, compress="deflate")
S2 = samples.raster(".tif", bands=4, size=40, compress="deflate")

VALID = {
    ("raster", "a.tif"): samples.raster(".tif"),
    ("raster", "a.jp2"): JP2,
    ("raster", "a.png"): PNG,
    ("vhr", "a.tif"): VHR,
    ("import vhr", "a.tif"): samples.raster(".tif", bands=4, size=60, pixel=3.0),
    ("stored", "a.tif"): samples.prediction(".tif"),
    ("stored", "a.npy"): samples.prediction(".npy"),
    ("stored", "a.safetensors"): samples.prediction(".safetensors"),
}


@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str, name: str):
    path = tmp_path / name
    path.write_bytes(VALID[reader, name])
    assert child.read(reader, path) == "read"


@given(mutated=TIFF)
def test_tiff(fuzz: Fuzz, mutated: Mutated):
    fuzz("raster", "a.tif", mutated)


@given(mutated=mutated_bytes(JP2))
def test_jpeg_2000(fuzz: Fuzz, mutated: Mutated):
    fuzz("raster", "a.jp2", mutated)


@given(mutated=mutated_bytes(LOSSLESS))
def test_lossless_jpeg_2000(fuzz: Fuzz, mutated: Mutated):
    fuzz("raster", "a.jp2", mutated)


@given(mutated=mutated_bytes(PNG))
def test_png(fuzz: Fuzz, mutated: Mutated):
    fuzz("raster", "a.png", mutated)


@given(mutated=mutated_bytes(VHR))
def test_image_of_very_high_resolution(fuzz: Fuzz, mutated: Mutated):
    fuzz("import vhr", "a.tif", mutated)


@given(mutated=mutated_bytes(S2))
def test_acquisition(fuzz: Fuzz, tmp_path: Path, mutated: Mutated):
    (tmp_path / "s2").mkdir(exist_ok=True)
    (tmp_path / "s2" / "place_2021-01-10.tif").write_bytes(S2)
    fuzz("import s2", "s2/place_2021-06-20.tif", mutated)


@pytest.mark.parametrize("ending", [".npy", ".safetensors", ".tif"])
@given(data=st.data())
def test_prediction(fuzz: Fuzz, data: st.DataObject, ending: str):
    fuzz("stored", f"a{ending}", data.draw(mutated_bytes(samples.prediction(ending))))


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, name: str, what: str):
    path = place(f"x/{name}")
    ODD[what](path)
    assert child.read(reader, path, how=what) == "refused"
