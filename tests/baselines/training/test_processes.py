"""Several processes that torchrun starts train one network."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from torch import Tensor
from trainings import PIXEL_TOML, RAMS, weights

from tdsr_baselines.checkpoints import load_checkpoint
from tdsr_baselines.losses.base import Surroundings
from tdsr_baselines.losses.pixel import L1
from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.training.batches import draw_batch, frame_statistics
from tdsr_baselines.training.config import Training
from tdsr_baselines.training.samples import Wanted, read_samples
from tdsr_baselines.training.state import learning_rate
from tdsr_bench.data.dataset import DataSet

TOML = (
    PIXEL_TOML.format(name="tiny")
    + """
[training]
steps = 4
batch = 2
crop = 16
learning_rate = 1e-2
ema = 0.0
validate_every = 4
log_every = 1
sheet_every = 0

[[loss]]
kind = "l1"
"""
)


@pytest.mark.slow
def test_two_processes_train_one_network(data: DataSet, tmp_path: Path):
    (tmp_path / "tiny.toml").write_text(TOML)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    command = [str(Path(sys.executable).with_name("tdsr-bench")), "train", "tiny.toml"]
    words = ["--data", str(data.root), "--out", "run", "--device", "cpu"]
    ran = subprocess.run(
        [*launcher, *command, *words],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "run/tiny.safetensors\n"
    assert ran.stderr.count("reading scenes to validate on") == 1
    path = tmp_path / "run" / "tiny.safetensors"
    assert load_checkpoint(path).record.training["processes"] == 2
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "tensorboard",
        "tiny.safetensors",
        "train.csv",
        "validation.csv",
    ]
    steps = [row.split(",")[0] for row in (path.parent / "train.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4"]
    assert len([*(path.parent / "tensorboard").iterdir()]) == 1
    expected, first = by_hand(data, processes=2), by_hand(data, processes=1)
    found = weights(path)
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=5e-4) for name in found)
    assert not all(torch.allclose(found[name], first[name], atol=5e-4) for name in found)


def by_hand(data: DataSet, *, processes: int) -> dict[str, Tensor]:
    """What the gradients' mean over what each process draws leads to."""
    training = Training(**tomllib.loads(TOML)["training"])
    samples = read_samples(data, data.names("train"), Wanted(frames=3))
    mean, sd = frame_statistics(samples)
    torch.manual_seed(0)
    network = build_network(
        find_size("rams-tiny"),
        mean=mean,
        sd=sd,
        frames=3,
        residual="bicubic",
        views="frames",
        settings=RAMS["settings"],
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, betas=training.betas)
    loss = L1().build(Surroundings())
    for step in range(training.steps):
        optimizer.param_groups[0]["lr"] = learning_rate(training, step)
        optimizer.zero_grad()
        for rank in range(processes):
            batch = draw_batch(samples, training.augmentation, batch=1, crop=16, seed=0, step=step, rank=rank)
            (loss(network(batch.frames), batch) / processes).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), training.clip)
        optimizer.step()
    return network.state_dict()
