"""What the command line does, for notebooks and scripts.

>>> from tdsr_bench.api import evaluate, plot, read_card  # doctest: +SKIP
>>> card = evaluate("submissions/bicubic/submission.py")  # doctest: +SKIP
>>> card.summary.combined_gap_no_lpips.value  # doctest: +SKIP
-0.463...
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from tdsr_bench.card import ResultCard, SubmissionPart, read_card
from tdsr_bench.errors import SubmissionError
from tdsr_bench.isolation.limits import Limits
from tdsr_bench.predict import FromFolder, FromObject
from tdsr_bench.scoring import Result, Setting, describe_submission, score_images, score_submission
from tdsr_bench.submission import Submission

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Options", "evaluate", "plot", "read_card", "score"]


class Options(TypedDict, total=False):
    """What may be said beside the data; see `tdsr_bench.scoring.Setting` for what each means."""

    arm: str | None
    split: str | None
    protocol: str
    out: str | Path
    engine: str
    iqa: Sequence[str]
    networks: str | Path | None
    panels: str | Path | None
    sam: bool
    quiet: bool
    isolation: str
    limits: Limits
    readable: Sequence[str | Path]
    check_order: bool


def evaluate(submission: str | Path | Submission, data: str | Path = "mini", **options: Unpack[Options]) -> ResultCard:
    """Run a submission on a data set and score it, as `tdsr-bench evaluate`.

    Args:
        submission: the path of a file that defines one, or a `Submission` itself.
        data: mini, the name of a data set that was imported, or a folder.
        options: see `Options`.

    Returns:
        The card, which was also written into the folder of results.

    Raises:
        UserError: a sentence that says what was expected, what came, and how to mend it.
    """
    return run_submission(submission, _setting(data, options)).card


def score(
    predictions: str | Path,
    *,
    name: str,
    track: Literal["sisr", "misr"],
    training_data: str = "not stated",
    data: str | Path = "mini",
    **options: Unpack[Options],
) -> ResultCard:
    """Score images that were made elsewhere, as `tdsr-bench score`.

    Args:
        predictions: a folder of SCENE.npy, .tif or .safetensors, float32 ``[4, 3h, 3w]``.
        name: how tables call the method.
        track: how many frames it was given.
        training_data: what it was trained on.
        data, options: as of `evaluate`.

    Raises:
        UserError: as `evaluate`.
    """
    about = SubmissionPart(name=name, track=track, sha256=None, training_data=training_data, parameters=None)
    return run_predictions(Path(predictions), about, _setting(data, options)).card


def plot(cards: Sequence[ResultCard]) -> "Figure":
    """The scores of `cards` with their intervals, the best on top.

    Raises:
        CardError: there is none, or they may not stand side by side.
    """
    from tdsr_leaderboard.board import board
    from tdsr_leaderboard.figures import scores_figure
    from tdsr_leaderboard.read import entries_of, only_section

    return scores_figure(board(*only_section(entries_of(cards))))


def _setting(data: str | Path, options: Options) -> Setting:
    """The setting that `options` describe, paths and lists in whatever form they came."""
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    given |= {key: Path(given[key]) for key in ("out", "networks", "panels") if key in given}
    several = {"iqa": tuple(given.get("iqa", ())), "readable": tuple(map(Path, given.get("readable", ())))}
    return Setting(**given | several | {"data": str(data)})


def run_submission(submission: str | Path | Submission, setting: Setting) -> Result:
    """As `evaluate`, with the place of the card."""
    if isinstance(submission, Submission):
        if setting.engine != "serial":
            raise SubmissionError(
                f"{submission.name} is no file, so other processes cannot load it; leave out the engine "
                f"{setting.engine!r}, or write the submission to a file and name that."
            )
        if setting.isolation not in ("auto", "none") or setting.check_order:
            raise SubmissionError(
                f"{submission.name} is no file, so it runs in this process and cannot be isolated or begun anew; write "
                f"the submission to a file and name that, or leave out isolation and check_order."
            )
        about = describe_submission(submission, sha256=None)
        return score_images(setting, about, lambda folder: FromObject(submission, folder))
    return score_submission(Path(submission), setting)


def run_predictions(predictions: Path, about: SubmissionPart, setting: Setting) -> Result:
    """As `score`, with the place of the card."""
    if not predictions.is_dir():
        raise SubmissionError(f"There is no folder of predictions at {predictions}.")
    return score_images(setting, about, lambda _: FromFolder(predictions), stored=predictions)
