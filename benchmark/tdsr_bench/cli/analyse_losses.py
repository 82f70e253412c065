"""`analyse registration`, `synchronised-shift`, `optimise-input`: what the losses of trainings really do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tdsr_bench.cli.analyse_shared import Material, Networks, Scenes, Size, Split, finish, open_material
from tdsr_bench.cli.score import Arm, Data, Isolate, KeyNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tdsr_baselines.analysis.catalogue import Loss
    from tdsr_baselines.analysis.subjects import Subject
    from tdsr_baselines.analysis.sweep import Sweep, Told
    from tdsr_baselines.analysis.tables import Findings

Sr = Annotated[
    Path | None,
    typer.Option("--sr", help="A submission, or a checkpoint of `train`. [default: shift-and-add]"),
]
Losses = Annotated[list[str] | None, typer.Option("--loss", help="Only this one, by its name; repeatable.")]
Axes = Annotated[Literal["rows", "columns", "both"], typer.Option("--axes", help="Along which to shift.")]
Most = Annotated[float, typer.Option("--most", min=1, max=6, help="The longest shift, high-resolution pixels.")]
Step = Annotated[float, typer.Option("--step", min=0.05, max=1, help="Between two shifts.")]


def registration(
    data: Data = "mini",
    arm: Arm = None,
    split: Split = "test",
    scenes: Scenes = 4,
    sr: Sr = None,
    loss: Losses = None,
    axes: Axes = "both",
    most: Most = 4.0,
    step: Step = 0.25,
    size: Size = 192,
    networks: Networks = None,
    keynet: KeyNet = None,
    isolation: Isolate = "auto",
    out: Annotated[Path, typer.Option("--out", help="Where tables and figure go.")] = Path("analyses/registration"),
) -> None:
    """Ask of each loss what a target costs that lies elsewhere: reference and masks shifted, for HR, SR and bicubic.

    \b
    Examples:
      tdsr-bench analyse registration --scenes 2
      tdsr-bench analyse registration --sr submissions/hat-tiny-pixel/submission.py --loss l1 --loss "roads mask"
    """
    from tdsr_baselines.analysis.registration import draw
    from tdsr_baselines.analysis.registration import registration as analysed

    opened = open_material(data, arm, split, scenes, networks, keynet)
    losses = _built(opened, loss, keynet)
    subjects = opened.subjects(sr, isolation, out)
    findings = _swept(analysed, subjects, losses, (most, step, axes, size), "shifting targets")
    finish(out, findings, f"registration: {opened.title}")
    draw(out / "registration.svg", findings)
    typer.echo(str(out))


def synchronised_shift(
    data: Data = "mini",
    arm: Arm = None,
    split: Split = "test",
    scenes: Scenes = 4,
    sr: Sr = None,
    loss: Losses = None,
    axes: Axes = "both",
    most: Most = 4.0,
    step: Step = 0.25,
    size: Size = 192,
    networks: Networks = None,
    keynet: KeyNet = None,
    isolation: Isolate = "auto",
    out: Annotated[Path, typer.Option("--out", help="Where tables and figure go.")] = Path(
        "analyses/synchronised-shift"
    ),
) -> None:
    """Ask of each loss whether it moves when image and target are shifted together, which changes nothing.

    \b
    Examples:
      tdsr-bench analyse synchronised-shift --scenes 2
      tdsr-bench analyse synchronised-shift --step 1 --axes rows --sr submissions/rams-tiny-task/submission.py
    """
    from tdsr_baselines.analysis.synchronised import draw, synchronised

    opened = open_material(data, arm, split, scenes, networks, keynet)
    losses = _built(opened, loss, keynet)
    subjects = opened.subjects(sr, isolation, out)
    findings = _swept(synchronised, subjects, losses, (most, step, axes, size), "shifting images and targets")
    finish(out, findings, f"synchronised shift: {opened.title}")
    draw(out / "synchronised-shift.svg", findings)
    typer.echo(str(out))


def optimise_input(
    data: Data = "mini",
    arm: Arm = None,
    split: Split = "test",
    scenes: Scenes = 2,
    losses: Annotated[
        list[str] | None, typer.Option("--losses", help="Only under these, by their name in the table; repeatable.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Of Adam.")] = 200,
    rate: Annotated[float, typer.Option("--rate", help="Of the first step, in standard deviations of a band.")] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Of the noise.")] = 0,
    size: Size = 96,
    networks: Networks = None,
    out: Annotated[Path, typer.Option("--out", help="Where tables and figures go.")] = Path("analyses/optimise-input"),
) -> None:
    """Optimise the pixels themselves under each loss, from noise, grey and bicubic: how ill-posed it is.

    What was painted is kept in the folder; the same command goes on from it.

    \b
    Examples:
      tdsr-bench analyse optimise-input --scenes 1
      tdsr-bench analyse optimise-input --losses masks --losses "charbonnier + masks" --steps 500
    """
    from tdsr_baselines.analysis.canvas import watchers
    from tdsr_baselines.analysis.catalogue import chosen
    from tdsr_baselines.analysis.optimise import Descent, optimise_all
    from tdsr_baselines.analysis.optimise_figures import draw_curves, draw_pictures
    from tdsr_baselines.analysis.recipes import recipes
    from tdsr_bench.files import claimed
    from tdsr_bench.progress import counting_progress

    opened = open_material(data, arm, split, scenes, networks)
    wanted = chosen(recipes(opened.tasks, opened.featured), losses or ())
    watching = watchers(opened.networks, opened.tasks)
    descent = Descent(steps, rate, size, seed)
    subjects = opened.subjects(None, "none", out)
    with claimed(out, what="an analysis"), counting_progress("optimising pixels") as told:
        gallery = optimise_all(subjects, wanted, opened.surroundings, watching, descent, out / "paintings", told)
        finish(out, gallery.findings, f"pixels optimised in {steps} steps: {opened.title}")
        draw_curves(out / "optimise-input.svg", gallery)
        draw_pictures(out / "optimise-input.png", gallery, watching, opened.tasks[-1] if opened.tasks else None)
    typer.echo(str(out))


def _built(opened: Material, names: list[str] | None, keynet: Path | None) -> "dict[str, Loss]":
    """The losses called `names`, ready; every kind for none."""
    from tdsr_baselines.analysis.catalogue import built, chosen, every_loss, has_keynet

    every = every_loss(opened.tasks, featured=opened.featured, keypoints=has_keynet(keynet))
    return built(chosen(every, names or ()), opened.surroundings)


def _swept(
    analysed: "Callable[[list[Subject], dict[str, Loss], Sweep, Told], Findings]",
    subjects: "list[Subject]",
    losses: "dict[str, Loss]",
    asked: tuple[float, float, Literal["rows", "columns", "both"], int],
    title: str,
) -> "Findings":
    """What an analysis finds at the shifts that are `asked` for: the longest, the step, along what, in which window."""
    from tdsr_baselines.analysis.sweep import Sweep
    from tdsr_bench.progress import counting_progress

    most, step, axes, size = asked
    with counting_progress(title) as told:
        sweep = Sweep(most, step, ("rows", "columns") if axes == "both" else (axes,), size)
        return analysed(subjects, losses, sweep, told)
