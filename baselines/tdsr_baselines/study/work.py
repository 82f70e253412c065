"""What is done for one training and for one run of a study, in whatever process or on whatever machine."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tdsr_baselines.checkpoints import read_checkpoint_record
from tdsr_baselines.controls import score_control
from tdsr_baselines.disturb import Disturbed
from tdsr_baselines.study.jobs import RunJob, TrainingJob
from tdsr_baselines.training.run import train
from tdsr_bench.card import ResultCard, write_card
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.errors import SubmissionError
from tdsr_bench.files import write_atomically
from tdsr_bench.gap import region_means, scene_means
from tdsr_bench.progress import locate
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scoring import SHEET, TDSR, Result, Setting, score_submission
from tdsr_bench.study.record import CARDS, TRAININGS, RunRecord, TrainingRecord, record_path, write_json
from tdsr_bench.summary import card_rows

RESULTS = "results"
"""Where images and scores are kept, beside what a study keeps for good."""

SHORT = 8
"""How many digits of a key stand in the name of a folder."""

OURS = "none"
"""The isolation of networks that were trained here: their code is this package's own."""

SUBMISSION = '''"""{title}.

Made by `tdsr-bench study run`; the checkpoint says where it comes from.
"""

from pathlib import Path

from tdsr_baselines.trained import trained_submission

checkpoint = Path(__file__).with_name("{name}.safetensors")
submission = trained_submission(checkpoint, name="{title}")
'''


@dataclass(frozen=True)
class Place:
    """Where a study works.

    Attributes:
        folder: of the study.
        data, split: what is scored.
        task_networks: see `tdsr_baselines.study.keys.Keys`.
        isolation: where submissions run that are not networks trained here.
        device: of trainings.
    """

    folder: Path
    data: str
    split: str
    task_networks: Path | None = None
    isolation: str = "auto"
    device: str = "auto"

    def training(self, name: str, key: str) -> Path:
        """The folder of a training."""
        return self.folder / TRAININGS / f"{name}-{key[:SHORT]}"

    def checkpoint(self, name: str, key: str) -> Path:
        """The file that a training makes."""
        return self.training(name, key) / f"{name}.safetensors"

    def setting(self, tested: str, isolation: str) -> Setting:
        """How a run is scored."""
        return Setting(
            self.data,
            tested,
            self.split,
            out=self.folder / RESULTS,
            networks=self.task_networks,
            quiet=True,
            isolation=isolation,
        )


@dataclass(frozen=True)
class Training:
    """A training that is to be done.

    Attributes:
        job: what.
        key: what it is known by.
        start: name and key of the one that it begins from.
    """

    job: TrainingJob
    key: str
    start: tuple[str, str] | None = None

    def is_done(self, place: Place) -> bool:
        """Whether its checkpoint is there, and finished."""
        path = place.checkpoint(self.job.name, self.key)
        return path.is_file() and bool(read_checkpoint_record(path).training.get("finished"))

    def do(self, place: Place) -> None:
        """Train, or go on with it."""
        config = self.job.configured(place.checkpoint(*self.start) if self.start else None)
        config = config.model_copy(update={"networks": place.task_networks})
        dataset = open_dataset(locate(place.data), load_protocol(TDSR), config.data.arm)
        train(config, dataset, place.training(self.job.name, self.key), device=place.device, progress=_silent)

    def submission(self, place: Place) -> Path:
        """The file of a submission of its network, which is written beside the checkpoint."""
        path = place.training(self.job.name, self.key) / "submission.py"
        text = SUBMISSION.format(title=self.job.title, name=self.job.name).encode()
        if not path.is_file() or path.read_bytes() != text:
            write_atomically(path, text)
        return path

    def record(self, place: Place) -> TrainingRecord:
        """What the record of a run says of it."""
        path = place.checkpoint(self.job.name, self.key)
        about, training = read_checkpoint_record(path).training, self.job.configured(None if not self.start else path)
        return TrainingRecord(
            name=self.job.name,
            key=self.key,
            checkpoint=path.relative_to(place.folder).as_posix(),
            steps=about["steps"],
            batch=training.training.batch,
            crop=training.training.crop,
            seconds=about["seconds"],
            best_step=about["best_step"],
            validation=about["validation"],
            start=self.start[0] if self.start else None,
        )


@dataclass(frozen=True)
class Run:
    """A run that is to be scored.

    Attributes:
        job: what.
        key: what it is known by.
        training: what makes its network; None of methods that are not trained.
    """

    job: RunJob
    key: str
    training: Training | None = None

    def do(self, place: Place) -> None:
        """Score it, and write its record; card and pictures are kept of first seeds with frames as they are."""
        result = self._score(place)
        if result.card.summary is None:
            scene, reason = next(iter(result.card.failed.items()))
            raise SubmissionError(
                f"{self.job.name} has no result for {len(result.card.failed)} scenes; {scene}: {reason}"
            )
        kept = self._keep(result, place) if self.job.seed in (None, 1) and not self.job.disturbance else (None, None)
        write_json(record_path(place.folder, self.job.name), self._record(result.card, place, kept))

    def _score(self, place: Place) -> Result:
        path = self.training.submission(place) if self.training else self.job.submission
        assert path is not None  # a run is of a training or of a submission
        setting = place.setting(self.job.tested, OURS if self.training else place.isolation)
        if self.job.disturbance:
            return score_control(path, Disturbed(self.job.disturbance), setting)
        return score_submission(path, setting)

    def _keep(self, result: Result, place: Place) -> tuple[str, str | None]:
        data = result.card.data
        kept = f"{CARDS}/{data.name}-{data.arm}-{data.split}/{self.job.name}"
        card, sheet = f"{kept}.json.gz", f"{kept}.webp"
        write_card(place.folder / card, result.card)
        made = result.path.with_name(SHEET)
        if not made.is_file():
            return card, None
        shutil.copyfile(made, place.folder / sheet)
        return card, sheet

    def _record(self, card: ResultCard, place: Place, kept: tuple[str | None, str | None]) -> RunRecord:
        about, job = card.submission, self.job
        assert card.summary is not None
        return RunRecord(
            **{key: value for key, value in vars(job).items() if key not in ("training", "submission")},
            key=self.key,
            label=about.name,
            track=about.track,
            frames=about.frames,
            parameters=about.parameters,
            training=self.training.record(place) if self.training else None,
            card=kept[0],
            sheet=kept[1],
            data={
                "name": card.data.name,
                "arm": card.data.arm,
                "split": card.data.split,
                "fingerprint": card.data.fingerprint,
                "scenes": len(card.data.scenes),
                "regions": list(card.data.regions),
            },
            summary=card.summary,
            references=card.references,
            regions=_regions(card),
            environment=card.environment,
        )


def _regions(card: ResultCard) -> dict[str, dict[str, float]]:
    """The mean over scenes of each metric and measure in each region."""
    rows, _ = card_rows(card)
    groups = {row.scene: row.group for row in rows}
    keys = dict.fromkeys(row.key for row in rows)
    return {key: region_means(means, groups) for key in keys if (means := scene_means(rows, key))}


def _silent(what: str, done: int, total: int, how: str = "") -> None:
    """Progress of a training that others watch by its log."""
