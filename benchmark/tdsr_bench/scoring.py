"""From names, as users give them, to a card on disk: what the command line, the Python API and analyses share."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from tdsr_bench.card import ResultCard, SubmissionPart, write_card
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.engine import Progress, open_engine
from tdsr_bench.errors import ProtocolError
from tdsr_bench.evaluate import Job, evaluate
from tdsr_bench.files import slug
from tdsr_bench.metrics import find_metric
from tdsr_bench.mus2_official.evaluate import SPLIT, FromAuthorsFolder, OfficialJob, Stretched, evaluate_official
from tdsr_bench.predict import ImageSource, check_stored
from tdsr_bench.progress import locate, scene_progress
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission
from tdsr_bench.tasks.networks.sets import shipped_networks

TDSR, OFFICIAL = "tdsr-v1", "mus2-official"

CARD, SHEET, PREDICTIONS = "card.json", "card.webp", "predictions"
"""What lies in the folder of a result."""


@dataclass(frozen=True)
class Setting:
    """On what a method is scored, by what, and where the result goes.

    Attributes:
        data: mini, the name of a data set that was imported, or a folder.
        arm: real, simulated or wald; None for the data set's first.
        split: None for the protocol's own.
        protocol: tdsr-v1 or mus2-official.
        out: the folder of all results.
        engine: see `tdsr_bench.engine.open_engine`.
        iqa: metrics of pyiqa, by name.
        networks: the folder of the task networks that score; None for those in the package.
        panels: a folder for a picture of each scene and task, or None.
        sam: whether Segment Anything looks as well.
        quiet: whether to show no progress.
    """

    data: str = "mini"
    arm: str | None = None
    split: str | None = None
    protocol: str = TDSR
    out: Path = Path("results")
    engine: str = "serial"
    iqa: tuple[str, ...] = ()
    networks: Path | None = None
    panels: Path | None = None
    sam: bool = False
    quiet: bool = False

    def progress(self, title: str) -> AbstractContextManager[Progress | None]:
        """A bar on standard error, if there is to be one."""
        return nullcontext() if self.quiet else scene_progress(title)


@dataclass(frozen=True)
class Result:
    """A card and the file that it was written to."""

    card: ResultCard
    path: Path


SourceIn = Callable[[Path], ImageSource]
"""Makes the source of a method's images, given the folder in which predictions are kept."""


def describe_submission(submission: Submission, sha256: str | None, control_of: str | None = None) -> SubmissionPart:
    """What a card says of `submission`."""
    return SubmissionPart(
        name=submission.name,
        track=submission.track.value,
        sha256=sha256,
        training_data=submission.training_data,
        parameters=submission.parameters,
        frames=submission.frames,
        training=vars(submission.training) if submission.training else None,
        control_of=control_of,
    )


def score_images(setting: Setting, about: SubmissionPart, source_in: SourceIn, *, stored: Path | None = None) -> Result:
    """Score the images of a source on all scenes of a split, and write the card.

    Args:
        setting: on what, and where to.
        about: whose images they are.
        source_in: see `SourceIn`.
        stored: the folder of images that were made elsewhere; None for those that are made now.

    Raises:
        UserError: see `tdsr_bench.evaluate.evaluate`.
    """
    card, folder = (_official if setting.protocol == OFFICIAL else _tdsr)(setting, about, source_in, stored)
    write_card(folder / CARD, card)
    return Result(card, folder / CARD)


def open_job(setting: Setting, about: SubmissionPart, source: ImageSource, dataset: DataSet, split: str) -> Job:
    """The job of scoring `source` on a split of `dataset`.

    Raises:
        ProtocolError: there is no such metric.
        DataError: the networks that are to score cannot be used.
    """
    extra = tuple(f"iqa:{name}" for name in setting.iqa)
    for key in extra:
        find_metric(key)
    networks = setting.networks or shipped_networks(dataset.name, dataset.record.version)
    about = about.model_copy(update={"frames": _frames(about, dataset.protocol)})
    job = Job(dataset, split, about, source, extra, networks, ("sam",) if setting.sam else (), setting.panels)
    _check_networks(job)
    return job


def result_folder(setting: Setting, dataset: DataSet, split: str, about: SubmissionPart) -> Path:
    """Where the result of a method lies."""
    return setting.out / f"{dataset.name}-{dataset.arm}-{split}" / slug(about.name)


def _tdsr(setting: Setting, about: SubmissionPart, source_in: SourceIn, stored: Path | None) -> tuple[ResultCard, Path]:
    protocol = load_protocol(setting.protocol)
    dataset = open_dataset(locate(setting.data), protocol, setting.arm)
    split = setting.split or protocol.default_split
    if stored:
        check_stored(stored, dataset.names(split))
    folder = result_folder(setting, dataset, split, about)
    job = replace(open_job(setting, about, source_in(folder / PREDICTIONS), dataset, split), sheet=folder / SHEET)
    with open_engine(setting.engine) as engine, setting.progress(about.name) as progress:
        return evaluate(job, engine, progress), folder


def _official(
    setting: Setting, about: SubmissionPart, source_in: SourceIn, stored: Path | None
) -> tuple[ResultCard, Path]:
    if setting.split not in (None, SPLIT):
        raise ProtocolError(f"{OFFICIAL} scores all scenes; leave out --split, or say {SPLIT}.")
    dataset = open_dataset(locate(setting.data), load_protocol(TDSR), setting.arm)
    folder = result_folder(setting, dataset, SPLIT, about) / OFFICIAL
    source = (
        FromAuthorsFolder(stored, about.name)
        if stored
        else Stretched(source_in(folder / PREDICTIONS), Track(about.track))
    )
    about = about.model_copy(update={"frames": _frames(about, dataset.protocol)})
    job = OfficialJob(dataset, about, source)
    with open_engine(setting.engine) as engine, setting.progress(about.name) as progress:
        return evaluate_official(job, engine, progress), folder


def _frames(about: SubmissionPart, protocol: BenchmarkProtocol) -> int:
    """How many frames it uses at most: what it says, but no more than its track gives."""
    most = 1 if Track(about.track) is Track.SISR else protocol.frames.most
    return min(about.frames or most, most)


def _check_networks(job: Job) -> None:
    """Refuse networks that cannot be used before anything is predicted."""
    names = job.dataset.names(job.split)
    for networks in job.network_sets(job.dataset.scenes[name].region for name in names):
        for task in networks.tasks:
            networks.scoring(task)
