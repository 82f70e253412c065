"""Progress on standard error, tables on standard output."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from tdsr_bench.card import GapPart, ResultCard

console = Console(stderr=True)
output = Console(width=None if sys.stdout.isatty() else 140)


@contextmanager
def scene_progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error that shows the scene just done, how many are, and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[scene]}"), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, scene="")

        def advance(scene: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, scene=scene)

        yield advance


class Steps(Protocol):
    """Told how many steps are done, of how many, and what was done last."""

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Show it."""
        ...


@contextmanager
def counting_progress(title: str) -> Iterator[Steps]:
    """A bar on standard error for work that counts its steps."""
    with scene_progress(title) as advance:

        def step(done: int, total: int, what: str = "") -> None:
            advance(what, done, total)

        yield step


def print_card(card: "ResultCard") -> None:
    """The card's gaps among the methods that every table shows, then its metrics."""
    if card.summary and card.summary.balanced_no_lpips:
        output.print(_official_table(card))
        return
    output.print(_gap_table(card))
    if card.summary:
        output.print(_metric_table(card))
        for reason in card.summary.guards.reasons:
            output.print(f"[yellow]not ranked:[/] {reason}")
        for name in ("image_gap", "combined_gap"):
            part: GapPart = getattr(card.summary, name)
            for missing in part.missing:
                output.print(f"[dim]{name} is missing: {missing}[/]", highlight=False)


def _official_table(card: "ResultCard") -> Table:
    """Means over scenes and bands of `mus2-official`, for each mask and method."""
    assert card.summary is not None
    table = Table(title=f"{card.data.name}: mus2-official, {len(card.data.scenes)} scenes, mean over four bands")
    keys = ("cPSNR", "cSSIM", "LPIPS")
    for heading in ("mask", "method", *keys, "balanced", "balanced without LPIPS"):
        table.add_column(heading)
    rows = [*card.reference_rows, *({**row, "method": card.submission.name} for row in card.rows)]
    for mask, method in sorted({(row["mask"], row["method"]) for row in rows}):
        means = [_mean([row["value"] for row in rows if _is(row, mask, method, key)]) for key in keys]
        scores = [
            _mean([bands[mask] for bands in (score or {}).get(method, {}).values()])
            for score in (card.summary.balanced, card.summary.balanced_no_lpips)
        ]
        style = "bold green" if method == card.submission.name else ""
        table.add_row(mask, method, *means, *scores, style=style)
    return table


def _is(row: Mapping[str, object], mask: str, method: str, key: str) -> bool:
    return (row["mask"], row["method"], row["key"]) == (mask, method, key)


def _mean(values: Sequence[float | None]) -> str:
    from tdsr_bench.rows import mean_of_all

    mean = mean_of_all(values)
    return "—" if mean is None else f"{mean:.4f}"


def _gap_table(card: "ResultCard") -> Table:
    data, regions = card.data, len(card.data.regions)
    title = f"{data.name}, {data.arm}, {data.split}: {len(data.scenes)} scenes, {regions} independent regions"
    interval = "95 % interval over regions" if regions > 2 else "no interval under 3 regions"
    table = Table(title=title, caption=f"share of the gap from bicubic (0) to the reference (1); {interval}")
    for heading in ("method", "track", "image gap", "image gap without LPIPS"):
        table.add_column(heading)
    lines = [(name, "", gaps["image_gap"], gaps["image_gap_no_lpips"], "") for name, gaps in card.references.items()]
    if card.summary:
        about, summary = card.submission, card.summary
        lines.append((about.name, about.track, summary.image_gap, summary.image_gap_no_lpips, "bold green"))
    for name, track, whole, part, style in sorted(lines, key=lambda line: -(line[3].raw or 0.0)):
        table.add_row(name, track, str(whole), str(part), style=style)
    return table


def _metric_table(card: "ResultCard") -> Table:
    from tdsr_bench.metrics import find_metric

    assert card.summary is not None
    table = Table(title=f"{card.submission.name}: means over regions")
    for heading in ("metric", "mean", "95 % interval", "unit", "gap", "better"):
        table.add_column(heading)
    for key, part in card.summary.metrics.items():
        metric = find_metric(key)
        better = {True: "higher", False: "lower", None: ""}[metric.higher_is_better]
        mean = "—" if part.mean is None else f"{part.mean:.4g}"
        interval = "" if part.ci95 is None else f"{part.ci95[0]:.4g} to {part.ci95[1]:.4g}"
        gap = "" if part.gap is None else f"{part.gap:+.3f}"
        table.add_row(key, mean, interval, metric.unit if metric.unit != "1" else "", gap, better)
    return table
