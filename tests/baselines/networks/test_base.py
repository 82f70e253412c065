"""What is around a network's core: normalisation, what it corrects, what it is shown."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tdsr_baselines.networks import SIZES, build_network, find_size
from tdsr_baselines.networks.base import SrNetwork, enlarged, phases
from tdsr_bench.errors import ProtocolError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import SCALE

MEAN, SD = (0.1, 0.2, 0.3, 0.4), (0.01, 0.02, 0.03, 0.04)


class Fixed(nn.Module):
    """Answers a number everywhere, and remembers what it was shown."""

    def __init__(self, answer: float = 0.0) -> None:
        super().__init__()
        self.answer = answer
        self.shown: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        self.shown = images
        count, _, bands, height, width = images.shape
        return images.new_full((count, bands, SCALE * height, SCALE * width), self.answer)


def wrapped(core: nn.Module, **options: Any) -> SrNetwork:
    return SrNetwork(core, frames=3, mean=MEAN, sd=SD, **{"residual": "none", **options})


@pytest.fixture
def frames() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.2 + 0.1 * torch.rand(2, 3, 4, 6, 5, generator=generator)


@pytest.fixture
def classical() -> Tensor:
    return 0.2 + 0.1 * torch.rand(2, 4, 18, 15, generator=torch.Generator().manual_seed(1))


def test_the_core_sees_and_answers_in_standard_deviations(frames: Tensor):
    core = Fixed(2.0)
    sr = wrapped(core)(frames)
    assert core.shown is not None
    assert torch.allclose(core.shown[:, :, 1], (frames[:, :, 1] - 0.2) / 0.02, atol=1e-5)
    assert torch.allclose(sr[:, 3], torch.full_like(sr[:, 3], 0.4 + 2 * 0.04))


def test_a_correction_of_nothing_is_bicubic(frames: Tensor):
    sr = wrapped(Fixed(), residual="bicubic")(frames)
    expected = torch.from_numpy(enlarge(frames[:, 0].numpy(), "bicubic"))
    assert torch.allclose(sr, expected, atol=1e-5)
    assert torch.allclose(enlarged(frames[:, 0]), expected, atol=1e-5)


def test_a_correction_of_nothing_is_the_classical_image(frames: Tensor, classical: Tensor):
    network = wrapped(Fixed(), residual="classical")
    assert network.needs_classical
    assert torch.allclose(network(frames, classical), classical, atol=1e-6)
    with pytest.raises(AssertionError, match="classical image"):
        network(frames)


def test_phases_are_the_samplings_of_the_image(frames: Tensor, classical: Tensor):
    core = Fixed()
    wrapped(core, views="phases")(frames, classical)
    assert core.shown is not None
    assert core.shown.shape == (2, 9, 4, 6, 5)
    for row in range(SCALE):
        for column in range(SCALE):
            expected = classical[:, :, row::SCALE, column::SCALE]
            assert torch.equal(phases(classical)[:, SCALE * row + column], expected)


@pytest.mark.parametrize("size", ["hat-tiny", "rams-tiny"])
def test_the_tiny_sizes_begin_at_what_they_correct(size: str, classical: Tensor):
    network = build_network(find_size(size), mean=MEAN, sd=SD).eval()
    frames = 0.2 + 0.1 * torch.rand(2, network.frames, 4, 6, 5, generator=torch.Generator().manual_seed(2))
    start = enlarged(frames[:, 0]) if network.residual == "bicubic" else classical
    assert torch.allclose(network(frames, classical), start, atol=1e-5)


def test_any_number_of_frames_makes_nine_phases():
    network = build_network(find_size("rams-tiny"), mean=MEAN, sd=SD, frames=4)
    assert network.frames == 4
    assert network(torch.rand(1, 4, 4, 6, 5), torch.rand(1, 4, 18, 15)).shape == (1, 4, 18, 15)


def test_what_a_size_cannot_be_made_for():
    with pytest.raises(ProtocolError, match="takes 1 frame, not 9"):
        build_network(find_size("hat-tiny"), mean=MEAN, sd=SD, frames=9)
    with pytest.raises(ProtocolError, match="not the nine phases"):
        build_network(find_size("hat-tiny"), mean=MEAN, sd=SD, views="phases")
    with pytest.raises(ProtocolError, match="nearest is 'rams-tiny'"):
        find_size("rams-tny")


def test_published_sizes_make_an_image_from_nothing():
    assert {name for name, size in SIZES.items() if size.residual != "none"} == {"hat-tiny", "rams-tiny"}
