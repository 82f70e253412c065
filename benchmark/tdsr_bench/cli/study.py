"""`study`: many trainings and scorings by one plan, and what they answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tdsr_bench.cli.score import Isolate
from tdsr_bench.cli.task import Device

if TYPE_CHECKING:
    from rich.table import Table

    from tdsr_leaderboard.study.answers import Answer

app = typer.Typer(
    help="Many trainings and scorings by one plan, and what they answer.", no_args_is_help=True, rich_markup_mode=None
)

Plan = Annotated[Path, typer.Argument(help="A TOML file, such as studies/seed.toml.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Of the study. [default: the plan's path without its ending]")
]

INCOMPLETE = 3


@app.command()
def run(
    plan: Plan,
    folder: Folder = None,
    engine: Annotated[
        str, typer.Option("--engine", help="serial, process:N, dask:tcp://HOST:PORT, or slurm[:PARTITION].")
    ] = "serial",
    only: Annotated[str, typer.Option("--only", help="Runs whose names match, such as 'rams-real-*'.")] = "*",
    isolation: Isolate = "auto",
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is to be done, and do nothing.")] = False,
) -> None:
    """Train and score all that a plan asks for and that is not done yet.

    A run is known by a hash of its configuration, its data and the code that it uses: what is done is not done again,
    and what one of these changes is. Trainings that were stopped go on from their last look. A run that fails is
    reported, and the others go on; the exit code is 3 then. Prints what came of it, and the path of the folder.

    \b
    Examples:
      tdsr-bench study run studies/seed.toml --engine process:2
      tdsr-bench study run studies/seed.toml --only 'rams-real-*' --dry-run
      tdsr-bench study run my-plan.toml --engine 'slurm:gpu?gpus=1&minutes=600' --folder /shared/my-study
    """
    from tdsr_baselines.study.run import Outcome, run_study, survey, write_index
    from tdsr_baselines.study.watch import watching
    from tdsr_baselines.study.work import Place
    from tdsr_bench.cli.show import output
    from tdsr_bench.engine import open_engine
    from tdsr_bench.study.plan import load_plan

    known = load_plan(plan)
    networks = known.task_networks and plan.parent / known.task_networks
    where = Place(folder or plan.with_suffix(""), known.data, known.split, networks, isolation, device)
    state = survey(known, plan, where, only)
    outcome = Outcome()
    if state.todo and not dry_run:
        with open_engine(engine) as workers, watching(state, where) as told:
            outcome = run_study(plan, state, where, workers, at_once=_width(engine), told=told)
    elif not dry_run:
        write_index(plan, where, state, outcome)  # runs that the plan has no more are left out
    waiting = tuple(state.todo) if dry_run else ()
    output.print(f"{len(state.done)} runs were done before, {len(outcome.finished)} trainings and runs now.")
    if waiting or outcome.failed:
        output.print(_runs_table(outcome.failed, waiting))
    else:
        output.print("Nothing is left to do.")
    typer.echo(str(where.folder))
    if outcome.failed:
        raise typer.Exit(INCOMPLETE)


@app.command()
def report(
    plan: Plan,
    folder: Folder = None,
    out: Annotated[Path | None, typer.Option("--out", help="The Markdown. [default: report.md in the folder]")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="The page, in one file. [default: report.html in the folder]")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="A folder for the figures, as SVG. [default: figures in the folder]"),
    ] = None,
) -> None:
    """Write what a study found so far: its questions with verdicts, tables and figures.

    All is worked out from the records of the runs that are done; what is missing is said. Prints the verdicts and the
    paths that were written, the page's last.

    \b
    Examples:
      tdsr-bench study report studies/seed.toml
      tdsr-bench study report studies/seed.toml --out report.md --html report.html --figures figures
    """
    from tdsr_bench.cli.show import output
    from tdsr_leaderboard.study.report import make_report, write_report

    place = folder or plan.with_suffix("")
    made = make_report(plan, place)
    paths = write_report(
        made,
        plan,
        out=out or place / "report.md",
        html=html or place / "report.html",
        folder=figures or place / "figures",
    )
    output.print(_verdict_table(made.study.plan.title, made.answers))
    for path in paths:
        typer.echo(str(path))


def _width(engine: str) -> int | None:
    """How many tasks an engine works on at a time; None where it does not say."""
    name, _, count = engine.partition(":")
    if name == "process" and count.isdigit():
        return int(count)
    return 1 if name == "serial" else None


def _runs_table(failed: Mapping[str, str], waiting: Sequence[str]) -> "Table":
    """By name what failed, and what is to be done."""
    from tdsr_bench.printable import plain

    table = _new_table("", "name", "state", "reason")
    for name in waiting:
        table.add_row(plain(name), "to be done", "")
    for name, reason in failed.items():
        table.add_row(plain(name), "[red]failed[/]", plain(reason))
    return table


def _verdict_table(title: str, answers: "Sequence[Answer]") -> "Table":
    """The verdict on each question, and the counts behind it."""
    from tdsr_bench.printable import plain

    table = _new_table(plain(title), "question", "verdict", "contrasts")
    for answer in answers:
        table.add_row(plain(answer.plan.asks), answer.verdict, answer.counted)
    return table


def _new_table(title: str, *headings: str) -> "Table":
    from rich.table import Table

    table = Table(title=title or None)
    for heading in headings:
        table.add_column(heading)
    return table
