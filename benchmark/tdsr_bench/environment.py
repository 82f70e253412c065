"""What a result was made with."""

import platform
import subprocess
import sys
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

from tdsr_bench import __version__
from tdsr_bench.files import digest, digest_files

PACKAGES = ("tdsr_bench", "tdsr_baselines")
LIBRARIES = (
    "numpy", "scipy", "scikit-image", "pillow", "opencv-python-headless", "shapely",
    "torch", "timm", "segmentation-models-pytorch", "kornia", "transformers",
)  # fmt: skip
"""Libraries on whose version an answer or a score can depend."""


@cache
def code_sha256() -> str:
    """Hash of this project's code and of the versions that it runs on: what is kept of another hash is not used."""
    sources = [digest_files(folder.rglob("*.py"), relative_to=folder) for folder in package_folders()]
    return digest(sources, library_versions(), platform.python_version())


@cache
def library_versions() -> dict[str, str | None]:
    """The installed version of each of `LIBRARIES`, None where it is not installed."""
    return {name: _version(name) for name in LIBRARIES}


def describe(seed: int | None = None) -> dict[str, Any]:
    """The environment as a card states it."""
    commit, dirty = _git()
    return {
        "package": __version__,
        "git": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "torch": _version("torch"),
        "device": _device(),
        "seed": seed,
        "libraries": library_versions(),
    }


def package_folders() -> list[Path]:
    """Where the code of this project lies."""
    specs = [util.find_spec(name) for name in PACKAGES]
    return [Path(spec.origin).parent for spec in specs if spec and spec.origin]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else "cpu"


def _git() -> tuple[str | None, bool | None]:
    """Commit of the checkout that this code runs from, and whether files differ from it; None where it is installed."""
    here = Path(__file__).parent

    def ask(*words: str) -> str:
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", Path(__file__).name)
        return ask("rev-parse", "HEAD"), bool(ask("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None
