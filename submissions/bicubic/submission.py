"""Bicubic interpolation with the kernel of Keys (1981), a = -0.5: the zero of the image score.

Start here to write a submission of your own: copy the folder, and change `super_resolve`.
"""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission, untrained


def super_resolve(view: LowResView) -> NDArray[np.float32]:
    """The frame ``[4, h, w]`` at three times the size, clouds included."""
    return enlarge(view.frames[0], "bicubic")


submission = Submission(name="bicubic", track=Track.SISR, super_resolve=super_resolve, training=untrained("bicubic"))
