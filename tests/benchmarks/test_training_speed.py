"""Speed of training: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k training_speed``. Skipped in the suite.

A step is forward and backward of four crops of 32 x 32 low-resolution pixels, four bands, nine images for RAMS.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tdsr_baselines.networks import SrNetwork, build_network, find_size, rams

BATCH, CROP = 4, 32

Benchmark = Callable[..., object]


def network_of(size: str) -> SrNetwork:
    torch.manual_seed(0)
    record = find_size(size)
    plain = {"zero_start": False} if "zero_start" in record.settings else {}
    return build_network(
        record, mean=(0.1,) * 4, sd=(0.05,) * 4, residual="none", views="frames", settings=plain
    ).train()


def step(network: SrNetwork, frames: Tensor, *, half: bool = False) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        sr = network(frames)
    sr.float().square().mean().backward()


def frames_for(network: SrNetwork) -> Tensor:
    return 0.1 + 0.05 * torch.randn(BATCH, network.frames, 4, CROP, CROP)


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("size", ["hat-tiny", "hat-s", "rams-tiny", "rams"])
@pytest.mark.benchmark(group="one training step")
def test_a_step(benchmark: Benchmark, size: str, half: bool):
    network = network_of(size)
    frames = frames_for(network)
    benchmark.pedantic(lambda: step(network, frames, half=half), rounds=3, warmup_rounds=1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("layout", ["channels last", "contiguous"])
@pytest.mark.benchmark(group="layout of rams-tiny")
def test_layout_of_rams(benchmark: Benchmark, layout: str, monkeypatch: pytest.MonkeyPatch):
    if layout == "contiguous":
        monkeypatch.setattr(rams, "_fast_layout", lambda x: x)
    network = network_of("rams-tiny")
    frames = frames_for(network)
    benchmark.pedantic(lambda: step(network, frames), rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]
