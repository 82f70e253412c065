"""Unpacking what may be broken or evil: all of a good archive comes out, nothing of a bad one goes anywhere."""

import bz2
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest

from tdsr_bench.data.archive import is_archive
from tdsr_bench.data.placement import place, safe_parts
from tdsr_bench.data.unpack import Limits, Unpacked, unpack
from tdsr_bench.errors import DataError

SCENE = "0_31UFT_11JUN031102-2AS_R4C1"
FILES = {
    f"MuS2/{SCENE}/b2/lrs/a.jp2": b"a" * 700,
    f"MuS2/{SCENE}/hr_resized/mul_band_1.tiff": Random(0).randbytes(2_000_000),
    "MuS2/empty.txt": b"",
    "MuS2/stats.json": b"{}",
}
PLACED = {
    f"image_data/{SCENE}/b2/lrs/a.jp2": FILES[f"MuS2/{SCENE}/b2/lrs/a.jp2"],
    f"image_data/{SCENE}/hr_resized/mul_band_1.tiff": FILES[f"MuS2/{SCENE}/hr_resized/mul_band_1.tiff"],
    "other/archive/MuS2/empty.txt": b"",
    "stats.json": b"{}",
}

Pack = Callable[[Path, Mapping[str, bytes]], None]


def pack_zip(path: Path, files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def pack_tar(path: Path, files: Mapping[str, bytes], *, kind: str = "") -> None:
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def stored(path: Path, files: Mapping[str, bytes]) -> None:
    pack_zip(path, files, compression=zipfile.ZIP_STORED)


def tar_gz(path: Path, files: Mapping[str, bytes]) -> None:
    pack_tar(path, files, kind="gz")


def tar_bz2(path: Path, files: Mapping[str, bytes]) -> None:
    pack_tar(path, files, kind="bz2")


def tar_xz(path: Path, files: Mapping[str, bytes]) -> None:
    pack_tar(path, files, kind="xz")


PACKERS: list[Pack] = [pack_zip, stored, pack_tar, tar_gz, tar_bz2, tar_xz]
BOTH: list[Pack] = [pack_zip, pack_tar]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where it is unpacked: deep down, so that what leads out is found in `tmp_path`."""
    made = tmp_path / "a" / "b" / "folder"
    made.mkdir(parents=True)
    return made


def unpacked(archive: Path, folder: Path, limits: Limits | None = None) -> Unpacked:
    return unpack(archive, archive.name, folder, limits=limits, progress=lambda *_: None)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, folder: Path, said: str, limits: Limits | None = None) -> None:
    """It is refused by a sentence that says `said`, and nothing stands outside of `folder`, nor any link in it."""
    with pytest.raises(DataError, match=said):
        unpacked(archive, folder, limits)
    around = {path for path in folder.parents[2].rglob("*") if folder not in (path, *path.parents)}
    assert around <= {archive, folder.parent, folder.parent.parent}
    assert all(path.is_file() or path.is_dir() for path in folder.rglob("*"))
    assert not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.parametrize("pack", PACKERS)
def test_every_kind_of_archive_comes_out_whole(pack: Pack, archive: Path, folder: Path) -> None:
    pack(archive, FILES)
    assert is_archive(archive)
    steps: list[tuple[str, int, int]] = []
    done = unpack(archive, "archive", folder, progress=lambda *step: steps.append(step))
    assert tree(folder) == PLACED
    assert done == Unpacked(4, 2_000_702, 3)
    size = archive.stat().st_size
    assert steps[-1] == ("archive", size, size)
    assert all(0 <= step[1] <= size for step in steps)


@pytest.mark.parametrize("size", [0, 511, 512, 513, 1024, 20_000])
@pytest.mark.parametrize("pack", [pack_tar, tar_gz])
def test_sizes_around_the_blocks_of_a_tar(pack: Pack, archive: Path, folder: Path, size: int) -> None:
    files = {f"image_data/{index}": bytes([index]) * size for index in range(3)}
    pack(archive, files)
    unpacked(archive, folder)
    assert tree(folder) == files


def test_a_real_tar_with_folders_modes_and_long_names_comes_out(archive: Path, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "a" / "b" / "source"
    file = source / "image_data" / SCENE / ("long-" * 30) / "x.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    file.chmod(0o400)
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(archive, "w:gz", format=form) as made:
            made.add(source / "image_data", "./image_data")
        target = folder / str(form)
        target.mkdir()
        unpacked(archive, target)
        (found,) = tree(target).values()
        assert found == b"x"
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o200 for path in target.rglob("*"))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"PK", bytes(1024), gzip.compress(b"text" * 200), bz2.compress(b""), lzma.compress(b"x")],
    ids=["nothing", "json", "a beginning", "zeros", "gzip", "bzip2", "xz"],  # gzip's bytes hold the time
)
def test_what_is_no_archive_is_known(archive: Path, content: bytes) -> None:
    archive.write_bytes(content)
    assert not is_archive(archive)


@pytest.mark.parametrize("pack", BOTH)
@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "image_data/../../../evil",
        "/tmp/tdsr-evil",
        "image_data\\..\\..\\..\\evil",
        "\\\\server\\evil",
        "C:\\evil",
        "c:/evil",
        "..",
        "a/..",
    ],
)
def test_a_path_that_leads_out_is_refused(pack: Pack, archive: Path, folder: Path, name: str) -> None:
    pack(archive, {"image_data/good": b"x", name: b"evil"})
    refused(archive, folder, "leads out of its folder; it is not to be trusted")
    assert not Path("/tmp/tdsr-evil").exists()


@pytest.mark.parametrize("pack", BOTH)
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\x7f", "a\u202eb"])
def test_a_name_with_control_characters_is_refused(pack: Pack, archive: Path, folder: Path, name: str) -> None:
    pack(archive, {name: b"evil"})
    refused(archive, folder, "control characters")


def test_a_name_that_is_no_text_is_refused(archive: Path, folder: Path) -> None:
    pack_tar(archive, {"image_data/\udc80": b"evil"})
    refused(archive, folder, "control characters")


def test_a_name_that_ends_at_a_nul_for_zipfile_is_refused(archive: Path, folder: Path) -> None:
    pack_zip(archive, {"image_data/goodXevil": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"goodXevil", b"good\0evil"))
    refused(archive, folder, "control characters")


@pytest.mark.parametrize("pack", BOTH)
@pytest.mark.parametrize("name", ["image_data/" + "x" * 256, "x/" * 600 + "y"])
def test_a_name_that_is_too_long_is_refused(pack: Pack, archive: Path, folder: Path, name: str) -> None:
    pack(archive, {name: b"x"})
    refused(archive, folder, "too long")


@pytest.mark.parametrize("pack", BOTH)
@pytest.mark.parametrize(
    "names", [("image_data/a", "image_data/a"), ("image_data/a", "x/image_data/a"), ("image_data/a", "image_data/a/b")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_place_are_refused(pack: Pack, archive: Path, folder: Path, names: tuple[str, str]) -> None:
    with zipfile.ZipFile(archive, "w") if pack is pack_zip else tarfile.open(archive, "w") as made:
        for name in names:
            if isinstance(made, zipfile.ZipFile):
                made.writestr(name, b"x")
            else:
                made.addfile(tarfile.TarInfo(name))
    refused(archive, folder, "twice, or as a file and a folder")


TAR_KINDS = {
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "character device": tarfile.CHRTYPE,
    "block device": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}


@pytest.mark.parametrize("kind", TAR_KINDS)
def test_links_and_devices_of_a_tar_are_refused(archive: Path, folder: Path, kind: str) -> None:
    """Among them the classic: a link that leads out, then a file through it."""
    with tarfile.open(archive, "w") as made:
        link = tarfile.TarInfo("image_data/door")
        link.type, link.linkname = TAR_KINDS[kind], "../../../.."
        made.addfile(link)
        through = tarfile.TarInfo("image_data/door/evil")
        through.size = 4
        made.addfile(through, io.BytesIO(b"evil"))
    refused(archive, folder, "a link, a device or a sparse file")


def test_a_sparse_file_is_refused(archive: Path, folder: Path) -> None:
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as made:
        info = tarfile.TarInfo("image_data/sparse")
        info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 50), "GNU.sparse.numblocks": "1"}
        info.size = 1
        made.addfile(info, io.BytesIO(b"x"))
    refused(archive, folder, "sparse|believed")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_of_a_zip_are_refused(archive: Path, folder: Path, kind: int) -> None:
    with zipfile.ZipFile(archive, "w") as made:
        info = zipfile.ZipInfo("image_data/door")
        info.external_attr = (kind | 0o777) << 16
        made.writestr(info, "../../../..")
        made.writestr("image_data/door/evil", b"evil")
    refused(archive, folder, "a link or a device")


def test_an_encrypted_zip_is_refused(archive: Path, folder: Path) -> None:
    pack_zip(archive, {"image_data/a": b"secret"})
    content = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    archive.write_bytes(content)
    refused(archive, folder, "encrypted")


@pytest.mark.parametrize("pack", [pack_zip, tar_gz, tar_bz2, tar_xz])
def test_a_bomb_is_refused(pack: Pack, archive: Path, folder: Path) -> None:
    pack(archive, {f"image_data/{index}": bytes(1 << 20) for index in range(8)})
    limits = Limits(ratio=30, small=1 << 20)
    refused(archive, folder, "8,388,608 bytes or more|[0-9,]+ bytes or more, where", limits)
    written = sum(len(content) for content in tree(folder).values())
    assert written <= limits.ceiling(archive.stat().st_size)


def test_small_text_may_pack_well(archive: Path, folder: Path) -> None:
    pack_zip(archive, {"image_data/text": bytes(10 << 20)})
    assert unpacked(archive, folder).bytes == 10 << 20


@pytest.mark.parametrize("pack", BOTH)
def test_more_than_the_total_or_the_count_is_refused(pack: Pack, archive: Path, folder: Path) -> None:
    pack(archive, {f"image_data/{index}": b"1234567890" for index in range(50)})
    refused(archive, folder, "bytes or more", Limits(total=100))
    shutil.rmtree(folder)
    folder.mkdir()
    refused(archive, folder, "more than 20 files", Limits(members=20))


def test_a_header_that_would_fill_the_memory_is_refused(archive: Path, folder: Path) -> None:
    """An extended header of a tar is read at once; packed, a gigabyte of it takes a megabyte."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    archive.write_bytes(gzip.compress(header.tobuf() + bytes(1 << 20)))
    refused(archive, folder, "header of 1,073,741,824 bytes")


def lie(archive: Path, size: int) -> None:
    """Let a zip of one file say that it is of another size, in both places."""
    content = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(magic) + offset
        content[at : at + 4] = size.to_bytes(4, "little")
    archive.write_bytes(content)


@pytest.mark.parametrize("size", [10, 100_000_000])
def test_a_zip_that_lies_on_its_size_is_refused(archive: Path, folder: Path, size: int) -> None:
    pack_zip(archive, {"image_data/a": Random(0).randbytes(5_000_000)})
    lie(archive, size)
    refused(archive, folder, "cannot be unpacked|not as long as it says")
    assert sum(len(content) for content in tree(folder).values()) <= 5_000_000


def test_overlapping_files_of_a_zip_come_to_no_more_than_the_ceiling(archive: Path, folder: Path) -> None:
    """The bomb that unpacks one body under many names."""
    body = bytes(1 << 20)
    pack_zip(archive, {"image_data/0": body})
    content = archive.read_bytes()
    first, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[first:end]
    entries = b"".join(entry.replace(b"image_data/0", b"image_data/%c" % (65 + index)) for index in range(20))
    tail = bytearray(content[end:])
    tail[8:10] = tail[10:12] = (20).to_bytes(2, "little")
    tail[12:16] = len(entries).to_bytes(4, "little")
    archive.write_bytes(content[:first] + entries + tail)
    refused(archive, folder, "bytes or more|cannot be unpacked", Limits(small=1 << 20))
    refused(archive, folder, "cannot be unpacked")


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_an_archive_that_is_cut_short_is_refused(pack: Pack, archive: Path, folder: Path, share: float) -> None:
    pack(archive, {f"image_data/{index}": Random(index).randbytes(30_000) for index in range(9)})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    refused(archive, folder, "cannot be unpacked")


def test_a_tar_that_is_cut_between_two_files_is_refused(archive: Path, folder: Path) -> None:
    pack_tar(archive, {"image_data/a": bytes(512), "image_data/b": bytes(512)})
    archive.write_bytes(archive.read_bytes()[:1024])
    refused(archive, folder, "cut short")


def test_a_tar_with_a_broken_header_in_the_middle_is_refused(archive: Path, folder: Path) -> None:
    """`tarfile` takes it for the end."""
    pack_tar(archive, {"image_data/a": bytes(512), "image_data/b": bytes(512)})
    content = bytearray(archive.read_bytes())
    content[1024 + 150] ^= 1
    archive.write_bytes(content)
    refused(archive, folder, "cut short, or broken in the middle")


@pytest.mark.parametrize("pack", [pack_zip, stored, tar_gz, tar_bz2, tar_xz])
def test_a_flipped_byte_is_found(pack: Pack, archive: Path, folder: Path) -> None:
    pack(archive, {"image_data/a": Random(0).randbytes(100_000)})
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused(archive, folder, "cannot be unpacked")


def test_a_packing_that_is_not_known_is_told(archive: Path, folder: Path) -> None:
    pack_zip(archive, {"image_data/a": b"x" * 1000})
    content = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(magic) + offset] = 9  # Deflate64
    archive.write_bytes(content)
    refused(archive, folder, "cannot be unpacked .*by other means")


def test_a_disk_without_room_is_told(archive: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1 << 40, 1 << 40, 70 << 20))
    pack_zip(archive, {"image_data/a": bytes(10 << 20)})
    refused(archive, folder, r"needs 10,485,760 bytes more to be unpacked, and 73,400,320 are free")


@pytest.mark.parametrize(
    ("path", "placed"),
    [
        (f"{SCENE}/b2/lrs/a.jp2", f"image_data/{SCENE}/b2/lrs/a.jp2"),
        (f"x/image_data/image_data/{SCENE}/SCL/a.jp2", f"image_data/{SCENE}/SCL/a.jp2"),
        (f"./image_data/./{SCENE}/CLD/20m/a.jp2", f"image_data/{SCENE}/CLD/20m/a.jp2"),
        (f"data\\{SCENE}\\b2\\a.jp2", f"image_data/{SCENE}/b2/a.jp2"),
        ("image_data/notes.txt", "image_data/notes.txt"),
        ("final_masks/final_masks_b2/m.png", "masks/final_masks/final_masks_b2/m.png"),
        ("masks/final_masks/final_masks/final_masks_b8/m.png", "masks/final_masks/final_masks/final_masks_b8/m.png"),
        ("difference_newest_masks_b3/m.png", "masks/difference_newest_masks_b3/m.png"),
        ("difference_masks_newest/m.png", "masks/difference_masks_newest/m.png"),
        (f"masks/{SCENE}/m.png", f"masks/{SCENE}/m.png"),
        ("MuS2/stats.json", "stats.json"),
        ("README.md", "other/a.zip/README.md"),
        ("tdsr.json", "other/a.zip/tdsr.json"),
        ("truth/osm.json", "other/a.zip/truth/osm.json"),
        (f"__MACOSX/{SCENE}/._a.jp2", None),
        (f"{SCENE}/.DS_Store", None),
    ],
)
def test_places(path: str, placed: str | None) -> None:
    found = place(safe_parts(path, "a.zip"), "a.zip")
    assert (None if found is None else found.as_posix()) == placed
