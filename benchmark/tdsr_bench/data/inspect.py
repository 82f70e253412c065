"""What is in a data set, in words and tables."""

from collections.abc import Iterator
from statistics import median

from rich.console import RenderableType
from rich.table import Table

from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import DataError
from tdsr_bench.printable import plain
from tdsr_bench.scene import Scene


def inspect(dataset: DataSet) -> Iterator[RenderableType]:
    """A heading, a table of all scenes, then a line for each problem; reads one scene at a time."""
    record = dataset.record
    regions = sorted({scene.region for scene in dataset.scenes.values()})
    yield f"[bold]{plain(record.name)}[/] version {plain(f'{record.version} at {dataset.root}')}"
    yield f"arm {dataset.arm} (it has {', '.join(record.arms)})"
    yield plain(f"source: {record.source}; licence: {record.licence}")
    yield f"{len(dataset.scenes)} scenes in {len(regions)} independent regions: {plain(', '.join(regions))}"
    table, problems = _table(), []
    for name in sorted(dataset.scenes):
        try:
            table.add_row(*map(plain, _row(dataset, name)))
        except DataError as error:
            problems.append(str(error))
    yield table
    yield from (f"[red]problem[/] {plain(problem)}" for problem in problems)
    yield from (
        f"[dim]excluded[/] {plain(f'{name}: {scene.exclude}')}"
        for name, scene in dataset.scenes.items()
        if scene.exclude is not None
    )


def _table() -> Table:
    table = Table(caption="gain, correlation: of the harmonisation, median of the bands; shift: rows, columns in HR px")
    for heading in ["scene", "region", "split", "size", "dates", "clear", "valid", "gain", "corr.", "shift", "truth"]:
        table.add_column(heading, no_wrap=heading != "truth")
    return table


def _row(dataset: DataSet, name: str) -> tuple[str, ...]:
    scene = dataset.read(name)
    prepared = prepare(scene, dataset.protocol)
    harmony = prepared.harmony
    return (
        name,
        scene.region,
        dataset.scenes[name].split,
        "x".join(str(size) for size in scene.frames.shape[2:]),
        f"{len(scene.dates)}, {min(scene.dates):%y-%m} to {max(scene.dates):%y-%m}",
        f"{scene.frames_valid.mean():.0%}",
        f"{prepared.valid.mean():.0%}",
        f"{median(harmony.gain):.2g}",
        f"{median(harmony.correlation):.2f}",
        f"{prepared.shift[0]:+.1f} {prepared.shift[1]:+.1f}",
        _truth(scene),
    )


def _truth(scene: Scene) -> str:
    return ", ".join(f"{task} {mask.mean():.0%}" for task, mask in scene.truth.items()) or "none"
