"""Trains all networks of a recipe on a data set, and goes on where an earlier run stopped."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import ProtocolError
from tdsr_bench.files import claimed, digest
from tdsr_bench.tasks.networks.record import read_network_record
from tdsr_bench.training.recipe import Recipe
from tdsr_bench.training.scenes import TrainingScene, training_scenes
from tdsr_bench.training.train import Lesson, resume_path, train_network


class Progress(Protocol):
    """Told what is being done, how many steps of it are done, of how many, and how it goes."""

    def __call__(self, what: str, done: int, total: int, how: str = "") -> None:
        """Show it."""
        ...


def train_all(
    dataset: DataSet,
    recipe: Recipe,
    todo: Sequence[Lesson],
    folder: Path,
    *,
    fold: str | None = None,
    device: str = "cpu",
    overwrite: bool = False,
    progress: Progress,
) -> Iterator[Path]:
    """Train each lesson and write its network into `folder`; yields the files, those that were there among them.

    Args:
        dataset: with truth of the tasks.
        recipe: how.
        todo: which networks.
        folder: where the files go.
        fold: such as ``fold-30T``; None for the data set's own training and validation split.
        device: of torch.
        overwrite: replace networks of another recipe or other data instead of refusing.
        progress: shown.

    Raises:
        ProtocolError: a network of another recipe or other data is there.
        DataError: no truth; or what a training was to go on from is damaged.
        UserError: another run is training one of them.
    """
    splits = [f"{fold}/{part}" if fold else part for part in ("train", "validation")]
    for (task, source), group in groupby(todo, key=lambda lesson: (lesson.entry.task, lesson.source)):
        lessons = [*group]
        told = _reading(progress, f"reading {task}, {source}")
        training, validation = (training_scenes(dataset, dataset.names(s), task, source, told) for s in splits)
        data = _about_data(dataset, training, validation, fold)
        for lesson in lessons:
            yield _trained(lesson, recipe, training, validation, folder, data, device, overwrite, progress)


def _trained(
    lesson: Lesson,
    recipe: Recipe,
    training: Sequence[TrainingScene],
    validation: Sequence[TrainingScene],
    folder: Path,
    data: dict[str, Any],
    device: str,
    overwrite: bool,
    progress: Progress,
) -> Path:
    def told(done: int, total: int, how: str) -> None:
        progress(str(lesson), done, total, how)

    path = folder / lesson.file_name
    with claimed(folder, name=lesson.file_name, what="a network"):
        if _is_trained(path, recipe.sha256(lesson.entry), data, overwrite=overwrite):
            resume_path(folder, lesson).unlink(missing_ok=True)  # of a run that was killed when all was done
            return path
        return train_network(lesson, recipe, training, validation, folder, data=data, device=device, told=told)


def _is_trained(path: Path, recipe: str, data: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether a network is there, and of this recipe and these data."""
    if not path.is_file():
        return False
    made = read_network_record(path).training
    if (made.get("recipe", {}).get("sha256"), made.get("data")) == (recipe, data):
        return True
    if not overwrite:
        raise ProtocolError(
            f"{path} was trained by another recipe or on other data; name another folder by --out, or replace it "
            f"with --overwrite."
        )
    return False


def _reading(progress: Progress, what: str) -> Callable[[str, int, int], None]:
    def told(scene: str, done: int, total: int) -> None:
        progress(what, done, total, scene)

    return told


def _about_data(
    dataset: DataSet, training: Sequence[TrainingScene], validation: Sequence[TrainingScene], fold: str | None
) -> dict[str, Any]:
    """What a network's record says of the data that it was made from."""
    return {
        "name": dataset.name,
        "version": dataset.record.version,
        "arm": dataset.arm,
        "fold": fold,
        "protocol": dataset.protocol.id,
        "fingerprint": digest(sorted(scene.sha256 for scene in (*training, *validation))),
        "train": sorted({scene.region for scene in training}),
        "validation": sorted({scene.region for scene in validation}),
    }
