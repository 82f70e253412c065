"""What a task network's file says of itself; to read it takes no torch, which alone takes seconds to import."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tdsr_bench.weights_file import read_weights_record

RECORD_KEY = "task_network"
"""Under which the record stands in a file's metadata, as JSON."""

Role = Literal["score", "loss"]
"""Networks that score take part in no training loss."""

Input = Literal["hr", "lr"]
"""What a network was trained on: references, or frames enlarged by bicubic interpolation."""


def network_file(task: str, role: Role, name: str, source: Input) -> str:
    """How the file of a network is called.

    >>> network_file("roads", "score", "coanet", "hr")
    'roads-score-coanet-hr.safetensors'
    """
    return f"{task}-{role}-{name}-{source}.safetensors"


class NetworkRecord(BaseModel):
    """What a network is and where it comes from: the record that stands in its file.

    Attributes:
        task: roads or buildings.
        role: whether it scores, or is there for training losses.
        name: distinguishes the networks of a task; a network and its twin trained on frames share it.
        input: what it was trained on.
        architecture, settings: how to build it.
        bands: of its input, in this order.
        mean, sd: of each band of the training images; what it sees is ``(image - mean) / sd``.
        threshold: the probability from which on a pixel counts as found; the best on the validation split.
        training: recipe, seed, data fingerprint, scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: str
    role: Role
    name: str
    input: Input
    architecture: str
    settings: dict[str, Any] = Field(default_factory=dict)
    bands: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    threshold: float
    training: dict[str, Any] = Field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """How its file is called."""
        return network_file(self.task, self.role, self.name, self.input)


def read_network_record(path: Path) -> NetworkRecord:
    """The record of the network at `path`; its weights are not read.

    Raises:
        DataError: it is no file of a task network, or cut short.
    """
    return read_weights_record(
        path, NetworkRecord, key=RECORD_KEY, what="a task network", maker="tdsr-bench task train"
    )


def network_sha256(path: Path) -> str:
    """Hash of a network's file: what cards call it by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
