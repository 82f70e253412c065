"""The command line: reads arguments, prints results, and leaves the work to the modules that it names."""

import sys

import typer

from tdsr_bench.cli import data, leaderboard, score, task, train
from tdsr_bench.errors import UserError

app = typer.Typer(
    name="tdsr-bench",
    help="Is a super-resolved Sentinel-2 image any good, as an image and for what people do with it?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("evaluate")(score.evaluate)
app.command("score")(score.score)
app.command("check")(score.check)
app.command("train")(train.train)
app.add_typer(data.app, name="data")
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(task.app, name="task")

USER_ERROR, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line: exit 0 done, 2 the user's error, 3 an incomplete result, 1 a bug."""
    try:
        app()
    except UserError as error:
        print(f"tdsr-bench: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        print(
            "tdsr-bench: interrupted; what was finished is kept, the same command goes on from it.",
            file=sys.stderr,
        )
        sys.exit(INTERRUPTED)
