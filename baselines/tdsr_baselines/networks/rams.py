"""RAMS: residual attention over several frames (Salvetti et al., Remote Sensing 12(14):2207, 2020).

An implementation of our own from the paper and, where it is silent, from what the authors' code (EscVM/RAMS,
TensorFlow, Apache-2.0 by its readme) computes. Two things are ours: the number of frames may be any odd number, where
theirs is nine throughout; and all bands of a frame are super-resolved, one by one, with the same weights.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from tdsr_baselines.networks.base import Size
from tdsr_bench.errors import ProtocolError
from tdsr_bench.scene import SCALE

KERNEL = 3
"""Side of every convolution but attention's; each reflection and each reduction of frames counts on it."""


class Rams(nn.Module):
    """Convolutions over time and space, which leave one frame out of T, on top of an attentive mean of the frames.

    `forward` maps normalised ``[N, T, bands, h, w]`` to ``[N, bands, scale h, scale w]`` in the same unit, for any
    number of bands, and h and w of at least 2. No band sees another.

    Args:
        frames: T, odd and at least 3; the paper's is 9.
        filters: the paper's are 32.
        blocks: attention blocks before frames are reduced; the paper's are 12.
        scale: how many times finer the answer is.
        reduction: how many times fewer channels attention thinks with, at least one.
        zero_start: whether both paths start at zero, so that training starts from what the answer is added to.

    Raises:
        ProtocolError: T frames cannot be reduced to one.
    """

    def __init__(
        self,
        frames: int,
        *,
        filters: int = 32,
        blocks: int = 12,
        scale: int = SCALE,
        reduction: int = 8,
        zero_start: bool = False,
    ) -> None:
        super().__init__()
        reductions = temporal_reductions(frames)
        self.scale = scale
        # In the order of the authors' layers, by which their checkpoints name them.
        self.first = convolution(1, filters, dims=3, same=True)
        self.blocks = nn.Sequential(*(AttentionBlock(filters, reduction, dims=3) for _ in range(blocks)))
        self.last = convolution(filters, filters, dims=3, same=True)
        self.reductions = nn.Sequential(*(TemporalReduction(filters, reduction) for _ in range(reductions)))
        self.enlarge = convolution(filters, scale**2, dims=3)
        self.frames_block = AttentionBlock(frames, reduction, dims=2)
        self.frames_enlarge = convolution(frames, scale**2, dims=2)
        if zero_start:
            for layer in (self.enlarge, self.frames_enlarge):
                nn.init.zeros_(layer.get_parameter("parametrizations.weight.original0"))  # weight normalisation's gain

    def forward(self, frames: Tensor) -> Tensor:
        """Normalised ``[N, T, bands, h, w]`` to ``[N, bands, scale h, scale w]``."""
        count, _, bands, height, width = frames.shape
        answered = (count, bands, self.scale * height, self.scale * width)
        padded = F.pad(frames.transpose(1, 2).flatten(0, 1), (1, 1, 1, 1), mode="reflect")
        pixels = self._local(padded[:, None]) + self.frames_enlarge(self.frames_block(padded))
        # Of one band, torch's order of channels (row by row within a pixel) is that of TensorFlow's depth_to_space.
        return F.pixel_shuffle(pixels, self.scale).reshape(*answered)

    def _local(self, padded: Tensor) -> Tensor:
        """``[N, 1, T, h + 2, w + 2]`` to ``[N, scale^2, h, w]``."""
        first = _fast_layout(self.first(padded))
        features = self.last(self.blocks(first)) + first
        return self.enlarge(self.reductions(features)).squeeze(2)  # type: ignore[no-any-return]


class AttentionBlock(nn.Module):
    """Two convolutions whose channels are weighed by what the whole image holds, added to what came in.

    Over features of frames (``dims`` 3) it is the paper's residual feature attention block, over frames as channels
    (``dims`` 2) its residual temporal attention block.
    """

    def __init__(self, channels: int, reduction: int, *, dims: int) -> None:
        super().__init__()
        few = max(channels // reduction, 1)
        self.body = nn.Sequential(
            convolution(channels, channels, dims=dims, same=True),
            nn.ReLU(inplace=True),
            convolution(channels, channels, dims=dims, same=True),
        )
        self.attention = nn.Sequential(
            convolution(channels, few, dims=dims, size=1),
            nn.ReLU(),
            convolution(few, channels, dims=dims, size=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, channels, ...]`` to the same."""
        y = self.body(x)
        return y * self.attention(_mean(y)) + x  # type: ignore[no-any-return]


class TemporalReduction(nn.Module):
    """Two frames fewer: reflection, a block, and a convolution that takes one frame and one pixel off either side."""

    def __init__(self, filters: int, reduction: int) -> None:
        super().__init__()
        self.block = AttentionBlock(filters, reduction, dims=3)
        self.reduce = convolution(filters, filters, dims=3)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, filters, T, h, w]`` to ``[N, filters, T - 2, h, w]``."""
        x = F.pad(x, (1, 1, 1, 1, 0, 0), mode="reflect")
        return F.relu(self.reduce(self.block(x)), inplace=True)


def temporal_reductions(frames: int) -> int:
    """How often two frames are taken off so that the last convolution finds three: ``(T - 1) / 2 - 1``.

    >>> temporal_reductions(9), temporal_reductions(3)
    (3, 0)
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < KERNEL or frames % 2 == 0:
        raise ProtocolError(
            f"RAMS reduces its frames by two at a time until one is left: expected an odd number of frames, 3 or more, "
            f"not {frames!r}; choose another number of frames."
        )
    return (frames - 1) // (KERNEL - 1) - 1


def convolution(inputs: int, outputs: int, *, dims: int, size: int = KERNEL, same: bool = False) -> nn.Module:
    """A convolution of 2 or 3 dimensions under weight normalisation, started as Keras starts one.

    Args:
        inputs, outputs: channels.
        dims: 2 for ``[N, C, h, w]``, 3 for ``[N, C, T, h, w]``.
        size: of the kernel along each.
        same: whether zeros around keep the size; otherwise it shrinks by ``size - 1``.
    """
    layer = (nn.Conv2d if dims == 2 else nn.Conv3d)(inputs, outputs, size, padding=size // 2 if same else 0)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return weight_norm(layer)  # type: ignore[no-any-return]


def _fast_layout(x: Tensor) -> Tensor:
    """With channels last on processors, where convolutions of a few filters are quicker so; all that follows keeps it.

    Forward and backward of ``rams-tiny`` take 0.56 s rather than 0.73 (four crops of 32 x 32, four bands, two cores).
    """
    return x.contiguous(memory_format=torch.channels_last_3d) if x.device.type == "cpu" else x


def _mean(x: Tensor) -> Tensor:
    """``[N, C, ...]`` to the mean of each channel, ``[N, C, 1, ...]``.

    Taken with channels last, so that the gradient is laid out like `x` where that has channels last.
    """
    return x.movedim(1, -1).flatten(1, -2).mean(1).reshape(*x.shape[:2], *(1,) * (x.dim() - 2))


SETTINGS = ("filters", "blocks", "reduction", "zero_start")
"""Of `Rams`, what a configuration can change."""


def build(_bands: int, frames: int, settings: Mapping[str, Any]) -> nn.Module:
    """An untrained `Rams`, as `Size.build` wants it.

    Raises:
        ProtocolError: a setting does not exist or is no number of at least 1, or T frames cannot be reduced to one.
    """
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ProtocolError(f"RAMS has no setting {name!r}; choose of {', '.join(SETTINGS)}.")
        if name == "zero_start" and isinstance(value, bool):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ProtocolError(f"RAMS was given {name} = {value!r}; expected a whole number of at least 1.")
    return Rams(frames, **settings)


SIZES = (
    Size(
        "rams",
        9,
        build,
        {"filters": 32, "blocks": 12},
        multi_image=True,
        tile=128,
        source="Salvetti et al., Remote Sensing 12(14):2207, 2020; 958,129 parameters",
    ),
    Size(
        "rams-tiny",
        9,
        build,
        {"filters": 16, "blocks": 4, "zero_start": True},
        multi_image=True,
        residual="classical",
        views="phases",
        tile=128,
        source="Salvetti et al., Remote Sensing 12(14):2207, 2020, made small for processors; 132,341 parameters",
    ),
)
"""Whole scenes are shown in tiles as large as the authors' scenes, over which attention averages."""
