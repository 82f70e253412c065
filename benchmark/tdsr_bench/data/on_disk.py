"""Archives that a user has on disk already: found, and held against what the repository says of them."""

from collections.abc import Callable
from pathlib import Path

from tdsr_bench.data.archive import is_archive
from tdsr_bench.data.dataverse import RemoteFile
from tdsr_bench.data.fetch import file_md5
from tdsr_bench.data.unpack import Progress
from tdsr_bench.errors import DataError


def find_archive(folder: Path, file: RemoteFile, progress: Progress) -> Path | None:
    """The file of `folder` that is `file`, whatever its name; None where there is none of its name or size.

    Raises:
        DataError: one has its name, but not its size and MD5.
    """
    present = plain_files(folder)
    for path in (path for path in present if path.stat().st_size == file.size):
        if file_md5(path, progress) == file.md5:
            return path
    same_name = next((path for path in present if path.name == file.name), None)
    if same_name is None:
        return None
    raise DataError(
        f"{same_name} is not what the repository has ({file.size:,} bytes with the MD5 {file.md5}): it has "
        f"{same_name.stat().st_size:,} bytes, or another MD5; get it anew, or take it out of the folder to have it "
        f"downloaded."
    )


def plain_files(folder: Path) -> list[Path]:
    """The files of `folder`, by name.

    Raises:
        DataError: it is no folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name by --archives the one that holds MuS2's archives.")
    return sorted(path for path in folder.iterdir() if path.is_file())


def unlisted_archives(folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """All archives of `folder`, for want of a list of those that belong to the data set, and ``stats.json``.

    Raises:
        DataError: there is none.
    """
    found = [path for path in plain_files(folder) if path.name == "stats.json" or is_archive(path)]
    if not any(path.name != "stats.json" for path in found):
        raise DataError(f"{folder} holds no archive (zip or tar); name by --archives the folder with MuS2's archives.")
    for path in found:
        tell(f"{path.name}: not held against the repository's checksums")
    return found
