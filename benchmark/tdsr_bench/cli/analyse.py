"""`analyse`: questions that take more than one result."""

from pathlib import Path
from typing import Annotated

import typer

from tdsr_bench.cli import analyse_losses, analyse_trained
from tdsr_bench.cli.score import Arm, Data, Engine, Isolate, Networks, Out, Split, isolated

app = typer.Typer(help="Questions that take more than one result.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def frames(
    submissions: Annotated[
        list[Path], typer.Argument(help="Files of submissions: multi-image ones, and their single-image partners.")
    ],
    counts: Annotated[str, typer.Option("--frames", help="Numbers of frames, with commas between.")] = "1,3,5,9",
    data: Data = "mini",
    arm: Arm = None,
    split: Split = None,
    out: Out = Path("results"),
    engine: Engine = "serial",
    networks: Networks = None,
    isolation: Isolate = "auto",
) -> None:
    """Tell what many frames are good for: one frame against many, with controls.

    Scores each submission; each multi-image one with fewer frames, too; and each single-image one on all frames, in two
    ways: the mean of its images of each frame, and its image of the frames' median. Single-image and multi-image
    methods that share data, losses, patches seen and field of view are paired. Images that were made before are not
    made again. Prints the table that a leaderboard shows, and the path of each card.

    \b
    Examples:
      tdsr-bench analyse frames submissions/shift-and-add/submission.py submissions/back-projection/submission.py
      tdsr-bench analyse frames my/multi.py my/single.py --frames 1,2,4,8 --engine process:4
    """
    from tdsr_baselines.controls import controls_of, score_control
    from tdsr_bench.api import run_submission
    from tdsr_bench.cli.show import contrast_table, output
    from tdsr_bench.isolation.isolated import open_submission
    from tdsr_bench.scoring import Setting
    from tdsr_leaderboard.board import board
    from tdsr_leaderboard.read import entries_of, only_section

    wanted = _counts(counts)
    own = isolated(isolation)
    setting = Setting(data, arm, split, out=out, engine=engine, networks=networks, isolation=own.kind)
    results = [run_submission(path, setting) for path in submissions]
    for path in submissions:
        made = controls_of(open_submission(path, setting.isolated).submission, wanted)
        results += [score_control(path, control, setting) for control in made]
    output.print(contrast_table(board(*only_section(entries_of(result.card for result in results)))))
    for result in results:
        typer.echo(str(result.path))


@app.command()
def robustness(
    submissions: Annotated[
        list[Path], typer.Argument(help="Files of submissions; the first is what the others are held against.")
    ],
    disturbances: Annotated[
        str, typer.Option("--disturbances", help="What happens to frames, with commas between.")
    ] = "noise,haze,cloud,misregistered,three-frames,mtf",
    data: Data = "mini",
    arm: Arm = None,
    split: Split = None,
    out: Out = Path("results"),
    engine: Engine = "serial",
    networks: Networks = None,
    isolation: Isolate = "auto",
) -> None:
    """Tell what methods lose where frames are worse: more noise, haze, an unmasked cloud, a frame out of place.

    Scores each submission as it is, and under each disturbance of what it is shown. Prints what each loses, paired over
    regions, then whether the others lose less than the first one, and the path of each card. Images that were made
    before are not made again.

    \b
    Examples:
      tdsr-bench analyse robustness submissions/rams-tiny-pixel/submission.py submissions/rams-tiny-task/submission.py
      tdsr-bench analyse robustness my/submission.py --disturbances noise,mtf --engine process:4
    """
    from tdsr_baselines.controls import score_control
    from tdsr_baselines.disturb import Disturbed, disturbances_named
    from tdsr_bench.api import run_submission
    from tdsr_bench.cli.show import output
    from tdsr_bench.cli.show_robustness import differences_table, losses_table
    from tdsr_bench.scoring import Setting
    from tdsr_leaderboard.read import entries_of, only_section
    from tdsr_leaderboard.robustness import loss_differences, losses, scores_of, undergone

    keys = disturbances_named(disturbances)
    own = isolated(isolation)
    setting = Setting(data, arm, split, out=out, engine=engine, networks=networks, isolation=own.kind)
    results = [run_submission(path, setting) for path in submissions]
    results += [score_control(path, Disturbed(key), setting) for path in submissions for key in keys]
    _, entries = only_section(entries_of(result.card for result in results))
    methods = undergone(entries, keys)
    scores = scores_of(methods)
    output.print(losses_table(methods, losses(methods, scores), scores))
    if len(methods) > 1:
        output.print(differences_table(loss_differences(methods, scores), scores))
    for result in results:
        typer.echo(str(result.path))


def _counts(text: str) -> tuple[int, ...]:
    from tdsr_bench.errors import UserError

    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(f"--frames is {text!r}, expected numbers with commas between, such as 1,3,5,9.")
    return tuple(sorted({int(part) for part in parts}))


app.command("registration")(analyse_losses.registration)
app.command("synchronised-shift")(analyse_losses.synchronised_shift)
app.command("optimise-input")(analyse_losses.optimise_input)
app.command("probe")(analyse_trained.probe)
app.command("balance")(analyse_trained.balance)
