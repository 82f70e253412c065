"""Trains one network by its configuration, from data set to checkpoint; goes on where an earlier run stopped."""

import logging
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tdsr_baselines.balance import make_balancer
from tdsr_baselines.checkpoints import read_checkpoint_record
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.log import RunLog
from tdsr_baselines.training.loop import RESUME, Loop
from tdsr_baselines.training.material import Material, Progress, read_material
from tdsr_baselines.training.start import first_network, origin
from tdsr_baselines.training.state import TrainingState, averaged_copy, resume_state
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.devices import find_device
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.files import claimed, digest

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def train(
    config: TrainingConfig,
    dataset: DataSet,
    folder: Path,
    *,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress,
) -> Path:
    """Train, and return the path of the checkpoint: the weights of the best look at the validation split.

    Args:
        config: what to train, and how.
        dataset: its data, opened.
        folder: of the run: logs, contact sheets, what to go on from, and the checkpoint.
        device: ``auto``, ``cpu`` or ``cuda``; with several processes (torchrun) each takes one card.
        overwrite: begin anew whatever lies in `folder`.
        progress: shown.

    Raises:
        ProtocolError: networks or weights that a loss needs are not there.
        DataError: the data cannot be trained on; or `folder` holds another training.
        UserError: another run is training there.
        TrainingError: a loss became NaN or infinite; what was good is kept.
    """
    path = folder / f"{config.name}.safetensors"
    started_from = origin(config.network.start)
    fabric = _fabric(config, device)
    progress = progress if fabric.is_global_zero else _silent
    first = fabric.is_global_zero  # of the processes of this training, which share its folder
    with claimed(folder, what="a training") if first else nullcontext():
        _check_alone(path)
        if overwrite and first:
            _clear(folder, path)
        fabric.barrier()  # nobody goes on before the folder is this training's
        material = read_material(config, dataset, str(fabric.device), progress)
        key = digest(config.sha256, material.about, started_from and started_from["sha256"])
        if not _is_finished(path, key):
            state = _begin(config, material, fabric)
            log = RunLog(folder)
            resume_state(folder / RESUME, state, key)
            if first:
                log.go_back(state.step)
            Loop(config, material, state, fabric, log, path, key, started_from, progress).run()
        if first:
            (folder / RESUME).unlink(missing_ok=True)
    return path


def _silent(what: str, done: int, total: int, how: str = "") -> None:
    """The progress of all processes but the first."""


def _check_alone(path: Path) -> None:
    """A folder is one training's: its logs and what it goes on from are not called by its name."""
    other = next((file for file in sorted(path.parent.glob("*.safetensors")) if file.name != path.name), None)
    if other:
        raise DataError(f"{path.parent} holds {other.name}, of another name than {path.stem}; name another folder by "
                        f"--out.")  # fmt: skip


def _is_finished(path: Path, key: str) -> bool:
    if not path.is_file() or not (done := read_checkpoint_record(path).training).get("finished"):
        return False
    if done["key"] != key:
        raise DataError(f"{path} was trained by another configuration or on other data; name another folder by --out, "
                        f"or replace it with --overwrite.")  # fmt: skip
    return True


def _clear(folder: Path, path: Path) -> None:
    for old in (folder / RESUME, path, folder / "train.csv", folder / "validation.csv"):
        old.unlink(missing_ok=True)


def _fabric(config: TrainingConfig, device: str) -> "Fabric":
    """One process, or those that torchrun started."""
    from lightning_fabric import Fabric

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its remarks would tear the progress bar
    found = "cpu" if find_device(device) == "cpu" else "cuda"
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if config.training.batch % int(os.environ.get("WORLD_SIZE", "1")):
        raise ProtocolError(
            f"A batch of {config.training.batch} crops cannot be shared by {os.environ['WORLD_SIZE']} processes; "
            f"choose a multiple: training.batch."
        )
    bf16 = found == "cuda" and torch.cuda.is_bf16_supported()
    half = {"auto": bf16, "bf16": True, "float32": False}[config.training.precision]
    fabric = Fabric(
        accelerator=found,
        devices=processes if several else 1,
        num_nodes=int(os.environ.get("WORLD_SIZE", "1")) // processes,
        strategy="ddp" if several else "auto",
        precision="bf16-mixed" if half else "32-true",
    )
    fabric.launch()
    return fabric


def _begin(config: TrainingConfig, material: Material, fabric: "Fabric") -> TrainingState:
    torch.manual_seed(config.seed)  # the same first weights in every process
    network = first_network(config, material.known).to(fabric.device)
    training = config.training
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, betas=training.betas, fused=True)
    balancing = config.balancing
    balancer = make_balancer(
        balancing.method, weights=[loss.weight for loss in config.losses], seed=config.seed, settings=balancing
    )
    average = averaged_copy(network) if training.ema else network
    return TrainingState(network, average, optimizer, balancer)
