"""Live progress over the runs of a study: how many are done, and how far each training is by its own log."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tdsr_baselines.study.run import State, Told
from tdsr_baselines.study.work import Place, Training
from tdsr_bench.progress import console, note

EVERY = 1.0
"""Seconds between two looks at the logs."""

TAIL = 4096
"""Bytes of a log's end that hold its last line."""


@contextmanager
def watching(state: State, place: Place) -> Iterator[Told]:
    """A bar for all that is to be done, and one for each training under way, on standard error.

    Trainings may run in other processes or on other machines: what they log is what is known of them.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        whole = bar.add_task("study", total=len(state.todo))
        shown: dict[str, TaskID] = {}
        stop = threading.Event()

        def told(name: str, what: str) -> None:
            if what == "started":
                task = state.todo[name]
                total = task.job.config["training"]["steps"] if isinstance(task, Training) else None
                shown[name] = bar.add_task(name, total=total)
                return
            bar.advance(whole)
            if name in shown:
                bar.remove_task(shown.pop(name))
            if what != "done":
                note(f"{name} failed: {what}")

        watcher = threading.Thread(target=_watch, args=(state, place, bar, shown, stop), daemon=True)
        watcher.start()
        try:
            yield told
        finally:
            stop.set()
            watcher.join()


def _watch(state: State, place: Place, bar: Progress, shown: dict[str, TaskID], stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        for name, bar_task in list(shown.items()):
            task = state.todo[name]
            if isinstance(task, Training):
                bar.update(bar_task, completed=last_step(place.training(task.job.name, task.key) / "train.csv"))


def last_step(log: Path) -> int:
    """The step of the last whole line of a training's log; 0 where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return 0
    steps = [line.partition(",")[0] for line in lines]
    return next((int(step) for step in reversed(steps) if step.isdigit()), 0)
