"""What a training and a run are known by: a hash of all that decides what comes out."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tdsr_baselines.study.code import code_sha256, imported_by
from tdsr_baselines.study.jobs import RunJob, TrainingJob
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.files import digest, digest_files
from tdsr_bench.metrics import find_metric
from tdsr_bench.progress import locate
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scoring import TDSR
from tdsr_bench.tasks.networks.sets import shipped_networks

TRAINS, SCORES = "tdsr_baselines.training.run", "tdsr_bench.scoring"
SHOWS_TRAINED, DISTURBS = "tdsr_baselines.trained", "tdsr_baselines.disturb"
"""The modules that do what their names say; with all that they import they are the code of a result."""


@dataclass(frozen=True)
class Keys:
    """Makes keys for a study.

    Attributes:
        data: the data set's name or folder.
        split: what is scored.
        task_networks: the folder of those that losses look through and that score; None for the package's.
    """

    data: str
    split: str
    task_networks: Path | None

    def training(self, job: TrainingJob, start: str | None) -> str:
        """Of a training: configuration, data, networks of losses, code, and the key of what it starts from."""
        config = job.configured(None if start is None else Path("start.safetensors"))
        dataset = _dataset(self.data, str(config.data.arm))
        return digest(config.sha256, _data(dataset), self._networks(dataset), start, code_sha256(TRAINS))

    def run(self, job: RunJob, trained: str | None) -> str:
        """Of a run: method, data, protocol, networks, code; `trained` is the key of its training, where it has one."""
        dataset = _dataset(self.data, job.tested)
        modules = [SCORES, *((DISTURBS,) if job.disturbance else ()), *((SHOWS_TRAINED,) if trained else ())]
        method = trained
        if job.submission:
            method = digest_files([job.submission], relative_to=job.submission.parent)
            modules += imported_by(job.submission)
        unavailable = {key: find_metric(key).unavailable() for key in dataset.protocol.metrics}
        scored_by = (dataset.protocol.sha256, self._networks(dataset), unavailable, code_sha256(*modules))
        return digest(method, job.disturbance, self.split, _data(dataset), *scored_by)

    def _networks(self, dataset: DataSet) -> str | None:
        folder = self.task_networks or shipped_networks(dataset.name, dataset.record.version)
        return _weights(folder) if folder else None


@cache
def _dataset(data: str, arm: str) -> DataSet:
    return open_dataset(locate(data), load_protocol(TDSR), arm)


@cache
def _data(dataset: DataSet) -> str:
    """Of a data set's arm: its record, and the names and sizes of its files.

    That their contents are the same is found out when they are read: a training keeps a hash of its scenes, and so does
    a card.
    """
    files = [path for path in sorted(dataset.root.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    sizes = [(path.relative_to(dataset.root).as_posix(), path.stat().st_size) for path in files]
    return digest(dataset.arm, dataset.record.model_dump_json(by_alias=True), sizes)


@cache
def _weights(folder: Path) -> str:
    return digest_files(folder.rglob("*.safetensors"), relative_to=folder)
