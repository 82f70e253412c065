"""`analyse probe` and `analyse balance`: what losses of tasks have made of networks."""

from pathlib import Path
from typing import Annotated

import typer

from tdsr_bench.cli.analyse_shared import Networks, Scenes, Split, finish, method_of, open_material
from tdsr_bench.cli.score import Arm, Data, Isolate
from tdsr_bench.cli.task import Device


def probe(
    submissions: Annotated[list[Path], typer.Argument(help="Files of submissions, or checkpoints of `train`.")],
    data: Data = "mini",
    arm: Arm = None,
    fit: Annotated[str, typer.Option("--fit", help="The split on which the heads are fitted.")] = "validation",
    split: Split = "test",
    scenes: Scenes = None,
    isolation: Isolate = "auto",
    out: Annotated[Path, typer.Option("--out", help="Where tables, figure and images go.")] = Path("analyses/probe"),
) -> None:
    """Ask whether a network has become the segmenter: can five numbers read roads and buildings off its pixels?

    A logistic head of four bands and a bias is fitted for each task and method, for HR and bicubic too, and tested on
    other regions. Images that were made before are not made again.

    \b
    Examples:
      tdsr-bench analyse probe submissions/hat-tiny-pixel/submission.py submissions/hat-tiny-task/submission.py
      tdsr-bench analyse probe my/submission.py --fit train --scenes 6
    """
    from tdsr_baselines.analysis.probe import draw
    from tdsr_baselines.analysis.probe import probe as analysed
    from tdsr_baselines.analysis.subjects import spread_over_regions
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.progress import counting_progress, locate
    from tdsr_bench.protocol import load_protocol

    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"), arm)
    to_fit, to_test = (spread_over_regions(dataset, part, scenes) for part in (fit, split))
    methods = [method_of(path, isolation, out) for path in submissions]
    with counting_progress("reading pixels") as told:
        findings = analysed(dataset, to_fit, to_test, methods, told)
    title = f"linear heads: {dataset.name}, {dataset.arm}, fitted on {fit}, {len(to_test)} scenes of {split}"
    finish(out, findings, title)
    draw(out / "probe.svg", findings)
    typer.echo(str(out))


def balance(
    data: Data = "mini",
    arm: Arm = None,
    task: Annotated[str, typer.Option("--task", help="Of the task loss: roads or buildings.")] = "roads",
    methods: Annotated[
        str, typer.Option("--methods", help="With commas between, such as fixed,uw,pcgrad. [default: all]")
    ] = "",
    steps: Annotated[int, typer.Option("--steps", min=2, help="Of each training.")] = 60,
    scenes: Annotated[int | None, typer.Option("--scenes", min=1, help="To train on; half as many to validate.")] = 6,
    seed: Annotated[int, typer.Option("--seed", help="Of first weights and crops.")] = 1,
    networks: Networks = None,
    device: Device = "cpu",
    out: Annotated[Path, typer.Option("--out", help="Where runs, tables and figure go.")] = Path("analyses/balance"),
) -> None:
    """Compare the ways of balancing an image loss and a task loss, by short trainings of a tiny network.

    Both losses begin with weight 1; controls are either loss alone and weights set by hand. A run that was stopped goes
    on, and one that is finished is not trained again.

    \b
    Examples:
      tdsr-bench analyse balance --steps 20 --scenes 2
      tdsr-bench analyse balance --methods "by hand,fixed,uw,famo,pcgrad" --task buildings --steps 300
    """
    from tdsr_baselines.analysis.balancing import Contest, draw, methods_named
    from tdsr_baselines.analysis.balancing import balance as analysed
    from tdsr_bench.errors import ProtocolError
    from tdsr_bench.files import claimed
    from tdsr_bench.progress import stage_progress

    wanted = methods_named([word.strip() for word in methods.split(",") if word.strip()])
    opened = open_material(data, arm, "train", scenes, networks)
    if opened.networks is None or task not in opened.tasks:
        known = " or ".join(opened.tasks) or "none"
        raise ProtocolError(f"Balancing needs a network for losses and truth of {task!r}; here there are: {known}.")
    contest = Contest(
        task=task, steps=steps, seed=seed, train_scenes=scenes, validation_scenes=scenes and max(1, scenes // 2)
    )
    with claimed(out, what="an analysis"), stage_progress() as progress:
        findings = analysed(opened.dataset, wanted, contest, opened.networks, out, device=device, progress=progress)
    finish(out, findings, f"{steps} steps, charbonnier and {task} mask: {opened.title}")
    draw(out / "balance.svg", findings)
    typer.echo(str(out))
