"""Files that are whole or not there: everything is written beside its place and renamed into it."""

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from tdsr_bench.errors import UserError

LOCK, UNFINISHED = ".lock", ".unfinished"
"""How the names of claims and of what is being written end; both begin with a dot."""

ELSEWHERE = ", or name another folder by --out"
"""What a user can do who does not want to wait for another run."""

POLL_SECONDS = 0.2
"""How often a run that waits looks."""


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
def claimed(
    folder: Path, *, what: str = "a result", name: str = "", wait: bool = False, instead: str = ELSEWHERE
) -> Iterator[None]:
    """Hold `folder` for this run alone, and remove what killed runs left unfinished in it.

    The claim is the kernel's: it ends with the process, however that ends. A disk that knows no locks is used without.

    Args:
        folder: is made if it is not there.
        what: is being written, for the sentence.
        name: of the one thing in `folder` that is claimed, so that others can be claimed beside it; "" for all of it.
        wait: for another run to end, rather than to refuse.
        instead: what a user can do who does not want to wait, for the sentence.

    Raises:
        UserError: another run holds it, and there is to be no waiting.
    """
    place = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder / (f".{name}{LOCK}" if name else LOCK), place, what, None if wait else instead):
        sweep(place if place.is_dir() else folder)
        yield


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that takes its place at the end, and is removed if anything goes wrong.

    Raises:
        UserError: another run is making `target`.
    """
    parent = target.parent
    parent.mkdir(parents=True, exist_ok=True)
    _sweep_folders(parent)
    with _held(parent / f".{target.name}{LOCK}", target, "a data set", ELSEWHERE):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=UNFINISHED, dir=parent))
        try:
            yield folder
            folder.chmod(0o755)
            os.sync()  # or a loss of power leaves names without content
            if target.is_dir() and not any(target.iterdir()):
                target.rmdir()
            folder.rename(target)
            _sync_folder(parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`; whoever reads it meanwhile sees the old file or the new one."""
    with errors_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = _new_beside(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(path)  # before it is closed: until then its lock keeps it from being swept
            _sync_folder(path.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """What the system refuses while `path` is written is said of `path`, where it gives no name or a passing one."""
    try:
        yield
    except OSError as error:
        known = error.filename and not str(error.filename).endswith((LOCK, UNFINISHED))
        if known or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def sweep(folder: Path) -> None:
    """Remove files below `folder` that `write_atomically` left when its process was killed.

    A file that is being written is locked, by whatever run; what cannot be locked stays.
    """
    for path in folder.rglob(f".*{UNFINISHED}"):
        if path.is_symlink() or not path.is_file():
            continue
        with suppress(OSError):
            handle = os.open(path, os.O_RDWR)
            try:
                if _try_lock(handle):
                    path.unlink(missing_ok=True)
            finally:
                os.close(handle)


def _sweep_folders(parent: Path) -> None:
    """Remove the folders in `parent` that `staged` left when its process was killed: nobody holds their lock."""
    for folder in parent.glob(f".*-{'[a-z0-9_]' * 8}{UNFINISHED}"):
        name = folder.name[1 : -len(f"-12345678{UNFINISHED}")]
        if not folder.is_dir() or folder.is_symlink():
            continue
        lock = parent / f".{name}{LOCK}"
        with suppress(OSError, UserError), _held(lock, parent / name, "a data set", ELSEWHERE) as sure:
            if sure:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(path: Path, place: Path, what: str, instead: str | None) -> Iterator[bool]:
    """Hold the lock file at `path`, for `place`; whether that is sure, which it is not where a disk knows no locks."""
    handle, sure = _take(path, place, what, instead)
    try:
        yield sure
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever got hold of this one finds out, and makes another
        os.close(handle)


def _take(path: Path, place: Path, what: str, instead: str | None) -> tuple[int, bool]:
    """Take the lock: refuse where another run has it, or wait for that if there is nothing to do `instead`."""
    told = False
    while True:
        with errors_named(place):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        mine = _try_lock(handle)
        if mine is None or (mine and _is_at(handle, path)):
            return handle, bool(mine)
        os.close(handle)
        if mine:
            continue
        if instead is not None:
            raise UserError(f"Another run is writing {what} at {place}; wait for it{instead}.")
        if not told:
            logging.getLogger(__name__).warning("another run is writing %s at %s; waiting for it", what, place)
            told = True
        time.sleep(POLL_SECONDS)


def _try_lock(handle: int) -> bool | None:
    """Whether this process holds an open file now, until it closes it or ends; None where locks are not known."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second of locks over a network
        return False
    except (OSError, ImportError):
        return None
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file still has its name: whoever held it before may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _new_beside(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open and locked, and its name."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=UNFINISHED, dir=path.parent)
        if _try_lock(handle) is not False and os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)  # swept in between


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder` outlive a loss of power."""
    with suppress(OSError):  # not every disk can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
