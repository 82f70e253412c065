"""The scoring loop of `mus2-official`: all scenes of a data set in the MuS2 layout in, a result card out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.card import (
    DataPart,
    GapPart,
    GuardsPart,
    MetricPart,
    ProtocolPart,
    ResultCard,
    SubmissionPart,
    SummaryPart,
)
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.engine import Progress, completed
from tdsr_bench.environment import describe
from tdsr_bench.files import digest
from tdsr_bench.metrics.lpips import official_lpips, unavailable
from tdsr_bench.mus2_official.enlarge import INTERPOLATIONS
from tdsr_bench.mus2_official.kept import kept_file, read_kept
from tdsr_bench.mus2_official.measures import to_uint8
from tdsr_bench.mus2_official.scenes import read_stored, score_scene
from tdsr_bench.mus2_official.tables import OfficialRow, balanced, balanced_no_lpips, mean_value
from tdsr_bench.predict import ImageSource
from tdsr_bench.protocol import protocol_sha256
from tdsr_bench.rows import keep_rows, mean_of_all
from tdsr_bench.scene import BANDS, Track
from tdsr_bench.view import show

PROTOCOL = "mus2-official"
SPLIT = "all"
NO_GAP = "mus2-official knows no gap; its score is `balanced`"
UNITS = {"PSNR": "dB", "cPSNR": "dB"}

Images = Mapping[str, NDArray[np.uint8]]


class OfficialSource(Protocol):
    """Where a method's 8-bit images come from."""

    def images(self, dataset: DataSet, scene: str, /) -> Images:
        """For each band, uint8 ``[3h, 3w]``."""
        ...


@dataclass(frozen=True)
class FromAuthorsFolder:
    """Images stored as the authors store them: ``folder/b2/<method>/<scene>.png``."""

    folder: Path
    method: str

    def images(self, _: DataSet, scene: str, /) -> Images:
        """The stored images of `scene`."""
        return {band: read_stored(self.folder, self.method, scene, band) for band in BANDS}


@dataclass(frozen=True)
class Stretched:
    """Reflectance from `source`, shown the frames that `tdsr-v1` shows, each band stretched to 8 bits."""

    source: ImageSource
    track: Track

    def images(self, dataset: DataSet, scene: str, /) -> Images:
        """The images of `scene`, made or read now."""
        view = show(dataset.read(scene), self.track, dataset.protocol.frames)
        return to_uint8(self.source.image(view, scene).sr)


@dataclass(frozen=True)
class OfficialJob:
    """A method that is to be scored on all scenes of a data set."""

    dataset: DataSet
    submission: SubmissionPart
    source: OfficialSource


def evaluate_official(job: OfficialJob, engine: Executor, progress: Progress | None = None) -> ResultCard:
    """Score every scene as the MuS2 authors do: duplicates count, and there is no split.

    Raises:
        DataError: a scene or a stored image is missing or broken.
        SubmissionError: an image breaks the contract.
    """
    names = sorted(job.dataset.scenes)
    rows: dict[str, list[OfficialRow]] = {}
    for done, (name, future) in enumerate(completed(engine, _score, job, names), start=1):
        rows[name] = future.result()
        if progress:
            progress(name, done, len(names))
    return _card(job, [row for name in names for row in rows[name]])


def _score(job: OfficialJob, scene: str) -> list[OfficialRow]:
    """Rows of the interpolations, measured now or kept from the method before, and of the job's method."""
    root = job.dataset.root
    reason = unavailable()
    network = None if reason else official_lpips()
    path = kept_file(root, scene, reason)
    kept = read_kept(path)
    images = {job.submission.name: job.source.images(job.dataset, scene)}
    missing = () if kept else INTERPOLATIONS
    rows = score_scene(root, scene, images, interpolations=missing, network=network, no_network=reason or "")
    if not kept:
        keep_rows(path, [row for row in rows if row.method in INTERPOLATIONS])
    return [*kept, *rows]


def _card(job: OfficialJob, rows: Sequence[OfficialRow]) -> ResultCard:
    name, scenes = job.submission.name, job.dataset.scenes
    return ResultCard(
        status="complete",
        protocol=ProtocolPart(id=PROTOCOL, version="1", sha256=protocol_sha256(PROTOCOL)),
        data=DataPart(
            name=job.dataset.name,
            arm=job.dataset.arm,
            split=SPLIT,
            fingerprint=digest([row.value for row in rows if row.method != name]),
            scenes=tuple(sorted(scenes)),
            strips=tuple(sorted({scene.strip for scene in scenes.values()})),
            regions=tuple(sorted({scene.region for scene in scenes.values()})),
        ),
        submission=job.submission,
        networks={"score": []},
        environment=describe(),
        summary=_summary(rows, name),
        timing={},
        rows=tuple(_as_json(job, row) for row in rows if row.method == name),
        reference_rows=tuple(_as_json(job, row) | {"method": row.method} for row in rows if row.method != name),
    )


def _summary(rows: Sequence[OfficialRow], name: str) -> SummaryPart:
    none = GapPart(value=None, missing=(NO_GAP,))
    methods = list(dict.fromkeys(row.method for row in rows))
    return SummaryPart(
        image_gap=none,
        task_gap=none,
        combined_gap=none,
        image_gap_no_lpips=none,
        combined_gap_no_lpips=none,
        guards=GuardsPart(ranked=True),
        metrics=_means(rows, name),
        balanced={method: balanced(rows, method) for method in methods},
        balanced_no_lpips={method: balanced_no_lpips(rows, method) for method in methods},
    )


def _means(rows: Sequence[OfficialRow], name: str) -> dict[str, MetricPart]:
    """For each metric and mask, as ``cPSNR:final``, the mean over bands of the mean over scenes."""
    parts = {}
    for key, mask in dict.fromkeys((row.key, row.mask) for row in rows):
        own = [row for row in rows if (row.method, row.key, row.mask) == (name, key, mask)]
        mean = mean_of_all([mean_value(own, name, band, mask, key) for band in BANDS])
        parts[f"{key}:{mask}"] = MetricPart(
            mean=mean,
            n=sum(row.value is not None for row in own) // len(BANDS),
            reason=None if mean is not None else next((row.reason for row in own if row.reason), "undefined in a band"),
        )
    return parts


def _as_json(job: OfficialJob, row: OfficialRow) -> dict[str, Any]:
    content: dict[str, Any] = {
        "scene": row.scene,
        "group": job.dataset.scenes[row.scene].region,
        "key": row.key,
        "band": row.band,
        "mask": row.mask,
        "value": row.value,
        "unit": UNITS.get(row.key, "1"),
    }
    if row.shift is not None:
        content["shift"] = list(row.shift)
    return content | ({"reason": row.reason} if row.reason else {})
