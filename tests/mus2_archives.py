"""Archives as MuS2's may be: what the repository's are called, and how they are laid out inside, is not known."""

import io
import tarfile
import zipfile
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "mus2_official_a"
SCENES = ("0_31UFT_11JUN031102-2AS_R4C1", "2_33UUU_14SEP051050-2AS_R07C1")


def tree(folder: Path) -> dict[str, bytes]:
    """All files below `folder`, by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def golden_archives() -> dict[str, bytes]:
    """The golden data set as three archives."""
    images, masks = tree(GOLDEN / "image_data"), tree(GOLDEN / "masks")
    first = {name: content for name, content in images.items() if name.startswith(SCENES[0])}
    second = {name: content for name, content in images.items() if name.startswith(SCENES[1])}
    return {
        "MuS2 part 1.zip": zipped({**below("MuS2/image_data", first), "__MACOSX/._MuS2": b"junk"}),
        "part2.tar.gz": tarred({**second, "README.txt": b"of images"}),
        "masks.zip": zipped({**masks, "stats.json": b"{}", "README.txt": b"of masks"}),
    }


def golden_result() -> dict[str, bytes]:
    """What a download of them gives, without its record."""
    return {
        **below("image_data", tree(GOLDEN / "image_data")),
        **below("masks", tree(GOLDEN / "masks")),
        "stats.json": b"{}",
        "other/part2.tar.gz/README.txt": b"of images",
        "other/masks.zip/README.txt": b"of masks",
    }


def small_archives() -> dict[str, bytes]:
    """The layout alone, in a few kilobytes: no file holds an image."""
    images = {f"{scene}/b{band}/lrs/frame.jp2": bytes([band]) * 3000 for scene in SCENES for band in (2, 3, 4, 8)}
    masks = {f"final_masks/final_masks_b2/mask_{scene}.png": scene.encode() * 20 for scene in SCENES}
    return {"images.zip": zipped(images), "masks.tar.gz": tarred(masks), "stats.json": b"{}"}
