"""The contract of a submission: a Python file that defines `submission`, an instance of `Submission`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.scene import LowResView, Track

SuperResolve = Callable[[LowResView], NDArray[np.float32]]


@dataclass(frozen=True)
class Submission:
    """A method that takes part.

    Attributes:
        name: how tables call it.
        track: `Track.SISR` is shown one frame, `Track.MISR` up to nine.
        super_resolve: from the view of a scene to float32 ``[4, 3h, 3w]``, surface reflectance, on the grid that is
            three times as fine as the frames'. The whole scene comes in and the whole scene is expected back; tiling is
            the method's own business.
        training_data: what the method was trained on, in words; "none" for a method without training.
        parameters: the number of trained parameters, 0 for a method without training.
        files: weights and whatever else the answer depends on, beside the Python files in the submission's folder.
    """

    name: str
    track: Track
    super_resolve: SuperResolve
    training_data: str = "none"
    parameters: int = 0
    files: tuple[Path, ...] = ()
