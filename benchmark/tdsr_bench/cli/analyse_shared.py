"""What the analyses share on the command line: options, what they begin with, how their results are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tdsr_bench.cli.score import isolated

if TYPE_CHECKING:
    from rich.table import Table

    from tdsr_baselines.analysis.subjects import Method, Subject
    from tdsr_baselines.analysis.tables import Findings, Row, Value
    from tdsr_baselines.losses.base import Surroundings
    from tdsr_bench.data.dataset import DataSet
    from tdsr_bench.tasks.networks.sets import NetworkSet

Split = Annotated[str, typer.Option("--split", help="test, validation, train, all, fold-REGION.")]
Scenes = Annotated[int | None, typer.Option("--scenes", min=1, help="How many, one of each region in turn.")]
Networks = Annotated[
    Path | None,
    typer.Option(
        "--networks", help="Task networks, those for losses too. [default: the ones in the package, for mini]"
    ),
]
Size = Annotated[int, typer.Option("--size", min=48, help="High-resolution pixels on a side of the middle looked at.")]


@dataclass(frozen=True, eq=False)
class Material:
    """What an analysis of losses begins with.

    Attributes:
        dataset: the arm.
        names: of its scenes.
        networks: None where there are none.
        tasks: those that losses can look through.
        featured: those of them whose network has the layers that features are taken from.
        surroundings: what losses are built with.
        title: data, arm, split and scenes in words.
    """

    dataset: "DataSet"
    names: Sequence[str]
    networks: "NetworkSet | None"
    tasks: tuple[str, ...]
    featured: tuple[str, ...]
    surroundings: "Surroundings"
    title: str

    def subjects(self, sr: Path | None, isolation: str, out: Path) -> "list[Subject]":
        """The scenes, with the images of `sr`."""
        from tdsr_baselines.analysis.subjects import read_subjects
        from tdsr_bench.progress import scene_progress

        method = method_of(sr, isolation, out) if sr else None
        with scene_progress("reading scenes") as told:
            return read_subjects(self.dataset, self.names, self.tasks, method=method, told=told)


def open_material(
    data: str, arm: str | None, split: str, scenes: int | None, networks: Path | None, keynet: Path | None = None
) -> Material:
    """Data, scenes and networks that a user names."""
    from tdsr_baselines.analysis.catalogue import tasks_featured, tasks_known
    from tdsr_baselines.analysis.subjects import spread_over_regions
    from tdsr_baselines.losses.base import Surroundings
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.progress import locate, note
    from tdsr_bench.protocol import load_protocol
    from tdsr_bench.tasks.networks.sets import open_networks, shipped_networks

    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"), arm)
    names = spread_over_regions(dataset, split, scenes)
    folder = networks or shipped_networks(dataset.name, dataset.record.version)
    known = open_networks(folder) if folder else None
    tasks = tasks_known(known, dataset, names[0])
    if not tasks:
        note("no network for losses, or no truth of its task, so losses of tasks are left out; see `task train`")
    title = f"{dataset.name}, {dataset.arm}, {split}, {len(names)} scene{'s' * (len(names) > 1)}"
    return Material(
        dataset, names, known, tasks, tasks_featured(known, tasks), Surroundings(known, keynet=keynet), title
    )


def method_of(path: Path, isolation: str, out: Path) -> "Method":
    """The submission at `path`, or the one that the checkpoint there makes; its images are kept below `out`."""
    from tdsr_baselines.analysis.subjects import Method
    from tdsr_baselines.trained import trained_submission
    from tdsr_bench.files import slug
    from tdsr_bench.predict import FromObject, FromSubmission, opened_anew

    if path.suffix == ".safetensors":
        made = trained_submission(path, name=path.stem)
        return Method(made.name, made.track, FromObject(made, out / "images" / slug(made.name)))
    own = isolated(isolation)
    loaded = opened_anew(path, own)
    about = loaded.submission
    folder = out / "images" / slug(about.name)
    return Method(about.name, about.track, FromSubmission(loaded.path, loaded.sha256, folder, own))


def finish(out: Path, findings: "Findings", title: str) -> None:
    """Write the tables into `out`, and show the summary."""
    from tdsr_baselines.analysis.tables import save
    from tdsr_bench.cli.show import output

    save(out, findings)
    output.print(summary_table(findings.summary, title, findings.caption))


def summary_table(rows: "Sequence[Row]", title: str, caption: str) -> "Table":
    """Rows as they are, numbers with three digits."""
    from rich.table import Table

    from tdsr_bench.printable import plain

    table = Table(title=plain(title), caption=caption)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(plain(_shown(row.get(column))) for column in columns))
    return table


def _shown(value: "Value") -> str:
    if isinstance(value, float):
        return f"{0.0 if abs(value) < 1e-9 else value:.3g}"
    return "—" if value is None else str(value)
