"""Mean of bicubics: each frame enlarged, then the mean of those that are clear at a pixel.

No registration: less noise than one frame, and more blur.
"""

from tdsr_baselines.fuse import mean_of_frames
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission, untrained

submission = Submission(
    name="mean of bicubics", track=Track.MISR, super_resolve=mean_of_frames, training=untrained("bicubic")
)
