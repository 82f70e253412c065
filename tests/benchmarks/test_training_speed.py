"""Speed of training: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k training_speed``. Skipped in the suite.

A step is forward and backward of four crops of 32 x 32 low-resolution pixels, four bands, nine images for RAMS. Each
group holds what this code does and the plain way beside it, on one thread. Where processors are shared, add
``--benchmark-timer=time.process_time``. That the plain ways are the same networks is tested in the suite.
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchmarks.plain_rams import PlainRams
from torch import Tensor, nn

from tdsr_baselines.losses import LOSSES
from tdsr_baselines.losses.base import Batch, LossSettings, Surroundings
from tdsr_baselines.networks import SrNetwork, build_network, find_size, rams
from tdsr_baselines.networks.hat import Hat
from tdsr_baselines.networks.hat_tail import enlarged
from tdsr_baselines.networks.rams import Rams
from tdsr_baselines.stack import Stack
from tdsr_baselines.training.batches import draw_batch
from tdsr_baselines.training.config import Augmentation
from tdsr_baselines.training.samples import Sample
from tdsr_baselines.training.state import averaged_copy, update_average
from tdsr_bench.tasks.networks.sets import open_networks, shipped_networks

BATCH, CROP = 4, 32
HALF = pytest.mark.parametrize("half", [False, True], ids=["float32", "bf16"])

Benchmark = Callable[..., object]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def network_of(size: str) -> SrNetwork:
    torch.manual_seed(0)
    record = find_size(size)
    plain = {"zero_start": False} if "zero_start" in record.settings else {}
    return build_network(
        record, mean=(0.1,) * 4, sd=(0.05,) * 4, residual="none", views="frames", settings=plain
    ).train()


def step(network: Callable[[Tensor], Tensor], frames: Tensor, *, half: bool = False) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        sr = network(frames)
    sr.float().square().mean().backward()


def frames_for(network: SrNetwork) -> Tensor:
    return 0.1 + 0.05 * torch.randn(BATCH, network.frames, 4, CROP, CROP)


def timed(benchmark: Benchmark, act: Callable[[], object], *, rounds: int = 5) -> None:
    benchmark.pedantic(act, rounds=rounds, warmup_rounds=1)  # type: ignore[attr-defined]


def plain_hat(network: SrNetwork, frames: Tensor) -> Tensor:
    """Spandrel's own module, with the weights of `network`."""
    answer: Tensor = network.core.body(frames[:, 0])  # type: ignore[operator, union-attr]
    return answer


def plain_rams(network: SrNetwork) -> nn.Module:
    """The paper's layers, with the weights of `network`."""
    core = network.core
    assert isinstance(core, Rams)
    plain = PlainRams(network.frames, core.first.out_channels, len(core.blocks))  # type: ignore[arg-type]
    with torch.no_grad():
        for ours, theirs in zip(core.parameters(), plain.parameters(), strict=True):
            theirs.copy_(ours)
    return plain


def banded(plain: nn.Module, frames: Tensor) -> Tensor:
    """One band after the other, as crops of one batch."""
    answer: Tensor = plain(frames.transpose(1, 2).flatten(0, 1))
    return answer.reshape(len(frames), -1, *answer.shape[-2:])


@pytest.mark.parametrize("size", ["rams-tiny", "rams"])
def test_the_plain_rams_is_the_same_network(size: str):
    network = network_of(size)
    frames = torch.randn(1, network.frames, 2, 7, 10)
    with torch.no_grad():
        torch.testing.assert_close(banded(plain_rams(network), frames), network.core(frames), atol=1e-5, rtol=1e-5)


def test_spandrels_hat_is_the_same_network():
    network = network_of("hat-tiny")
    frames = torch.randn(1, 1, 4, 16, 24)
    with torch.no_grad():
        torch.testing.assert_close(plain_hat(network, frames), network.core(frames), atol=1e-5, rtol=1e-5)


@HALF
@pytest.mark.parametrize("size", ["hat-tiny", "hat-s"])
@pytest.mark.parametrize("whose", ["ours", "spandrel"])
@pytest.mark.benchmark(group="a step of HAT")
def test_a_step_of_hat(benchmark: Benchmark, whose: str, size: str, half: bool):
    network = network_of(size)
    frames = torch.randn(BATCH, 1, 4, CROP, CROP)
    forward = network.core if whose == "ours" else functools.partial(plain_hat, network)
    timed(benchmark, lambda: step(forward, frames, half=half), rounds=5 if size == "hat-tiny" else 2)


@HALF
@pytest.mark.parametrize("size", ["rams-tiny", "rams"])
@pytest.mark.parametrize("whose", ["ours", "paper"])
@pytest.mark.benchmark(group="a step of RAMS")
def test_a_step_of_rams(benchmark: Benchmark, whose: str, size: str, half: bool):
    network = network_of(size)
    frames = torch.randn(BATCH, network.frames, 4, CROP, CROP)
    forward = network.core if whose == "ours" else functools.partial(banded, plain_rams(network))
    timed(benchmark, lambda: step(forward, frames, half=half), rounds=5 if size == "rams-tiny" else 2)


@pytest.mark.parametrize("layout", ["channels last", "contiguous"])
@pytest.mark.benchmark(group="layout of rams-tiny")
def test_layout_of_rams(benchmark: Benchmark, layout: str, monkeypatch: pytest.MonkeyPatch):
    if layout == "contiguous":
        monkeypatch.setattr(rams, "_fast_layout", lambda x: x)
    network = network_of("rams-tiny")
    frames = frames_for(network)
    timed(benchmark, lambda: step(network, frames))


@HALF
@pytest.mark.parametrize("how", ["one convolution", "two"])
@pytest.mark.benchmark(group="the end of HAT")
def test_the_end_of_hat(benchmark: Benchmark, how: str, half: bool):
    body = Hat(4, **find_size("hat-tiny").settings).body
    up, shuffle = body.upsample

    def tail(features: Tensor) -> Tensor:
        return enlarged(features, up, body.conv_last, 3) if how != "two" else body.conv_last(shuffle(up(features)))

    features = torch.randn(BATCH, 64, CROP, CROP).to(memory_format=torch.channels_last).requires_grad_()
    timed(benchmark, lambda: step(tail, features, half=half), rounds=20)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """As spandrel's HAT does it."""
    return torch.softmax((q * q.shape[-1] ** -0.5) @ k.mT + bias, dim=-1) @ v


def fused_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """As torch has it, with the relative positions' bias for a mask."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))


@HALF
@pytest.mark.parametrize("keys", [256, 576], ids=["window", "overlapping"])
@pytest.mark.parametrize("how", [plain_attention, fused_attention], ids=["plain", "SDPA"])
@pytest.mark.benchmark(group="attention of hat: 16 windows, 6 heads of 30, forward and backward")
def test_attention_of_hat(benchmark: Benchmark, how: Callable[..., Tensor], keys: int, half: bool):
    dtype = torch.bfloat16 if half else torch.float32
    parts = [torch.randn(16, 6, count, 30, dtype=dtype, requires_grad=True) for count in (256, keys, keys)]
    bias = torch.randn(1, 6, 256, keys, requires_grad=True)
    timed(benchmark, lambda: step(lambda _: how(*parts, bias), bias, half=half))


def sample(size: int = 144, frames: int = 9) -> Sample:
    """Noise, as large as a scene of `mini`."""
    rng = np.random.default_rng(0)
    low, high = rng.random((frames, 4, size, size), np.float32), rng.random((4, 3 * size, 3 * size), np.float32)
    everywhere = np.ones(high.shape[1:], dtype=bool)
    stack = Stack(low, low, np.ones((frames, size, size), dtype=bool), np.zeros((frames, 2)), tuple(range(frames)))
    truth = {task: (high[0] > 0.5).astype(np.float32) for task in ("roads", "buildings")}
    return Sample("noise", "nowhere", "", stack, high, high, everywhere, truth, everywhere, (0.0, 0.0))


@functools.cache
def batch() -> Batch:
    return draw_batch([sample()], Augmentation(), batch=BATCH, crop=CROP, seed=0, step=0)


@pytest.mark.parametrize("frames", [1, 9])
@pytest.mark.benchmark(group="what a step takes besides its network")
def test_a_batch(benchmark: Benchmark, frames: int):
    samples = [sample(frames=frames)] * 20
    timed(benchmark, lambda: draw_batch(samples, Augmentation(), batch=BATCH, crop=CROP, seed=0, step=0), rounds=20)


@pytest.mark.parametrize("kind", sorted({kind.model_fields["kind"].default for kind in LOSSES} - {"keypoints"}))
@pytest.mark.benchmark(group="what a step takes besides its network")
def test_a_loss(benchmark: Benchmark, kind: str):
    settings: type[LossSettings] = next(known for known in LOSSES if known.model_fields["kind"].default == kind)
    folder = shipped_networks("mini", "2")
    task = {"task": "roads"} if "task" in settings.model_fields else {}
    loss = settings(kind=kind, **task).build(Surroundings(folder and open_networks(folder)))
    drawn = batch()
    assert drawn.reference is not None
    sr = (drawn.reference + 0.01 * torch.randn_like(drawn.reference)).requires_grad_()
    timed(benchmark, lambda: loss(sr, drawn).backward(), rounds=10)


@pytest.mark.parametrize("what", ["Adam, fused", "Adam", "average of weights", "limit of the gradient"])
@pytest.mark.benchmark(group="what a step takes besides its network")
def test_the_rest_of_a_step(benchmark: Benchmark, what: str):
    network = network_of("hat-tiny")
    step(network, frames_for(network))
    parameters = [*network.parameters()]
    average = averaged_copy(network)
    optimizer = torch.optim.Adam(parameters, lr=0.0, fused=what.endswith("fused"))
    acts = {
        "average of weights": lambda: update_average(average, network, decay=0.9, step=100),
        "limit of the gradient": lambda: nn.utils.clip_grad_norm_(parameters, 1.0),
    }
    timed(benchmark, acts.get(what, optimizer.step), rounds=20)
