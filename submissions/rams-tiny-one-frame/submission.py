"""RAMS, small, on one frame: what its other eight frames, and not the network, are good for.

As `rams-tiny-pixel` in all but the frames. The weights are the checkpoint of `tdsr-bench train rams-tiny-one-frame`,
which says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="RAMS-tiny one frame")
