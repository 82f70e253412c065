"""What a network of super-resolution is: one contract for one frame and for several."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from tdsr_bench.scene import SCALE

Residual = Literal["none", "bicubic"]
"""What a network adds its own answer to: nothing, as published; or its first frame, enlarged."""


@dataclass(frozen=True)
class Size:
    """A network of a certain size, as configurations call it.

    Attributes:
        name: such as ``hat-s``.
        frames: how many frames it is made for; 1 for a single-image network.
        build: from bands, frames and settings to an untrained core: a module from normalised ``[N, T, bands, h, w]`` to
            ``[N, bands, 3h, 3w]`` in the same unit.
        settings: of the core; a configuration can change each.
        multi_image: whether it can be made for another number of frames.
        residual: unless the configuration says otherwise.
        tile: whole scenes are shown to it in tiles of so many low-resolution pixels; 0 for the whole at once.
        source: where it comes from.
    """

    name: str
    frames: int
    build: Callable[[int, int, Mapping[str, Any]], nn.Module]
    settings: Mapping[str, Any] = field(default_factory=dict)
    multi_image: bool = False
    residual: Residual = "none"
    tile: int = 0
    source: str = ""


class SrNetwork(nn.Module):
    """A core between reflectance and reflectance.

    Args:
        core: see `Size.build`.
        frames: how many it takes.
        mean, sd: of each band; what the core sees is ``(frames - mean) / sd``.
        residual: what the core's answer is added to.
    """

    def __init__(
        self, core: nn.Module, *, frames: int, mean: tuple[float, ...], sd: tuple[float, ...], residual: Residual
    ) -> None:
        super().__init__()
        self.core, self.frames, self.mean, self.sd, self.residual = core, frames, mean, sd, residual

    def forward(self, frames: Tensor) -> Tensor:
        """Reflectance ``[N, T, 4, h, w]``, registered, the best frame first, to reflectance ``[N, 4, 3h, 3w]``."""
        mean, sd = (frames.new_tensor(values)[:, None, None] for values in (self.mean, self.sd))
        normalised = (frames - mean) / sd
        answer = self.core(normalised)
        if self.residual == "bicubic":
            answer = answer + enlarged(normalised[:, 0])
        return answer * sd + mean  # type: ignore[no-any-return]


def enlarged(images: Tensor) -> Tensor:
    """Bicubic ``[N, B, h, w]`` to ``[N, B, 3h, 3w]``, as `tdsr_bench.interpolation.enlarge` (Keys, a = -0.5)."""
    return F.interpolate(images, scale_factor=SCALE, mode="bicubic", antialias=True)
