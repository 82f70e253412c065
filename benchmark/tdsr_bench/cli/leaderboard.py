"""`leaderboard`: tables from cards."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Tables from result cards.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `build` a command of its own while it is the only one."""


@app.command()
def build(
    cards: Annotated[Path, typer.Option("--cards", help="A folder; every .json below it.")] = Path("results"),
    out: Annotated[Path | None, typer.Option("--out", help="A Markdown file. [default: standard output]")] = None,
) -> None:
    """Write the leaderboard of all cards below a folder as Markdown.

    \b
    Example:
      tdsr-bench leaderboard build --cards results --out leaderboard.md
    """
    from tdsr_bench.files import write_atomically
    from tdsr_leaderboard.markdown import leaderboard_markdown
    from tdsr_leaderboard.read import read_cards

    text = leaderboard_markdown(read_cards(cards))
    if out is None:
        typer.echo(text, nl=False)
        return
    write_atomically(out, text.encode())
    typer.echo(str(out))
