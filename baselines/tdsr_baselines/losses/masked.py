"""What the losses do with pixels: fetch the reference, keep masked pixels out, average over the others."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tdsr_baselines.losses.base import Batch, LossFunction
from tdsr_bench.errors import ProtocolError

Measure = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A scalar of ``sr`` and ``reference``, ``[N, 4, H, W]``, and ``valid``, bool ``[N, 1, H, W]``."""

PIXELS = (-2, -1)
"""The axes of an image."""


def against_reference(name: str, measure: Measure) -> LossFunction:
    """The loss that compares crops with their reference by `measure`; masked pixels of the reference reach it as 0.

    Its errors call it `name`.
    """

    def loss(sr: Tensor, batch: Batch) -> Tensor:
        reference, valid = _reference(batch, sr, name)
        return measure(sr, torch.where(valid, reference, 0.0), valid)

    return in_float32(loss)


def in_float32(loss: LossFunction) -> LossFunction:
    """`loss` in single precision, whatever the network around it runs in: squares of small differences need it."""

    def precise(sr: Tensor, batch: Batch) -> Tensor:
        with torch.autocast(sr.device.type, enabled=False):
            return loss(sr.float(), batch)

    return precise


def sum_over(values: Tensor, valid: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Sum of `values` where `valid`, which is broadcast; the others have neither a say nor a gradient."""
    return torch.where(valid, values, 0.0).sum(axes, keepdim=axes is not None)


def mean_over(values: Tensor, valid: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Mean of `values` where `valid`, which is broadcast; 0 where nothing is. Over all axes, or `axes`, kept as 1."""
    count = valid.expand_as(values).sum(axes, keepdim=axes is not None)
    return sum_over(values, valid, axes) / count.clamp(min=1)


def centred(image: Tensor, valid: Tensor) -> Tensor:
    """Each band ``[..., H, W]`` less its mean over valid pixels; 0 at the others."""
    return torch.where(valid, image - mean_over(image, valid, PIXELS), 0.0)


def levelled(sr: Tensor, reference: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Both with each band's mean of the reference in place of masked pixels, for networks that look around a pixel."""
    level = mean_over(reference, valid, PIXELS)
    return torch.where(valid, sr, level), torch.where(valid, reference, level)


def whole_windows(valid: Tensor, radius: int) -> Tensor:
    """Bool ``[N, 1, H, W]`` to ``[N, 1, H - 2 radius, W - 2 radius]``: windows in which every pixel is valid."""
    masked: Tensor = F.max_pool2d((~valid).float(), 2 * radius + 1, stride=1)
    return masked == 0


def check_size(name: str, sr: Tensor, other: str, found: Tensor) -> None:
    """Check that `found`, called `other`, has the crops and the size of `sr`.

    Raises:
        ValueError: it has not.
    """
    if (found.shape[0], *found.shape[-2:]) != (sr.shape[0], *sr.shape[-2:]):
        raise ValueError(
            f"The loss {name} got sr of the shape {tuple(sr.shape)} and {other} of {tuple(found.shape)}; they have to "
            f"agree in crops, height and width."
        )


def _reference(batch: Batch, sr: Tensor, name: str) -> tuple[Tensor, Tensor]:
    if batch.reference is None or batch.reference_valid is None:
        raise ProtocolError(
            f"The loss {name} compares with the high-resolution reference, and this training is shown none; take it "
            f"out of the configuration, or train on an arm that has references."
        )
    check_size(name, sr, "reference", batch.reference)
    check_size(name, sr, "reference_valid", batch.reference_valid)
    return batch.reference, batch.reference_valid > 0
