"""`leaderboard`: tables, a page and figures from cards."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Tables, a page and figures from result cards.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Keeps `build` a command of its own while it is the only one."""


@app.command()
def build(
    cards: Annotated[Path, typer.Option("--cards", help="A folder; every .json below it.")] = Path("results"),
    out: Annotated[Path | None, typer.Option("--out", help="A Markdown file. [default: standard output]")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="A page in one file, to be opened from disk.")] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="A folder for the figures, as SVG.")] = None,
) -> None:
    """Write the leaderboard of all cards below a folder: as Markdown, as a page, as figures.

    Without any file named, the Markdown goes to standard output. Folds of a method are pooled; controls of a method and
    single-image partners of a multi-image one get a table of their own.

    \b
    Examples:
      tdsr-bench leaderboard build
      tdsr-bench leaderboard build --cards results --out leaderboard.md --html leaderboard.html
      tdsr-bench leaderboard build --cards leaderboard/cards --figures figures
    """
    from tdsr_bench.files import write_atomically
    from tdsr_leaderboard.markdown import leaderboard_markdown
    from tdsr_leaderboard.read import read_cards

    entries = read_cards(cards)
    if out or not (html or figures):
        text = leaderboard_markdown(entries)
        if out is None:
            typer.echo(text, nl=False)
            return
        write_atomically(out, text.encode())
        typer.echo(str(out))
    if html or figures:
        from tdsr_leaderboard.publish import publish

        for path in publish(entries, html=html, figures=figures):
            typer.echo(str(path))
