"""Small data sets to train on, small networks to look through, one thread."""

from collections.abc import Callable
from pathlib import Path

import pytest
from makers import SceneMaker, write_dataset
from networks import PIXEL, pixel_module, write_pixel_networks
from trainings import BRIGHT

from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES

PARTS = {"regions": 2, "splits": ("train", "validation"), "arms": ("real", "simulated"), "bright": BRIGHT}

WriteData = Callable[..., Path]
OpenData = Callable[..., DataSet]


@pytest.fixture
def open_data(write_data: WriteData, protocol: BenchmarkProtocol) -> OpenData:
    """Writes and opens a data set of two scenes of a region each: one to train on, one to validate on."""

    def opened(*, arm: str | None = None, **options: object) -> DataSet:
        return open_dataset(write_data(**{**PARTS, **options}), protocol, arm)

    return opened


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, protocol: BenchmarkProtocol) -> DataSet:
    """One that no test changes."""
    root = write_dataset(tmp_path_factory.mktemp("data") / "tiny", SceneMaker(), **PARTS)
    return open_dataset(root, protocol)


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of networks that find what is brighter than `BRIGHT` in blue, and look at nothing else."""
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    return write_pixel_networks(tmp_path / "networks", bright=BRIGHT)
