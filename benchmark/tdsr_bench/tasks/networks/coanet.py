"""CoANet: a road network that is taught which pixels belong together (Mei et al., IEEE TIP 30:8540, 2021).

An implementation of our own from the paper. Two things differ from the authors' published code: both diagonals have
their strip convolutions (theirs computes the same diagonal twice), and images need not be square.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEIGHBOURS = 9
"""The 3 x 3 neighbourhood that a connectivity branch speaks about, its centre among them."""

SPACINGS = (2, 4)
"""How far, in pixels, the neighbours of the two connectivity branches lie from their centre."""

CONNECTIVITY_WEIGHT = 0.2
SPACING_WEIGHTS = (0.6, 0.4)
"""Of the loss: segmentation + 0.2 (0.6 near + 0.4 far)."""

STRIP = 9
"""Length of a strip convolution."""


class CoANet(nn.Module):
    """Encoder, ASPP, decoder of strip convolutions, and three branches.

    `forward` maps ``[N, bands, H, W]`` to ``[N, 19, H, W]``: a logit of "is road", and for either spacing nine of "this
    pixel and that neighbour are both road". H and W are multiples of the encoder's reduction.

    Args:
        bands: of the image.
        encoder: a residual network of timm; the paper's is ``resnet101``.
        output_stride: of the encoder's last stage; the paper's is 16.
        widths: of the decoder's four modules, the deepest first; the paper's are 256, 128, 64, 64.
        dilations: of ASPP's three spread convolutions; the paper's, for an output stride of 16, are 6, 12, 18.
        encoder_settings: handed to timm, such as ``channels`` and ``layers`` of a small encoder.
        pool: whether the encoder starts with its max-pooling; without, all strides are halved, for roads that are only
            two or three pixels wide.
    """

    def __init__(
        self,
        bands: int,
        *,
        encoder: str = "resnet101",
        output_stride: int = 16,
        widths: Sequence[int] = (256, 128, 64, 64),
        dilations: Sequence[int] = (6, 12, 18),
        encoder_settings: dict[str, Any] | None = None,
        pool: bool = True,
    ) -> None:
        super().__init__()
        import timm

        self.encoder = timm.create_model(
            encoder,
            features_only=True,
            in_chans=bands,
            output_stride=output_stride,
            out_indices=(1, 2, 3, 4),
            **(encoder_settings or {}),
        )
        if not pool:
            self.encoder.maxpool = nn.Identity()
        channels: list[int] = self.encoder.feature_info.channels()  # type: ignore[operator, union-attr]
        deep, *decoder = widths
        self.aspp = Aspp(channels[3], deep, dilations)
        self.skips = nn.ModuleList(
            convolution(c, w, 1) for c, w in zip(channels[2::-1], (deep, *decoder[:2]), strict=True)
        )
        inputs = (deep, 2 * deep, 2 * decoder[0], 2 * decoder[1])
        outputs = (deep, *decoder)
        self.strips = nn.ModuleList(StripModule(i, o) for i, o in zip(inputs, outputs, strict=True))
        last = decoder[-1]
        self.segmentation = nn.Sequential(nn.Conv2d(last, last, 3, padding=1), nn.ReLU(), nn.Conv2d(last, 1, 1))
        self.connectivity = nn.ModuleList(Connectivity(last, dilation) for dilation in (1, 3))

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``[N, 19, H, W]`` of ``[N, bands, H, W]``."""
        *shallow, deepest = self.encoder(image)
        x = self.aspp(deepest)
        for strip, skip, features in zip(self.strips, self.skips, reversed(shallow), strict=False):
            x = torch.cat([_as_large(strip(x), features), skip(features)], dim=1)
        x = self.strips[-1](x)
        x = F.interpolate(x, size=image.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([self.segmentation(x), *(branch(x) for branch in self.connectivity)], dim=1)


class StripModule(nn.Module):
    """Four strip convolutions side by side: along rows, columns and both diagonals (section III-B)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = max(inputs // 4, 8)
        self.reduce = convolution(inputs, middle, 1)
        reach = STRIP // 2
        self.along = nn.Conv2d(middle, middle // 2, (1, STRIP), padding=(0, reach))
        self.down = nn.Conv2d(middle, middle // 2, (STRIP, 1), padding=(reach, 0))
        self.falling = nn.Conv2d(middle, middle // 2, (STRIP, 1), padding=(reach, 0))
        self.rising = nn.Conv2d(middle, middle // 2, (STRIP, 1), padding=(reach, 0))
        self.norm = nn.BatchNorm2d(4 * (middle // 2))
        self.expand = convolution(4 * (middle // 2), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, outputs, H, W]``."""
        x = self.reduce(x)
        mirrored = x.flip(-1)
        diagonals = unsheared(self.rising(sheared(x))), unsheared(self.falling(sheared(mirrored))).flip(-1)
        return self.expand(F.relu(self.norm(torch.cat([self.along(x), self.down(x), *diagonals], dim=1))))  # type: ignore[no-any-return]


def sheared(x: Tensor) -> Tensor:
    """Each row one pixel further right than the row above: ``[..., H, W]`` to ``[..., H, W + H - 1]``.

    What was a diagonal rising to the right becomes a column.

    >>> sheared(torch.arange(1, 7).reshape(2, 3))
    tensor([[1, 2, 3, 0],
            [0, 4, 5, 6]])
    """
    height, width = x.shape[-2:]
    flat = F.pad(x, (0, height)).flatten(-2)
    return flat[..., :-height].reshape(*x.shape[:-1], width + height - 1)


def unsheared(x: Tensor) -> Tensor:
    """The inverse of `sheared`."""
    height, wide = x.shape[-2:]
    flat = F.pad(x.flatten(-2), (0, height))
    return flat.reshape(*x.shape[:-1], wide + 1)[..., : wide - height + 1]


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling: a 1 x 1, three spread 3 x 3 convolutions and the image's mean, joined."""

    def __init__(self, inputs: int, outputs: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([convolution(inputs, outputs, 1)])
        self.branches.extend(convolution(inputs, outputs, 3, dilation=dilation) for dilation in dilations)
        self.whole = nn.Conv2d(inputs, outputs, 1)
        self.join = convolution(outputs * (len(self.branches) + 1), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, outputs, H, W]``."""
        mean = F.relu(self.whole(x.mean(dim=(-2, -1), keepdim=True))).expand(-1, -1, *x.shape[-2:])
        return self.join(torch.cat([*(branch(x) for branch in self.branches), mean], dim=1))  # type: ignore[no-any-return]


class Connectivity(nn.Module):
    """One connectivity branch: nine logits a pixel, weighed by squeeze and excitation (section III-C)."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inputs, NEIGHBOURS, 3, padding=dilation, dilation=dilation),
        )
        self.excite = nn.Sequential(
            nn.Linear(NEIGHBOURS, NEIGHBOURS // 3, bias=False),
            nn.ReLU(),
            nn.Linear(NEIGHBOURS // 3, NEIGHBOURS, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` to ``[N, 9, H, W]``."""
        logits = self.layers(x)
        return logits * self.excite(logits.mean(dim=(-2, -1)))[..., None, None]  # type: ignore[no-any-return]


def connectivity_cube(mask: Tensor, spacing: int) -> Tensor:
    """Which of a road pixel's neighbours are road as well: ``[N, 1, H, W]`` of 0 and 1 to ``[N, 9, H, W]``.

    Channel ``3 i + j`` speaks of the neighbour ``spacing (i - 1)`` rows below and ``spacing (j - 1)`` columns to the
    right; beyond the image nothing is road.
    """
    height, width = mask.shape[-2:]
    padded = F.pad(mask, (spacing,) * 4)
    neighbours = [
        padded[..., i * spacing : i * spacing + height, j * spacing : j * spacing + width]
        for i in range(3)
        for j in range(3)
    ]
    return mask * torch.cat(neighbours, dim=1)


def connectivity_loss(outputs: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """The binary cross-entropy of both connectivity branches against their cubes, as it adds to the loss.

    Args:
        outputs: of `CoANet`, ``[N, 19, H, W]``.
        mask: ``[N, 1, H, W]``, 0 or 1.
        weight: ``[N, 1, H, W]``, 0 where a pixel does not count.
    """
    total = outputs.new_zeros(())
    for logits, spacing, share in zip(outputs[:, 1:].chunk(2, dim=1), SPACINGS, SPACING_WEIGHTS, strict=True):
        cube = connectivity_cube(mask, spacing)
        error = F.binary_cross_entropy_with_logits(logits, cube, reduction="none")
        total = total + share * (error * weight).sum() / (NEIGHBOURS * weight.sum()).clamp(min=1)
    return CONNECTIVITY_WEIGHT * total


def joined(outputs: Tensor) -> Tensor:
    """What is road by the segmentation or by its connections: the logit ``[N, 1, H, W]`` of the greatest probability.

    The authors join the three branches' thresholded maps by "or"; the maximum is the same thing before a threshold.
    """
    return outputs.amax(dim=1, keepdim=True)


def convolution(inputs: int, outputs: int, size: int, *, dilation: int = 1) -> nn.Sequential:
    """Convolution of unchanged size, batch normalisation, ReLU."""
    padding = dilation * (size // 2)
    layer = nn.Conv2d(inputs, outputs, size, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


def _as_large(x: Tensor, like: Tensor) -> Tensor:
    return x if x.shape[-2:] == like.shape[-2:] else F.interpolate(x, size=like.shape[-2:])
