"""Shift-and-add: all frames registered to a fraction of a pixel, fused, and back-projected through the sensor model.

The frames sample the ground at different places, so together they hold detail that none of them has. Nothing is
learned: what a trained multi-image method has to beat.
"""

from tdsr_baselines.fuse import shift_and_add
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission, untrained

submission = Submission(
    name="shift-and-add", track=Track.MISR, super_resolve=shift_and_add, training=untrained("back-projection")
)
