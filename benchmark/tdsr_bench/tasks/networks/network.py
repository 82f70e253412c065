"""A trained task network: what it finds in an image, and what it is."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tdsr_bench.tasks.networks.architectures import MULTIPLE, joined
from tdsr_bench.tasks.networks.record import NetworkRecord

TILE, MARGIN = 768, 64
"""A large image is segmented in parts of so many pixels, each seen with a margin that is thrown away."""


@dataclass(frozen=True, eq=False)
class TaskNetwork:
    """A network that segments.

    Attributes:
        module: from a normalised image to logits, see `ARCHITECTURES`; in evaluation mode.
        record: what it is.
        sha256: of its file; None before it has one.
    """

    module: nn.Module
    record: NetworkRecord
    sha256: str | None = None

    def logits(self, images: Tensor) -> Tensor:
        """The logit "is it there", ``[N, 1, H, W]``, of reflectance ``[N, bands, H, W]``; differentiable, any size."""
        return joined(apply_padded(self.module, self.normalised(images)))

    def normalised(self, images: Tensor) -> Tensor:
        """Reflectance ``[N, bands, H, W]`` as the module takes it."""
        mean, sd = (images.new_tensor(values)[:, None, None] for values in (self.record.mean, self.record.sd))
        return (images - mean) / sd

    def probability(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability at each pixel, float32 ``[H, W]``, of reflectance ``[bands, H, W]`` of any size."""
        found = np.empty(image.shape[1:], np.float32)
        with torch.inference_mode():
            for outer, inner, part in _tiles(*image.shape[1:]):
                whole = torch.from_numpy(np.ascontiguousarray(image[:, *outer]))[None].to(_device(self.module))
                # Convolutions need not move pixels to and fro then: a quarter less time.
                whole = whole.contiguous(memory_format=torch.channels_last)
                found[part] = torch.sigmoid(self.logits(whole))[0, 0][inner].cpu().numpy()
        return found

    def found(self, image: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where it is sure enough, bool ``[H, W]``, of reflectance ``[bands, H, W]`` of any size."""
        return np.asarray(self.probability(image) >= self.record.threshold)


def apply_padded(module: nn.Module, images: Tensor) -> Tensor:
    """`module` on images of any size: mirrored at the right and lower edge to a multiple of `MULTIPLE`, and cut."""
    height, width = images.shape[-2:]
    down, right = -height % MULTIPLE, -width % MULTIPLE
    mode = "reflect" if down < height and right < width else "replicate"
    outputs: Tensor = module(F.pad(images, (0, right, 0, down), mode=mode))
    return outputs[..., :height, :width]


@dataclass(frozen=True, eq=False)
class Adapting:
    """A network whose batch normalisation is being estimated anew; nothing else of it changes.

    Attributes:
        network: a copy whose running means and variances are those of the images seen so far, each counting the same.
    """

    network: TaskNetwork

    def see(self, image: NDArray[np.float32]) -> None:
        """Take note of an image ``[bands, H, W]`` of the new domain."""
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(_device(self.network.module))
        with torch.no_grad():
            apply_padded(self.network.module, self.network.normalised(tensor[None]))

    def done(self) -> TaskNetwork:
        """The adapted network."""
        return replace(self.network, module=self.network.module.eval())


def adapting(network: TaskNetwork) -> Adapting:
    """A copy of `network` that takes the statistics of its batch normalisation from the images that it is shown next.

    Li et al., "Revisiting batch normalization for practical domain adaptation" (2016): weights stay as they are.
    """
    module = copy.deepcopy(network.module)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the images
            layer.train()
    return Adapting(replace(network, module=module, sha256=None))


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters()).device


Window = tuple[slice, slice]


def _tiles(height: int, width: int) -> Iterator[tuple[Window, Window, Window]]:
    """For each part of an image: what to look at, what of that to keep, and where that belongs."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            rows, columns = (slice(start, min(start + TILE, size)) for start, size in ((top, height), (left, width)))
            (outer_rows, inner_rows), (outer_columns, inner_columns) = (
                with_margin(rows, height),
                with_margin(columns, width),
            )
            yield (outer_rows, outer_columns), (inner_rows, inner_columns), (rows, columns)


def with_margin(part: slice, size: int) -> tuple[slice, slice]:
    """What to look at for the sake of a `part` of `size` pixels, and where in that the part lies."""
    first = max(part.start - MARGIN, 0)
    return slice(first, min(part.stop + MARGIN, size)), slice(part.start - first, part.stop - first)
