"""What fuzzing found, and reading the readers again: every fault by its name, with what is said of it."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzz import samples
from fuzz.mutations import DEEP
from fuzz.reading import Child

Change = Callable[[dict[str, Any]], object]


def written(path: Path, content: object) -> Path:
    """`content` as JSON, or as it is, at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def _row(card: dict[str, Any], key: str) -> dict[str, Any]:
    return next(row for row in card["rows"] if row["key"] == key)


CARDS: dict[str, tuple[str, Change, str]] = {
    "a value of 400 digits": ("card", lambda c: c["rows"][0].update(value=10**400), "row 0"),
    "a value that cannot be squared": ("board", lambda c: c["rows"][0].update(value=1e308), "row 0"),
    "a mean that cannot be squared": (
        "card", lambda c: next(iter(c["summary"]["metrics"].values())).update(mean=1e308), "less than or equal",
    ),
    "parameters of 400 digits": ("board", lambda c: c["submission"].update(parameters=10**400), "parameters"),
    "a network without a hash": ("board", lambda c: c["networks"]["score"][0].pop("sha256"), "sha256"),
    "a network whose hash is a number": ("board", lambda c: c["networks"]["score"][0].update(sha256=1), "sha256"),
    "scenes and no region": ("compare", lambda c: c["data"].update(regions=[]), "regions"),
    "rows without their references": ("compare", lambda c: c.update(reference_rows=[]), "do not fit"),
    "a row that is not there": ("card", lambda c: c["rows"].remove(_row(c, "cssim")), "do not fit"),
    "a row of another kind": ("compare", lambda c: c["rows"][0].update(band=["B02"]), "do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("fault", CARDS)
def test_of_cards(child: Child, tmp_path: Path, fault: str):
    reader, change, said = CARDS[fault]
    card = samples.a_card()
    written(tmp_path / "cards" / "other" / "card.json", samples.card_bytes())
    change(card)
    told = child.told(reader, written(tmp_path / "cards" / "card.json", card))
    assert said in told


def test_a_folder_called_as_a_card_is_told(child: Child, tmp_path: Path):
    (tmp_path / "x.json").mkdir()
    assert "is no file" in child.told("board", tmp_path / "x.json")


TOML = {
    "a hexadecimal number of 6,000 digits": "seed = 0x" + "f" * 5000,
    "a decimal number of 5,000 digits": "seed = " + "9" * 5000,
    "lists in lists": "a = " + "[" * DEEP,
    "tables in tables": "[" + "a." * 30_000 + "b]",
    "megabytes": "#" * 2**20,
    "a message of megabytes": 'name = "' + "x" * 200_000 + '"',
    "an endless rate": "[training]\nsteps = 1\nvalidate_every = 1\nlearning_rate = inf",
    "a key that steers a terminal": '"\\u001b[31m" = 1',
}


@pytest.mark.parametrize("fault", TOML)
@pytest.mark.parametrize("reader", ["config", "recipe"])
def test_of_toml(child: Child, tmp_path: Path, reader: str, fault: str):
    assert child.told(reader, written(tmp_path / "a.toml", TOML[fault].encode()))


RECORDS: dict[str, tuple[str, str, Change, str]] = {
    "no arm": ("record", "tdsr.json", lambda c: c.update(arms=[]), "arms"),
    "a scale that is none": ("record", "tdsr.json", lambda c: c["reference"].update(scale=float("nan")), "scale"),
    "a scale of zero": ("record", "tdsr.json", lambda c: c["reference"].update(scale=0), "scale"),
    "no table": ("truth", "truth/osm.json", lambda c: c.update(scenes=[]), "scenes"),
    "a shift that is none": (
        "truth", "truth/osm.json",
        lambda c: c["scenes"]["s"]["roads"].update(shift_hr_px=[float("nan"), 0]), "shift_hr_px",
    ),
    "a line that ends nowhere": (
        "lines", "truth/s/roads.geojson",
        lambda c: c["features"][0]["geometry"]["coordinates"][0].__setitem__(0, 1e308), "nowhere near",
    ),
    "a line around the Earth": (
        "lines", "truth/s/roads.geojson",
        lambda c: c["features"][0]["geometry"]["coordinates"][0].__setitem__(0, 1e12), "nowhere near",
    ),
}  # fmt: skip
VALID = {"record": samples.record(), "truth": samples.TRUTH, "lines": samples.geojson()}


@pytest.mark.parametrize("fault", RECORDS)
def test_of_records(child: Child, tmp_path: Path, fault: str):
    reader, name, change, said = RECORDS[fault]
    for scene in ("a", "b"):
        (tmp_path / "image_data" / scene).mkdir(parents=True)
    content = json.loads(json.dumps(VALID[reader]))
    change(content)
    assert said in child.told(reader, written(tmp_path / name, content))


@pytest.mark.parametrize("name", ["S2A_MSIL2A_20209999T000000_N0000_R000_a", "S2A_MSIL2A_00000000T000000_N0000"])
def test_a_frame_of_no_day_is_told(child: Child, tmp_path: Path, name: str):
    for band in ("b2", "b3", "b4", "b8"):
        path = written(tmp_path / "a" / band / "lrs" / f"{name}.tif", samples.raster(".tif"))
    assert "is no day" in child.told("frames", path)


VECTORS: dict[str, tuple[Change, str]] = {
    "a corner that is none": (
        lambda c: c["features"][0]["geometry"]["coordinates"][0].__setitem__(1, [float("nan"), 0]), "no number",
    ),
    "a corner where no map reaches": (
        lambda c: [c.pop("crs"), c["features"][0]["geometry"]["coordinates"][0].__setitem__(1, [1e300, 1e300])],
        "nowhere on Earth",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", VECTORS)
def test_of_vectors(child: Child, tmp_path: Path, fault: str):
    change, said = VECTORS[fault]
    content = samples.geojson("Polygon")
    change(content)
    assert said in child.told("buildings", written(tmp_path / "a.geojson", content))


@pytest.mark.parametrize(("reader", "degrees"), [("roads", False), ("map", True)])
def test_a_road_of_the_length_of_the_universe_is_told(child: Child, tmp_path: Path, reader: str, degrees: bool):
    content = samples.geojson(degrees=degrees)
    content["features"][0]["geometry"]["coordinates"][1] = [1e300, 41.54]
    assert "nowhere on Earth" in child.told(reader, written(tmp_path / "a.geojson", content))


@pytest.mark.parametrize("tags", [{"width": [1, 2, 3]}, {"highway": ["a", "b"]}, {"tags": '{"a":' * DEEP}])
def test_lists_and_towers_of_tables_are_no_tags(child: Child, tmp_path: Path, tags: dict[str, Any]):
    content = samples.geojson(degrees=True)
    content["features"][0]["properties"] |= tags
    child.read(
        "map", written(tmp_path / "a.geojson", content)
    )  # fails where that breaks; a map without roads is refused


def test_a_map_of_no_day_has_no_day(child: Child, tmp_path: Path):
    text = samples.osm(".osm").replace(b'generator="tests">', b'generator="tests"><meta osm_base="2020-99-99"/>')
    assert b"2020-99-99" in text
    assert child.read("map", written(tmp_path / "a.osm", text)) == "read"


@pytest.mark.parametrize("seconds", [b"\xff" * 8 + b"\x7f", b"\xff" * 9 + b"\x01", b"\xff" * 200 + b"\x01"])
def test_a_map_of_a_day_beyond_the_calendar_is_no_crash(child: Child, tmp_path: Path, seconds: bytes):
    packed = zlib.compress(b"\x80\x02" + seconds)
    blob = b"\x1a" + bytes([len(packed)]) + packed
    header = b"\x0a\x09OSMHeader\x18" + bytes([len(blob)])
    assert child.told("map", written(tmp_path / "a.pbf", struct.pack(">I", len(header)) + header + blob))


PRODUCT = (
    '<?xml version="1.0" encoding="{code}"?><n:P xmlns:n="x"><PRODUCT_START_TIME>2021-06-20</PRODUCT_START_TIME>'
    "<BOA_QUANTIFICATION_VALUE>{value}</BOA_QUANTIFICATION_VALUE>"
    '<BOA_ADD_OFFSET band_id="1">{offset}</BOA_ADD_OFFSET></n:P>'
)
PRODUCTS = {
    "divided by NaN": PRODUCT.format(code="utf-8", value="nan", offset=0).encode(),
    "divided by infinity": PRODUCT.format(code="utf-8", value="inf", offset=0).encode(),
    "an offset of infinity": PRODUCT.format(code="utf-8", value=1e4, offset="-inf").encode(),
    "an encoding that nobody knows": PRODUCT.format(code="x-unknown", value=1e4, offset=0).encode(),
    "an encoding that the parser cannot do": PRODUCT.format(code="shift_jis", value=1e4, offset=0).encode(),
    "a document type in UTF-16": '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><x/>'.encode("utf-16"),
    "elements in elements": b"<a>" * DEEP,
}


@pytest.mark.parametrize("fault", PRODUCTS)
def test_of_products(child: Child, tmp_path: Path, fault: str):
    assert child.told("product", written(tmp_path / "s2" / "x.SAFE" / "MTD_MSIL2A.xml", PRODUCTS[fault]))


@pytest.mark.parametrize(
    ("how", "said"),
    [({"scale": float("nan")}, "scale"), ({"scale": 0.0}, "scale"), ({"offset": float("inf")}, "offset")],
)
def test_an_acquisition_whose_numbers_become_none_is_refused(
    child: Child, tmp_path: Path, how: dict[str, float], said: str
):
    import rasterio

    path = written(tmp_path / "s2" / "place_2021-06-20.tif", samples.raster(".tif", bands=4, size=40))
    with rasterio.open(path, "r+") as raster:
        if "scale" in how:
            raster.scales = [how["scale"]] * 4
        else:
            raster.offsets = [how["offset"]] * 4
    assert said in child.told("import s2", path)


@pytest.mark.parametrize("reader", ["hat", "rams"])
def test_a_pipe_for_published_weights_is_told(child: Child, tmp_path: Path, reader: str):
    import os

    path = tmp_path / ("a.index" if reader == "rams" else "a.pth")
    os.mkfifo(path)
    assert "is no file" in child.told(reader, path)


def test_a_log_of_steps_that_is_no_table_is_told(tmp_path: Path):
    from tdsr_baselines.training.log import RunLog
    from tdsr_bench.errors import DataError

    written(tmp_path / "train.csv", b"step,loss\n\xff\xfe")
    with pytest.raises(DataError, match="is no table of steps"):
        RunLog(tmp_path).go_back(3)
