"""Median of bicubics: each frame enlarged, then the median of those that are clear at a pixel.

No registration. Unmasked clouds do not get through, and what changes between the dates is gone.
"""

from tdsr_baselines.fuse import median_of_frames
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission, untrained

submission = Submission(
    name="median of bicubics", track=Track.MISR, super_resolve=median_of_frames, training=untrained("bicubic")
)
