"""Weights that are the user's to fetch: a file that a variable names, or what a library put into torch hub's cache."""

import os
from pathlib import Path

from tdsr_bench.errors import DataError


def user_weights(variable: str, name: str) -> Path | None:
    """The file that the environment's `variable` names, else the one called `name` in torch hub's cache, else None.

    Raises:
        DataError: the variable names a file that is not there.
    """
    if named := os.environ.get(variable):
        if not Path(named).is_file():
            raise DataError(f"${variable} names {named}, which is no file; mend the path, or unset the variable.")
        return Path(named)
    cached = hub_folder() / "checkpoints" / name
    return cached if cached.is_file() else None


def hub_folder() -> Path:
    """``torch.hub.get_dir()``, without importing torch for seconds only to find that there is nothing."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")
    return Path(home).expanduser() / "hub"
