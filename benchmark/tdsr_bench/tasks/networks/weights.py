"""Files of task networks: safetensors, weights in half precision, with the record as metadata."""

import hashlib
import json
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.files import write_atomically
from tdsr_bench.tasks.networks.architectures import build_network
from tdsr_bench.tasks.networks.network import NetworkRecord, TaskNetwork

RECORD_KEY = "task_network"
"""Under which the record stands in a file's metadata, as JSON."""


def save_network(folder: Path, network: TaskNetwork) -> Path:
    """Write `network` into `folder`, and return its path; floating-point weights are rounded to half precision."""
    from safetensors.torch import save

    weights = {name: _half(value) for name, value in network.module.state_dict().items()}
    path = folder / network.record.file_name
    write_atomically(path, save(weights, metadata={RECORD_KEY: network.record.model_dump_json()}))
    return path


def read_network_record(path: Path) -> NetworkRecord:
    """The record of the network at `path`; its weights are not read.

    Raises:
        DataError: it is no file of a task network, or cut short.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = (file.metadata() or {}).get(RECORD_KEY)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is no safetensors file, or cut short ({error}); copy or train it anew.") from None
    if about is None:
        raise DataError(f"{path} says nothing of a task network; expected a file that `tdsr-bench task train` wrote.")
    try:
        return NetworkRecord.model_validate(json.loads(about))
    except (ValidationError, ValueError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise DataError(f"{path}: its record of a task network is not complete: {first}.") from None


def network_sha256(path: Path) -> str:
    """Hash of a network's file: what cards call it by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_network(path: Path, *, device: str = "cpu") -> TaskNetwork:
    """The network at `path`, in evaluation mode and single precision.

    Raises:
        DataError: the file is broken, or its weights are those of another architecture.
    """
    from safetensors.torch import load

    record = read_network_record(path)
    content = path.read_bytes()
    weights = {name: _single(value) for name, value in load(content).items()}
    try:
        module = build_network(record.architecture, bands=len(record.bands), settings=record.settings)
    except ProtocolError as error:
        raise DataError(f"{path}: {error}") from None
    _fill(module, weights, path, record)
    module.eval().requires_grad_(False).to(device)
    return TaskNetwork(module, record, hashlib.sha256(content).hexdigest())


def _fill(module: nn.Module, weights: dict[str, Tensor], path: Path, record: NetworkRecord) -> None:
    needed = module.state_dict()
    wrong = next(
        (name for name in {**needed, **weights} if name not in needed or name not in weights
         or needed[name].shape != weights[name].shape),
        None,
    )  # fmt: skip
    if wrong:
        have, want = (list(state[wrong].shape) if wrong in state else "nothing" for state in (weights, needed))
        raise DataError(
            f"{path} does not hold the weights of {record.architecture} with {record.settings}: {wrong} is {have}, "
            f"expected {want}; train it anew, or mend its record."
        )
    bad = next((name for name, value in weights.items() if not torch.isfinite(value).all()), None)
    if bad:
        raise DataError(f"{path}: {bad} has values that are NaN or infinite; train it anew.")
    module.load_state_dict(weights)


def _half(value: Tensor) -> Tensor:
    return value.detach().cpu().half().contiguous() if value.is_floating_point() else value.detach().cpu().contiguous()


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
