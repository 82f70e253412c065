"""Lanczos interpolation with three lobes: the closest to a band-limited image among the interpolations.

A little sharper than bicubic, with faint ringing along strong edges.
"""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission


def super_resolve(view: LowResView) -> NDArray[np.float32]:
    """The frame ``[4, h, w]`` at three times the size, clouds included."""
    return enlarge(view.frames[0], "lanczos")


submission = Submission(name="Lanczos", track=Track.SISR, super_resolve=super_resolve)
