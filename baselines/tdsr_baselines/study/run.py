"""Does what a plan asks for and is not done yet: trainings first, then what needs them, on any engine."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from tdsr_baselines.study.jobs import runs, trainings
from tdsr_baselines.study.keys import Keys
from tdsr_baselines.study.work import Place, Run, Training
from tdsr_bench.engine.work import sound
from tdsr_bench.errors import DataError, ProtocolError, UserError
from tdsr_bench.files import claimed, digest_files
from tdsr_bench.study.plan import StudyPlan
from tdsr_bench.study.record import INDEX, IndexEntry, StudyIndex, read_record, record_path, write_json

Task = Training | Run


@dataclass(frozen=True)
class State:
    """How a study stands.

    Attributes:
        todo: what is not done, by name; trainings that nothing waits for any more are left out.
        needs: for each of these, what has to be done before it.
        done: names of runs that were done before.
        order: the names of all runs, as the plan has them, with their keys.
    """

    todo: Mapping[str, Task]
    needs: Mapping[str, tuple[str, ...]]
    done: Set[str]
    order: Mapping[str, str]


@dataclass(eq=False)
class Outcome:
    """What a run of the study came to.

    Attributes:
        finished: names of what was done now.
        failed: for each that failed, or waited for one that did, the reason.
    """

    finished: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


Told = Callable[[str, str], None]
"""Told of a task's name what became of it: started, done, or why it failed."""


def survey(plan: StudyPlan, path: Path, place: Place, only: str = "*") -> State:
    """What of the plan at `path` is done, and what is not; of runs whose names match the pattern `only`.

    Raises:
        UserError: a training cannot be configured, no run matches, or the data are not there.
    """
    keys = Keys(place.data, place.split, place.task_networks)
    known: dict[str, Training] = {}
    for name, job in trainings(plan).items():
        start = known[job.start] if job.start else None
        key = keys.training(job, start.key if start else None)
        known[name] = Training(job, key, (start.job.name, start.key) if start else None)
    wanted = [
        Run(job, keys.run(job, known[job.training].key if job.training else None), known.get(job.training or ""))
        for job in runs(plan, path.parent)
    ]
    chosen = [run for run in wanted if fnmatchcase(run.job.name, only)]
    if not chosen:
        raise ProtocolError(f"No run of the plan {path} is called {only}; the first is {wanted[0].job.name}.")
    done = {run.job.name for run in wanted if _is_done(run, place)}
    waiting = [run for run in chosen if run.job.name not in done]
    needed = {*_needed(waiting, known, place)}
    todo: dict[str, Task] = {f"train {name}": training for name, training in known.items() if name in needed}
    todo |= {run.job.name: run for run in waiting}
    return State(
        todo=todo,
        needs={name: tuple(each for each in _before(task) if each in todo) for name, task in todo.items()},
        done=done,
        order={run.job.name: run.key for run in wanted},
    )


def run_study(path: Path, state: State, place: Place, engine: Executor, *, at_once: int | None, told: Told) -> Outcome:
    """Do what is left to do by the plan at `path`; what fails is told, and stops nothing but what needs it.

    Args:
        path: of the plan.
        state: what `survey` found.
        place: where to work.
        engine: what works.
        at_once: how many tasks it is given at a time; None for all.
        told: of everything that starts and ends.

    Raises:
        UserError: another run of the study is under way.
    """
    with claimed(place.folder, what="a study"):
        outcome = Outcome()
        write_index(path, place, state, outcome)
        with closing(_worked(state, place, engine, at_once, told)) as work:
            for name, error in work:
                if error:
                    outcome.failed[name] = error
                else:
                    outcome.finished.append(name)
                write_index(path, place, state, outcome)
    return outcome


def _worked(
    state: State, place: Place, engine: Executor, at_once: int | None, told: Told
) -> Generator[tuple[str, str | None], None, None]:
    """Each task that ends, with the reason if it failed; given out as soon as what it needs is done."""
    left, ended, failed = dict(state.todo), set[str](), dict[str, str]()
    running: dict[Future[None], str] = {}
    try:
        while left or running:
            for name in [name for name in left if any(need in failed for need in state.needs[name])]:
                need = next(need for need in state.needs[name] if need in failed)
                failed[name] = f"it needs {need}, which failed"
                del left[name]
                told(name, failed[name])
                yield name, failed[name]
            ready = [name for name in left if all(need in ended for need in state.needs[name])]
            for name in _first(ready, state.todo)[: None if at_once is None else at_once - len(running)]:
                told(name, "started")
                running[engine.submit(sound, _do, (left.pop(name), place), name)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                error = _reason(future)
                if error:
                    failed[name] = error
                ended.add(name)
                told(name, error or "done")
                yield name, error
    finally:
        for future in running:
            future.cancel()


def _do(job: tuple[Task, Place], name: str) -> None:  # noqa: ARG001 - what engines call
    job[0].do(job[1])


def _first(ready: Sequence[str], tasks: Mapping[str, Task]) -> list[str]:
    """Runs before trainings, so that results come as early as they can; else in the plan's order."""
    return sorted(ready, key=lambda name: isinstance(tasks[name], Training))


def _reason(future: Future[None]) -> str | None:
    """Why it failed, in a sentence; None if it did not.

    Raises:
        UserError: the process that worked was killed, and with it the engine.
    """
    error = future.exception()
    if isinstance(error, BrokenExecutor):
        raise UserError(
            "A process that worked was killed, most likely because memory ran out; what was finished is kept, so run "
            "the same command again, with fewer processes (such as --engine process:1)."
        ) from error
    if error is None:
        return None
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _is_done(run: Run, place: Place) -> bool:
    path = record_path(place.folder, run.job.name)
    try:
        return path.is_file() and read_record(path).key == run.key
    except DataError:
        return False  # of an older form, or broken: it is made anew


def _needed(waiting: Sequence[Run], known: Mapping[str, Training], place: Place) -> Iterator[str]:
    """The trainings that `waiting` runs need and that are not done, and those that these begin from."""
    for run in waiting:
        training = run.training
        while training and not training.is_done(place):
            yield training.job.name
            training = known[training.start[0]] if training.start else None


def _before(task: Task) -> Iterator[str]:
    if isinstance(task, Run) and task.training:
        yield f"train {task.training.job.name}"
    if isinstance(task, Training) and task.start:
        yield f"train {task.start[0]}"


def write_index(path: Path, place: Place, state: State, outcome: Outcome) -> None:
    """Write down how each run of the plan at `path` stands."""
    done = {*state.done, *outcome.finished}
    entries = [
        IndexEntry(
            name=name,
            key=key,
            status="done" if name in done else "failed" if name in outcome.failed else "waiting",
            reason=outcome.failed.get(name),
        )
        for name, key in state.order.items()
    ]
    index = StudyIndex(plan_sha256=digest_files([path], relative_to=path.parent), runs=tuple(entries))
    write_json(place.folder / INDEX, index)
