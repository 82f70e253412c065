"""RAMS as one writes it from the paper, without regard to speed: what ours is timed against.

Salvetti et al., "Multi-Image Super Resolution of Remotely Sensed Images Using Residual Attention Deep Neural Networks",
Remote Sensing 12(14):2207 (2020): contiguous three-dimensional convolutions under weight normalisation, reflection,
attention by global pooling; for one band.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

REDUCTION = 8


class Attention(nn.Module):
    """Residual feature attention block, or of two dimensions the residual temporal attention block."""

    def __init__(self, channels: int, kind: type[nn.Conv2d] | type[nn.Conv3d]) -> None:
        super().__init__()
        few = max(channels // REDUCTION, 1)
        self.first = weight_norm(kind(channels, channels, 3, padding=1))
        self.second = weight_norm(kind(channels, channels, 3, padding=1))
        self.squeeze = weight_norm(kind(channels, few, 1))
        self.excite = weight_norm(kind(few, channels, 1))
        self.pool = nn.AdaptiveAvgPool2d(1) if kind is nn.Conv2d else nn.AdaptiveAvgPool3d(1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x)))
        return x + y * self.excite(F.relu(self.squeeze(self.pool(y)))).sigmoid()


class Reduction(nn.Module):
    """Temporal reduction block: two frames fewer."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.attention = Attention(filters, nn.Conv3d)
        self.conv = weight_norm(nn.Conv3d(filters, filters, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(self.attention(F.pad(x, (1, 1, 1, 1, 0, 0), mode="reflect"))))


class PlainRams(nn.Module):
    """``[N, T, h, w]`` of one band to ``[N, 1, 3h, 3w]``."""

    def __init__(self, frames: int, filters: int, blocks: int) -> None:
        super().__init__()
        self.first = weight_norm(nn.Conv3d(1, filters, 3, padding=1))
        self.blocks = nn.Sequential(*(Attention(filters, nn.Conv3d) for _ in range(blocks)))
        self.last = weight_norm(nn.Conv3d(filters, filters, 3, padding=1))
        self.reductions = nn.Sequential(*(Reduction(filters) for _ in range((frames - 3) // 2)))
        self.enlarge = weight_norm(nn.Conv3d(filters, 9, 3))
        self.whole = Attention(frames, nn.Conv2d)
        self.whole_enlarge = weight_norm(nn.Conv2d(frames, 9, 3))

    def forward(self, frames: Tensor) -> Tensor:
        padded = F.pad(frames, (1, 1, 1, 1), mode="reflect")
        low = self.first(padded[:, None])
        local = self.enlarge(self.reductions(self.last(self.blocks(low)) + low))[:, :, 0]
        whole = self.whole_enlarge(self.whole(padded))
        return F.pixel_shuffle(local, 3) + F.pixel_shuffle(whole, 3)
