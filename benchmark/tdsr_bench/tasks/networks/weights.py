"""Files of task networks: safetensors, weights in half precision, with the record as metadata."""

import hashlib
from pathlib import Path

import torch

from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.tasks.networks.architectures import build_network, without_fetching
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.record import RECORD_KEY, read_network_record
from tdsr_bench.weights_file import fill_weights, load_weights, no_larger_than, write_weights


def save_network(folder: Path, network: TaskNetwork) -> Path:
    """Write `network` into `folder`, and return its path; floating-point weights are rounded to half precision."""
    path = folder / network.record.file_name
    write_weights(path, network.module.state_dict(), key=RECORD_KEY, record=network.record)
    return path


def load_network(path: Path, *, device: str = "cpu") -> TaskNetwork:
    """The network at `path`, in evaluation mode and single precision, its weights laid out as `probability` looks.

    Raises:
        DataError: the file is broken, or its weights are those of another architecture.
    """
    record = read_network_record(path)
    content = path.read_bytes()
    weights = load_weights(content, path=path)
    try:
        with no_larger_than(weights):
            settings = without_fetching(record.settings)
            module = build_network(record.architecture, bands=len(record.bands), settings=settings)
    except ProtocolError as error:
        raise DataError(f"{path}: {error}") from None
    fill_weights(module, weights, path=path, who=f"{record.architecture} with {record.settings}")
    module.eval().requires_grad_(False).to(device=device).to(memory_format=torch.channels_last)
    return TaskNetwork(module, record, hashlib.sha256(content).hexdigest())
