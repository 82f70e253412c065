"""No trace of the frames' grid: ground has no pattern that repeats every low-resolution pixel."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from tdsr_baselines.losses.base import Batch, Family, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import in_float32
from tdsr_bench.scene import SCALE

LEAST = 1e-5
"""Reflectance: fine detail far under the noise of any sensor is none."""

SMOOTH = 1e-3
"""Below this share the loss is a parabola: its gradient vanishes where there is no pattern."""


def grid_pattern(sr: Tensor, valid: Tensor) -> Tensor:
    """How much of the fine detail of a batch is one pattern repeated in every low-resolution pixel, 0 to 1.

    `tdsr-v1`'s "grid" of all crops together, the mean over bands: the standard deviation over the nine positions in a
    low-resolution pixel of the mean, over that of all fine detail. The latter has no gradient, or the pattern could be
    drowned in noise instead of taken away. A low-resolution pixel at a crop's edge takes no part.

    Args:
        sr: ``[N, 4, 3h, 3w]``, on the frames' grid.
        valid: bool ``[N, h, w]``, the low-resolution pixels that count.

    Raises:
        ValueError: shapes that do not fit.
    """
    if tuple(size * SCALE for size in valid.shape[1:]) != tuple(sr.shape[2:]):
        raise ValueError(f"sr has the shape {tuple(sr.shape)} but valid has {tuple(valid.shape)}; sr has to be {SCALE} "
                         f"times as large.")  # fmt: skip
    fine = sr - F.avg_pool2d(sr, SCALE, stride=1, padding=SCALE // 2)
    number, bands, height, width = fine.shape
    cells = fine.reshape(number, bands, height // SCALE, SCALE, width // SCALE, SCALE).permute(1, 3, 5, 0, 2, 4)
    inside = F.pad(valid[:, 1:-1, 1:-1], (1, 1, 1, 1))
    counts = inside.sum().clamp(min=1)
    kept = torch.where(inside, cells, 0.0).flatten(3)
    means = kept.sum(dim=3) / counts
    spread = (kept.square().sum(dim=(1, 2, 3)) / (counts * SCALE**2)).detach() + LEAST**2
    share = means.flatten(1).var(dim=1, correction=0) / spread
    return ((share + SMOOTH**2).sqrt() - SMOOTH).mean()


def _loss(sr: Tensor, batch: Batch) -> Tensor:
    return grid_pattern(sr, (batch.observed_valid > 0).any(dim=1))


class Grid(LossSettings):
    """See `grid_pattern`; it needs nothing but the image."""

    family: ClassVar[Family] = "prior"
    kind: Literal["grid"] = "grid"

    @property
    def name(self) -> str:
        return self.kind

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return in_float32(_loss)
