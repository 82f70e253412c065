"""Rows of the interpolations, kept for the next method on the same scene: they are the same for all."""

from pathlib import Path
from typing import Any

from tdsr_bench.environment import code_sha256
from tdsr_bench.files import cache_folder, digest, digest_files
from tdsr_bench.foreign import check_file
from tdsr_bench.mus2_official.scenes import files_of
from tdsr_bench.mus2_official.tables import OfficialRow
from tdsr_bench.rows import kept_rows

LARGEST = 2**30
"""Bytes of a file of a scene; all of a Sentinel-2 tile's band takes a quarter."""


def kept_file(root: Path, scene: str, no_lpips: str | None) -> Path:
    """Where the rows of `scene` lie, by the content of all its files, the code, and why LPIPS is missing, if it is.

    Raises:
        DataError: a file is missing, or is none that could be read.
    """
    files = files_of(root, scene)
    for path in files:
        check_file(path, most=LARGEST)
    known = digest(scene, digest_files(files, relative_to=root), code_sha256(), no_lpips)
    return cache_folder() / "references" / f"{known}.json"


def read_kept(path: Path) -> list[OfficialRow]:
    """The rows that lie at `path`; none where nothing does, or nothing of ours: then they are made anew."""
    return [*kept_rows(path, _row)]


def _row(*, shift: list[int] | None, **content: Any) -> OfficialRow:
    """From JSON, which knows no tuples."""
    return OfficialRow(**content, shift=(shift[0], shift[1]) if shift else None)
