"""The networks of super-resolution: one file an architecture, and the list of all their sizes."""

from collections.abc import Mapping
from typing import Any

from tdsr_baselines.networks import hat, rams
from tdsr_baselines.networks.base import Residual, Size, SrNetwork, Views
from tdsr_bench.errors import ProtocolError
from tdsr_bench.scene import BANDS, SCALE
from tdsr_bench.toml_file import nearest

SIZES: Mapping[str, Size] = {size.name: size for size in (*hat.SIZES, *rams.SIZES)}
"""Every size that a configuration can name."""


def find_size(name: str) -> Size:
    """The size called `name`.

    Raises:
        ProtocolError: there is none of that name.
    """
    if name not in SIZES:
        raise ProtocolError(f"There is no network {name!r}; the nearest is {nearest(name, SIZES)}.")
    return SIZES[name]


def build_network(
    size: Size,
    *,
    mean: tuple[float, ...],
    sd: tuple[float, ...],
    frames: int | None = None,
    residual: Residual | None = None,
    views: Views | None = None,
    settings: Mapping[str, Any] | None = None,
) -> SrNetwork:
    """An untrained network of a `size`; what is None is as the size has it.

    Raises:
        ProtocolError: the size cannot be made for so many frames, or does not know a setting.
    """
    count = frames or size.frames
    if count != size.frames and not size.multi_image:
        raise ProtocolError(f"{size.name} takes {size.frames} frame, not {count}; leave out `frames`.")
    chosen = views or size.views
    if chosen == "phases" and not size.multi_image:
        raise ProtocolError(f"{size.name} takes one image, not the nine phases of one; leave out `views`.")
    images = SCALE**2 if chosen == "phases" else count
    core = size.build(len(BANDS), images, {**size.settings, **(settings or {})})
    return SrNetwork(core, frames=count, mean=mean, sd=sd, residual=residual or size.residual, views=chosen)
