"""Back-projected bicubic: bicubic interpolation, corrected until the sensor model sees the frame in it again.

Iterative back-projection (Irani and Peleg, 1991) undoes the sensor's blur as far as one frame allows, with nothing
learned: what a trained single-image method has to beat.
"""

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.interpolation import BACK_PROJECTIONS, back_project, enlarge
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission, untrained


def super_resolve(view: LowResView) -> NDArray[np.float32]:
    """The frame ``[4, h, w]`` at three times the size, with the blur of the sensor model taken back."""
    frame = view.frames[0]
    return back_project(enlarge(frame, "bicubic"), frame, iterations=BACK_PROJECTIONS)


submission = Submission(
    name="back-projected bicubic", track=Track.SISR, super_resolve=super_resolve, training=untrained("back-projection")
)
