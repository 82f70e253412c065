"""Agreement of key points: what Key.Net answers to the super-resolved image and to the reference."""

import copy
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from tdsr_baselines.losses.base import Family, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import against_reference, levelled, mean_over, whole_windows
from tdsr_bench.errors import ProtocolError
from tdsr_bench.scene import RGB
from tdsr_bench.tasks import keynet

LEAST_VARIANCE = 100.0
"""Of responses, whose peaks are in the thousands: on crops of a Sentinel-2 image 2e3 to 2e5, on a flat one 1e-12."""


def response_distance(
    network: nn.Module, sr: Tensor, reference: Tensor, valid: Tensor, *, white: float, margin: int
) -> Tensor:
    """Mean squared difference of the responses of `network`, over their variance in the reference: 0 for equal images.

    Key points are the peaks of the response (Barroso-Laguna et al., ICCV 2019); their places have no gradient, the
    response has. Masked pixels have the reference's mean in both.

    Args:
        network: Key.Net, from grey ``[N, 1, H, W]`` of 0 to 1 to responses of that shape.
        sr, reference: ``[N, 4, H, W]``.
        valid: bool ``[N, 1, H, W]``.
        white: the reflectance that becomes 1, the same for every image.
        margin: pixels from the edges and from masked pixels that do not count; there the network answers to them, and
            to nothing else where the crop is flat.

    Raises:
        ProtocolError: crops that have nothing inside their margin.
    """
    inside = _inside(valid, margin)
    sr, reference = levelled(sr, reference, valid)
    with torch.no_grad():
        wanted: Tensor = network(grey(reference, white=white))
    variance = mean_over((wanted - mean_over(wanted, inside)).square(), inside)
    difference = network(grey(sr, white=white)) - wanted
    return mean_over(difference.square(), inside) / variance.clamp(min=LEAST_VARIANCE)


def grey(images: Tensor, *, white: float) -> Tensor:
    """``[N, 4, H, W]`` in reflectance to the ``[N, 1, H, W]`` that `tdsr_bench.tasks.keypoints.grey_image` makes."""
    return (images[:, list(RGB)].mean(dim=1, keepdim=True) / white).clamp(0, 1)


def _inside(valid: Tensor, margin: int) -> Tensor:
    """Bool ``[N, 1, H, W]``: at least `margin` pixels from the edges and from pixels that are not valid."""
    if min(valid.shape[-2:]) <= 2 * margin:
        height, width = valid.shape[-2:]
        raise ProtocolError(
            f"The loss keypoints leaves out {margin} pixels on each side of crops of {height} x {width} and has none "
            f"left; make the crops larger, or its `margin` smaller."
        )
    return F.pad(whole_windows(valid, margin), (margin,) * 4)


def _network(surroundings: Surroundings) -> nn.Module:
    path: Path | None = surroundings.keynet or keynet.weights_file()
    if path is None:
        raise ProtocolError(f"The loss keypoints looks through Key.Net, and it is not here: {keynet.unavailable()}.")
    network: nn.Module = copy.deepcopy(keynet.load_network(path))  # the cached one scores, and stays where it is
    return network.to(surroundings.device).eval().requires_grad_(False)


class KeyPoints(LossSettings):
    """See `response_distance`.

    Attributes:
        white: the reflectance that Key.Net sees as 1; the protocol's.
        margin: high-resolution pixels from edges and masks that do not count; the protocol's.
    """

    family: ClassVar[Family] = "task"
    needs_reference: ClassVar[bool] = True
    kind: Literal["keypoints"] = "keypoints"
    white: float = Field(default=0.3, gt=0)
    margin: int = Field(default=15, ge=0)

    @property
    def name(self) -> str:
        return self.kind

    def build(self, surroundings: Surroundings) -> LossFunction:
        measure = partial(response_distance, _network(surroundings), white=self.white, margin=self.margin)
        return against_reference(self.name, measure)
