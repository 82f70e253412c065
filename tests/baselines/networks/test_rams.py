"""RAMS against its layer list, written out; and what must hold of any of its sizes."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tdsr_baselines.networks import rams
from tdsr_baselines.networks.base import Size
from tdsr_baselines.networks.rams import SIZES, Rams, temporal_reductions
from tdsr_bench.errors import ProtocolError

PUBLISHED = 958_129
"""Of the paper's settings, counted from its layer list: kernels, gains and biases."""


def _frames(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _network(frames: int, *, filters: int = 8, blocks: int = 2) -> Rams:
    """One whose gains and biases are not those that it starts with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = Rams(frames, filters=filters, blocks=blocks).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return network


class LayerList:
    """The paper's layers one after the other, on one band: each `conv` takes the next of the network's kernels."""

    def __init__(self, network: Rams) -> None:
        state = network.state_dict()
        names = [name.removesuffix(".bias") for name in state if name.endswith(".bias")]
        self.left = [
            (
                state[f"{name}.parametrizations.weight.original0"],
                state[f"{name}.parametrizations.weight.original1"],
                state[f"{name}.bias"],
            )
            for name in names
        ]

    def conv(self, x: Tensor, *, padding: int = 0) -> Tensor:
        gain, direction, bias = self.left.pop(0)
        length = torch.stack([kernel.square().sum().sqrt() for kernel in direction]).reshape(gain.shape)
        return (F.conv3d if x.dim() == 5 else F.conv2d)(x, gain / length * direction, bias, padding=padding)

    def attention_block(self, x: Tensor) -> Tensor:
        y = self.conv(F.relu(self.conv(x, padding=1)), padding=1)
        mean = y.mean(dim=tuple(range(2, y.dim())), keepdim=True)
        return x + y * torch.sigmoid(self.conv(F.relu(self.conv(mean))))

    def forward(self, frames: Tensor, blocks: int, reductions: int) -> Tensor:
        """``[T, h, w]`` to ``[3h, 3w]``."""
        x = low = self.conv(_reflected(frames)[None, None], padding=1)
        for _ in range(blocks):
            x = self.attention_block(x)
        x = self.conv(x, padding=1) + low
        for _ in range(reductions):
            x = F.relu(self.conv(self.attention_block(_reflected(x))))
        local = self.conv(x)
        assert local.shape[2] == 1
        whole = self.conv(self.attention_block(_reflected(frames)[None]))
        assert not self.left
        return _depth_to_space(local[0, :, 0]) + _depth_to_space(whole[0])


def _reflected(x: Tensor) -> Tensor:
    """One pixel more on each of the four sides, the edge itself not repeated."""
    x = torch.cat([x[..., 1:2, :], x, x[..., -2:-1, :]], dim=-2)
    return torch.cat([x[..., 1:2], x, x[..., -2:-1]], dim=-1)


def _depth_to_space(x: Tensor) -> Tensor:
    """TensorFlow's: channel ``3 i + j`` of a pixel is row i, column j of its nine."""
    answer = x.new_empty(3 * x.shape[1], 3 * x.shape[2])
    for channel in range(9):
        answer[channel // 3 :: 3, channel % 3 :: 3] = x[channel]
    return answer


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_as_many_parameters_as_the_paper() -> None:
    assert _parameters(Rams(9)) == PUBLISHED


@pytest.mark.parametrize(("size", "parameters"), [(SIZES[0], PUBLISHED), (SIZES[1], 132_341)])
def test_sizes(size: Size, parameters: int) -> None:
    network = size.build(4, size.frames, size.settings)
    assert _parameters(network) == parameters
    assert (size.frames, size.multi_image) == (9, True)
    assert f"{parameters:,} parameters" in size.source


@pytest.mark.parametrize(("frames", "height", "width"), [(3, 7, 5), (5, 5, 8), (7, 4, 5), (9, 6, 5)])
def test_it_answers_as_the_layer_list_does(frames: int, height: int, width: int) -> None:
    network = _network(frames)
    images = _frames(1, frames, 2, height, width)
    reference = [LayerList(network).forward(images[0, :, band], 2, (frames - 3) // 2) for band in range(2)]
    torch.testing.assert_close(network(images)[0], torch.stack(reference))


def test_the_layout_for_processors_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _network(5).float()
    images = _frames(2, 5, 1, 6, 7).float()
    quick = network(images)
    monkeypatch.setattr(rams, "_fast_layout", lambda x: x)
    torch.testing.assert_close(quick, network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("frames", "bands", "height", "width"), [(3, 4, 2, 3), (5, 1, 9, 4), (9, 3, 5, 7)])
def test_shapes(frames: int, bands: int, height: int, width: int) -> None:
    answer = Rams(frames, filters=4, blocks=1)(torch.zeros(2, frames, bands, height, width))
    assert answer.shape == (2, bands, 3 * height, 3 * width)


def test_the_scale_can_be_another() -> None:
    assert Rams(3, filters=4, blocks=0, scale=2)(torch.zeros(1, 3, 2, 4, 5)).shape == (1, 2, 8, 10)


def test_a_band_changes_only_its_own_answer() -> None:
    network = _network(5)
    images = _frames(2, 5, 4, 6, 6)
    changed = images.clone()
    changed[1, 2, 3] += 1
    differs = (network(images) != network(changed)).flatten(2).any(dim=2)
    assert differs.tolist() == [[False] * 4, [False, False, False, True]]


def test_bands_share_their_weights() -> None:
    network = _network(3)
    images = _frames(1, 3, 1, 6, 6).expand(-1, -1, 3, -1, -1)
    answer = network(images)
    torch.testing.assert_close(answer, answer[:, :1].expand(-1, 3, -1, -1))


def test_gradient_reaches_every_parameter() -> None:
    network = _network(9)
    for name, value in network.named_parameters():
        if name.endswith("attention.0.bias"):
            nn.init.ones_(value)  # the one channel that attention has here is not to be 0 throughout
    network(_frames(2, 9, 2, 6, 6)).square().sum().backward()
    still = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not still


def test_it_starts_with_gains_of_its_kernels_and_without_biases() -> None:
    for name, value in Rams(5, filters=4, blocks=1).state_dict().items():
        assert not name.endswith("bias") or not value.any()
        assert value.isfinite().all()


@pytest.mark.parametrize(("frames", "reductions"), [(3, 0), (5, 1), (7, 2), (9, 3), (15, 6)])
def test_temporal_reductions(frames: int, reductions: int) -> None:
    assert temporal_reductions(frames) == reductions


@pytest.mark.parametrize("frames", [0, 1, 2, 8, -3, 5.0, "9", True])
def test_frames_that_cannot_be_reduced_to_one(frames: object) -> None:
    with pytest.raises(ProtocolError, match="expected an odd number of frames, 3 or more"):
        Rams(frames)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"depth": 3}, "has no setting 'depth'; choose of filters, blocks, reduction"),
        ({"filters": 0}, "expected a whole number of at least 1"),
        ({"blocks": 1.5}, "expected a whole number of at least 1"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        rams.build(4, 9, settings)


def test_it_can_be_copied() -> None:
    network = _network(3)
    copy = deepcopy(network)
    before = [value.clone() for value in network.state_dict().values()]
    for value in copy.parameters():
        nn.init.zeros_(value)
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))
