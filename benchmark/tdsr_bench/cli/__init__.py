"""The command line: reads arguments, prints results, and leaves the work to the modules that it names."""

import sys

import typer

from tdsr_bench.cli import analyse, cards, data, leaderboard, score, study, task, train
from tdsr_bench.cli.endings import ENDINGS, obeyed, refusal
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
app.add_typer(study.app, name="study")

USER_ERROR = 2


def main() -> None:
    """Run the command line: exit 0 done, 3 an incomplete result, 1 a bug; 2 what is the user's to mend, told by a
    sentence: their error, or a disk that is full, read-only or broken; 129, 130, 143 where a signal ended it.
    """
    try:
        with obeyed():
            app()
    except UserError as error:
        _end_with(str(error))
    except OSError as error:
        told = refusal(error)
        if told is None:
            raise
        _end_with(told)
    except SystemExit as ended:
        if ended.code in ENDINGS:
            again = "the same command goes on from it, without --overwrite if it has one"
            print(f"tdsr-bench: {ENDINGS[ended.code]}; what was finished is kept, {again}.", file=sys.stderr)
        raise


def _end_with(told: str) -> None:
    print(f"tdsr-bench: {told}", file=sys.stderr)
    sys.exit(USER_ERROR)
