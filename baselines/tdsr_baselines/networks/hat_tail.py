"""The end of HAT as one convolution.

HAT ends in a convolution to as many channels as enlarged pixels have, their shuffle, and a convolution of what that
made. Nothing between them bends, so they are one convolution of low-resolution features, with a kernel of 5 x 5: at
three times the resolution a sixth of the multiplications, forward and backward.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def enlarged(features: Tensor, up: nn.Conv2d, last: nn.Conv2d, scale: int) -> Tensor:
    """``last(pixel_shuffle(up(features), scale))``, for convolutions of 3 x 3 that pad by zeros, and any h and w.

    Args:
        features: ``[N, C, h, w]``.
        up: from C to ``C' scale^2`` channels.
        last: from C' channels on.
        scale: at least 2.
    """
    with torch.autocast(features.device.type, enabled=False):  # a kernel in half precision is rounded once, not twice
        kernel, bias = _one_convolution(up, last, scale)
    answer = F.pixel_shuffle(F.conv2d(features, kernel, bias, padding=2), scale)
    return _without_beyond(answer, features, up, last, scale)


def _one_convolution(up: nn.Conv2d, last: nn.Conv2d, scale: int) -> tuple[Tensor, Tensor]:
    """Kernel and bias of both: what one lit feature makes of its surroundings, and what none makes."""
    lit = F.pixel_shuffle(up.weight.flip(-2, -1).transpose(0, 1), scale)
    taps = last.weight.flip(-2, -1).permute(0, 2, 3, 1).flatten(0, 2)
    seen = F.fold(taps @ lit.flatten(2), (3 * scale + 2,) * 2, kernel_size=3)
    kernel = F.pixel_unshuffle(F.pad(seen, (scale - 1,) * 4), scale).transpose(0, 1).flip(-2, -1)
    assert up.bias is not None
    dark = F.pixel_shuffle(up.bias[:, None, None].expand(-1, 3, 3), scale)
    bias = F.pixel_unshuffle(F.conv2d(dark[None], last.weight, last.bias, padding=1), scale)[0, :, 1, 1]
    return kernel, bias


def _without_beyond(answer: Tensor, features: Tensor, up: nn.Conv2d, last: nn.Conv2d, scale: int) -> Tensor:
    """`answer` less what the one convolution sees beyond the edges, where `last` sees zeros.

    That is a line of pixels on each side, which `up` would make of the features at the edge. Those above and below are
    taken with their corners, those beside without, so that each corner goes once.
    """
    assert up.bias is not None
    kernel = up.weight.reshape(-1, scale, scale, *up.weight.shape[1:])
    bias, taps = up.bias.reshape(-1, scale, scale), last.weight
    for beside in (False, True):
        if beside:
            answer, features, taps = answer.mT, features.mT, taps.mT
            kernel, bias = kernel.transpose(1, 2).mT, bias.mT
        for edge, phase, tap in ((0, scale - 1, 2), (-1, 0, 0)):
            of_edge = kernel[:, phase, :, :, tap].flatten(0, 1), bias[:, phase].flatten()
            line = F.conv1d(features[..., edge, :], *of_edge, padding=2)
            line = line.reshape(len(line), -1, scale, line.shape[-1]).mT.flatten(2)
            line = F.pad(line[..., scale:-scale], (1, 1)) if beside else line[..., scale - 1 : 1 - scale]
            answer[..., edge, :] -= F.conv1d(line, taps[..., 2 - tap, :])
    return answer.mT
