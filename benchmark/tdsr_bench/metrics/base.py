"""What a metric is, and what it is computed from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")

Settings = Mapping[str, Any]
"""The protocol's settings of a metric, handed to its function as keyword arguments."""


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """A super-resolved image on the grid of its reference, and the two as they were before.

    All images are surface reflectance. Arrays named ``native`` and ``observed`` lie on the frames' grid, before any
    shift and with their borders; all others lie on the reference's grid, shifted once, with 12 pixels cut on each side.

    Attributes:
        sr: float32 ``[4, H, W]``, the method's image.
        reference: float32 ``[4, H, W]``, harmonised to the frames.
        bicubic: float32 ``[4, H, W]``, the first frame enlarged by bicubic interpolation, shifted as the protocol says.
        valid: bool ``[4, H, W]``, the pixels that count; the same for every method.
        data_range: float ``[4]``, the 99th less the 1st percentile of the frames' median, for each band.
        shift: (rows, columns) in high-resolution pixels that the method's image was moved beyond the scene's own shift.
        metres_per_pixel: ground size of a high-resolution pixel.
        native_sr: float32 ``[4, 3h, 3w]``, the method's image as it was given.
        observed: float32 ``[K, 4, h, w]``, what a method may be held to: its frame, or its first frame and the median
            of its frames.
        observed_valid: bool ``[K, h, w]``, false where `observed` has no clear pixel.
        of_reference: what metrics made of the reference, see `once_a_reference`; the same for all pairs of a scene.
    """

    sr: NDArray[np.float32]
    reference: NDArray[np.float32]
    bicubic: NDArray[np.float32]
    valid: NDArray[np.bool_]
    data_range: NDArray[np.float64]
    shift: tuple[float, float]
    metres_per_pixel: float
    native_sr: NDArray[np.float32]
    observed: NDArray[np.float32]
    observed_valid: NDArray[np.bool_]
    of_reference: dict[Any, Any] = field(default_factory=dict, repr=False)
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def once_a_reference(self, make: Callable[["AlignedPair", Settings], Made], settings: Settings) -> Made:
        """What `make` makes of this pair's reference alone; made for the first pair of a scene, for all that follow."""
        key = make, repr(sorted(settings.items()))
        known, made = self.of_reference.get(key, (None, None))
        # Each pair has its own view of the same pixels, which stay where they are as long as one view is kept.
        if known is None or (known.ctypes.data, known.shape) != (self.reference.ctypes.data, self.reference.shape):
            made = make(self, settings)
            self.of_reference[key] = self.reference, made
        result: Made = made
        return result

    def once(self, make: Callable[["AlignedPair", Settings], Made], settings: Settings) -> Made:
        """What `make` makes of this pair with these settings; made at the first call, for metrics that share it."""
        key = make, repr(sorted(settings.items()))
        if key not in self._made:
            self._made[key] = make(self, settings)
        made: Made = self._made[key]
        return made


Values = NDArray[np.float64]
"""``[4]`` for a metric that is computed band by band, ``[1]`` for one of the whole image; NaN where it is undefined."""


@dataclass(frozen=True)
class Metric:
    """A named measurement of an aligned pair.

    Attributes:
        key: how rows and cards call it.
        title: how tables call it.
        unit: "1" where it has none.
        higher_is_better: None where neither end is better.
        per_band: one value a band, or one for the whole image.
        source: where its definition comes from.
        compute: from a pair and the protocol's settings of this metric to its `Values`.
        unavailable: the reason why it cannot be computed here (weights that are missing), or None.
    """

    key: str
    title: str
    unit: str
    higher_is_better: bool | None
    per_band: bool
    source: str
    compute: Callable[[AlignedPair, Settings], Values]
    unavailable: Callable[[], str | None] = lambda: None
