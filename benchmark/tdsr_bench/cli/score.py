"""`evaluate`, `score` and `check`."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tdsr_bench.card import ResultCard, SubmissionPart
    from tdsr_bench.data.dataset import DataSet
    from tdsr_bench.evaluate import Job
    from tdsr_bench.predict import ImageSource

INCOMPLETE = 3
OFFICIAL = "mus2-official"

Data = Annotated[str, typer.Option("--data", help="mini, the name of a data set that was imported, or a folder.")]
Arm = Annotated[str | None, typer.Option("--arm", help="real, simulated or wald. [default: the data set's first]")]
Split = Annotated[
    str | None, typer.Option("--split", help="test, validation, train, all, fold-REGION. [default: test]")
]
ProtocolName = Annotated[str, typer.Option("--protocol", help="tdsr-v1 or mus2-official.")]
Out = Annotated[Path, typer.Option("--out", help="Where cards and predictions are kept.")]
Engine = Annotated[str, typer.Option("--engine", help="serial, or process:N for N processes.")]
Iqa = Annotated[list[str] | None, typer.Option("--iqa", help="A metric of pyiqa by name, such as gmsd; repeatable.")]
Trunk = Annotated[
    Path | None,
    typer.Option("--lpips-trunk", envvar="TDSR_BENCH_ALEXNET", help="torchvision's AlexNet weights, for LPIPS."),
]
Networks = Annotated[
    Path | None,
    typer.Option("--networks", help="The task networks that score. [default: the ones in the package, for mini]"),
]
Panels = Annotated[
    Path | None, typer.Option("--panels", help="Draw each scene and task into this folder: images, finds, errors.")
]
Sam = Annotated[
    bool,
    typer.Option("--sam", help="Compare the masks of Segment Anything as well: minutes a scene."),
]
KeyNet = Annotated[
    Path | None,
    typer.Option("--keynet", envvar="TDSR_BENCH_KEYNET", help="Key.Net's weights, for key points."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the card, and nothing else, on standard output.")]


def evaluate(
    submission: Annotated[Path, typer.Argument(help="A Python file that defines `submission`.")],
    data: Data = "mini",
    arm: Arm = None,
    split: Split = None,
    protocol: ProtocolName = "tdsr-v1",
    out: Out = Path("results"),
    engine: Engine = "serial",
    iqa: Iqa = None,
    lpips_trunk: Trunk = None,
    networks: Networks = None,
    panels: Panels = None,
    keynet: KeyNet = None,
    sam: Sam = False,
    json: Json = False,
) -> None:
    """Run a submission on a data set and score it.

    Predictions are kept by the hash of all that made them, so a second run only scores. The last line printed is the
    path of the card.

    \b
    Examples:
      tdsr-bench evaluate submissions/bicubic/submission.py
      tdsr-bench evaluate my/submission.py --data ~/MuS2 --split all --engine process:4
      tdsr-bench evaluate my/submission.py --arm simulated --json > card.json
      tdsr-bench evaluate my/submission.py --panels panels
    """
    from tdsr_bench.card import SubmissionPart
    from tdsr_bench.predict import FromSubmission
    from tdsr_bench.submission import load_submission

    loaded = load_submission(submission)
    about = SubmissionPart(
        name=loaded.submission.name,
        track=loaded.submission.track.value,
        sha256=loaded.sha256,
        training_data=loaded.submission.training_data,
        parameters=loaded.submission.parameters,
    )
    _use_weights(TDSR_BENCH_ALEXNET=lpips_trunk, TDSR_BENCH_KEYNET=keynet)
    options = _Options(data, arm, split, protocol, out, engine, tuple(iqa or ()), networks, panels, sam, json)
    _run(options, about, lambda folder: FromSubmission(loaded.path, loaded.sha256, folder / "predictions"))


def score(
    predictions: Annotated[Path, typer.Argument(help="A folder of SCENE.npy, .tif or .safetensors, [4, 3h, 3w].")],
    name: Annotated[str, typer.Option("--name", help="How tables call the method.")],
    track: Annotated[Literal["sisr", "misr"], typer.Option("--track", help="How many frames the method was given.")],
    training_data: Annotated[str, typer.Option("--training-data", help="What it was trained on.")] = "not stated",
    data: Data = "mini",
    arm: Arm = None,
    split: Split = None,
    protocol: ProtocolName = "tdsr-v1",
    out: Out = Path("results"),
    engine: Engine = "serial",
    iqa: Iqa = None,
    lpips_trunk: Trunk = None,
    networks: Networks = None,
    panels: Panels = None,
    keynet: KeyNet = None,
    sam: Sam = False,
    json: Json = False,
) -> None:
    """Score images that were made elsewhere; no code of others is run.

    \b
    Examples:
      tdsr-bench score my-images --name my-net --track misr --data ~/MuS2
      tdsr-bench score MUS2/sr --name hrn_sim --track misr --data MUS2 --protocol mus2-official --json
    """
    from tdsr_bench.card import SubmissionPart
    from tdsr_bench.errors import SubmissionError
    from tdsr_bench.predict import FromFolder

    if not predictions.is_dir():
        raise SubmissionError(f"There is no folder of predictions at {predictions}.")
    about = SubmissionPart(name=name, track=track, sha256=None, training_data=training_data, parameters=None)
    _use_weights(TDSR_BENCH_ALEXNET=lpips_trunk, TDSR_BENCH_KEYNET=keynet)
    options = _Options(data, arm, split, protocol, out, engine, tuple(iqa or ()), networks, panels, sam, json)
    _run(options, about, lambda _: FromFolder(predictions), stored=predictions)


def check(
    submission: Annotated[Path, typer.Argument(help="A Python file that defines `submission`.")],
) -> None:
    """Hold a submission against the contract, on one small scene, in seconds.

    \b
    Example:
      tdsr-bench check my/submission.py
    """
    from tdsr_bench.check import check_contract
    from tdsr_bench.submission import load_submission

    report = check_contract(load_submission(submission))
    typer.echo(report)


@dataclass(frozen=True)
class _Options:
    data: str
    arm: str | None
    split: str | None
    protocol: str
    out: Path
    engine: str
    iqa: tuple[str, ...]
    networks: Path | None
    panels: Path | None
    sam: bool
    json: bool


def _run(
    options: _Options,
    about: "SubmissionPart",
    source_in: "Callable[[Path], ImageSource]",
    stored: Path | None = None,
) -> None:
    from tdsr_bench.card import card_text, write_card
    from tdsr_bench.cli.show import console, print_card

    score_all = _official_card if options.protocol == OFFICIAL else _card
    card, folder = score_all(options, about, source_in, stored)
    path = folder / "card.json"
    write_card(path, card)
    if options.json:
        typer.echo(card_text(card), nl=False)
    else:
        print_card(card)
        typer.echo(str(path))
    for scene, reason in card.failed.items():
        console.print(f"[red]no result[/] {scene}: {reason}", highlight=False)
    if card.status == "incomplete":
        raise typer.Exit(INCOMPLETE)


def _card(
    options: _Options, about: "SubmissionPart", source_in: "Callable[[Path], ImageSource]", stored: Path | None
) -> "tuple[ResultCard, Path]":
    from tdsr_bench.cli.find import locate
    from tdsr_bench.cli.show import scene_progress
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.engine import open_engine
    from tdsr_bench.evaluate import Job
    from tdsr_bench.evaluate import evaluate as evaluate_job
    from tdsr_bench.metrics import find_metric
    from tdsr_bench.predict import check_stored
    from tdsr_bench.protocol import load_protocol
    from tdsr_bench.tasks.networks.sets import shipped_networks

    protocol = load_protocol(options.protocol)
    dataset = open_dataset(locate(options.data), protocol, options.arm)
    split = options.split or protocol.default_split
    if stored:
        check_stored(stored, dataset.names(split))
    extra = tuple(f"iqa:{name}" for name in options.iqa)
    for key in extra:
        find_metric(key)
    folder = _folder(options, dataset, split, about)
    networks = options.networks or shipped_networks(dataset.name, dataset.record.version)
    job = Job(
        dataset, split, about, source_in(folder), extra, networks, ("sam",) if options.sam else (), options.panels
    )
    _check_networks(job)
    with open_engine(options.engine) as engine, scene_progress(about.name) as progress:
        return evaluate_job(job, engine, progress), folder


def _check_networks(job: "Job") -> None:
    """Refuse networks that cannot be used before anything is predicted."""
    names = job.dataset.names(job.split)
    for networks in job.network_sets(job.dataset.scenes[name].region for name in names):
        for task in networks.tasks:
            networks.scoring(task)


def _official_card(
    options: _Options, about: "SubmissionPart", source_in: "Callable[[Path], ImageSource]", stored: Path | None
) -> "tuple[ResultCard, Path]":
    from tdsr_bench.cli.find import locate
    from tdsr_bench.cli.show import scene_progress
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.engine import open_engine
    from tdsr_bench.errors import ProtocolError
    from tdsr_bench.mus2_official.evaluate import (
        SPLIT,
        FromAuthorsFolder,
        OfficialJob,
        Stretched,
        evaluate_official,
    )
    from tdsr_bench.protocol import load_protocol
    from tdsr_bench.scene import Track

    if options.split not in (None, SPLIT):
        raise ProtocolError(f"{OFFICIAL} scores all scenes; leave out --split, or say {SPLIT}.")
    dataset = open_dataset(locate(options.data), load_protocol("tdsr-v1"), options.arm)
    folder = _folder(options, dataset, SPLIT, about) / OFFICIAL
    source = FromAuthorsFolder(stored, about.name) if stored else Stretched(source_in(folder), Track(about.track))
    job = OfficialJob(dataset, about, source)
    with open_engine(options.engine) as engine, scene_progress(about.name) as progress:
        return evaluate_official(job, engine, progress), folder


def _folder(options: _Options, dataset: "DataSet", split: str, about: "SubmissionPart") -> Path:
    return options.out / f"{dataset.name}-{dataset.arm}-{split}" / _slug(about)


def _slug(about: "SubmissionPart") -> str:
    return re.sub(r"[^a-z0-9]+", "-", about.name.lower()).strip("-") or "unnamed"


def _use_weights(**files: Path | None) -> None:
    """Tell every process of this run where weights lie."""
    os.environ.update({variable: str(path.resolve()) for variable, path in files.items() if path})
