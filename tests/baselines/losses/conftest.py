"""Crops of a landscape, their frames by the sensor model, and every loss that there is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from makers import landscape
from networks import PIXEL, pixel_module, write_pixel_networks
from torch import Tensor, nn

from tdsr_baselines.losses.base import Batch, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.compensated import CompensatedL1, CompensatedL2
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.grid import Grid
from tdsr_baselines.losses.keypoints import KeyPoints
from tdsr_baselines.losses.pixel import L1, Charbonnier, Detail, Ssim
from tdsr_baselines.losses.task import TaskFeature, TaskMask, TaskSegmentation
from tdsr_baselines.observe import observe
from tdsr_bench.data.mini import MINI_VERSION
from tdsr_bench.tasks import keynet
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES
from tdsr_bench.tasks.networks.sets import open_networks, shipped_networks

SIZE, FRAMES, BRIGHT = 48, 3, 0.08

CASES: dict[str, LossSettings] = {
    "cl1": CompensatedL1(),
    "cl1 unmoved": CompensatedL1(reach=0),
    "cmse": CompensatedL2(),
    "l1": L1(),
    "charbonnier": Charbonnier(),
    "ssim": Ssim(),
    "ssim in a range": Ssim(data_range=(0.1, 0.12, 0.15, 0.25)),
    "detail": Detail(),
    "consistency": Consistency(),
    "consistency l2": Consistency(norm="l2", frames="first"),
    "grid": Grid(),
    "roads mask": TaskMask(task="roads"),
    "roads mask, moved": TaskMask(task="roads", reach=2),
    "roads segmentation": TaskSegmentation(task="roads"),
    "roads features": TaskFeature(task="roads"),
    "keypoints": KeyPoints(margin=6),
}
"""Every kind, and its settings that take another way through the code."""


class Blobs(nn.Module):
    """Responses that need no weights, as large as Key.Net's: the square of what sticks out of its surroundings."""

    def forward(self, image: Tensor) -> Tensor:
        return 2e6 * (F.avg_pool2d(image, 3, 1, 1) - F.avg_pool2d(image, 9, 1, 4)) ** 2


@pytest.fixture(scope="session")
def batch() -> Batch:
    """Two crops, a corner of one of them masked, seen by three frames; blue that is bright is road and building."""
    scene = landscape(np.random.default_rng(3), 144)
    reference = torch.from_numpy(np.stack([scene[:, :SIZE, :SIZE], scene[:, 60:108, 70:118]]))
    shifts = torch.tensor([[[0.0, 0.0], [0.31, -0.42], [-0.75, 0.9]], [[0.0, 0.0], [1.22, 0.13], [0.04, -0.58]]])
    valid = torch.ones(2, 1, SIZE, SIZE)
    valid[1, :, :12, :18] = 0
    observed = observe(reference, shifts)
    clear = torch.ones(observed[:, :, 0].shape)
    clear[0, 1, 6:9, 5:11] = 0
    truth = (reference[:, :1] > BRIGHT).float()
    return Batch(
        frames=observed,
        observed=observed,
        observed_valid=clear,
        shifts=shifts,
        reference=reference,
        reference_valid=valid,
        truth={"roads": truth, "buildings": truth},
        truth_valid=valid,
    )


@pytest.fixture(scope="session")
def reference(batch: Batch) -> Tensor:
    """``[2, 4, 48, 48]``."""
    assert batch.reference is not None
    return batch.reference


@pytest.fixture(scope="session")
def valid(batch: Batch) -> Tensor:
    """Bool ``[2, 1, 48, 48]``."""
    assert batch.reference_valid is not None
    return batch.reference_valid > 0


@pytest.fixture(scope="session")
def shipped() -> Surroundings:
    """The networks that come with `mini`."""
    folder = shipped_networks("mini", MINI_VERSION)
    assert folder is not None
    return Surroundings(networks=open_networks(folder), keynet=Path("blobs"))


@pytest.fixture
def pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Networks that find what is brighter than `BRIGHT` in blue, and look at nothing else."""
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    return Surroundings(networks=open_networks(write_pixel_networks(tmp_path / "networks", bright=BRIGHT)))


@dataclass(frozen=True)
class Case:
    """A loss that is ready."""

    name: str
    settings: LossSettings
    loss: LossFunction


@pytest.fixture
def cases() -> dict[str, LossSettings]:
    """All of them."""
    return CASES


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, shipped: Surroundings, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Each loss in turn, with the shipped networks and a stand-in for Key.Net."""
    monkeypatch.setattr(keynet, "load_network", lambda _path: Blobs())
    settings = CASES[request.param]
    return Case(request.param, settings, settings.build(shipped))
