"""RAMS, small, on up to nine frames; trained on `mini` by likeness to the reference and by its roads and buildings.

The weights are the checkpoint of `tdsr-bench train rams-tiny-task`, which says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="RAMS-tiny task")
