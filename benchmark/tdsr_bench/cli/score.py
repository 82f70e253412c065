"""`evaluate`, `score` and `check`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tdsr_bench.isolation.sandbox import Isolation
    from tdsr_bench.scoring import Result

INCOMPLETE = 3

Data = Annotated[str, typer.Option("--data", help="mini, the name of a data set that was imported, or a folder.")]
Arm = Annotated[str | None, typer.Option("--arm", help="real, simulated or wald. [default: the data set's first]")]
Split = Annotated[
    str | None, typer.Option("--split", help="test, validation, train, all, fold-REGION. [default: test]")
]
ProtocolName = Annotated[str, typer.Option("--protocol", help="tdsr-v1 or mus2-official.")]
Out = Annotated[Path, typer.Option("--out", help="Where cards and predictions are kept.")]
Engine = Annotated[str, typer.Option("--engine", help="serial, process:N, dask:tcp://HOST:PORT, or slurm[:PARTITION].")]
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
Isolate = Annotated[
    str,
    typer.Option(
        "--isolation",
        help="Where a submission's code runs: bwrap, process, none (in this process), or auto: bwrap where it "
        "works, else process.",
    ),
]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.1, help="Seconds a scene. [default: 3600]")]
MemoryLimit = Annotated[
    float | None, typer.Option("--memory-limit", min=0.1, help="GiB of a submission. [default: half of the machine's]")
]
Readable = Annotated[
    list[Path] | None,
    typer.Option("--readable", exists=True, help="A file or folder beside its own that it may read; repeatable."),
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
    isolation: Isolate = "auto",
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    readable: Readable = None,
    check_order: Annotated[
        bool, typer.Option("--check-order", help="Make every image again in another order, and refuse what differs.")
    ] = False,
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
      tdsr-bench evaluate their/submission.py --isolation bwrap --time-limit 600 --memory-limit 8 --check-order
    """
    from tdsr_bench.api import run_submission
    from tdsr_bench.scoring import Setting

    _use_weights(TDSR_BENCH_ALEXNET=lpips_trunk, TDSR_BENCH_KEYNET=keynet)
    own = isolated(isolation, time_limit, memory_limit, readable)
    setting = Setting(
        data,
        arm,
        split,
        protocol,
        out,
        engine,
        tuple(iqa or ()),
        networks,
        panels,
        sam,
        isolation=own.kind,
        limits=own.limits,
        readable=own.readable,
        check_order=check_order,
    )
    _print(run_submission(submission, setting), json=json)


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
    from tdsr_bench.api import run_predictions
    from tdsr_bench.card import SubmissionPart
    from tdsr_bench.scoring import Setting

    about = SubmissionPart(name=name, track=track, sha256=None, training_data=training_data, parameters=None)
    _use_weights(TDSR_BENCH_ALEXNET=lpips_trunk, TDSR_BENCH_KEYNET=keynet)
    setting = Setting(data, arm, split, protocol, out, engine, tuple(iqa or ()), networks, panels, sam)
    _print(run_predictions(predictions, about, setting), json=json)


def check(
    submission: Annotated[Path, typer.Argument(help="A Python file that defines `submission`.")],
    isolation: Isolate = "auto",
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    readable: Readable = None,
) -> None:
    """Hold a submission against the contract, on one small scene, in seconds.

    \b
    Examples:
      tdsr-bench check my/submission.py
      tdsr-bench check my/submission.py --isolation none
    """
    from tdsr_bench.check import check_contract
    from tdsr_bench.isolation.isolated import open_submission

    report = check_contract(open_submission(submission, isolated(isolation, time_limit, memory_limit, readable)))
    typer.echo(report)


def isolated(
    name: str,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    readable: list[Path] | None = None,
) -> "Isolation":
    """What options of the command line say of isolation; tells where that is no security boundary."""
    from tdsr_bench.isolation.limits import GIB, Limits
    from tdsr_bench.isolation.sandbox import Isolation, bwrap_problem, choose_isolation

    kind = choose_isolation(name)
    if name == "auto" and kind == "process":
        typer.echo(
            f"note: {bwrap_problem()}, so the submission runs in a process of its own, with your rights: no security "
            f"boundary. Run code of strangers where bubblewrap works, or ask for images and use `score`.",
            err=True,
        )
    said = {"seconds": time_limit, "memory": memory_limit and int(memory_limit * GIB)}
    limits = Limits(**{key: value for key, value in said.items() if value})
    return Isolation(kind, limits, tuple(path.absolute() for path in readable or ()))


def _print(result: "Result", *, json: bool) -> None:
    """Print a result; exit with 3 where it is incomplete."""
    from tdsr_bench.card import card_text
    from tdsr_bench.cli.show import print_card
    from tdsr_bench.progress import console

    if json:
        typer.echo(card_text(result.card), nl=False)
    else:
        print_card(result.card)
        typer.echo(str(result.path))
    for scene, reason in result.card.failed.items():
        console.print(f"[red]no result[/] {scene}: {reason}", highlight=False)
    if result.card.status == "incomplete":
        raise typer.Exit(INCOMPLETE)


def _use_weights(**files: Path | None) -> None:
    """Tell every process of this run where weights lie."""
    os.environ.update({variable: str(path.resolve()) for variable, path in files.items() if path})
