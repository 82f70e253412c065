"""The command line: reads arguments, prints results, and leaves the work to the modules that it names."""

import errno
import sys

import typer

from tdsr_bench.cli import analyse, cards, data, leaderboard, score, task, train
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
app.command("compare")(cards.compare)
app.command("verify")(cards.verify)
app.command("train")(train.train)
app.add_typer(data.app, name="data")
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(task.app, name="task")
app.add_typer(analyse.app, name="analyse")

USER_ERROR, INTERRUPTED = 2, 130

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a full quota, a file larger than is allowed."""


def main() -> None:
    """Run the command line: exit 0 done, 2 the user's error or a full disk, 3 an incomplete result, 1 a bug."""
    try:
        app()
    except UserError as error:
        print(f"tdsr-bench: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        where = f" for {error.filename}" if error.filename else ""
        print(
            f"tdsr-bench: no space left{where}; free some and run the same command again: what was finished is kept.",
            file=sys.stderr,
        )
        sys.exit(USER_ERROR)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # what typer makes of an interruption
            print(
                "tdsr-bench: interrupted; what was finished is kept, the same command goes on from it.",
                file=sys.stderr,
            )
        raise
