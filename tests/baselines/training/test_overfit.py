"""Each loss can be brought down by every network on one batch: its gradient is right and reaches all of the network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from makers import landscape
from torch import Tensor, nn
from trainings import BRIGHT, HAT, RAMS

from tdsr_baselines.losses import LOSSES
from tdsr_baselines.losses.base import Batch, LossSettings, Surroundings
from tdsr_baselines.losses.compensated import CompensatedL1, CompensatedL2
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.grid import Grid
from tdsr_baselines.losses.keypoints import KeyPoints
from tdsr_baselines.losses.pixel import L1, Charbonnier, Detail, Ssim
from tdsr_baselines.losses.task import TaskFeature, TaskMask, TaskSegmentation
from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.networks.base import enlarged
from tdsr_baselines.observe import observe
from tdsr_bench.data.mini import MINI_VERSION
from tdsr_bench.tasks import keynet
from tdsr_bench.tasks.networks.sets import open_networks, shipped_networks

SIZE, STEPS = 48, 24

KINDS: tuple[LossSettings, ...] = (
    CompensatedL1(),
    CompensatedL2(),
    L1(),
    Charbonnier(),
    Ssim(),
    Detail(),
    Consistency(),
    TaskMask(task="roads"),
    TaskSegmentation(task="roads"),
    TaskFeature(task="roads"),
    KeyPoints(margin=6),
)

NETWORKS: Mapping[str, tuple[Mapping[str, Any], float, float]] = {
    "hat": (HAT, 5e-3, 0.7),
    "rams": ({**RAMS, "settings": {"filters": 8, "blocks": 1, "zero_start": True}}, 1e-2, 0.85),
}
"""Each with a learning rate, and what may be left of a loss after `STEPS`; measured, of the slowest: 0.58 and 0.74."""


class Blobs(nn.Module):
    """In place of Key.Net: the square of what sticks out of its surroundings."""

    def forward(self, image: Tensor) -> Tensor:
        return 2e6 * (F.avg_pool2d(image, 3, 1, 1) - F.avg_pool2d(image, 9, 1, 4)) ** 2


@pytest.fixture(scope="module")
def batch() -> Batch:
    """One crop that three frames saw."""
    reference = torch.from_numpy(landscape(np.random.default_rng(3), 144)[None, :, 40 : 40 + SIZE, 30 : 30 + SIZE])
    shifts = torch.tensor([[[0.0, 0.0], [0.31, -0.42], [-0.75, 0.9]]])
    seen = observe(reference, shifts)
    everywhere = torch.ones(1, 1, SIZE, SIZE)
    return Batch(
        frames=seen,
        observed=seen,
        observed_valid=torch.ones_like(seen[:, :, 0]),
        shifts=shifts,
        reference=reference.contiguous(),
        reference_valid=everywhere,
        truth={"roads": (reference[:, :1] > BRIGHT).float()},
        truth_valid=everywhere,
    )


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    """The networks that come with `mini`."""
    folder = shipped_networks("mini", MINI_VERSION)
    assert folder is not None
    return Surroundings(networks=open_networks(folder), keynet=Path("blobs"))


def test_no_kind_is_left_out():
    """But the loss of the grid: what networks start from has none to take away; see losses/test_grid.py."""
    assert {type(settings) for settings in KINDS} == set(LOSSES) - {Grid}


@pytest.mark.parametrize("settings", KINDS, ids=lambda settings: settings.kind)
@pytest.mark.parametrize("name", NETWORKS)
def test_one_batch_is_learnt_by_heart(
    name: str, settings: LossSettings, batch: Batch, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keynet, "load_network", lambda _path: Blobs())
    known, rate, left = NETWORKS[name]
    loss = settings.build(surroundings)
    torch.manual_seed(0)
    mean, sd = (tuple(map(float, values)) for values in torch.std_mean(batch.frames, dim=(0, 1, 3, 4))[::-1])
    network = build_network(
        find_size(known["size"]),
        mean=mean,
        sd=sd,
        frames=known.get("frames"),
        residual="bicubic",
        views="frames",
        settings=known["settings"],
    )
    first = {key: value.clone() for key, value in network.named_parameters()}
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    values = []
    for _ in range(STEPS + 1):
        optimizer.zero_grad()
        value = loss(network(batch.frames), batch)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[0] == pytest.approx(loss(enlarged(batch.frames[:, 0]), batch).item(), rel=1e-3)
    assert values[-1] < left * values[0]
    still = [key for key, value in network.named_parameters() if torch.equal(value, first[key])]
    assert all("attention" in key for key in still)  # which so small a network may have none of
