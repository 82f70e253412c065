"""Data sets by their names."""

from collections.abc import Callable
from pathlib import Path

from tdsr_bench.errors import DataError
from tdsr_bench.files import cache_folder, claimed

MINI = "mini"


def named_folder(name: str) -> Path:
    """Where the imported data set `name` lies."""
    return cache_folder() / "data" / name


def list_data() -> dict[str, Path]:
    """Every data set that has a name, with its folder; mini is always among them, made or not."""
    parent = named_folder("")
    imported = sorted(path for path in parent.iterdir() if (path / "image_data").is_dir()) if parent.is_dir() else []
    return {MINI: _mini_folder()} | {path.name: path for path in imported if path != _mini_folder()}


def is_made(data: str) -> bool:
    """Whether `data` needs no making: everything but mini before its first use."""
    return data != MINI or _mini_folder().is_dir()


def find_data(data: str, progress: Callable[[int, int], None] | None = None) -> Path:
    """The folder of the data set `data`: mini, made now if it is not there yet; a folder; or a name.

    Raises:
        DataError: there is none.
    """
    if data == MINI:
        return _made_mini(progress)
    if Path(data).is_dir():
        return Path(data)
    if named_folder(data).is_dir():
        return named_folder(data)
    known = ", ".join(list_data())
    raise DataError(
        f"There is no data set {data!r}: neither a folder nor one of {known}; see `tdsr-bench data --help`."
    )


def _mini_folder() -> Path:
    from tdsr_bench.data.mini import MINI_VERSION

    return named_folder(f"mini-{MINI_VERSION}")


def _made_mini(progress: Callable[[int, int], None] | None) -> Path:
    folder = _mini_folder()
    if folder.is_dir():
        return folder
    from tdsr_bench.data.mini import make_mini

    with claimed(cache_folder(), name=folder.name, what=MINI, wait=True):
        if not folder.is_dir():
            make_mini(folder, progress=progress)
    return folder
