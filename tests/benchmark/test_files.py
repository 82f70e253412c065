"""Files and folders that are whole or not there, claims, and what killed runs left."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tdsr_bench import files
from tdsr_bench.errors import UserError
from tdsr_bench.files import claimed, errors_named, staged, sweep, write_atomically

HOLDER = """
import sys, time
from pathlib import Path
from tdsr_bench.files import {names}
with {taken}:
    print("has it", flush=True)
    time.sleep(600)
"""


@contextmanager
def another(taken: str, names: str = "claimed") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds something, and is killed at the end if it is still there."""
    program = HOLDER.format(taken=taken, names=names)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        yield process
        process.kill()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


def test_a_claim_keeps_others_out_and_leaves_nothing(tmp_path: Path):
    with claimed(tmp_path / "new" / "run", what="a training"):
        with (
            pytest.raises(UserError, match=r"^Another run is writing a training at .*run; wait for it, or name"),
            claimed(tmp_path / "new" / "run", what="a training"),
        ):
            pass
        with claimed(tmp_path / "new" / "run", name="other"):
            assert hidden(tmp_path) == [".lock", ".other.lock"]
    assert hidden(tmp_path) == []
    with claimed(tmp_path / "new" / "run"):
        pass


def test_a_claim_ends_with_its_process(tmp_path: Path):
    with another(f"claimed(Path({str(tmp_path)!r}))") as process:
        with pytest.raises(UserError, match="Another run is writing a result at"), claimed(tmp_path):
            pass
        process.kill()
        process.wait()
        assert hidden(tmp_path) == [".lock"]
        with claimed(tmp_path):
            pass
    assert hidden(tmp_path) == []


def test_who_waits_for_a_claim_gets_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with another(f"claimed(Path({str(tmp_path)!r}), name='mini')") as process:
        threading.Timer(0.5, process.kill).start()
        with claimed(tmp_path, name="mini", what="mini", wait=True):
            assert process.wait() == -signal.SIGKILL
    assert caplog.messages == [f"another run is writing mini at {tmp_path / 'mini'}; waiting for it"]


def test_a_claim_that_was_given_up_meanwhile_is_not_held_by_its_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Who opened the lock file just before its holder removed it must not take it for the lock."""
    real, times = files._try_lock, iter(range(9))

    def lock(handle: int) -> bool | None:
        if next(times) == 0:
            (tmp_path / ".lock").unlink()
        return real(handle)

    monkeypatch.setattr(files, "_try_lock", lock)
    with claimed(tmp_path):
        assert hidden(tmp_path) == [".lock"]
        monkeypatch.undo()
        with pytest.raises(UserError), claimed(tmp_path):
            pass


def test_a_disk_without_locks_is_used_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    (tmp_path / ".card.json-abcdefgh.unfinished").write_text("of whom?")
    with claimed(tmp_path):
        write_atomically(tmp_path / "card.json", b"{}")
    assert (tmp_path / "card.json").read_bytes() == b"{}"
    assert hidden(tmp_path) == [".card.json-abcdefgh.unfinished"]


def test_what_a_killed_run_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path):
    (tmp_path / "predictions").mkdir()
    dead = tmp_path / "predictions" / ".a.safetensors-abcdefgh.unfinished"
    dead.write_bytes(b"half")
    mine = [tmp_path / ".notes-settings", tmp_path / "predictions" / ".hidden", tmp_path / "x.unfinished"]
    for path in mine:
        path.write_text("a user's")
    handle, name = files._new_beside(tmp_path / "predictions" / "b.safetensors")
    with claimed(tmp_path):
        assert not dead.exists()
        assert Path(name).exists()
    os.close(handle)
    sweep(tmp_path)
    assert not Path(name).exists()
    assert all(path.exists() for path in mine)


def test_a_file_that_is_swept_while_it_is_begun_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, times = files._try_lock, iter(range(9))

    def lock(handle: int) -> bool | None:
        if next(times) == 0:
            next(tmp_path.glob(".*.unfinished")).unlink()
        return real(handle)

    monkeypatch.setattr(files, "_try_lock", lock)
    write_atomically(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert hidden(tmp_path) == []


def test_a_folder_that_a_killed_run_left_is_removed_by_the_next_and_one_in_use_is_not(tmp_path: Path):
    for name in ("mini", "town"):
        with another(f"staged(Path({str(tmp_path / name)!r}))", "staged"):
            pass
    (tmp_path / ".theirs-abcdefgh").mkdir()
    with another(f"staged(Path({str(tmp_path / 'used')!r}))", "staged"):
        with staged(tmp_path / "mini") as folder:
            (folder / "a").write_text("a")
        left = [name[:6] for name in hidden(tmp_path)]
        assert left == [".their", ".used-", ".used."]
        with pytest.raises(UserError, match=r"Another run is writing a data set at .*used"), staged(tmp_path / "used"):
            pass
    assert (tmp_path / "mini" / "a").read_text() == "a"


@pytest.mark.parametrize("said", [None, "DIR/.a-abcdefgh.unfinished", "DIR/.lock", "DIR/other"])
def test_errors_name_what_was_to_be_written(said: str | None):
    with pytest.raises(PermissionError) as caught, errors_named(Path("DIR/a")):
        raise OSError(errno.EACCES, "Permission denied", said)
    assert caught.value.filename == ("DIR/other" if said == "DIR/other" else "DIR/a")


def test_a_write_that_is_refused_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_atomically(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "a", b"new")
    assert caught.value.filename == str(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


PARENT = """
import multiprocessing, os, sys, time
from concurrent.futures import ProcessPoolExecutor
from tdsr_bench.orphans import end_with_parent

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600)
        time.sleep(600)
"""


def test_a_worker_ends_with_its_parent(tmp_path: Path):
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    limit = time.monotonic() + 60
    while _runs(worker) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    """Whether it is there, and no zombie that nobody has buried yet."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_who_has_no_parent_that_started_it_so_goes_on():
    from tdsr_bench.orphans import end_with_parent

    before, threads = signal.getsignal(signal.SIGINT), threading.active_count()
    assert multiprocessing.parent_process() is None
    end_with_parent()
    assert threading.active_count() == threads
    signal.signal(signal.SIGINT, before)
