"""All that a training is at one step, so that a killed run goes on to the same numbers."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tdsr_baselines.balance import Balancer
from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.training.config import Training
from tdsr_bench.errors import DataError
from tdsr_bench.resume_file import read_resume, restore, write_resume


@dataclass
class TrainingState:
    """A training that is under way.

    Attributes:
        network: what is trained.
        average: the moving average of its weights; the network itself where there is none.
        optimizer, balancer: how.
        step: how many are done.
        seconds: how long they took.
        best: the highest validation score so far, at `best_step`.
        best_values: what that look found.
        best_weights: what the checkpoint holds of it, in half precision. The file itself may be of a later look, if a
            run was killed before it wrote down that it had made it.
    """

    network: SrNetwork
    average: SrNetwork
    optimizer: torch.optim.Optimizer
    balancer: Balancer
    step: int = 0
    seconds: float = 0.0
    best: float = float("-inf")
    best_step: int = 0
    best_values: dict[str, float] | None = None
    best_weights: dict[str, Tensor] | None = None


_PARTS = ("network", "average", "optimizer", "balancer")
_FIELDS = ("step", "seconds", "best", "best_step", "best_values", "best_weights")
_MEND = "begin anew with --overwrite, or name another folder by --out"


def averaged_copy(network: SrNetwork) -> SrNetwork:
    """What the moving average starts from."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def half_weights(network: SrNetwork) -> dict[str, Tensor]:
    """The weights of `network` as a checkpoint holds them."""
    weights = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    return {name: value.half() if value.is_floating_point() else value.clone() for name, value in weights.items()}


@torch.no_grad()
def update_average(average: SrNetwork, network: SrNetwork, *, decay: float, step: int) -> None:
    """One step of the exponential moving average; its decay grows from 0, so that first weights are forgotten.

    The same warm-up as in common practice, ``min(decay, (1 + step) / (10 + step))``.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    for mean, value in pairs:
        if mean.is_floating_point():
            mean.lerp_(value, share)
        else:
            mean.copy_(value)


def learning_rate(training: Training, step: int) -> float:
    """Of the step numbered `step`, from 0."""
    if step < training.warmup:
        return training.learning_rate * (step + 1) / training.warmup
    if training.schedule == "step":
        return training.learning_rate * 0.5 ** sum(step >= share * training.steps for share in training.milestones)
    done = (step - training.warmup) / max(training.steps - training.warmup, 1)
    return training.learning_rate * 0.5 * (1 + float(torch.cos(torch.tensor(done * torch.pi, dtype=torch.float64))))


def save_state(path: Path, state: TrainingState, key: str) -> None:
    """Write `state`; `key` identifies the configuration and the data."""
    content: dict[str, Any] = {"key": key}
    content |= {name: _on_cpu(getattr(state, name).state_dict()) for name in _PARTS}
    content |= {name: getattr(state, name) for name in _FIELDS}
    write_resume(path, content)


def resume_state(path: Path, state: TrainingState, key: str) -> bool:
    """Go on from the checkpoint at `path`; False where there is none.

    Raises:
        DataError: it belongs to another configuration or other data, or cannot be read.
    """
    content = read_resume(path, mend=_MEND)
    if content is None:
        return False
    if content["key"] != key:
        raise DataError(
            f"{path} is of another configuration, other data or another `loss` set; begin anew with --overwrite, or "
            f"name another folder by --out."
        )
    restore(state, content, parts=_PARTS, fields=_FIELDS, path=path, mend=_MEND)
    return True


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    return [_on_cpu(item) for item in value] if isinstance(value, list) else value
