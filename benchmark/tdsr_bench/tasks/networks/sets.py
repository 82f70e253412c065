"""Folders of task networks: which of them score, their twins, and those of training losses."""

import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tdsr_bench.errors import DataError
from tdsr_bench.tasks.networks.record import NetworkRecord, Role, network_sha256, read_network_record

if TYPE_CHECKING:
    from tdsr_bench.tasks.networks.network import TaskNetwork

SHIPPED = "weights"
"""Where in this package the networks of `mini` lie."""


@dataclass(frozen=True)
class NetworkFile:
    """A network on disk."""

    path: Path
    record: NetworkRecord
    sha256: str

    def load(self) -> "TaskNetwork":
        """The network itself; loaded once a process."""
        return _loaded(self.path, self.sha256)

    def described(self) -> dict[str, Any]:
        """What a card says of it."""
        record = self.record
        return {
            "task": record.task,
            "name": record.name,
            "input": record.input,
            "sha256": self.sha256,
            "threshold": record.threshold,
        }


@dataclass(frozen=True)
class ScoringNetwork:
    """A network that scores, and its twin: the same architecture trained on enlarged frames."""

    network: NetworkFile
    twin: NetworkFile


@dataclass(frozen=True)
class NetworkSet:
    """The networks of a folder.

    Attributes:
        folder: where they lie.
        files: all of them, sorted by name.
    """

    folder: Path
    files: tuple[NetworkFile, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that networks score, sorted."""
        return tuple(sorted({file.record.task for file in self.files if file.record.role == "score"}))

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of every network that scores and of its twin."""
        return tuple(file.sha256 for file in self.files if file.record.role == "score")

    def scoring(self, task: str) -> tuple[ScoringNetwork, ...]:
        """The networks that score `task`, sorted by name.

        Raises:
            DataError: one of them has no twin.
        """
        twins = {file.record.name: file for file in self._of(task, "score", "lr")}
        return tuple(ScoringNetwork(file, self._twin(file, twins)) for file in self._of(task, "score", "hr"))

    def losing(self, task: str) -> tuple[NetworkFile, ...]:
        """The networks for training losses of `task`."""
        return self._of(task, "loss", "hr")

    def described(self) -> list[dict[str, Any]]:
        """What a card says of the networks that score, their twins among them."""
        return [file.described() for file in self.files if file.record.role == "score"]

    def _of(self, task: str, role: Role, source: str) -> tuple[NetworkFile, ...]:
        return tuple(
            file
            for file in self.files
            if (file.record.task, file.record.role, file.record.input) == (task, role, source)
        )

    def _twin(self, file: NetworkFile, twins: dict[str, NetworkFile]) -> NetworkFile:
        twin = twins.get(file.record.name)
        if twin is None:
            raise DataError(
                f"{file.path} has no twin trained on enlarged frames beside it, which the zero of the task gap needs; "
                f"train it by `tdsr-bench task train --input lr`."
            )
        return twin


def open_networks(folder: Path) -> NetworkSet:
    """The networks in `folder`.

    Raises:
        DataError: there is none that scores, or one of the files is broken.
    """
    paths = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    files = tuple(NetworkFile(path, read_network_record(path), network_sha256(path)) for path in paths)
    if not any(file.record.role == "score" for file in files):
        raise DataError(f"{folder} holds no task network that scores; train them by `tdsr-bench task train`.")
    return NetworkSet(folder, files)


def networks_of_region(folder: Path, region: str) -> NetworkSet:
    """The networks in `folder` that may score `region`: those of its fold, where the folder is divided into folds.

    Raises:
        DataError: there is none that scores, or one of the files is broken.
    """
    fold = folder / f"fold-{region}"
    return _opened(fold if fold.is_dir() else folder)


def shipped_networks(name: str, version: str) -> Path | None:
    """The folder of the networks in this package for a version of the data set `name`; None where there are none."""
    folder = Path(str(resources.files("tdsr_bench.tasks").joinpath(SHIPPED, f"{name}-{version}")))
    return folder if folder.is_dir() else None


@functools.lru_cache(maxsize=8)
def _opened(folder: Path) -> NetworkSet:
    return open_networks(folder)


@functools.lru_cache(maxsize=32)
def _loaded(path: Path, sha256: str) -> "TaskNetwork":
    from tdsr_bench.tasks.networks.weights import load_network

    network = load_network(path)
    if network.sha256 != sha256:
        raise DataError(f"{path} has changed since this run began; run it again.")
    return network
