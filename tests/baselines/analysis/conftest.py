"""A small data set on disk, its scenes as losses see them, and networks whose answer is known."""

from pathlib import Path

import pytest
from makers import TASKS, SceneMaker, write_dataset
from networks import PIXEL, pixel_module, write_pixel_networks
from trainings import BRIGHT

from tdsr_baselines.analysis.subjects import Subject, read_subjects
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES

PARTS = {"regions": 4, "splits": ("train", "validation", "test", "test"), "arms": ("real",), "bright": BRIGHT}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, protocol: BenchmarkProtocol) -> DataSet:
    """A scene in each of four regions: one to train on, one to validate on, two to test on."""
    root = write_dataset(tmp_path_factory.mktemp("data") / "tiny", SceneMaker(), **PARTS)
    return open_dataset(root, protocol)


@pytest.fixture(scope="session")
def subject(data: DataSet) -> Subject:
    """The first scene of the test split."""
    return read_subjects(data, data.names("test")[:1], TASKS)[0]


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of networks that find what is brighter than `BRIGHT` in blue, and look at nothing else."""
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    return write_pixel_networks(tmp_path / "networks", bright=BRIGHT)
