"""L1 and L2 that forgive an offset of each band and a shift of whole pixels: the losses of multi-image
super-resolution, whose references were taken on another day by another instrument."""

from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from tdsr_baselines.losses.base import LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import PIXELS, against_reference, mean_over
from tdsr_baselines.losses.windows import best_window, inner

Norm = Literal["l1", "l2"]


def compensated(sr: Tensor, reference: Tensor, valid: Tensor, *, reach: int, norm: Norm) -> Tensor:
    """Mean distance after the best shift of each crop, each band's offset removed over the valid pixels.

    The PROBA-V score's definition (Maertens et al., "Super-resolution of PROBA-V images using convolutional neural
    networks", Astrodynamics 3 (2019)) as the L1 of RAMS (Salvetti et al., Remote Sensing 12 (2020)) and the L2 of
    HighRes-net (Deudon et al., 2020): a border of `reach` pixels of `sr` is cut, the rest is held against each window
    of the reference of the same size, and the least counts; here one shift for all bands of a crop.

    Args:
        sr, reference: ``[N, 4, H, W]``; the reference is 0 where it is masked.
        valid: bool ``[N, 1, H, W]``.
        reach: the longest shift on each axis, in pixels.
        norm: the distance.

    Returns:
        The mean over the crops that have a valid pixel.
    """
    centre = inner(sr, reach)
    known = torch.cat([reference, valid.to(reference)], dim=1)
    chosen = best_window(known, reach, partial(_distance, centre.detach(), norm=norm))
    return mean_over(_distance(centre, chosen, norm=norm), chosen[:, -1].any(-1).any(-1))


def _distance(sr: Tensor, known: Tensor, *, norm: Norm) -> Tensor:
    """Of each crop, ``[N]``, from the reference and its validity, ``[N, 4 + 1, h, w]``."""
    reference, weight = known[:, :-1], known[:, -1:]
    count = weight.sum(PIXELS, keepdim=True).clamp(min=1)
    difference = (reference - sr) * weight
    rest = difference - difference.sum(PIXELS, keepdim=True) / count
    size = rest.abs() if norm == "l1" else rest.square()
    return ((size * weight).sum(PIXELS, keepdim=True) / count).mean(dim=(1, 2, 3))


class _Compensated(LossSettings):
    """Settings that both have.

    Attributes:
        reach: the longest shift on each axis, in high-resolution pixels.
    """

    needs_reference: ClassVar[bool] = True
    norm: ClassVar[Norm]
    kind: str

    reach: int = Field(default=3, ge=0)

    @property
    def name(self) -> str:
        return self.kind

    def build(self, surroundings: Surroundings) -> LossFunction:  # noqa: ARG002
        return against_reference(self.name, partial(compensated, reach=self.reach, norm=self.norm))


class CompensatedL1(_Compensated):
    """Mean absolute difference, see `compensated`."""

    norm: ClassVar[Norm] = "l1"
    kind: Literal["cl1"] = "cl1"


class CompensatedL2(_Compensated):
    """Mean squared difference, see `compensated`."""

    norm: ClassVar[Norm] = "l2"
    kind: Literal["cmse"] = "cmse"
