"""The MuS2 authors' evaluation, reproduced to the digit with all its oddities: docs/mus2-official.md names each.

Its numbers can be set beside published ones, and are never mixed with those of `tdsr-v1`.
"""

from tdsr_bench.mus2_official.scenes import METHODS, read_stored, score_scene
from tdsr_bench.mus2_official.tables import OfficialRow, balanced, balanced_no_lpips, mean_value

__all__ = ["METHODS", "OfficialRow", "balanced", "balanced_no_lpips", "mean_value", "read_stored", "score_scene"]
