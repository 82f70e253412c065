"""Cheats, tried: what a submission that means ill can do under each isolation, and that honest ones notice nothing."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tdsr_bench.check import small_view
from tdsr_bench.errors import SubmissionError, UserError
from tdsr_bench.isolation import sandbox
from tdsr_bench.isolation.child import LONGEST_PRINT
from tdsr_bench.isolation.isolated import open_submission
from tdsr_bench.isolation.limits import GIB, Limits
from tdsr_bench.isolation.sandbox import Isolation, Kind, choose_isolation
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import LoadedSubmission, ask, load_submission

SECRET = "the answer is 42"

QUICK = Limits(seconds=20, cpu_seconds=60, memory=GIB, processes=24, file_size=32 << 20)

needs_bwrap = pytest.mark.skipif(
    sandbox.bwrap_problem() is not None,
    reason=f"bubblewrap cannot be used here ({sandbox.bwrap_problem()}); Debian: apt install bubblewrap",
)
BOTH = [pytest.param("bwrap", marks=needs_bwrap), "process"]

BODY = """
import ctypes, mmap, os, signal, socket, subprocess, sys, time
import numpy as np
from tdsr_bench.submission import Submission

seen = []

def super_resolve(view):
    answer = view.frames[0].repeat(3, axis=1).repeat(3, axis=2)
{code}
    return answer

submission = Submission(super_resolve=super_resolve, track="sisr", **{about})
"""

CHEAT = {"name": "cheat"}

View = LowResView


@pytest.fixture
def view() -> View:
    return small_view(Track.SISR)


Opened = Callable[..., LoadedSubmission]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens a submission whose function does what `code` says; it lies in a folder of its own."""

    def open_it(code: str, kind: Kind, limits: Limits = QUICK, **more: object) -> LoadedSubmission:
        folder = tmp_path / "theirs"
        folder.mkdir(exist_ok=True)
        lines = "".join(f"    {line}\n" for line in code.strip().splitlines())
        (folder / "submission.py").write_text(BODY.format(code=lines, about=CHEAT))
        return open_submission(folder, Isolation(kind, limits, **more))

    return open_it


@pytest.fixture
def honest(view: View) -> np.ndarray:
    return view.frames[0].repeat(3, axis=1).repeat(3, axis=2)


def is_secret(answer: np.ndarray) -> bool:
    """Whether the submission found the secret, which it tells in its answer's first value."""
    return bool(answer[0, 0, 0] == 42)


@pytest.mark.parametrize("kind", BOTH)
def test_an_honest_submission_gives_the_same_numbers_and_hash(opened: Opened, view: View, kind: Kind):
    foreign = opened("answer = answer * np.float32(1.1)", kind)
    here = load_submission(foreign.path)
    assert (foreign.sha256, foreign.submission.name, foreign.isolation) == (here.sha256, here.submission.name, kind)
    assert np.array_equal(ask(foreign, view), ask(here, view))


# ---- to see what is not shown


FIND = """
from pathlib import Path
for place in {places}:
    try:
        if "answer is 42" in Path(place).read_text():
            answer[0, 0, 0] = 42
    except OSError:
        pass
"""


@needs_bwrap
def test_the_reference_cannot_be_read_by_its_path(opened: Opened, view: View, tmp_path: Path, honest: np.ndarray):
    data = tmp_path / "data" / "hr.txt"
    data.parent.mkdir()
    data.write_text(SECRET)
    assert np.array_equal(ask(opened(FIND.format(places=[str(data)]), "bwrap"), view), honest)


def test_under_process_the_reference_can_be_read(opened: Opened, view: View, tmp_path: Path):
    """As the documentation says: process is no security boundary."""
    (tmp_path / "hr.txt").write_text(SECRET)
    assert is_secret(ask(opened(FIND.format(places=[str(tmp_path / "hr.txt")]), "process"), view))


@needs_bwrap
def test_the_reference_cannot_be_found_by_walking(opened: Opened, view: View, tmp_path: Path, honest: np.ndarray):
    """Neither upwards from its own file, nor through /proc, nor by going through everything that there is."""
    (tmp_path / "hr.txt").write_text(SECRET)
    code = """
for place in [os.path.dirname(os.path.dirname(__file__)), "/", *(f"/proc/{pid}/{what}" for pid in os.listdir("/proc")
                                                                for what in ("cwd", "root", "fd"))]:
    for folder, folders, files in os.walk(place):
        if folder.startswith(("/proc", "/usr", "/sys", sys.prefix, sys.base_prefix)) and folder != place:
            folders.clear()  # nor what lies below
            continue
        if "hr.txt" in files:
            answer[0, 0, 0] = 42
"""
    assert np.array_equal(ask(opened(code, "bwrap"), view), honest)


@needs_bwrap
def test_data_and_results_below_its_own_folder_are_hidden(
    opened: Opened, view: View, tmp_path: Path, honest: np.ndarray
):
    folder = tmp_path / "theirs"
    (folder / "results" / "others").mkdir(parents=True)
    (folder / "results" / "others" / "card.json").write_text(SECRET)
    (folder / "hr.txt").write_text(SECRET)
    hidden = (folder / "results", folder / "hr.txt")
    places = [str(folder / "results" / "others" / "card.json"), str(folder / "hr.txt")]
    assert np.array_equal(ask(opened(FIND.format(places=places), "bwrap", hidden=hidden), view), honest)
    assert is_secret(ask(opened(FIND.format(places=places), "bwrap"), view)), "it does read its own folder"


@needs_bwrap
def test_a_folder_that_is_the_data_set_or_home_is_refused(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(SubmissionError, match="put the submission into a folder of its own"):
        opened("pass", "bwrap", hidden=(tmp_path / "theirs",))
    monkeypatch.setenv("HOME", str(tmp_path / "theirs"))
    with pytest.raises(SubmissionError, match="put the submission into a folder of its own"):
        opened("pass", "bwrap")


@needs_bwrap
def test_what_is_said_to_be_readable_is_and_cannot_be_written(opened: Opened, view: View, tmp_path: Path):
    weights = tmp_path / "elsewhere" / "weights.txt"
    weights.parent.mkdir()
    weights.write_text(SECRET)
    code = FIND.format(places=[str(weights)]) + f"open({str(weights)!r}, 'w')"
    with pytest.raises(SubmissionError, match="Read-only file system"):
        ask(opened(code, "bwrap", readable=(weights.parent,)), view)
    assert weights.read_text() == SECRET
    assert is_secret(ask(opened(FIND.format(places=[str(weights)]), "bwrap", readable=(weights,)), view))


@needs_bwrap
def test_a_file_that_bwrap_hides_is_named_with_what_to_do(opened: Opened, tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(b"1")
    opened("pass", "bwrap")
    path = tmp_path / "theirs" / "submission.py"
    path.write_text(path.read_text().replace("super_resolve,", f"super_resolve, files=({str(tmp_path / 'w.bin')!r},),"))
    with pytest.raises(SubmissionError, match=r"w.bin, which is not there.*--readable PATH"):
        open_submission(path, Isolation("bwrap", QUICK))
    assert open_submission(path, Isolation("bwrap", QUICK, readable=(tmp_path / "w.bin",))).sha256


MEMORY = f"""
for pid in [{{pid}}, os.getppid()]:
    try:
        with open(f"/proc/{{{{pid}}}}/mem", "rb", 0) as memory, open(f"/proc/{{{{pid}}}}/maps") as maps:
            for line in maps:
                if "[heap]" in line or "rw-p 00000000 00:00 0" in line:
                    start, end = (int(part, 16) for part in line.split()[0].split("-"))
                    memory.seek(start)
                    if {SECRET.encode()[::-1]!r}[::-1] in memory.read(min(end - start, 1 << 26)):
                        answer[0, 0, 0] = 42
    except (OSError, ValueError, OverflowError):
        pass
"""


@needs_bwrap
def test_the_memory_of_the_scoring_process_cannot_be_read(opened: Opened, view: View, honest: np.ndarray):
    keep = bytearray(SECRET.encode())
    assert np.array_equal(ask(opened(MEMORY.format(pid=os.getpid()), "bwrap"), view), honest)
    assert keep


@needs_bwrap
def test_nothing_of_the_environment_is_handed_on(opened: Opened, view: View, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN_OF_A_SERVICE", SECRET)
    for kind in ("bwrap", "process"):
        code = "answer[0, 0, 0] = 42 * (os.environ.get('TOKEN_OF_A_SERVICE') is not None)"
        assert not is_secret(ask(opened(code, kind), view))


@pytest.mark.parametrize("kind", BOTH)
def test_its_working_folder_is_empty_private_and_removed(opened: Opened, view: View, kind: Kind):
    code = """
assert os.listdir(".") == [] or seen
open("note.txt", "w").write(os.getcwd())
seen.append(1)
print(os.getcwd(), file=sys.stderr)
assert os.path.samefile(os.environ["HOME"], ".")
"""
    loaded = opened(code, kind)
    ask(loaded, view)
    ask(loaded, view)
    places = list(Path("/tmp").glob("tdsr-submission-*/note.txt"))
    assert bool(places) == (kind == "process")
    folder = places[0].parent if places else None
    loaded.submission.super_resolve.__self__.close()
    assert folder is None or not folder.exists()


# ---- to reach out


@pytest.fixture
def server() -> Iterator[int]:
    """A server on this machine; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: _serve(listening), daemon=True)
        thread.start()
        yield listening.getsockname()[1]


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.close()


CONNECT = "socket.create_connection(('127.0.0.1', {port}), timeout=5); answer[0, 0, 0] = 42"


@needs_bwrap
def test_there_is_no_network(opened: Opened, view: View, server: int):
    with pytest.raises(SubmissionError, match="ConnectionRefusedError"):
        ask(opened(CONNECT.format(port=server), "bwrap"), view)


def test_under_process_there_is_a_network(opened: Opened, view: View, server: int):
    assert is_secret(ask(opened(CONNECT.format(port=server), "process"), view))


@needs_bwrap
def test_nothing_outside_can_be_written(opened: Opened, view: View, tmp_path: Path):
    places = [
        str(tmp_path / "theirs" / "x"),
        "/x",
        "/usr/x",
        "/dev/x",
        f"{sys.prefix}/x",
        np.__file__,
    ]
    code = f"""
for place in {places}:
    try:
        open(place, "a").close()
    except OSError:
        continue
    answer[0, 0, 0] = 42
for place in ["/tmp/x", {str(tmp_path / "x")!r}]:  # these can be written: the private folder for what is temporary
    open(place, "w").close()
"""
    assert not is_secret(ask(opened(code, "bwrap"), view))
    assert not (tmp_path / "x").exists()
    assert not Path("/tmp/x").exists()


@pytest.mark.parametrize("kind", BOTH)
def test_what_it_patches_is_patched_for_itself_alone(opened: Opened, view: View, kind: Kind):
    code = """
import tdsr_bench.submission, tdsr_bench.isolation.worker
np.isfinite = lambda values: True
np.array_equal = lambda *_: True
tdsr_bench.submission.check_answer = lambda answer, *_: answer
answer[0, 0, 0] = np.nan
"""
    loaded = opened(code, kind)
    with pytest.raises(SubmissionError, match="1 values that are NaN or infinite"):
        ask(loaded, view)
    assert np.isfinite(np.nan) is not True


# ---- to use up what is there


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Stands in the environment of every process that a submission of this test starts."""
    monkeypatch.setenv("TZ", tmp_path.name)
    return tmp_path.name


def left_over(marker: str) -> list[psutil.Process]:
    """Processes that have `marker` in their environment, and do not end."""
    others = (process for process in psutil.process_iter(["environ"]) if process.pid != os.getpid())
    marked = [process for process in others if (process.info["environ"] or {}).get("TZ") == marker]
    return psutil.wait_procs(marked, timeout=10)[1]


@pytest.mark.parametrize("kind", BOTH)
def test_sleeping_is_ended(opened: Opened, view: View, kind: Kind):
    with pytest.raises(SubmissionError, match=r"cheat took more than 1 s and was stopped.*--time-limit"):
        ask(opened("time.sleep(3600)", kind, Limits(seconds=1)), view)


@pytest.mark.parametrize("kind", BOTH)
def test_not_even_reading_the_view_is_ended(tmp_path: Path, view: View, kind: Kind):
    """The pipe is full, and nobody takes anything out of it."""
    (tmp_path / "submission.py").write_text(BODY.format(code="    pass", about=CHEAT))
    loaded = open_submission(tmp_path, Isolation(kind, Limits(seconds=1)))
    large = LowResView(
        frames=np.zeros((9, 4, 300, 300), np.float32),
        valid=np.ones((9, 300, 300), bool),
        dates=view.dates * 9,
        bands=view.bands,
        scale=3,
        transform=view.transform,
    )
    child = loaded.submission.super_resolve.__self__._child
    for process in psutil.Process(child._process.pid).children(recursive=True) or [psutil.Process(child._process.pid)]:
        process.suspend()
    with pytest.raises(SubmissionError, match="took more than 1 s"):
        ask(loaded, large)


@pytest.mark.parametrize("kind", BOTH)
def test_turning_in_circles_is_ended(opened: Opened, view: View, kind: Kind):
    with pytest.raises(SubmissionError, match="used more than 1 s of processor time"):
        ask(opened("while True: pass", kind, Limits(cpu_seconds=1, seconds=60)), view)


@pytest.mark.parametrize("kind", BOTH)
def test_a_fork_bomb_is_ended_and_leaves_nothing(opened: Opened, view: View, kind: Kind, marker: str):
    code = """
while True:
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
"""
    with pytest.raises(SubmissionError, match="started more than 24 processes"):
        ask(opened(code, kind), view)
    assert not left_over(marker)


FORKS = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


@pytest.mark.parametrize("kind", BOTH)
def test_forks_of_forks_are_ended(opened: Opened, view: View, kind: Kind, marker: str):
    loaded = opened(FORKS, kind)
    with pytest.raises(SubmissionError, match="started more than 24 processes"):
        ask(loaded, view)
    assert not left_over(marker)


DETACHED = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    os._exit(0)
os.wait()
"""


@needs_bwrap
def test_a_detached_process_does_not_outlive_it(opened: Opened, view: View, marker: str):
    loaded = opened(DETACHED, "bwrap")
    ask(loaded, view)
    loaded.submission.super_resolve.__self__.close()
    assert not left_over(marker)


def test_under_process_a_detached_process_lives_on(opened: Opened, view: View, marker: str):
    loaded = opened(DETACHED, "process")
    ask(loaded, view)
    loaded.submission.super_resolve.__self__.close()
    lives = left_over(marker)
    for process in lives:
        process.kill()
    assert lives


ORPHAN = """
import sys
from pathlib import Path
from tdsr_bench.check import small_view
from tdsr_bench.isolation.isolated import open_submission
from tdsr_bench.isolation.sandbox import Isolation
from tdsr_bench.submission import ask

loaded = open_submission(Path(sys.argv[1]), Isolation(sys.argv[2]))
print("open", flush=True)
ask(loaded, small_view("sisr"))
"""


@pytest.mark.parametrize("kind", BOTH)
def test_a_submission_does_not_outlive_a_run_that_is_killed(tmp_path: Path, kind: Kind, marker: str):
    (tmp_path / "submission.py").write_text(BODY.format(code="    time.sleep(600)", about=CHEAT))
    with subprocess.Popen([sys.executable, "-c", ORPHAN, tmp_path, kind], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"open\n"
        run.kill()
    assert not left_over(marker)


@pytest.mark.parametrize("kind", BOTH)
def test_one_large_array_is_refused(opened: Opened, view: View, kind: Kind):
    with pytest.raises(SubmissionError, match="MemoryError"):
        ask(opened("np.ones(1 << 29)", kind), view)


@pytest.mark.parametrize("kind", BOTH)
def test_memory_of_several_processes_counts_together(opened: Opened, view: View, kind: Kind):
    code = """
held = []
for _ in range(8):
    if os.fork() == 0:
        held.append(np.ones(50_000_000 // 8))
        time.sleep(600)
time.sleep(600)
"""
    with pytest.raises(SubmissionError, match=r"used more than 0\.293 GiB of memory"):
        ask(opened(code, kind, Limits(memory=300 << 20, seconds=60)), view)


@pytest.mark.parametrize("kind", BOTH)
def test_shared_memory_counts(opened: Opened, view: View, kind: Kind):
    """The kernel's limit on data does not see it; whoever watches does."""
    code = """
shared = mmap.mmap(-1, 2 << 30)
for start in range(0, len(shared), 4096):
    shared[start] = 1
"""
    with pytest.raises(SubmissionError, match="GiB of memory"):
        ask(opened(code, kind, Limits(memory=500 << 20, seconds=60)), view)


@pytest.mark.parametrize("kind", BOTH)
def test_a_large_file_is_refused(opened: Opened, view: View, kind: Kind):
    code = """
with open("large", "wb") as file:
    for _ in range(64):
        file.write(bytes(1 << 20))
"""
    with pytest.raises(SubmissionError, match=r"OSError: \[Errno 2[78]\]"):
        ask(opened(code, kind), view)


@needs_bwrap
@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_many_files_are_refused_together(opened: Opened, view: View, place: str):
    code = f"""
for number in range(64):
    with open(f"{place}/{{number}}", "wb") as file:
        file.write(bytes(1 << 20))
"""
    with pytest.raises(SubmissionError, match=r"OSError: \[Errno 28\] No space left"):
        ask(opened(code, "bwrap"), view)


# ---- to confuse


@pytest.mark.parametrize("kind", BOTH)
def test_megabytes_of_print_are_cut(
    opened: Opened, view: View, honest: np.ndarray, kind: Kind, capsys: pytest.CaptureFixture[str]
):
    code = """
for _ in range(3000):
    print("\\x1b[2J" + "x" * 1000)
os.write(2, b"y" * 1000000)
"""
    assert np.array_equal(ask(opened(code, kind), view), honest)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err) < LONGEST_PRINT + 1000
    assert "bytes more" in shown.err
    assert "\x1b" not in shown.err


@pytest.mark.parametrize("kind", BOTH)
def test_what_it_prints_is_shown(opened: Opened, view: View, kind: Kind, capsys: pytest.CaptureFixture[str]):
    ask(opened("print('a note to myself', input() if False else sys.stdin.read())", kind), view)
    assert "a note to myself" in capsys.readouterr().err


LIES = {
    "an array of another shape": ("answer = answer[:3]", r"the shape \[3, 72, 96\], expected \[4, 72, 96\]"),
    "an array that says it has the shape": (
        """
class Liar(np.ndarray):
    shape = property(lambda self: (4, 72, 96))
answer = answer[:3].view(Liar)
""",
        r"the shape \[3, 72, 96\], expected",
    ),
    "no array": ("answer = 'an image'", "returned a str"),
    "a header of four gigabytes": ("os.write(answers, b'\\xff' * 5000)", "nonsense: a header of 4294967295 bytes"),
    "no JSON": ("os.write(answers, b'\\x04\\0\\0\\0{{{{')", "nonsense: a header that is no JSON"),
    "a deep JSON": (
        "os.write(answers, (200000).to_bytes(4, 'little') + b'[' * 200000)",
        "nonsense: a header that is no",
    ),
    "too few pixels": ("os.write(answers, b'\\x02\\0\\0\\0{}' + bytes(100)); time.sleep(600)", "took more than 2 s"),
    "an error of a megabyte": ("raise ValueError('x' * 1000000)", "raised ValueError: x+…"),
    "an error that clears the screen": ("raise ValueError('\\x1b[2J')", r"raised ValueError: \\x1b\[2J"),
    "its end": ("os._exit(7)", r"cheat died \(exit code 7\)"),
    "its end with a word": ("print('goodbye', file=sys.stderr, flush=True); os._exit(7)", r"exit code 7\): goodbye"),
    "sys.exit": ("sys.exit('enough')", "SystemExit: enough"),
    "a crash": ("ctypes.string_at(0)", r"died \(killed by SIGSEGV\)"),
    "no output any more": ("os.close(answers); time.sleep(600)", "closed its output|took more than 2 s"),
}

FIND_PIPE = """
import stat
answers = max(fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")
              and stat.S_ISFIFO(os.fstat(fd).st_mode) and os.access(f"/proc/self/fd/{fd}", os.W_OK))
"""


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found_out_and_the_next_scene_is_not_harmed(opened: Opened, view: View, lie: str, kind: Kind):
    code, sentence = LIES[lie]
    wicked = "\n".join(f"    {line}" for line in (FIND_PIPE + code).strip().splitlines())
    loaded = opened(f"if view.dates[0].year == 2021:\n{wicked}", kind, Limits(seconds=2))
    with pytest.raises(SubmissionError, match=sentence):
        ask(loaded, view)
    other = LowResView(
        view.frames, view.valid, tuple(day.replace(year=2022) for day in view.dates), view.bands, 3, view.transform
    )
    assert ask(loaded, other).shape == view.output_shape


def test_a_forged_answer_is_no_more_than_an_answer(opened: Opened, view: View):
    """It may send its numbers by itself; they are held against the contract all the same."""
    forged = "os.write(answers, b'\\x02\\0\\0\\0{}' + bytes(4 * answer.size)); time.sleep(600)"
    assert not ask(opened(FIND_PIPE + forged, "process"), view).any()


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("raise SystemExit('no')", "SystemExit: no"),
        ("import os; os._exit(3)", r"died \(exit code 3\)"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("def broken(:", "line 1: .*syntax"),
        ("print('x' * 10_000_000); raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_submission_that_cannot_be_loaded_says_why(tmp_path: Path, line: str, sentence: str, kind: Kind):
    (tmp_path / "submission.py").write_text(line + "\n" + BODY.format(code="    pass", about=CHEAT))
    with pytest.raises(SubmissionError, match=sentence):
        open_submission(tmp_path, Isolation(kind, QUICK))


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"name": "x" * 300}, "at most 200 printable characters"),
        ({"name": "a\x1b[2J"}, "at most 200 printable characters"),
        ({"name": "cheat", "training_data": "x" * 20000}, "describes itself in a way that cannot be read"),
        ({"name": "cheat", "parameters": -5}, "describes itself in a way that cannot be read"),
        ({"name": "cheat", "parameters": "many"}, "describes itself in a way that cannot be read"),
    ],
)
def test_what_it_says_of_itself_has_bounds(tmp_path: Path, about: dict[str, object], sentence: str):
    (tmp_path / "submission.py").write_text(BODY.format(code="    pass", about=about))
    with pytest.raises(SubmissionError, match=sentence):
        open_submission(tmp_path, Isolation("process", QUICK))


# ---- which isolation


def test_isolations_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="no isolation 'jail'; choose auto, bwrap, process or none"):
        choose_isolation("jail")
    monkeypatch.setattr(sandbox, "bwrap_problem", lambda: "bwrap is not installed")
    assert choose_isolation("auto") == "process"
    with pytest.raises(UserError, match="bwrap is not installed; install bubblewrap"):
        choose_isolation("bwrap")


@needs_bwrap
def test_auto_is_bwrap_where_it_works():
    assert choose_isolation("auto") == "bwrap"
