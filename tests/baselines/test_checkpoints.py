"""Checkpoints: what is written comes back, and nothing else is taken for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import pixel_network
from trainings import HAT, NETWORKS, RAMS

from tdsr_baselines.checkpoints import CheckpointRecord, load_checkpoint, read_checkpoint_record, save_checkpoint
from tdsr_baselines.networks.base import SrNetwork
from tdsr_bench.errors import DataError
from tdsr_bench.tasks.networks.weights import save_network
from tdsr_bench.weights_file import write_weights

MEAN, SD = (0.1, 0.11, 0.12, 0.3), (0.02, 0.02, 0.03, 0.06)


def record(network: Mapping[str, Any]) -> CheckpointRecord:
    return CheckpointRecord(
        name="mine",
        size=network["size"],
        frames=network.get("frames", 1),
        order="protocol",
        residual=network["residual"],
        settings=network["settings"],
        mean=MEAN,
        sd=SD,
        training={"regime": "pixel"},
    )


@dataclass
class Saved:
    path: Path
    network: SrNetwork
    record: CheckpointRecord


@pytest.fixture(params=NETWORKS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Saved:
    known = record(NETWORKS[request.param])
    network = known.build()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_checkpoint(tmp_path / "mine.safetensors", network, known)
    return Saved(tmp_path / "mine.safetensors", network, known)


def test_a_network_comes_back_as_it_was_but_for_half_precision(saved: Saved):
    found = load_checkpoint(saved.path)
    assert found.record == saved.record == read_checkpoint_record(saved.path)
    assert found.parameters == sum(parameter.numel() for parameter in saved.network.parameters())
    assert not found.module.training
    assert not any(parameter.requires_grad for parameter in found.module.parameters())
    frames = 0.1 + 0.1 * torch.rand(1, saved.record.frames, 4, 16, 16)
    with torch.no_grad():
        expected, got = saved.network.eval().half().float()(frames), found.module(frames)
    assert torch.equal(got, expected)
    assert got.shape == (1, 4, 48, 48)


def test_its_hash_is_the_file_s(saved: Saved):
    sha256 = load_checkpoint(saved.path).sha256
    other = saved.record.model_copy(update={"name": "other"})
    save_checkpoint(saved.path, saved.network, other)
    assert load_checkpoint(saved.path).sha256 != sha256
    save_checkpoint(saved.path, saved.network, saved.record)
    assert load_checkpoint(saved.path).sha256 == sha256


@pytest.mark.parametrize("end", [0, 5, 200, -1])
def test_a_file_that_is_cut_short_is_refused(saved: Saved, end: int):
    saved.path.write_bytes(saved.path.read_bytes()[:end])
    with pytest.raises(DataError, match="is no safetensors file, or cut short"):
        load_checkpoint(saved.path)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"There is no checkpoint at .*none; make it by `tdsr-bench train`"):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "text").write_text("This is not a checkpoint, whatever its name may say.")
    with pytest.raises(DataError, match="is no safetensors file"):
        load_checkpoint(tmp_path / "text")
    with pytest.raises(DataError, match="says nothing of a network of super-resolution; expected a file that `tdsr-be"):
        load_checkpoint(save_network(tmp_path, pixel_network("roads")))


def test_a_record_that_is_not_whole_is_refused(saved: Saved):
    half = pixel_network("roads").record
    write_weights(saved.path, saved.network.state_dict(), key="sr_network", record=half)
    with pytest.raises(DataError, match="its record of a network of super-resolution is not complete"):
        load_checkpoint(saved.path)


@pytest.mark.parametrize(
    ("network", "changes", "sentence"),
    [
        (
            HAT,
            {"settings": {**HAT["settings"], "embed_dim": 32}},
            "does not hold the weights of hat-tiny with 1 frames",
        ),
        (HAT, {"settings": {**HAT["settings"], "depths": [2], "num_heads": [1]}}, "is nothing, expected"),
        (RAMS, {"frames": 5}, "does not hold the weights of rams-tiny with 5 frames"),
        (RAMS, {"size": "rams-tinny"}, "There is no network 'rams-tinny'; the nearest is 'rams-tiny'"),
        (HAT, {"frames": 3}, "hat-tiny takes 1 frame, not 3"),
        (RAMS, {"settings": {"filtres": 8}}, "RAMS has no setting 'filtres'"),
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, network: Mapping[str, Any], changes: dict[str, Any], sentence: str
):
    known = record(network)
    path = tmp_path / "mine.safetensors"
    save_checkpoint(path, known.build(), known.model_copy(update=changes))
    with pytest.raises(DataError, match=sentence):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_refused(saved: Saved):
    with torch.no_grad():
        next(saved.network.parameters()).view(-1)[0] = torch.nan
    save_checkpoint(saved.path, saved.network, saved.record)
    with pytest.raises(DataError, match="has values that are NaN or infinite"):
        load_checkpoint(saved.path)
