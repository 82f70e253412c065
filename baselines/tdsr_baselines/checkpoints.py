"""Checkpoints of networks of super-resolution: safetensors in half precision, and where they come from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.networks.base import Residual, SrNetwork, Views
from tdsr_baselines.stack import FrameOrder
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.scene import BANDS
from tdsr_bench.weights_file import fill_weights, load_weights, no_larger_than, read_weights_record, write_weights

RECORD_KEY = "sr_network"
"""Under which the record stands in a file's metadata, as JSON."""


class CheckpointRecord(BaseModel):
    """What a trained network is and where it comes from.

    Attributes:
        name: of the training.
        size: see `tdsr_baselines.networks.SIZES`.
        frames, order: what it is shown, see `tdsr_baselines.stack.stack_frames`.
        residual, views: what its answer is added to, and what it is shown; see `tdsr_baselines.networks.base`.
        settings: of its architecture, those that differ from the size's.
        bands: of its input and its answer.
        mean, sd: of each band of the frames it was trained on.
        training: configuration, data fingerprint, commit, seed, time, device, hash of the networks that losses looked
            through, scores on the validation split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    size: str
    frames: int
    order: FrameOrder
    residual: Residual
    views: Views = "frames"
    settings: dict[str, Any] = Field(default_factory=dict)
    bands: tuple[str, ...] = BANDS
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    training: dict[str, Any] = Field(default_factory=dict)

    def build(self) -> SrNetwork:
        """The network, untrained.

        Raises:
            ProtocolError: there is no such size, or it cannot be built so.
        """
        return build_network(
            find_size(self.size),
            mean=self.mean,
            sd=self.sd,
            frames=self.frames,
            residual=self.residual,
            views=self.views,
            settings=self.settings,
        )


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that super-resolves.

    Attributes:
        module: in evaluation mode.
        record: what it is.
        sha256: of its file.
    """

    module: SrNetwork
    record: CheckpointRecord
    sha256: str

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def save_checkpoint(path: Path, network: SrNetwork, record: CheckpointRecord) -> None:
    """Write `network` to `path`; whoever reads it meanwhile sees the old file or the new one."""
    write_weights(path, network.state_dict(), key=RECORD_KEY, record=record)


def read_checkpoint_record(path: Path) -> CheckpointRecord:
    """The record of the checkpoint at `path`; its weights are not read.

    Raises:
        DataError: it is no checkpoint of ours, or cut short.
    """
    if not path.is_file():
        raise DataError(f"There is no checkpoint at {path}; make it by `tdsr-bench train`, or mend the path.")
    return read_weights_record(
        path, CheckpointRecord, key=RECORD_KEY, what="a network of super-resolution", maker="tdsr-bench train"
    )


def load_checkpoint(path: Path, *, device: str = "cpu") -> TrainedNetwork:
    """The network at `path`, in evaluation mode and single precision.

    Raises:
        DataError: the file is broken, or its weights are those of another network.
    """
    record = read_checkpoint_record(path)
    content = path.read_bytes()
    weights = load_weights(content, path=path)
    try:
        with no_larger_than(weights):
            module = record.build()
    except ProtocolError as error:
        raise DataError(f"{path}: {error}") from None
    fill_weights(module, weights, path=path, who=f"{record.size} with {record.frames} frames")
    module.eval().requires_grad_(False).to(device)
    return TrainedNetwork(module, record, hashlib.sha256(content).hexdigest())
