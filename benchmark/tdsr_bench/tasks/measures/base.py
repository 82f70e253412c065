"""What a segmentation is measured from, and what a measure of one is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]
"""float ``[n, 2]``: the points of a line as (column, row) in pixels; pixel (r, c) covers c to c + 1 and r to r + 1."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is there: one for all images of a scene, so that what measures make of it alone is made once.

    Attributes:
        mask: bool ``[H, W]``.
        lines: its centre lines; None where the data set has no vectors of it.
        valid: bool ``[H, W]``, the pixels that count.
        metres_per_pixel: ground size of a pixel.
    """

    mask: NDArray[np.bool_]
    lines: tuple[Line, ...] | None
    valid: NDArray[np.bool_]
    metres_per_pixel: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a network found in an image, and what is there.

    Attributes:
        probability: float32 ``[H, W]``, 0 to 1.
        found: bool ``[H, W]``, true where the probability reaches the network's threshold.
        truth: what is there.
    """

    probability: NDArray[np.float32]
    found: NDArray[np.bool_]
    truth: Truth

    @property
    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """What was found, what is true, and what counts."""
        return self.found, self.truth.mask, self.truth.valid


Settings = Mapping[str, Any]
"""The protocol's settings of a measure, handed to its function as keyword arguments."""


@dataclass(frozen=True)
class Measure:
    """A named measurement of a segmentation; higher is better for all of them, 1 is perfect.

    A value is undefined, NaN, by the truth alone: where nothing is there among the valid pixels.

    Attributes:
        key: how rows and cards call it, after the task's name and a dot.
        title: how tables call it.
        source: where its definition comes from.
        compute: from a segmentation and the protocol's settings of this measure to its value.
    """

    key: str
    title: str
    source: str
    compute: Callable[[Segmentation, Settings], float]
