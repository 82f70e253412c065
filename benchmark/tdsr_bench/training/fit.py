"""A training loop that can be killed at any time: it looks at the validation split now and then, keeps the best
weights, and goes on from its last look."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tdsr_bench.resume_file import read_resume, restore, write_resume


@dataclass(frozen=True)
class Pace:
    """How long training goes on.

    Attributes:
        steps: at most so many.
        validate_every: steps between two looks; each is a checkpoint.
        patience: stops after so many looks without a better score.
    """

    steps: int
    validate_every: int
    patience: int


@dataclass
class Fit:
    """A training that is under way; all that a checkpoint holds.

    Attributes:
        module, optimizer, schedule: what is trained, and how.
        step: how many steps are done.
        best: the highest validation score so far; `best_step` and `best_weights` are those of its look.
        stale: looks since then.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    step: int = 0
    best: float = float("-inf")
    best_step: int = 0
    best_weights: dict[str, Tensor] | None = None
    stale: int = 0

    def look(self, score: float) -> None:
        """Take note of the validation score at this step."""
        self.stale += 1
        if score > self.best:
            self.best, self.best_step, self.stale = score, self.step, 0
            self.best_weights = {name: value.detach().clone() for name, value in self.module.state_dict().items()}


Told = Callable[[int, int, str], None]
"""Told how many steps are done, of how many, and how it goes."""


def fit(
    run: Fit,
    *,
    loss: Callable[[int], Tensor],
    validate: Callable[[], float],
    pace: Pace,
    checkpoint: Path,
    key: str,
    seed: int,
    told: Told | None = None,
) -> None:
    """Train `run` to its end, and leave the best weights in its module.

    A checkpoint that lies at `checkpoint` and was written under the same `key` is gone on from: the result is that of
    an uninterrupted run, since every step's randomness comes from `seed` and its number.

    Args:
        run: what is trained.
        loss: the loss of a step.
        validate: the score now, higher is better; called in evaluation mode.
        pace: how long.
        checkpoint: a file, removed by the caller once the result is safe.
        key: identifies recipe and data.
        seed: of all that a step draws.
        told: progress.

    Raises:
        DataError: what lies at `checkpoint` is damaged.
    """
    _resume(run, checkpoint, key)
    while run.step < pace.steps and run.stale < pace.patience:
        value = _step(run, loss, seed)
        if run.step % pace.validate_every == 0 or run.step == pace.steps:
            run.module.eval()
            run.look(validate())
            write_resume(checkpoint, _packed(run, key))
        if told:
            told(run.step, pace.steps, f"loss {value:.3f}, validation {run.best:.3f} at step {run.best_step}")
    if run.best_weights is not None:
        run.module.load_state_dict(run.best_weights)
    run.module.eval()


def _step(run: Fit, loss: Callable[[int], Tensor], seed: int) -> float:
    run.module.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed + run.step)  # what the network itself draws, such as dropout
        value = loss(run.step)
    run.optimizer.zero_grad()
    value.backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    run.schedule.step()
    run.step += 1
    return float(value.detach())


_PARTS = ("module", "optimizer", "schedule")
_FIELDS = ("step", "best", "best_step", "best_weights", "stale")
_MEND = "remove it, and the network is trained from its first step"


def _packed(run: Fit, key: str) -> dict[str, Any]:
    content: dict[str, Any] = {"key": key}
    content |= {name: getattr(run, name).state_dict() for name in _PARTS}
    content |= {name: getattr(run, name) for name in _FIELDS}
    return content


def _resume(run: Fit, checkpoint: Path, key: str) -> None:
    content = read_resume(checkpoint, mend=_MEND)
    if content is not None and content["key"] == key:  # of another recipe or other data: begin anew
        restore(run, content, parts=_PARTS, fields=_FIELDS, path=checkpoint, mend=_MEND)
