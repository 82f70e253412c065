"""Whole scenes by tiles: the same as the whole at once where it can be, and no seams where it cannot."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tdsr_baselines.networks.base import enlarged
from tdsr_baselines.networks.tiling import ramps, super_resolve_tiled, tile_starts
from tdsr_bench.errors import ProtocolError

Network = Callable[[Tensor], Tensor]


def bicubic(frames: Tensor) -> Tensor:
    """A network whose pixels depend on two pixels around them."""
    return enlarged(frames.mean(dim=1))


def pointwise(frames: Tensor) -> Tensor:
    nearest = torch.nn.functional.interpolate(frames[:, 0], scale_factor=3, mode="nearest")
    return nearest.square() + 1


@pytest.fixture
def frames() -> Tensor:
    """``[2, 4, 45, 70]``."""
    return torch.rand(2, 4, 45, 70, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("network", "tile", "overlap"), [(bicubic, 16, 8), (bicubic, 33, 9), (pointwise, 16, 0), (pointwise, 13, 12)]
)
@pytest.mark.parametrize("batch", [1, 4])
def test_a_local_network_answers_as_on_the_whole_scene(
    frames: Tensor, network: Network, tile: int, overlap: int, batch: int
):
    frames = frames.double()  # in single precision torch's bicubic weights depend on the place by 4e-6
    seen = super_resolve_tiled(network, frames, tile=tile, overlap=overlap, batch=batch)
    assert torch.allclose(seen, network(frames[None])[0], atol=1e-9)


@pytest.mark.parametrize(("tile", "size"), [(0, (45, 70)), (70, (45, 70)), (50, (45, 50)), (64, (1, 1))])
def test_a_scene_no_larger_than_a_tile_goes_in_whole(frames: Tensor, tile: int, size: tuple[int, int]):
    scene, shapes = frames[..., : size[0], : size[1]], []

    def network(tiles: Tensor) -> Tensor:
        shapes.append(tiles.shape)
        return bicubic(tiles)

    seen = super_resolve_tiled(network, scene, tile=tile, overlap=8)
    assert shapes == [(1, 2, 4, *size)]
    assert torch.equal(seen, bicubic(scene[None])[0])


def test_tiles_are_of_one_size_in_batches_that_are_no_larger_than_asked_for(frames: Tensor):
    shapes = []

    def network(tiles: Tensor) -> Tensor:
        shapes.append(tiles.shape)
        return bicubic(tiles)

    super_resolve_tiled(network, frames, tile=32, overlap=8, batch=4)
    assert shapes == [(4, 2, 4, 32, 32), (2, 2, 4, 32, 32)]


def test_what_a_network_spoils_at_its_edges_is_cut_off(frames: Tensor):
    """Only the scene's own edges keep it; here it reaches two pixels far, a quarter of the overlap."""

    def network(tiles: Tensor) -> Tensor:
        answer = torch.zeros_like(bicubic(tiles))
        answer[..., :6], answer[..., -6:], answer[..., :6, :], answer[..., -6:, :] = 9, 9, 9, 9
        return answer

    seen = super_resolve_tiled(network, frames, tile=16, overlap=8)
    assert torch.equal(seen, network(frames[None])[0])


@pytest.mark.parametrize(("tile", "overlap"), [(16, 8), (20, 6), (16, 12)])
def test_a_network_that_is_of_another_opinion_on_each_tile_leaves_no_seam(tile: int, overlap: int):
    """From one level to the next it takes half the overlap: no step is larger than that share of the difference."""
    levels = iter(torch.rand(1000, generator=torch.Generator().manual_seed(1)))

    def network(tiles: Tensor) -> Tensor:
        return torch.zeros_like(bicubic(tiles)) + next(levels)

    seen = super_resolve_tiled(network, torch.zeros(1, 4, 45, 70), tile=tile, overlap=overlap)
    steps = torch.cat([seen.diff(dim=-1).flatten(), seen.diff(dim=-2).flatten()]).abs()
    assert 0 < steps.max() <= 1 / (3 * overlap / 2) + 1e-6


@pytest.mark.parametrize("tile", [4, 16, 31])
@pytest.mark.parametrize("size", [16, 17, 45, 100])
def test_tiles_cover_a_side_and_overlap_by_no_less_than_asked_for(size: int, tile: int):
    for overlap in range(tile):
        starts = tile_starts(size, tile, overlap)
        assert starts[0] == 0
        assert starts[-1] == max(size - tile, 0)
        assert all(0 < after - before <= tile - overlap for before, after in pairwise(starts))


@pytest.mark.parametrize(("size", "tile", "overlap"), [(45, 16, 8), (45, 16, 0), (45, 16, 15), (33, 32, 1), (9, 9, 3)])
def test_ramps_sum_to_one_and_are_linear(size: int, tile: int, overlap: int):
    starts = tile_starts(size, tile, overlap)
    weights, total = ramps(starts, tile, overlap), torch.zeros(3 * size, dtype=torch.float64)
    for start, weight in zip(starts, weights, strict=True):
        total[3 * start : 3 * (start + tile)] += weight
    assert torch.allclose(total, torch.ones_like(total), atol=1e-12)
    assert weights.min() >= 0
    rises = weights.diff(dim=1)
    assert rises.abs().max() <= 1 / max(1.5 * overlap, 1) + 1e-9


def test_no_gradient_is_kept(frames: Tensor):
    assert not super_resolve_tiled(bicubic, frames.requires_grad_(), tile=32, overlap=8).requires_grad


@pytest.mark.parametrize(
    ("tile", "overlap", "batch", "sentence"),
    [
        (16, 16, 1, "Tiles of 16 pixels cannot overlap by 16; choose 0 to 15"),
        (16, -1, 1, "cannot overlap by -1"),
        (-1, 0, 1, "A tile of -1 pixels"),
        (16, 4, 0, "batches of 0"),
    ],
)
def test_tiles_that_cannot_be(frames: Tensor, tile: int, overlap: int, batch: int, sentence: str):
    with pytest.raises(ProtocolError, match=sentence):
        super_resolve_tiled(bicubic, frames, tile=tile, overlap=overlap, batch=batch)
