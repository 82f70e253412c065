"""RAMS, small, on up to nine frames; trained on simulated frames, tuned on real ones without their references.

The weights are the checkpoint of `tdsr-bench train rams-tiny-tuned`, which says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="RAMS-tiny tuned")
