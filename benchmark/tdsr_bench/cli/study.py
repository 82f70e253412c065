"""`study`: many trainings and scorings by one plan, and what they say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tdsr_leaderboard.study.answers import Answer

app = typer.Typer(
    help="Many trainings and scorings by one plan, and what they say.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Keeps `report` a command of its own while it is the only one."""


@app.command()
def report(
    plan: Annotated[Path, typer.Argument(help="The plan, a TOML file.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the runs are. [default: the plan's path without its ending]")
    ] = None,
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
    output.print(verdict_table(made.study.plan.title, made.answers))
    for path in paths:
        typer.echo(str(path))


def verdict_table(title: str, answers: "Sequence[Answer]") -> "Table":
    """The verdict on each question, and the counts behind it."""
    from rich.table import Table

    from tdsr_bench.printable import plain

    table = Table(title=plain(title))
    for heading in ("question", "verdict", "contrasts"):
        table.add_column(heading)
    for answer in answers:
        table.add_row(plain(answer.plan.asks), answer.verdict, answer.counted)
    return table
