"""Commands that are killed at random moments, told to end, sent to sleep, or started twice: they go on, and nothing is
half written. ``TDSR_BENCH_KILLS`` says how often each is killed.
"""

import random
import signal
import time
from pathlib import Path

import pytest
from reliability.commands_to_kill import cases
from reliability.killing import KILLS, SEED, Nursery, Running, check_nothing_left, kill_often
from reliability.whole import check_whole

from tdsr_bench.files import claimed

NAMES = [*cases(Path())]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_goes_on_to_the_same_result(nursery: Nursery, sources: Path, tmp_path: Path, name: str):
    count = kill_often(nursery, cases(sources)[name], tmp_path, KILLS, name)
    print(f"{name}: seed {SEED}, {count}")
    assert count.killed == KILLS


def wait_for(running: Running, path: Path) -> None:
    """Until `path` is there."""
    while not path.exists():
        assert running.ended(0.02) is None, running.said


@pytest.mark.parametrize(
    ("number", "code", "note"),
    [
        (signal.SIGINT, 130, "tdsr-bench: interrupted; what was finished is kept"),
        (signal.SIGTERM, 143, "tdsr-bench: terminated; what was finished is kept"),
    ],
)
def test_a_signal_to_end_is_obeyed_tidily(
    nursery: Nursery, sources: Path, tmp_path: Path, number: int, code: int, note: str
):
    case = cases(sources)["train"]
    command = case.make(tmp_path / "run")
    running = nursery.start(command, tmp_path / "log")
    wait_for(running, command.folder / "run" / "last.ckpt")
    running.signal(number)
    assert running.ended(60) == code
    said = running.said
    assert note in said
    assert "Traceback" not in said
    check_whole(command.folder)
    assert not [path for path in command.folder.rglob("*") if path.name.endswith((".lock", ".unfinished"))]
    assert nursery.run(command, tmp_path / "log")[0] == 0
    assert nursery.run(case.make(tmp_path / "whole"), tmp_path / "log")[0] == 0
    assert case.result(command.folder) == case.result(tmp_path / "whole")


@pytest.mark.parametrize("name", ["train"])
def test_a_command_that_sleeps_goes_on(nursery: Nursery, sources: Path, tmp_path: Path, name: str):
    case, rng = cases(sources)[name], random.Random(SEED)
    start = time.monotonic()
    assert nursery.run(case.make(tmp_path / "whole"), tmp_path / "log")[0] == 0
    seconds = time.monotonic() - start
    command = case.make(tmp_path / "slept")
    running = nursery.start(command, tmp_path / "log")
    code = None
    while code is None:
        code = running.ended(rng.uniform(0.1, 1) * seconds)
        if code is None:
            running.signal(signal.SIGSTOP)
            time.sleep(0.5)
            running.signal(signal.SIGCONT)
    assert code == 0, f"seed {SEED}: {running.said}"
    check_nothing_left(command.folder)
    assert case.result(command.folder) == case.result(tmp_path / "whole")


@pytest.mark.parametrize(
    ("name", "folder", "claim", "sentence"),
    [
        ("train", "run", "", "Another run is writing a training at run; wait for it, or name another folder by --out."),
        (
            "task train",
            "nets",
            "buildings-score-unet-hr.safetensors",
            "Another run is writing a network at nets/buildings-score-unet-hr.safetensors; wait for it, or name",
        ),
        ("data mini", ".", "out", "Another run is writing a data set at out; wait for it, or name another folder"),
        ("data osm-masks", "data", "truth", "Another run is writing masks at data/truth; wait for it."),
    ],
)
def test_a_second_run_in_one_place_is_refused(
    nursery: Nursery, sources: Path, tmp_path: Path, name: str, folder: str, claim: str, sentence: str
):
    """This process holds the place as the first run would."""
    case = cases(sources)[name]
    command = case.make(tmp_path / "here")
    with claimed(command.folder / folder, name=claim):
        before = case.result(command.folder) if name.startswith("data") else None
        code, said = nursery.run(command, tmp_path / "log")
        assert (code, "Traceback" in said) == (2, False), said
        assert sentence in " ".join(said.split())
        assert before is None or case.result(command.folder) == before
    assert nursery.run(command, tmp_path / "log")[0] == 0
    check_nothing_left(command.folder)
