"""HAT, small, on the best frame; trained on `mini` by likeness to the reference and by its roads and buildings.

The weights are the checkpoint of `tdsr-bench train hat-tiny-task`, which says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="HAT-tiny task")
