"""CoANet: its shapes, its diagonals, what its connectivity branches are taught, and how its branches are joined."""

import pytest
import torch
from torch import nn

from tdsr_bench.tasks.networks.architectures import ARCHITECTURES, build_network, joined
from tdsr_bench.tasks.networks.coanet import (
    CoANet,
    StripModule,
    connectivity_cube,
    connectivity_loss,
    sheared,
    unsheared,
)

SMALL = {
    "encoder": "resnet18",
    "pool": False,
    "widths": [16, 16, 8, 8],
    "dilations": [2, 3, 4],
    "encoder_settings": {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1], "stem_type": "deep", "stem_width": 8},
}


@pytest.mark.parametrize(("bands", "size"), [(1, (64, 64)), (4, (64, 96)), (12, (32, 64))])
def test_any_number_of_bands_and_images_that_are_not_square(bands: int, size: tuple[int, int]):
    network = build_network("coanet", bands=bands, settings=SMALL).eval()
    assert network(torch.zeros(2, bands, *size)).shape == (2, 19, *size)


def test_the_published_size_has_the_encoder_of_the_paper():
    """ResNet-101 without its classifier has 42.5 million parameters; here the stem takes four bands, not three."""
    network = CoANet(4)
    encoder = sum(parameter.numel() for parameter in network.encoder.parameters())
    assert encoder == 44_549_160 - (2048 * 1000 + 1000) + 64 * 49
    assert network.encoder.feature_info.reduction()[-1] == 16


@pytest.mark.parametrize("size", [(3, 3), (4, 7), (7, 4), (1, 5), (5, 1)])
def test_shearing_is_undone(size: tuple[int, int]):
    x = torch.rand(2, 3, *size)
    assert torch.equal(unsheared(sheared(x)), x)


def diagonal(weight: torch.Tensor, *, rising: bool) -> torch.Tensor:
    """A 9 x 9 kernel that has `weight` ``[O, I, 9]`` on one of its diagonals."""
    kernel = torch.diag_embed(weight)
    return kernel.flip(-1) if rising else kernel


@pytest.mark.parametrize("rising", [True, False])
def test_a_strip_convolution_is_a_convolution_with_a_diagonal_kernel(rising: bool):
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, (9, 1), padding=(4, 0))
    x = torch.rand(1, 2, 13, 17)
    seen = unsheared(layer(sheared(x if rising else x.flip(-1))))
    seen = seen if rising else seen.flip(-1)
    expected = nn.functional.conv2d(x, diagonal(layer.weight[..., 0], rising=rising), layer.bias, padding=4)
    assert torch.allclose(seen, expected, atol=1e-5)


def test_a_strip_module_sees_all_four_directions():
    """One bright pixel is felt along its row, its column and both of its diagonals, and nowhere else."""
    torch.manual_seed(0)
    module = StripModule(8, 8).eval()
    dark, light = torch.zeros(1, 8, 21, 21), torch.zeros(1, 8, 21, 21)
    light[..., 10, 10] = 1.0
    felt = (module(light) != module(dark)).any(dim=1)[0]
    rows, columns = torch.meshgrid(torch.arange(-10, 11), torch.arange(-10, 11), indexing="ij")
    near = torch.maximum(rows.abs(), columns.abs()) <= 4
    star = near & ((rows == 0) | (columns == 0) | (rows == columns) | (rows == -columns))
    assert not felt[~star].any()
    for arm in (rows == 0, columns == 0, rows == columns, rows == -columns):
        assert felt[arm & near].float().mean() > 0.5


def test_the_connectivity_cube_of_a_line_by_hand():
    """A vertical line: its pixels are joined to themselves and to the ones above and below, to nothing beside them."""
    mask = torch.zeros(1, 1, 9, 9)
    mask[..., 4] = 1
    cube = connectivity_cube(mask, 2)[0]
    up, centre, down = 1, 4, 7
    assert cube[:, 4, 4].tolist() == [1.0 if channel in (up, centre, down) else 0.0 for channel in range(9)]
    assert cube[up, 0, 4] == 0  # beyond the image nothing is road
    assert cube[up, 2, 4] == 1
    assert cube[:, 4, 3].sum() == 0  # not a road pixel


def test_the_connectivity_loss_falls_to_nothing_at_the_truth():
    mask = (torch.rand(2, 1, 16, 16) > 0.6).float()
    truth = torch.cat([connectivity_cube(mask, spacing) for spacing in (2, 4)], dim=1)
    right = torch.cat([torch.zeros_like(mask), 20 * (2 * truth - 1)], dim=1)
    everywhere = torch.ones_like(mask)
    assert connectivity_loss(right, mask, everywhere) < 1e-6
    assert connectivity_loss(-right, mask, everywhere) == pytest.approx(0.2 * 20, rel=1e-3)
    assert connectivity_loss(-right, mask, torch.zeros_like(mask)) == 0


def test_a_connection_finds_a_road_that_the_segmentation_missed():
    outputs = torch.full((1, 19, 4, 4), -5.0)
    outputs[0, 7, 2, 2] = 3.0
    assert joined(outputs)[0, 0, 2, 2] == 3.0
    assert joined(outputs).max(dim=-1).values.shape == (1, 1, 4)
    assert (joined(outputs) > 0).sum() == 1


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "coanet"])
def test_every_other_architecture_answers_for_four_bands(architecture: str):
    network = build_network(architecture, bands=4, settings={"encoder_name": "resnet18"}).eval()
    assert network(torch.zeros(1, 4, 64, 96)).shape == (1, 1, 64, 96)
