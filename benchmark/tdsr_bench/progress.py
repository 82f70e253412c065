"""Bars on standard error for long work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from tdsr_bench.data.catalog import find_data, is_made

console = Console(stderr=True)


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


class Stages(Protocol):
    """Told what is being done, how many steps of it are done, of how many, and how it goes."""

    def __call__(self, what: str, done: int, total: int, how: str = "") -> None:
        """Show it."""
        ...


@contextmanager
def stage_progress() -> Iterator[Stages]:
    """A bar on standard error for each stage of a long work; bars of finished stages stay."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[how]}"), console=console) as bar:
        known: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int, how: str = "") -> None:
            if what not in known:
                known[what] = bar.add_task(what, total=total, how="")
            bar.update(known[what], completed=done, total=total, how=how)

        yield advance


@contextmanager
def byte_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error for what counts bytes, one thing after the other: how many, how fast, the time left."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        known: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in known:
                for finished in known.values():
                    bar.remove_task(finished)
                known.clear()
                known[what] = bar.add_task(what, total=total, completed=done)
            bar.update(known[what], completed=done, total=total)

        yield advance


def note(text: str) -> None:
    """A line on standard error, above the bars that are shown."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def locate(data: str) -> Path:
    """The folder of the data set that the user calls `data`; shows the making of mini on its first use.

    Raises:
        DataError: there is none.
    """
    if is_made(data):
        return find_data(data)
    with counting_progress("making the embedded data set mini, once") as progress:
        return find_data(data, progress)
