"""What a training is at a step, its learning rate, its moving average, its log."""

import copy
import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from trainings import RAMS

from tdsr_baselines.balance import make_balancer
from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.training.config import Training
from tdsr_baselines.training.log import RunLog
from tdsr_baselines.training.state import (
    TrainingState,
    averaged_copy,
    learning_rate,
    resume_state,
    save_state,
    update_average,
)
from tdsr_bench.errors import DataError


def rates(**changes: object) -> list[float]:
    training = Training(**{"steps": 100, "validate_every": 10, "learning_rate": 0.5, **changes})
    return [learning_rate(training, step) for step in range(training.steps)]


def test_a_cosine_falls_from_the_highest_rate_to_nothing():
    found = rates()
    assert found[0] == 0.5
    assert found[50] == pytest.approx(0.25)
    assert found[25] == pytest.approx(0.5 * (1 + np.cos(np.pi / 4)) / 2)
    assert 0 < found[-1] < 2e-4
    assert all(a > b for a, b in pairwise(found))


def test_steps_halve_the_rate_at_each_milestone():
    found = rates(schedule="step", milestones=(0.5, 0.8, 0.9))
    assert found == [0.5] * 50 + [0.25] * 30 + [0.125] * 10 + [0.0625] * 10


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_a_warm_up_rises_to_the_highest_rate(schedule: str):
    found = rates(schedule=schedule, warmup=4)
    assert found[:4] == pytest.approx([0.125, 0.25, 0.375, 0.5])
    assert found[4] == 0.5
    assert found[60] < 0.5


def test_a_warm_up_as_long_as_the_training_is_all_of_it():
    assert rates(steps=3, warmup=3) == pytest.approx([0.5 / 3, 1 / 3, 0.5])


class Numbers(nn.Module):
    def __init__(self, value: float, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2,), value))
        self.register_buffer("count", torch.tensor(count))


def test_a_moving_average_by_hand():
    average, network = averaged_copy(Numbers(0.0, 0)), Numbers(1.0, 7)
    assert not average.weight.requires_grad
    update_average(average, network, decay=0.9, step=1)  # its decay is still 2 / 11
    assert average.weight.tolist() == pytest.approx([9 / 11] * 2)
    assert int(average.count) == 7
    before = average.weight[0].item()
    update_average(average, network, decay=0.9, step=1000)
    assert average.weight[0].item() == pytest.approx(0.9 * before + 0.1)
    assert network.weight.tolist() == [1.0, 1.0]


@pytest.fixture
def state() -> TrainingState:
    """After one step, its average two steps behind."""
    torch.manual_seed(0)
    network = build_network(find_size("rams-tiny"), mean=(0.1,) * 4, sd=(0.1,) * 4, frames=3, settings=RAMS["settings"])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    balancer = make_balancer("uw", weights=[1.0, 2.0], seed=0)
    known = TrainingState(network, averaged_copy(network), optimizer, balancer)
    step(known)
    known.step, known.seconds, known.best, known.best_step = 1, 2.5, 0.25, 1
    known.best_values = {"image_gap": 0.25, "task": float("nan")}
    return known


def step(state: TrainingState) -> None:
    parameters = [*state.network.parameters()]
    losses = [sum(p.square().sum() for p in parameters), sum(p.abs().sum() for p in parameters)]
    state.optimizer.zero_grad()
    state.balancer.backward(losses, parameters)
    state.optimizer.step()


def other(state: TrainingState) -> TrainingState:
    network = copy.deepcopy(state.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    balancer = make_balancer("uw", weights=[1.0, 2.0], seed=0)
    return TrainingState(network, averaged_copy(network), optimizer, balancer)


def test_a_state_comes_back_and_goes_on_alike(tmp_path: Path, state: TrainingState):
    again = other(state)
    assert not resume_state(tmp_path / "last.ckpt", again, "key")
    save_state(tmp_path / "last.ckpt", state, "key")
    assert resume_state(tmp_path / "last.ckpt", again, "key")
    assert (again.step, again.seconds, again.best, again.best_step) == (1, 2.5, 0.25, 1)
    assert again.best_values is not None
    assert again.best_values["image_gap"] == 0.25
    for each in (state, again):
        step(each)
    for mine, its in ((state.network, again.network), (state.average, again.average)):
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), its.parameters(), strict=True))
    assert torch.equal(state.balancer.state_dict()["numbers"], again.balancer.state_dict()["numbers"])


def test_a_state_of_something_else_is_refused(tmp_path: Path, state: TrainingState):
    path = tmp_path / "last.ckpt"
    save_state(path, state, "key")
    with pytest.raises(DataError, match="is of another configuration, other data or another `loss` set; begin anew wi"):
        resume_state(path, other(state), "other key")
    for content in (path.read_bytes()[:100], b"no state", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"last.ckpt cannot be read .*begin anew with --overwrite"):
            resume_state(path, other(state), "key")


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_log_goes_back_to_what_was_kept(tmp_path: Path):
    log = RunLog(tmp_path)
    for done in (1, 2, 3):
        log.add("train", done, {"l1": 0.5 / done, "rate": 1e-4})
    log.add("validation", 2, {"score": 0.1})
    log.go_back(2)
    log.add("train", 3, {"l1": 0.25, "rate": 1e-4})
    assert [row["step"] for row in lines(tmp_path / "train.csv")] == ["1", "2", "3"]
    assert lines(tmp_path / "train.csv")[2] == {"step": "3", "l1": "0.25", "rate": "0.0001"}
    assert lines(tmp_path / "validation.csv") == [{"step": "2", "score": "0.1"}]


def test_a_log_that_forgets_everything_begins_with_its_heading(tmp_path: Path):
    log = RunLog(tmp_path)
    log.add("train", 1, {"l1": 0.5})
    log.go_back(0)
    log.add("train", 1, {"ssim": 0.25})
    assert lines(tmp_path / "train.csv") == [{"step": "1", "ssim": "0.25"}]


def test_a_line_that_was_cut_short_is_forgotten(tmp_path: Path):
    log = RunLog(tmp_path)
    log.add("train", 10, {"l1": 0.5, "rate": 0.1})
    with (tmp_path / "train.csv").open("a") as file:
        file.write("1")  # of 11
    log.go_back(10)
    log.add("train", 11, {"l1": 0.4, "rate": 0.1})
    assert [row["step"] for row in lines(tmp_path / "train.csv")] == ["10", "11"]
