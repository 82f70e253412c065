"""Task networks whose answer is known: each looks at a pixel's own blue reflectance and at nothing else."""

from pathlib import Path

import torch
from torch import nn

from tdsr_bench.scene import BANDS
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.record import Input, NetworkRecord, Role
from tdsr_bench.tasks.networks.weights import save_network

PIXEL = "pixel"
"""Name of the architecture, which a test adds to the list of architectures."""

STEEPNESS = 200.0


def pixel_module(bands: int, _: object = None) -> nn.Module:
    """One look at each pixel."""
    return nn.Conv2d(bands, 1, 1)


def pixel_network(
    task: str, name: str = "one", *, bright: float = 0.1, source: Input = "hr", role: Role = "score"
) -> TaskNetwork:
    """Finds what is brighter than `bright` in B02: probability 0.5 there, nearly 0 or 1 around it."""
    module = pixel_module(len(BANDS))
    with torch.no_grad():
        module.weight.zero_()
        module.weight[0, 0] = STEEPNESS
        module.bias.fill_(-STEEPNESS * bright)
    record = NetworkRecord(
        task=task,
        role=role,
        name=name,
        input=source,
        architecture=PIXEL,
        bands=BANDS,
        mean=(0.0,) * len(BANDS),
        sd=(1.0,) * len(BANDS),
        threshold=0.5,
    )
    return TaskNetwork(module.eval(), record)


def write_pixel_networks(folder: Path, *, bright: float, tasks: tuple[str, ...] = ("roads", "buildings")) -> Path:
    """Two networks a task that score, with twins that look for something too bright, and one for losses."""
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        for name, shift in (("one", 0.0), ("two", 0.001)):
            save_network(folder, pixel_network(task, name, bright=bright + shift))
            save_network(folder, pixel_network(task, name, bright=bright + 0.004 + shift, source="lr"))
        save_network(folder, pixel_network(task, "three", bright=bright, role="loss"))
    return folder
