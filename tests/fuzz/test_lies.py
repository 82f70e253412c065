"""Small files that say to be huge, and files that lead elsewhere: each refused before anything is done for it."""

import json
import socket
import struct
import zlib
from pathlib import Path

import pytest
from fuzz import samples
from fuzz.mutations import ESCAPES
from fuzz.reading import Child

HUGE = 200_000
"""Pixels on a side: 40 gigapixels."""


def tiff(**tags: int) -> bytes:
    """A TIFF whose directory says other numbers: ``width``, ``height``, ``bands`` or ``strip``."""
    numbers = {"width": 256, "height": 257, "bands": 277, "strip": 278}
    content = bytearray(samples.raster(".tif", crs=None))
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", content, place)
        for name, number in tags.items():
            if tag == numbers[name]:
                struct.pack_into("<HII", content, place + 2, 4, 1, number)
    return bytes(content)


def png(width: int, height: int) -> bytes:
    """A PNG whose header says another size, with the right checksum."""
    content = bytearray(samples.raster(".png", crs=None, dtype="uint8"))
    struct.pack_into(">II", content, 16, width, height)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


def jp2(width: int, height: int) -> bytes:
    """A JPEG 2000 whose header and codestream say another size, in one tile."""
    content = bytearray(samples.raster(".jp2"))
    header, size = content.index(b"ihdr"), content.index(b"\xff\x4f\xff\x51")
    struct.pack_into(">II", content, header + 4, height, width)
    struct.pack_into(">II", content, size + 8, width, height)
    struct.pack_into(">II", content, size + 24, width, height)
    return bytes(content)


def npy(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    """A file of NumPy's whose header says another shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + bytes(100)


def safetensors(shape: list[int], offsets: tuple[int, int], *, length: int | None = None) -> bytes:
    """A file of safetensors that says what it likes."""
    header = json.dumps({"sr": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(2304)


LIES = {
    "TIFF of 40 gigapixels": ("raster", "a.tif", tiff(width=HUGE, height=HUGE)),
    "TIFF of 40 gigapixels in one strip": ("raster", "a.tif", tiff(width=HUGE, height=HUGE, strip=HUGE)),
    "TIFF of 10 gigapixels to be read in windows": ("vhr", "a.tif", tiff(width=100_000, height=100_000, strip=1)),
    "TIFF of a tile of Sentinel-2 in a kilobyte": ("raster", "a.tif", tiff(width=10_980, height=10_980)),
    "TIFF of 60,000 bands": ("raster", "a.tif", tiff(bands=60_000)),
    "PNG of 40 gigapixels": ("raster", "a.png", png(HUGE, HUGE)),
    "PNG of 10,000 x 10,000 in a kilobyte": ("raster", "a.png", png(10_000, 10_000)),
    "JPEG 2000 of 40 gigapixels": ("raster", "a.jp2", jp2(HUGE, HUGE)),
    "JPEG 2000 of 10,000 x 10,000 in a kilobyte": ("raster", "a.jp2", jp2(10_000, 10_000)),
    "npy of 400 gigabytes": ("stored", "a.npy", npy((4, 158_113, 158_113))),
    "npy of the right shape, cut short": ("stored", "a.npy", npy((4, 12, 12))),
    "npy of objects": ("stored", "a.npy", npy((4, 12, 12), "|O")),
    "npy of a negative shape": ("stored", "a.npy", npy((4, -12, 12))),
    "safetensors of a terabyte": ("stored", "a.safetensors", safetensors([HUGE, HUGE, 7], (0, 2304))),
    "safetensors over the end": ("stored", "a.safetensors", safetensors([4, 12, 12], (0, 2**62))),
    "safetensors with a header of exabytes": ("stored", "a.safetensors", safetensors([1], (0, 4), length=2**63)),
    "VRT for TIFF": ("raster", "a.tif", b'<VRTDataset rasterXSize="9" rasterYSize="9"></VRTDataset>'),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(child: Child, tmp_path: Path, lie: str):
    reader, name, content = LIES[lie]
    (tmp_path / name).write_bytes(content)
    assert len(content) < 10_000
    assert child.read(reader, tmp_path / name, how="a header that lies") == "refused"


def test_a_stored_image_of_another_shape_is_told_as_such(child: Child, tmp_path: Path):
    (tmp_path / "a.npy").write_bytes(npy((4, 2, 2)))
    assert "is of the shape [4, 2, 2], expected [4, 12, 12]" in child.told("stored", tmp_path / "a.npy")


def test_a_safetensors_without_the_image_is_told_as_such(child: Child, tmp_path: Path):
    import numpy as np
    from safetensors.numpy import save

    (tmp_path / "a.safetensors").write_bytes(save({"image": np.zeros((4, 12, 12), np.float32)}))
    assert "no tensor `sr`" in child.told("stored", tmp_path / "a.safetensors")


def test_the_header_of_a_pbf_is_not_unpacked_without_end(child: Child, tmp_path: Path):
    packed = zlib.compress(bytes(700 * 2**20), 1)
    blob = b"\x1a" + _varint(len(packed)) + packed
    header = b"\x0a\x09OSMHeader\x18" + _varint(len(blob))
    (tmp_path / "a.pbf").write_bytes(struct.pack(">I", len(header)) + header + blob)
    assert child.read("map", tmp_path / "a.pbf", how="a bomb") == "refused"


def test_a_sheet_larger_than_any_is_refused(child: Child, tmp_path: Path):
    from PIL import Image

    about = Image.Exif()
    about[0x010E] = json.dumps({"method": "x", "scenes": ["a"], "rows": ["image"], "tile": 2100})
    Image.new("RGB", (8400, 2100)).save(tmp_path / "a.webp", exif=about)
    assert child.read("sheet", tmp_path / "a.webp", how="a bomb") == "refused"


ELSEWHERE = {
    "virtual": '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{url}x.geojson</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>",
    "web service": "<OGRWFSDataSource><URL>{url}wfs</URL></OGRWFSDataSource>",
    "pipeline": '{{"type": "gdal_streamed_alg", "command_line": "gdal vector ! read /vsicurl/{url}x.geojson"}}',
    "document type": '<?xml version="1.0"?><!DOCTYPE osm SYSTEM "{url}a.dtd"><osm version="0.6"></osm>',
    "schema": '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x {url}x.xsd"></gml:FeatureCollection>',
}


@pytest.mark.parametrize("what", ELSEWHERE)
@pytest.mark.parametrize(("reader", "name"), [("roads", "a.geojson"), ("map", "a.osm"), ("map", "a.geojson")])
def test_vectors_that_lead_elsewhere_are_not_followed(child: Child, tmp_path: Path, reader: str, name: str, what: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        (tmp_path / name).write_text(ELSEWHERE[what].format(url=url))
        assert child.read(reader, tmp_path / name, how="it leads elsewhere") == "refused"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_archives_of_vectors_are_refused(child: Child, tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    assert "unpack it" in child.told("roads", tmp_path / "a.zip")


@pytest.mark.parametrize("text", [ESCAPES, "\x9b31m", "\u202egnp.exe", "a\rb", "\x7f"])
@pytest.mark.parametrize("escaped", [True, False])
def test_a_card_whose_texts_steer_a_terminal_is_refused(child: Child, tmp_path: Path, text: str, escaped: bool):
    card = samples.a_card()
    card["submission"]["name"] = text
    (tmp_path / "card.json").write_text(json.dumps(card, ensure_ascii=escaped), encoding="utf-8")
    assert "control characters" in child.told("card", tmp_path / "card.json")


@pytest.mark.parametrize("text", [r"C:\u001b is a path", "a\tb", "two\nlines", "Zürich, 東京 🛰", "[/] [bold] [red"])
@pytest.mark.parametrize("reader", ["card", "compare"])
def test_other_texts_of_cards_are_shown_as_they_are(child: Child, tmp_path: Path, reader: str, text: str):
    card = samples.a_card()
    card["submission"]["name"] = text
    for place in ("card.json", "other/card.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(json.dumps(card))
    assert child.read(reader, tmp_path / "card.json") == "read"


@pytest.mark.parametrize("text", ["[/]", "[bold", "[link=http://a]x[/link]", ESCAPES])
def test_a_data_set_whose_texts_are_markup_is_shown_as_it_is(child: Child, tmp_path: Path, text: str):
    samples.scene(tmp_path)
    record = samples.record() | {"name": text, "source": text, "licence": text}
    record["scenes"]["b"] |= {"exclude": text, "region": text}
    (tmp_path / "tdsr.json").write_text(json.dumps(record))
    assert child.read("inspect", tmp_path / "tdsr.json") == "read"


def _varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])
