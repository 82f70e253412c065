"""What a network of super-resolution is: one contract for one frame and for several."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from tdsr_bench.scene import SCALE

Residual = Literal["none", "bicubic", "classical"]
"""What a network adds its own answer to: nothing, as published; its first frame, enlarged; or the best that is known
without learning, see `tdsr_baselines.fuse.classical`."""

Views = Literal["frames", "phases"]
"""What a multi-image network takes for its T images of one place: registered frames, as published; or the nine
samplings of the classical image, one for each place of a low-resolution pixel's grid within it.

Registered frames no longer tell where within a pixel each was taken. Shift-and-add knows, and puts it into its image;
the nine samplings of that have their places for certain."""


def needs_classical(residual: Residual, views: Views) -> bool:
    """Whether a network is shown the best image that is known without learning."""
    return residual == "classical" or views == "phases"


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
        residual, views: unless the configuration says otherwise.
        tile: whole scenes are shown to it in tiles of so many low-resolution pixels; 0 for the whole at once.
        source: where it comes from.
    """

    name: str
    frames: int
    build: Callable[[int, int, Mapping[str, Any]], nn.Module]
    settings: Mapping[str, Any] = field(default_factory=dict)
    multi_image: bool = False
    residual: Residual = "none"
    views: Views = "frames"
    tile: int = 0
    source: str = ""


class SrNetwork(nn.Module):
    """A core between reflectance and reflectance.

    Args:
        core: see `Size.build`.
        frames: how many it takes.
        mean, sd: of each band; what the core sees is ``(frames - mean) / sd``.
        residual: what the core's answer is added to.
        views: what the core is shown.
    """

    def __init__(
        self,
        core: nn.Module,
        *,
        frames: int,
        mean: tuple[float, ...],
        sd: tuple[float, ...],
        residual: Residual,
        views: Views = "frames",
    ) -> None:
        super().__init__()
        self.core, self.frames, self.mean, self.sd, self.residual, self.views = core, frames, mean, sd, residual, views

    @property
    def needs_classical(self) -> bool:
        """Whether `forward` has to be given the classical image."""
        return needs_classical(self.residual, self.views)

    def forward(self, frames: Tensor, classical: Tensor | None = None) -> Tensor:
        """Reflectance ``[N, T, 4, h, w]``, registered, the best frame first, to reflectance ``[N, 4, 3h, 3w]``.

        Where it `needs_classical`, that image ``[N, 4, 3h, 3w]`` of the same frames has to be there.
        """
        mean, sd = (frames.new_tensor(values)[:, None, None] for values in (self.mean, self.sd))
        normalised = (frames - mean) / sd
        known = normalised if classical is None else (classical - mean) / sd
        assert classical is not None or not self.needs_classical, "this network is shown the classical image"
        answer: Tensor = self.core(phases(known) if self.views == "phases" else normalised)
        if self.residual == "bicubic":
            answer = answer + enlarged(normalised[:, 0])
        elif self.residual == "classical":
            answer = answer + known
        return answer * sd + mean


def phases(image: Tensor) -> Tensor:
    """``[N, B, 3h, 3w]`` to its samplings ``[N, 9, B, h, w]``: every third pixel from (0, 0), (0, 1), ... (2, 2)."""
    count, bands, height, width = image.shape
    samplings = F.pixel_unshuffle(image, SCALE)
    return samplings.reshape(count, bands, SCALE**2, height // SCALE, width // SCALE).transpose(1, 2)


def enlarged(images: Tensor) -> Tensor:
    """Bicubic ``[N, B, h, w]`` to ``[N, B, 3h, 3w]``, as `tdsr_bench.interpolation.enlarge` (Keys, a = -0.5)."""
    return F.interpolate(images, scale_factor=SCALE, mode="bicubic", antialias=True)
