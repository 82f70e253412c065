"""`task train` and `task suitability`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tdsr_bench.cli.score import Arm

app = typer.Typer(help="The networks that find roads and buildings.", no_args_is_help=True, rich_markup_mode=None)

Data = Annotated[str, typer.Argument(help="mini, the name of a data set that was imported, or a folder.")]
Fold = Annotated[str | None, typer.Option("--fold", help="A fold of MuS2, such as fold-30T.")]
Device = Annotated[str, typer.Option("--device", help="Of torch: cpu, cuda, or auto for what is there.")]


@app.command("train")
def train(
    data: Data = "mini",
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="mini, mus2, or a TOML file. [default: by data]")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="roads or buildings; repeatable. [default: all]")
    ] = None,
    role: Annotated[
        Literal["score", "loss"] | None, typer.Option("--set", help="score or loss. [default: both]")
    ] = None,
    source: Annotated[
        Literal["hr", "lr"] | None,
        typer.Option("--input", help="On references, or on enlarged frames. [default: both]"),
    ] = None,
    arm: Arm = None,
    fold: Fold = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where networks go. [default: networks/DATA]")] = None,
    device: Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace networks of another recipe or data.")] = False,
) -> None:
    """Train the networks that score, their twins on enlarged frames, and those for training losses.

    What is finished is kept; a run that was stopped goes on from its last look at the validation split. Prints the path
    of each network.

    \b
    Examples:
      tdsr-bench task train mini
      tdsr-bench task train ~/MuS2 --fold fold-30T --device cuda
      tdsr-bench task train mini --task roads --set score --input hr --out my-networks
    """
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.devices import find_device
    from tdsr_bench.progress import locate, stage_progress
    from tdsr_bench.protocol import load_protocol
    from tdsr_bench.training.recipe import RECIPES, load_recipe
    from tdsr_bench.training.run import train_all
    from tdsr_bench.training.train import lessons

    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"), arm)
    chosen = load_recipe(recipe or (dataset.name if dataset.name in RECIPES else "mus2"))
    todo = lessons(chosen, tasks=task or (), role=role, source=source)
    folder = (out or Path("networks") / dataset.name) / (fold or "")
    with stage_progress() as progress:
        trained = train_all(
            dataset, chosen, todo, folder, fold=fold, device=find_device(device), overwrite=overwrite, progress=progress
        )
        for path in trained:
            typer.echo(str(path))


@app.command("suitability")
def suitability(
    data: Data = "mini",
    networks: Annotated[
        Path | None, typer.Option("--networks", help="A folder of task networks. [default: the package's, for mini]")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="[default: validation, on which tasks are chosen]")
    ] = None,
    arm: Arm = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where table and figure go. [default: beside the networks, else results/]"),
    ] = None,
) -> None:
    """Ask whether the tasks can tell a reference from its frames, and fix which of them count.

    The verdict on the validation split, written beside the networks, decides which tasks `evaluate` counts.

    \b
    Examples:
      tdsr-bench task suitability mini
      tdsr-bench task suitability mini --split test
      tdsr-bench task suitability ~/MuS2 --networks networks/mus2/fold-30T --split fold-30T/validation
    """
    from tdsr_bench.cli.show import output, suitability_table
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.errors import ProtocolError
    from tdsr_bench.progress import locate, stage_progress
    from tdsr_bench.protocol import load_protocol
    from tdsr_bench.suitability import suitability as study
    from tdsr_bench.suitability import verdict
    from tdsr_bench.suitability_figure import draw_suitability
    from tdsr_bench.tasks.networks.sets import open_networks, shipped_networks
    from tdsr_bench.tasks.verdict import write_verdict

    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"), arm)
    deciding = dataset.protocol.suitability.split
    chosen = split or deciding
    folder = networks or shipped_networks(dataset.name, dataset.record.version)
    if folder is None:
        raise ProtocolError(
            f"No task networks are known for {dataset.name}; train them, and name their folder by --networks."
        )
    known = open_networks(folder)
    with stage_progress() as progress:
        lines = study(dataset, chosen, known, told=progress)
    output.print(suitability_table(lines, f"{dataset.name}, {dataset.arm}, {chosen}"))
    beside = networks if chosen.split("/")[-1] == deciding else None
    place = out or beside or Path("results") / f"suitability-{dataset.name}-{dataset.arm}-{chosen}"
    draw_suitability(place / "suitability.png", lines, title=f"{dataset.name}, {dataset.arm}, {chosen}")
    typer.echo(str(write_verdict(place, verdict(dataset, chosen, known, lines))))
