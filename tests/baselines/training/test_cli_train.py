"""`tdsr-bench train` as a user meets it."""

import errno
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, Run
from torch import Tensor
from trainings import PIXEL_TOML

from tdsr_baselines.checkpoints import load_checkpoint
from tdsr_baselines.losses import pixel
from tdsr_baselines.training import state
from tdsr_bench.data.dataset import DataSet

TOML = (
    PIXEL_TOML.format(name="mine")
    + """
[training]
steps = 4
batch = 2
crop = 16
validate_every = 2

[[loss]]
kind = "l1"
"""
)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
def train(run: Run, toml: Path, data: DataSet) -> Callable[..., Ran]:
    """Runs the command on a configuration and a small data set."""
    return lambda *words: run("train", toml, "--data", data.root, "--device", "cpu", *words)


def check_refused(ran: Ran, sentence: str) -> None:
    """The command ended with one sentence and code 2."""
    assert ran.code == 2
    assert ran.out == ""
    told = " ".join(ran.err[ran.err.index("tdsr-bench: ") :].split())
    assert sentence in told
    assert "Traceback" not in ran.err


def test_a_checkpoint_s_path_is_all_that_stands_on_standard_output(train: Callable[..., Ran]):
    ran = train()
    assert ran.code == 0, ran.err
    path = Path("runs/mine/mine.safetensors")
    assert ran.out == f"{path}\n"
    assert "mine" in ran.err
    assert load_checkpoint(path).record.training["finished"]
    known = {file.name for file in path.parent.iterdir()}
    assert known == {path.name, "train.csv", "validation.csv", "sheets", "tensorboard"}
    before = path.stat().st_mtime_ns
    assert train().out == ran.out
    assert path.stat().st_mtime_ns == before
    assert train("--overwrite").out == ran.out
    assert path.stat().st_mtime_ns > before


def test_help_has_examples(run: Run):
    ran = run("train", "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert "tdsr-bench train hat-tiny-pixel" in ran.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing.toml"], "There is no configuration at nothing.toml; name a TOML file."),
        (
            ["hat-tiny-pixle"],
            "There is no configuration 'hat-tiny-pixle'; name a TOML file, or one of the package: hat",
        ),
        (["MINE", "--data", "nowhere"], "nowhere"),
        (["MINE", "--data", "DATA", "--device", "nonsense"], "torch finds no device 'nonsense' here"),
        (["MINE", "--data", "DATA", "--fold", "fold-30T"], "There is no split 'fold-30T/train' in tiny"),
    ],
)
def test_mistakes_end_with_a_sentence(run: Run, toml: Path, data: DataSet, words: list[str], sentence: str):
    names = {"MINE": toml, "DATA": data.root}
    check_refused(run("train", *(names.get(word, word) for word in words)), sentence)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("crop = 16", "corp = 16", "mine.toml: there is no training.corp; the nearest is 'crop'"),
        (
            "crop = 16",
            "crop = 49",
            "has 48 x 48 low-resolution pixels, smaller than a crop of 49; choose a smaller one",
        ),
        ("frames = 3", "frames = 4", "expected an odd number of frames, 3 or more, not 4"),
        ("filters = 4", "filtres = 4", "RAMS has no setting 'filtres'"),
        ('regime = "pixel"', 'regime = "transfer"', "the regime 'transfer' asks for the arm `simulated`"),
    ],
)
def test_mistakes_in_a_configuration_end_with_a_sentence(
    train: Callable[..., Ran], toml: Path, old: str, new: str, sentence: str
):
    toml.write_text(TOML.replace(old, new))
    check_refused(train(), sentence)


def test_a_loss_that_is_not_finite_ends_with_a_sentence(train: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch):
    calls = iter(range(100))

    def loss(sr: Tensor, _batch: object) -> Tensor:
        return sr.mean() * (math.inf if next(calls) == 2 else 1.0)

    monkeypatch.setattr(pixel.L1, "build", lambda *_: loss)
    check_refused(
        train(), "mine: the loss 'l1' is NaN or infinite at step 3, and training stopped; the checkpoint runs"
    )
    assert load_checkpoint(Path("runs/mine/mine.safetensors")).record.training["steps"] == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_ends_with_a_sentence_and_the_same_command_goes_on(
    train: Callable[..., Ran], toml: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    toml.write_text(TOML.replace("steps = 4", "steps = 6"))
    whole, write = state.save_state, iter(range(100))

    def save_state(path: Path, *others: object) -> None:
        if next(write) == 1:
            raise OSError(number, os.strerror(number), str(path))
        whole(path, *others)

    monkeypatch.setattr("tdsr_baselines.training.loop.save_state", save_state)
    sentence = (
        "no space left for runs/mine/last.ckpt; free some and run the same command again: what was finished is kept"
    )
    check_refused(train(), sentence)
    assert Path("runs/mine/last.ckpt").is_file()
    ran = train()
    assert ran.code == 0, ran.err
    assert load_checkpoint(Path("runs/mine/mine.safetensors")).record.training["finished"]


def test_other_errors_of_files_are_bugs(train: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch):
    def save_state(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("tdsr_baselines.training.loop.save_state", save_state)
    with pytest.raises(OSError, match="Bad file descriptor"):
        train()


def test_an_interrupted_training_says_how_to_go_on(train: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tdsr_baselines.training.loop.save_state", interrupted)
    ran = train()
    assert ran.code == 130
    assert "the same command goes on from it" in ran.err
