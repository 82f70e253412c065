"""How images and finds are shown: the same colours in panels, on sheets and wherever their legend stands."""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.scene import RGB, SCALE

WHITE = 0.3
"""The reflectance that is shown as white."""

GAMMA = 0.7

FOUND, INVENTED, MISSED = (1.0, 1.0, 1.0), (0.90, 0.38, 0.0), (0.37, 0.55, 0.95)
"""Rightly found, found where nothing is, not found; told apart by colour-blind eyes as well."""

LEGEND = "white: found; orange: found, but not there; blue: there, but not found (by most of the networks that score)"


def to_rgb(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reflectance ``[4, H, W]`` as colours ``[H, W, 3]``, 0 to 1; what is brighter than `WHITE` is white."""
    colours: NDArray[np.float32] = (np.clip(image[list(RGB)] / WHITE, 0, 1) ** GAMMA).transpose(1, 2, 0)
    return colours


def first_frame(pair: AlignedPair) -> NDArray[np.float32]:
    """The first frame, each of its pixels as a block, the same ground as far as whole pixels allow."""
    blocks: NDArray[np.float32] = pair.observed[0].repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    border = (blocks.shape[1] - pair.sr.shape[1]) // 2
    return blocks[:, border:-border, border:-border]


def errors(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What was found, right and wrong, and what was not, as colours ``[H, W, 3]``, 0 to 1."""
    colours = np.full((*truth.shape, 3), 0.07)
    for where, colour in ((found & truth, FOUND), (found & ~truth, INVENTED), (truth & ~found, MISSED)):
        colours[where] = colour
    return colours
