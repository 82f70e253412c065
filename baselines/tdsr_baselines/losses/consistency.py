"""Consistency with what was observed: the frames have to be seen again in the super-resolved image."""

from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor

from tdsr_baselines.losses.base import Batch, Family, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import PIXELS, in_float32, mean_over
from tdsr_baselines.observe import covered, observe

Norm = Literal["l1", "l2"]


def inconsistency(sr: Tensor, observed: Tensor, shifts: Tensor, valid: Tensor, *, norm: Norm) -> Tensor:
    """Mean distance of the sensor's view of `sr` from every frame as it was taken, each frame's band offset removed.

    Frames are compared where they were taken, never resampled: the sensor model is moved to them. Pixels whose kernel
    reaches beyond the crop take no part, for what lies there is not known. `tdsr-v1`'s "consistency" is the same for
    one unmoved frame.

    Args:
        sr: ``[N, 4, 3h, 3w]``.
        observed: ``[N, T, 4, h, w]``.
        shifts: ``[N, T, 2]``, low-resolution pixels.
        valid: ``[N, T, h, w]`` of 0 and 1.
        norm: absolute or squared difference.

    Raises:
        ValueError: shapes that do not fit.
    """
    seen = observe(sr, shifts)
    if seen.shape != observed.shape or (*observed.shape[:2], *observed.shape[3:]) != valid.shape:
        raise ValueError(
            f"observed has the shape {tuple(observed.shape)} and observed_valid {tuple(valid.shape)}; sr and shifts "
            f"make it {tuple(seen.shape)}."
        )
    counts = ((valid > 0) & covered((sr.shape[-2], sr.shape[-1]), shifts))[:, :, None]
    difference = torch.where(counts, seen - torch.where(counts, observed, 0.0), 0.0)
    rest = difference - mean_over(difference, counts, PIXELS)
    return mean_over(rest.abs() if norm == "l1" else rest.square(), counts)


def _loss(sr: Tensor, batch: Batch, *, frames: int | None, norm: Norm) -> Tensor:
    parts = (part[:, :frames] for part in (batch.observed, batch.shifts, batch.observed_valid))
    return inconsistency(sr, *parts, norm=norm)


class Consistency(LossSettings):
    """See `inconsistency`; it needs no reference.

    Attributes:
        frames: all of them, or the first.
        norm: absolute or squared difference.
    """

    family: ClassVar[Family] = "consistency"
    kind: Literal["consistency"] = "consistency"
    frames: Literal["all", "first"] = "all"
    norm: Norm = "l1"

    @property
    def name(self) -> str:
        return self.kind

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return in_float32(partial(_loss, frames=1 if self.frames == "first" else None, norm=self.norm))
