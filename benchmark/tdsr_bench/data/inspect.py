"""What is in a data set, in words and tables."""

from collections.abc import Iterator
from statistics import median

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.table import Table

from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import DataError
from tdsr_bench.scene import BANDS, Scene


def inspect(dataset: DataSet) -> Iterator[RenderableType]:
    """A heading, a table of all scenes, then a line for each problem; reads one scene at a time."""
    record = dataset.record
    regions = sorted({scene.region for scene in dataset.scenes.values()})
    yield f"[bold]{record.name}[/] version {record.version} at {dataset.root}"
    yield f"arm {dataset.arm} (it has {', '.join(record.arms)})"
    yield f"source: {record.source}; licence: {record.licence}"
    yield f"{len(dataset.scenes)} scenes in {len(regions)} independent regions: {', '.join(regions)}"
    table, problems = _table(), []
    for name in sorted(dataset.scenes):
        try:
            table.add_row(*_row(dataset, name))
        except DataError as error:
            problems.append(str(error))
    yield table
    yield from (f"[red]problem[/] {problem}" for problem in problems)
    yield from (
        f"[dim]excluded[/] {name}: {scene.exclude}"
        for name, scene in dataset.scenes.items()
        if scene.exclude is not None
    )


def _table() -> Table:
    table = Table(caption="gain and correlation of the harmonisation, median of the bands; shift in HR pixels")
    headings = "scene region split size dates first last clear valid gain correlation shift truth"
    for heading in headings.split():
        table.add_column(heading)
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
        str(len(scene.dates)),
        str(min(scene.dates)),
        str(max(scene.dates)),
        f"{scene.frames_valid.mean():.0%}",
        f"{prepared.valid.mean():.0%}",
        f"{median(harmony.gain):.3g}",
        f"{median(harmony.correlation):.2f} (least {min(harmony.correlation):.2f} in {_weakest(harmony.correlation)})",
        f"{prepared.shift[0]:+.2f}, {prepared.shift[1]:+.2f}",
        _truth(scene),
    )


def _weakest(correlation: NDArray[np.float64]) -> str:
    return BANDS[int(np.argmin(correlation))]


def _truth(scene: Scene) -> str:
    return ", ".join(f"{task} {mask.mean():.1%}" for task, mask in scene.truth.items()) or "none"
