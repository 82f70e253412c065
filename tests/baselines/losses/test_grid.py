"""The loss of the frames' grid: the protocol's metric, for batches, with a gradient that takes the pattern away."""

import numpy as np
import pytest
import torch

from tdsr_baselines.losses.grid import SMOOTH, grid_pattern
from tdsr_bench.metrics.grid import grid_artefact


@pytest.fixture
def images() -> torch.Tensor:
    """Two crops of noise, 48 x 48."""
    return 0.1 + 0.01 * torch.randn((2, 4, 48, 48), generator=torch.Generator().manual_seed(0))


def with_grid(images: torch.Tensor, size: float) -> torch.Tensor:
    pattern = torch.tensor([[1.0, -1.0, 0.5], [0.0, 0.5, -1.0], [-1.0, 1.0, 0.0]]).tile(16, 16)
    return images + size * pattern


def everywhere(images: torch.Tensor) -> torch.Tensor:
    return torch.ones((len(images), 16, 16), dtype=torch.bool)


@pytest.mark.parametrize("size", [0.002, 0.01, 0.05])
def test_it_is_the_protocols_metric(images, size):
    """Of one crop, whose edge the metric is told to leave out."""
    one, inside = with_grid(images[:1], size), np.zeros((16, 16), dtype=bool)
    inside[1:-1, 1:-1] = True
    metric = np.mean([grid_artefact(band, inside) for band in one[0].numpy()])
    found = grid_pattern(one, everywhere(one)).item()
    assert found == pytest.approx(metric, abs=2 * SMOOTH)


def test_without_a_pattern_it_is_small_and_grows_with_one(images):
    found = [grid_pattern(with_grid(images, size), everywhere(images)).item() for size in (0.0, 0.002, 0.01, 0.05)]
    assert found[0] < 0.05
    assert np.all(np.diff(found) > 0)


def test_opposite_patterns_in_two_crops_are_no_common_pattern(images):
    both = torch.cat([with_grid(images[:1], 0.02), with_grid(images[1:], -0.02)])
    assert grid_pattern(both, everywhere(both)) < 0.2 * grid_pattern(with_grid(images, 0.02), everywhere(images))


def test_following_its_gradient_takes_the_pattern_away_and_leaves_the_image(images):
    sr = with_grid(images, 0.01).requires_grad_()
    steps = torch.optim.SGD([sr], lr=0.05)
    for _ in range(100):
        steps.zero_grad()
        grid_pattern(sr, everywhere(images)).backward()
        steps.step()
    assert grid_pattern(sr, everywhere(images)) < 0.1 * grid_pattern(with_grid(images, 0.01), everywhere(images))
    inside = (..., slice(6, -6), slice(6, -6))
    assert (sr - images)[inside].abs().mean() < 0.3 * (with_grid(images, 0.01) - images)[inside].abs().mean()
