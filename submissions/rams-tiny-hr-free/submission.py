"""RAMS, small, on up to nine frames; the one with image losses, tuned on maps and on its frames without any reference.

The weights are the checkpoint of `tdsr-bench train rams-tiny-hr-free`, which says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="RAMS-tiny hr-free")
