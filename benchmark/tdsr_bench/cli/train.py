"""`train`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tdsr_bench.cli.task import Device


def train(
    config: Annotated[
        str, typer.Argument(help="A TOML file, or the name of one in the package, such as rams-tiny-task.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the run. [default: runs/NAME]")] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Instead of the configuration's: mini, a name, or a folder.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option("--fold", help="Of MuS2, such as fold-30T, instead of the configuration's.")
    ] = None,
    device: Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, whatever lies in the folder.")] = False,
) -> None:
    """Train a network of super-resolution by its configuration.

    A run that was stopped goes on from its last look at the validation split, to the same numbers. Prints the path of
    the checkpoint; its folder also holds train.csv, validation.csv, contact sheets and what TensorBoard shows.

    \b
    Examples:
      tdsr-bench train hat-tiny-pixel
      tdsr-bench train my-training.toml --out runs/first --device cuda
      torchrun --nproc-per-node 4 --no-python tdsr-bench train rams-task --data ~/MuS2 --fold fold-30T
    """
    from tdsr_baselines.training.config import load_config
    from tdsr_baselines.training.run import train as run
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.progress import locate, stage_progress
    from tdsr_bench.protocol import load_protocol

    wanted = load_config(config)
    instead = {key: value for key, value in (("name", data), ("fold", fold)) if value}
    if instead:
        wanted = wanted.model_copy(update={"data": wanted.data.model_copy(update=instead)})
    dataset = open_dataset(locate(wanted.data.name), load_protocol("tdsr-v1"), wanted.data.arm)
    with stage_progress() as progress:
        path = run(
            wanted, dataset, out or Path("runs") / wanted.name, device=device, overwrite=overwrite, progress=progress
        )
    if os.environ.get("RANK", "0") == "0":  # torchrun's other processes have the same path
        typer.echo(str(path))
