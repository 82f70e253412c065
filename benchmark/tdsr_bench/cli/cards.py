"""`compare` and `verify`: what can be said of cards that are there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tdsr_bench.cli.score import Engine, Isolate, Networks, isolated

if TYPE_CHECKING:
    from tdsr_bench.card import ResultCard
    from tdsr_bench.data.dataset import DataSet

Card = Annotated[Path, typer.Argument(help="A result card, or the folder in which card.json lies.")]


def compare(
    first: Card,
    second: Card,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")] = False,
) -> None:
    """Compare two results on the same pixels: the first less the second, paired over regions.

    For each gap and metric: the difference, its 95 % interval, whether the data tell which is better, and the scenes
    that make most of it. Metrics are many, so their p-values carry Holm's correction.

    \b
    Examples:
      tdsr-bench compare results/mini-real-test/bicubic/card.json results/mini-real-test/lanczos/card.json
      tdsr-bench compare results/mini-real-test/bicubic results/mini-real-test/lanczos --json
    """
    from tdsr_bench.cli.show import comparison_json, comparison_tables, output
    from tdsr_bench.compare import compare as compare_cards

    found = compare_cards(_read(first), _read(second))
    if json:
        typer.echo(comparison_json(found))
        return
    for table in comparison_tables(found):
        output.print(table)


def verify(
    card: Card,
    rescore: Annotated[bool, typer.Option("--rescore", help="Score its kept predictions again, too.")] = False,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="Where they lie. [default: beside the card]")
    ] = None,
    submission: Annotated[
        Path | None, typer.Option("--submission", help="Its file; it is loaded, isolated as by --isolation.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="The data set that it was scored on. [default: by the card's name]")
    ] = None,
    networks: Networks = None,
    engine: Engine = "serial",
    isolation: Isolate = "auto",
) -> None:
    """Hold a card against its own rows, and against the protocol, data, networks and submission that it names.

    Without --submission no code of others is run. What is not here is said not to be checked. A card that does not hold
    ends with exit code 2.

    \b
    Examples:
      tdsr-bench verify results/mini-real-test/bicubic/card.json
      tdsr-bench verify results/mini-real-test/bicubic --rescore --submission submissions/bicubic/submission.py
    """
    from tdsr_bench.cli.show import checks_table, output
    from tdsr_bench.engine import open_engine
    from tdsr_bench.errors import CardError, DataError
    from tdsr_bench.progress import scene_progress
    from tdsr_bench.verify import rescore as score_again
    from tdsr_bench.verify import verify as verify_card

    found = _read(card)
    dataset = _dataset(found, data)
    with scene_progress("reading the data") as progress:
        checks = [
            *verify_card(
                found,
                dataset=dataset,
                networks=networks,
                submission=submission,
                isolation=isolated(isolation) if submission else None,
                progress=progress,
            )
        ]
    if rescore:
        kept = predictions or _file(card).parent / "predictions"
        if dataset is None or not kept.is_dir():
            absent = f"the data set {found.data.name}" if dataset is None else f"a folder of predictions at {kept}"
            raise DataError(f"--rescore needs {absent}; name it by {'--data' if dataset is None else '--predictions'}.")
        with open_engine(engine) as pool, scene_progress("scoring again") as progress:
            checks.append(score_again(found, kept, dataset=dataset, engine=pool, networks=networks, progress=progress))
    output.print(checks_table(found.submission.name, checks))
    wrong = [check.what for check in checks if check.state == "differs"]
    if wrong:
        raise CardError(f"{_file(card)} does not hold: {', '.join(wrong)}; make it again by `tdsr-bench evaluate`.")


def _file(card: Path) -> Path:
    return card / "card.json" if card.is_dir() else card


def _read(card: Path) -> "ResultCard":
    from tdsr_bench.card import read_card

    return read_card(_file(card))


def _dataset(card: "ResultCard", data: str | None) -> "DataSet | None":
    """The data set of `card`; None where nobody named it and none of its name is here."""
    from tdsr_bench.data.catalog import MINI, list_data
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.progress import locate
    from tdsr_bench.protocol import load_protocol

    name = data or card.data.name
    if data is None and name != MINI and name not in list_data():
        return None
    return open_dataset(locate(name), load_protocol("tdsr-v1"), card.data.arm)
