"""A training that was stopped, or killed, or whose disk was full, goes on as if nothing had been."""

import csv
import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from trainings import HAT, RAMS, config, silent, weights

from tdsr_baselines.checkpoints import load_checkpoint
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.loop import RESUME
from tdsr_baselines.training.run import train
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import DataError

DETAIL, SSIM = {"kind": "detail"}, {"kind": "ssim", "weight": 0.5}


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def go(known: TrainingConfig, data: DataSet, folder: Path, progress: Callable[..., None] = silent) -> Path:
    return train(known, data, folder, device="cpu", progress=progress)


def check_the_same(one: Path, other: Path) -> None:
    """Weights to the bit, logs to the letter, and what was found best."""
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    for name in ("train.csv", "validation.csv"):
        assert (one.parent / name).read_text() == (other.parent / name).read_text()
    records = [load_checkpoint(path).record.training for path in (one, other)]
    for name in ("best_step", "steps", "finished", "validation", "key"):
        assert records[0][name] == records[1][name]


class StoppedError(Exception):
    pass


def stopped_at(step: int, error: type[BaseException]) -> Callable[..., None]:
    def told(what: str, done: int, *_: object) -> None:
        if (what, done) == ("tiny", step):
            raise error

    return told


DROPPING = {**HAT, "settings": {**HAT["settings"], "drop_path_rate": 0.5, "depths": [2]}}
STOPS = ((2, KeyboardInterrupt), (5, StoppedError), (6, KeyboardInterrupt))
"""Before the first look, between two looks, and right after one."""


@dataclass(frozen=True)
class Case:
    network: Mapping[str, Any]
    balancing: Mapping[str, Any]
    stops: Sequence[tuple[int, type[BaseException]]]


CASES = {
    "hat that drops paths, famo": Case(DROPPING, {"method": "famo"}, STOPS),
    "rams, gradnorm": Case(RAMS, {"method": "gradnorm", "epoch": 3}, STOPS[1:2]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_stopped_training_goes_on_as_if_it_had_not(data: DataSet, tmp_path: Path, case: Case):
    training = {"steps": 7, "validate_every": 3, "ema": 0.9}
    known = config(case.network, loss=(DETAIL, SSIM), training=training, balancing=case.balancing)
    whole = go(known, data, tmp_path / "whole")
    cut = tmp_path / "cut"
    begun: list[int] = []
    for step, error in case.stops:
        with pytest.raises(error):
            go(known, data, cut, stopped_at(step, error))
    again = go(known, data, cut, lambda what, done, *_: begun.append(done) if what == "tiny" else None)
    assert begun == [*range(case.stops[-1][0] // 3 * 3 + 1, 8)]
    check_the_same(whole, again)
    assert [row["step"] for row in lines(cut / "train.csv")] == [str(step) for step in range(1, 8)]
    assert not (cut / RESUME).exists()


def test_what_a_training_goes_on_from_belongs_to_it_alone(data: DataSet, tmp_path: Path):
    with pytest.raises(StoppedError):
        go(config(), data, tmp_path, stopped_at(3, StoppedError))
    with pytest.raises(
        DataError, match=r"last.ckpt is of another configuration, other data or another `loss` set; begin"
    ):
        go(config(seed=1), data, tmp_path)
    for content in ((tmp_path / RESUME).read_bytes()[:500], b"no state"):
        (tmp_path / RESUME).write_bytes(content)
        with pytest.raises(DataError, match=r"last.ckpt cannot be read .* begin anew with --overwrite"):
            go(config(), data, tmp_path)
    steps: list[int] = []
    told = lambda what, done, *_: steps.append(done) if what == "tiny" else None  # noqa: E731
    train(config(), data, tmp_path, device="cpu", overwrite=True, progress=told)
    assert steps == [1, 2, 3, 4]
    assert [row["step"] for row in lines(tmp_path / "train.csv")] == ["1", "2", "3", "4"]


def test_a_full_disk_costs_nothing_that_was_finished(data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    known = config(training={"steps": 6})
    whole = go(known, data, tmp_path / "whole")
    folder = tmp_path / "cut"
    real, states = os.fsync, []

    def full(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve().name.startswith(f".{RESUME}"):
            states.append(handle)
            if len(states) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    kept: list[bytes] = []

    def told(what: str, done: int, *_: object) -> None:
        if (what, done) == ("tiny", 2):
            kept.append((folder / RESUME).read_bytes())

    with pytest.raises(OSError, match="No space left"):
        go(known, data, folder, told)
    assert (folder / RESUME).read_bytes() == kept[0]
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []
    monkeypatch.undo()
    check_the_same(whole, go(known, data, folder))


NURSERY = """
import os
import sys
import time
from pathlib import Path

import lightning_fabric
import torch

from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.run import train
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.protocol import load_protocol

torch.set_num_threads(1)
data = open_dataset(Path(sys.argv[1]), load_protocol("tdsr-v1"))
for text in sys.argv[3:]:
    child = os.fork()
    if child == 0:
        known = TrainingConfig.model_validate_json(text)
        train(known, data, Path(sys.argv[2]) / known.network.size, device="cpu", progress=lambda *_: time.sleep(0.05))
        os._exit(0)
    print(child, flush=True)
print(*(os.waitstatus_to_exitcode(os.wait()[1]) for _ in sys.argv[3:]), flush=True)
"""
"""Trains in a process for each configuration, tells their numbers, and how they ended."""


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_numbers(data: DataSet, tmp_path: Path):
    """Killed by the system at a random moment after the first look, so that nothing can be tidied up."""
    training = {"steps": 16, "validate_every": 2, "ema": 0.9}
    known = [
        config(network, loss=(DETAIL, SSIM), training=training, balancing={"method": method})
        for network, method in ((HAT, "gradnorm"), (RAMS, "uw"))
    ]
    words = [NURSERY, str(data.root), str(tmp_path), *(each.model_dump_json(by_alias=True) for each in known)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", *words], env=environment, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdout is not None
        alive = {tmp_path / each.network.size / RESUME: int(nursery.stdout.readline()) for each in known}
        moments: dict[Path, float] = {}
        while alive and nursery.poll() is None:
            for state in [path for path in alive if path.exists()]:
                moment = moments.setdefault(state, time.monotonic() + random.uniform(0, 0.3))
                if time.monotonic() >= moment:
                    os.kill(alive.pop(state), signal.SIGKILL)
            time.sleep(0.005)
        assert nursery.stdout.read().split() == [str(-signal.SIGKILL)] * 2
    for each in known:
        cut, whole = tmp_path / each.network.size, tmp_path / f"whole {each.network.size}"
        assert 2 <= torch.load(cut / RESUME, weights_only=True)["step"] < 16
        check_the_same(go(each, data, whole), go(each, data, cut))
