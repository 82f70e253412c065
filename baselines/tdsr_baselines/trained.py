"""Submissions of trained networks: from a checkpoint to a method that takes part."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tdsr_baselines.checkpoints import CheckpointRecord, TrainedNetwork, load_checkpoint, read_checkpoint_record
from tdsr_baselines.fuse import classical
from tdsr_baselines.networks import find_size
from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.networks.tiling import super_resolve_tiled
from tdsr_baselines.stack import FrameOrder, stack_frames
from tdsr_baselines.training.config import TrainingConfig
from tdsr_bench.devices import find_device
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission, Training

OVERLAP = 16
"""Low-resolution pixels that neighbouring tiles share."""


def trained_submission(checkpoint: Path, *, name: str, device: str = "auto") -> Submission:
    """The submission that the network in the file `checkpoint` makes.

    Raises:
        DataError: the file is no checkpoint, or broken.
    """
    record = read_checkpoint_record(checkpoint)
    network = functools.cache(lambda: load_checkpoint(checkpoint, device=find_device(device)))

    def super_resolve(view: LowResView) -> NDArray[np.float32]:
        return super_resolve_view(network().module, view, size=record.size, order=record.order)

    return Submission(
        name=name,
        track=Track.SISR if record.frames == 1 else Track.MISR,
        super_resolve=super_resolve,
        training_data=_training_data(network()),
        parameters=network().parameters,
        files=(checkpoint,),
        frames=record.frames,
        training=_training(record),
    )


def super_resolve_view(
    network: SrNetwork, view: LowResView, *, size: str, order: FrameOrder = "protocol"
) -> NDArray[np.float32]:
    """`network`'s image of a whole scene, float32 ``[4, 3h, 3w]``; where its frames come from see `stack_frames`."""
    return super_resolve_layers(network, shown_layers(network, view, order), size=size)


def shown_layers(network: SrNetwork, view: LowResView, order: FrameOrder) -> list[Tensor]:
    """What `network` is shown of a scene: its frames ``[T, 4, h, w]`` and, if it needs that, the classical image."""
    stack = stack_frames(view, network.frames, order=order)
    layers = [stack.frames, classical(stack)] if network.needs_classical else [stack.frames]
    return [torch.from_numpy(layer) for layer in layers]


def super_resolve_layers(network: SrNetwork, layers: Sequence[Tensor], *, size: str) -> NDArray[np.float32]:
    """As `super_resolve_view`, of what `shown_layers` gives."""
    device = next(network.parameters()).device
    shown = [layer.to(device) for layer in layers]
    answer = super_resolve_tiled(network, *shown, tile=find_size(size).tile, overlap=OVERLAP)
    return answer.float().cpu().numpy()


def _training(record: CheckpointRecord) -> Training | None:
    """What it was trained with; None of a checkpoint that does not tell, such as one published by others."""
    about = record.training
    if "config" not in about:
        return None
    settings = TrainingConfig.model_validate(about["config"]).training
    started = about.get("started_from")
    return Training(
        data=about["data"]["fingerprint"],
        regime=about["regime"],
        samples=settings.steps * settings.batch,
        patch=settings.crop,
        started=started["file"] if started else "",
    )


def _training_data(network: TrainedNetwork) -> str:
    data = network.record.training.get("data", {})
    if not data:
        return "not stated"
    regions = ", ".join(data["train"])
    return f"{data['name']} {data['version']}, {data['arm']} arm: {regions} ({network.record.training['regime']})"
