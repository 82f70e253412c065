"""Files that are whole or not there: everything is written beside its place and renamed into it."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Where data made on first use and reusable results lie: ``$TDSR_BENCH_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("TDSR_BENCH_CACHE") or platformdirs.user_cache_path("tdsr-bench"))


def slug(name: str) -> str:
    """`name`, whatever it is, as a name of files and folders.

    >>> slug("RAMS-tiny pixel, 3 frames")
    'rams-tiny-pixel-3-frames'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that takes its place at the end, and is removed if anything goes wrong."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`; whoever reads it meanwhile sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def digest(*parts: object) -> str:
    """SHA-256 of `parts`: bytes and buffers as they are, everything else as canonical JSON."""
    sha = hashlib.sha256()
    for part in parts:
        content = memoryview(part) if isinstance(part, bytes | memoryview) else _canonical(part)
        sha.update(f"{content.nbytes}:".encode())
        sha.update(content)
    return sha.hexdigest()


def digest_files(files: Iterable[Path], *, relative_to: Path) -> str:
    """SHA-256 of the names and contents of `files`, whatever their order."""
    sha = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        sha.update(f"{path.relative_to(relative_to).as_posix()} {content}\n".encode())
    return sha.hexdigest()


def _canonical(part: object) -> memoryview:
    return memoryview(json.dumps(part, sort_keys=True, separators=(",", ":"), default=str).encode())
