"""From names, as users give them, to a card on disk: what the command line, the Python API and analyses share."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tdsr_bench.card import ResultCard, SubmissionPart, write_card
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.engine import Progress, open_engine
from tdsr_bench.errors import ProtocolError
from tdsr_bench.evaluate import evaluate
from tdsr_bench.files import cache_folder, claimed, slug
from tdsr_bench.isolation.limits import Limits
from tdsr_bench.isolation.sandbox import Isolation, choose_isolation
from tdsr_bench.metrics import find_metric
from tdsr_bench.mus2_official.evaluate import SPLIT, FromAuthorsFolder, OfficialJob, Stretched, evaluate_official
from tdsr_bench.order import check_order
from tdsr_bench.predict import FromSubmission, ImageSource, check_stored, opened_anew
from tdsr_bench.progress import locate, scene_progress
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol
from tdsr_bench.scene import Track
from tdsr_bench.scene_score import Job
from tdsr_bench.submission import Submission
from tdsr_bench.tasks.networks.sets import shipped_networks

TDSR, OFFICIAL = "tdsr-v1", "mus2-official"

CARD, SHEET, PREDICTIONS, SCORES = "card.json", "card.webp", "predictions", "scores"
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
        isolation: where a submission's code runs: auto, bwrap, process or none.
        limits: what it may use.
        readable: what it may read beside its own folder.
        check_order: whether to make every image twice, in two orders, and refuse a method whose images differ.
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
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    readable: tuple[Path, ...] = ()
    check_order: bool = False

    @cached_property
    def isolated(self) -> Isolation:
        """Where code of others runs, and what it may not see: data, results, and what is kept of other runs.

        Raises:
            UserError: there is no such isolation, or it cannot be had here.
        """
        hidden = (self.out, cache_folder(), *([Path(self.data)] if Path(self.data).is_dir() else []))
        absolute = tuple(path.absolute() for path in hidden)
        return Isolation(choose_isolation(self.isolation), self.limits, self.readable, absolute)

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
    return (_official if setting.protocol == OFFICIAL else _tdsr)(setting, about, source_in, stored)


def score_submission(path: Path, setting: Setting) -> Result:
    """Run the submission in the file at `path`, score its images, and write the card.

    Raises:
        UserError: it is none; or see `tdsr_bench.evaluate.evaluate`.
    """
    loaded = opened_anew(path, setting.isolated)
    about = describe_submission(loaded.submission, loaded.sha256)
    return score_images(
        setting, about, lambda folder: FromSubmission(loaded.path, loaded.sha256, folder, setting.isolated)
    )


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


def _tdsr(setting: Setting, about: SubmissionPart, source_in: SourceIn, stored: Path | None) -> Result:
    protocol = load_protocol(setting.protocol)
    dataset = open_dataset(locate(setting.data), protocol, setting.arm)
    split = setting.split or protocol.default_split
    if stored:
        check_stored(stored, dataset.names(split))
    folder = result_folder(setting, dataset, split, about)
    job = open_job(setting, about, source_in(folder / PREDICTIONS), dataset, split)
    job = replace(job, sheet=folder / SHEET, kept=folder / SCORES)
    with claimed(folder):
        with open_engine(setting.engine) as engine, setting.progress(about.name) as progress:
            card = evaluate(job, engine, progress)
        _check_order(setting, card, dataset, source_in, folder)
        return _written(card, folder)


def _official(setting: Setting, about: SubmissionPart, source_in: SourceIn, stored: Path | None) -> Result:
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
    with claimed(folder):
        with open_engine(setting.engine) as engine, setting.progress(about.name) as progress:
            card = evaluate_official(job, engine, progress)
        _check_order(setting, card, dataset, source_in, folder)
        return _written(card, folder)


def _written(card: ResultCard, folder: Path) -> Result:
    write_card(folder / CARD, card)
    return Result(card, folder / CARD)


def _check_order(setting: Setting, card: ResultCard, dataset: DataSet, source_in: SourceIn, folder: Path) -> None:
    if setting.check_order:
        track, kept = Track(card.submission.track), folder / PREDICTIONS
        with setting.progress("in another order") as progress:
            check_order(dataset, card.data.scenes, track, source_in, kept, progress)


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
