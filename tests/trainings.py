"""Trainings so small that a test can run them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from tdsr_baselines.training.config import TrainingConfig
from tdsr_bench.weights_file import load_weights

HAT: Mapping[str, Any] = {
    "size": "hat-tiny",
    "residual": "bicubic",
    "settings": {
        "depths": [1],
        "num_heads": [1],
        "embed_dim": 16,
        "squeeze_factor": 4,
        "window_size": 8,
        "num_feat": 16,
    },
}
RAMS: Mapping[str, Any] = {
    "size": "rams-tiny",
    "frames": 3,
    "residual": "bicubic",
    "settings": {"filters": 4, "blocks": 1},
}
NETWORKS = {"hat": HAT, "rams": RAMS}

PIXEL_TOML = """
name = "{name}"
regime = "pixel"

[network]
size = "rams-tiny"
frames = 3
residual = "bicubic"
views = "frames"
settings = {{ filters = 4, blocks = 1 }}
"""
"""How a configuration of a small RAMS begins; what comes after it is a test's own."""

FOUR_STEPS: Mapping[str, Any] = {
    "steps": 4,
    "batch": 2,
    "crop": 16,
    "learning_rate": 1e-3,
    "validate_every": 2,
    "log_every": 1,
    "sheet_every": 0,
}

L1 = {"kind": "l1"}
MASK = {"kind": "task-mask", "task": "roads"}
CONSISTENCY = {"kind": "consistency"}

BRIGHT = 0.09
"""Reflectance in blue from which on a pixel of a made scene is a road and a building, here and for the networks."""


def config(
    network: Mapping[str, Any] = HAT,
    *,
    name: str = "tiny",
    regime: str = "pixel",
    loss: tuple[Mapping[str, Any], ...] = (L1,),
    training: Mapping[str, Any] | None = None,
    **others: Any,
) -> TrainingConfig:
    """Four steps with two looks, unless `training` says otherwise."""
    steps = {**FOUR_STEPS, **(training or {})}
    return TrainingConfig(name=name, regime=regime, network=network, training=steps, loss=loss, **others)


def silent(*_: object) -> None:
    """Progress that nobody sees."""


def weights(path: Path) -> dict[str, Tensor]:
    """What a checkpoint holds."""
    return load_weights(path.read_bytes())
