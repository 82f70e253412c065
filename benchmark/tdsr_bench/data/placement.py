"""Where a file of MuS2's archives belongs: their names and folders are not known beforehand."""

import re
from pathlib import PurePosixPath

from tdsr_bench.errors import DataError

OTHER = "other"
"""Below it lies what is not recognised, a folder for each archive, so that nothing of it can be taken for data."""

NAME_BYTES, PATH_BYTES = 255, 1024
"""The longest name, and the longest path, that every file system takes."""

_SCENE = re.compile(r"\d+_\d{2}[A-Z]{3}_\d{2}[A-Z]{3}\d{6}-2AS_R\d+C\d+")
_MASKS = re.compile(r"[a-z]+(_[a-z]+)?_masks(_\w+)?")
_JUNK = re.compile(r"__MACOSX|\.DS_Store|\._.*|Thumbs\.db|desktop\.ini")
_DRIVE = re.compile(r"[A-Za-z]:")


def safe_parts(name: str, where: str) -> tuple[str, ...]:
    """The folders and the file of the path `name`, which stands in `where`; backslashes count as slashes.

    Raises:
        DataError: it leads out of its folder, holds control characters, or is too long.
    """
    shown = ascii(name)[:200]
    slashed = name.replace("\\", "/")
    if not all(sign.isprintable() for sign in name):
        raise DataError(f"{where} holds the name {shown} with control characters in it; it is not to be trusted.")
    parts = tuple(part for part in slashed.split("/") if part not in ("", "."))
    if slashed.startswith("/") or ".." in parts or (parts and _DRIVE.match(parts[0])):
        raise DataError(f"{where} holds the path {shown}, which leads out of its folder; it is not to be trusted.")
    if len(slashed.encode()) > PATH_BYTES or any(len(part.encode()) > NAME_BYTES for part in parts):
        raise DataError(f"{where} holds the path {shown}..., which is too long; it is not to be trusted.")
    return parts


def place(parts: tuple[str, ...], archive: str) -> PurePosixPath | None:
    """Where the file with the path `parts` of `archive` belongs in the data set; None for what systems leave behind.

    >>> place(("x", "0_31UFT_11JUN031102-2AS_R4C1", "b2", "lrs", "a.jp2"), "a.zip").as_posix()
    'image_data/0_31UFT_11JUN031102-2AS_R4C1/b2/lrs/a.jp2'
    >>> place(("final_masks", "final_masks_b2", "mask.png"), "a.zip").as_posix()
    'masks/final_masks/final_masks_b2/mask.png'
    >>> place(("image_data", "b.csv"), "a.zip").as_posix(), place(("c.txt",), "a.zip").as_posix()
    ('image_data/b.csv', 'other/a.zip/c.txt')
    """
    if any(_JUNK.fullmatch(part) for part in parts):
        return None
    folders = parts[:-1]
    for index, folder in enumerate(folders):
        if _SCENE.fullmatch(folder):
            return PurePosixPath("image_data", *parts[index:])
        if _MASKS.fullmatch(folder):
            return PurePosixPath("masks", *parts[index:])
        if folder == "masks" and not any(_MASKS.fullmatch(below) for below in folders[index:]):
            return PurePosixPath(*parts[index:])
    if "image_data" in folders:
        return PurePosixPath(*parts[folders.index("image_data") :])
    if parts[-1] == "stats.json":
        return PurePosixPath("stats.json")
    return PurePosixPath(OTHER, archive, *parts)


def is_recognised(place: PurePosixPath) -> bool:
    """Whether a file that belongs at `place` is one of MuS2's own."""
    return place.parts[0] != OTHER
