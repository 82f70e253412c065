"""All that `tdsr-v1` measures on one scene, and what of it is kept for a run that goes on from this one."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tdsr_bench.align import prepare
from tdsr_bench.card import SubmissionPart
from tdsr_bench.data.dataset import DataSet, scene_sha256
from tdsr_bench.environment import code_sha256
from tdsr_bench.files import cache_folder, digest, write_atomically
from tdsr_bench.metrics import find_metric
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.predict import ImageSource, Prediction
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.references import BICUBIC, FRAME_TRAINED, REFERENCE, Bench, open_bench, reference_pairs
from tdsr_bench.rows import ScoreRow, finite_or_none, keep_rows, kept_rows
from tdsr_bench.scene import BANDS, LowResView, Scene, Track
from tdsr_bench.tasks import PAIR_TASKS
from tdsr_bench.tasks.networks.sets import NetworkSet, networks_of_region
from tdsr_bench.tasks.panels import draw_panels
from tdsr_bench.tasks.scoring import Look, pair_rows, scene_looks, task_rows
from tdsr_bench.tasks.sheet import Block, draw_block, sheet_scenes
from tdsr_bench.tasks.verdict import counting_tasks
from tdsr_bench.view import show

BOUNDS = (BICUBIC, REFERENCE)
"""What a method's tasks are shown beside."""


@dataclass(frozen=True)
class Job:
    """What is to be scored: a method on the scenes of a split."""

    dataset: DataSet
    split: str
    submission: SubmissionPart
    source: ImageSource
    extra_metrics: tuple[str, ...] = ()
    networks: Path | None = None
    """The folder of the task networks that score; None where there are none."""
    asked: tuple[str, ...] = ()
    """Tasks that take so long that they run only on request."""
    panels: Path | None = None
    """Where a picture of each scene and task goes, if asked for."""
    sheet: Path | None = None
    """The file for the sheet that a leaderboard shows, if there is to be one."""
    kept: Path | None = None
    """The folder in which the scores of scenes are kept, for a run that goes on from this one."""

    @property
    def protocol(self) -> BenchmarkProtocol:
        """The protocol that the data set was opened with."""
        return self.dataset.protocol

    def network_sets(self, regions: Iterable[str]) -> list[NetworkSet]:
        """The task networks that score `regions`, each set once."""
        if self.networks is None:
            return []
        sets = [networks_of_region(self.networks, region) for region in sorted(set(regions))]
        return list({networks.folder: networks for networks in sets}.values())

    def counting(self, regions: Iterable[str]) -> list[str]:
        """The keys that the task gap of `regions` is made of."""
        tasks = counting_tasks(self.protocol.tasks, self.network_sets(regions))
        return [key for keys in tasks.keys.values() for key in keys]

    @cached_property
    def drawn(self) -> tuple[str, ...]:
        """The scenes that the sheet shows."""
        names = self.dataset.names(self.split) if self.sheet else ()
        return sheet_scenes({name: self.dataset.scenes[name].region for name in names}) if names else ()

    def looks(self, scene: Scene, pair: AlignedPair) -> list[Look]:
        """The tasks that are scored in `scene`."""
        sets = self.network_sets([scene.region])
        border = self.protocol.residual_shift.border
        return scene_looks(scene, pair.valid, sets[0] if sets else None, self.protocol.tasks, border=border)


@dataclass(frozen=True)
class SceneScore:
    """All that is measured on a scene.

    Attributes:
        scene: its name.
        sha256: of the scene.
        rows, reference_rows: what was measured of the method's image, and of those that every table shows.
        scoring_seconds: how long that took.
        seconds, kept, isolation: of the image, see `Prediction`.
        block: its part of the sheet.
    """

    scene: str
    sha256: str
    rows: tuple[ScoreRow, ...]
    reference_rows: tuple[ScoreRow, ...]
    scoring_seconds: float
    seconds: float | None = None
    kept: bool = False
    isolation: str | None = None
    block: Block | None = None


def score_scene(job: Job, name: str) -> SceneScore:
    """Read and predict the scene `name`, and measure it; what an earlier run measured of the same image is taken.

    Raises:
        DataError: the scene cannot be read.
        SubmissionError: its prediction breaks the contract.
    """
    scene = job.dataset.read(name)
    view = show(scene, Track(job.submission.track), job.protocol.frames)
    prediction = job.source.image(view, name)
    sha256 = scene_sha256(scene)
    path, key = job.kept and job.kept / f"{name}.json", _key(job, scene, sha256, prediction)
    score = None if job.panels or path is None else _read_kept(path, key)
    if score is None or (name in job.drawn and score.block is None):
        score = _measured(job, scene, sha256, view, prediction)
        if path:
            _keep(path, key, score)
    return replace(score, seconds=prediction.seconds, kept=prediction.kept, isolation=prediction.isolation)


def _measured(job: Job, scene: Scene, sha256: str, view: LowResView, prediction: Prediction) -> SceneScore:
    """Align and measure an image, and draw what is to be drawn."""
    start = time.perf_counter()
    prepared = prepare(scene, job.protocol)
    bench = open_bench(prepared, job.protocol)
    settings = job.protocol.metrics | {key: {} for key in job.extra_metrics}
    pair = bench.pair(prediction.sr, view)
    looks = job.looks(scene, pair)
    rows = [
        *measure(pair, settings, scene),
        *task_rows(pair.sr, looks),
        *pair_rows(pair, scene, job.protocol.pair_tasks, job.asked),
    ]
    counting = job.counting([scene.region])
    known = digest(sha256, job.dataset.perfect_stamp(scene.name), [look.hashes for look in looks], counting)
    references = _kept_references(known, job.protocol, lambda: _measure_references(job, bench, looks, counting))
    if job.panels:
        draw_panels(job.panels, job.submission.name, pair, looks)
    return SceneScore(
        scene=scene.name,
        sha256=sha256,
        rows=tuple(rows),
        reference_rows=references,
        scoring_seconds=time.perf_counter() - start,
        block=draw_block(pair, looks) if scene.name in job.drawn else None,
    )


def measure(pair: AlignedPair, settings: Mapping[str, Mapping[str, Any]], scene: Scene) -> Iterator[ScoreRow]:
    """Rows of every metric that `settings` names, in its order."""
    for key, options in settings.items():
        metric = find_metric(key)
        bands: Sequence[str | None] = BANDS if metric.per_band else (None,)
        reason = metric.unavailable()
        values = [None] * len(bands) if reason else [finite_or_none(v) for v in metric.compute(pair, options)]
        for band, value in zip(bands, values, strict=True):
            why = None if value is not None else reason or "undefined on these pixels"
            yield ScoreRow(scene.name, scene.region, key, band, value, metric.unit, reason=why)


def _measure_references(job: Job, bench: Bench, looks: Sequence[Look], counting: Sequence[str]) -> tuple[ScoreRow, ...]:
    """Rows of the methods that every table shows: what gaps and guards are made from.

    All measures of tasks for those images that bound a method's; of the others what the task gap is made of.
    """
    scene = bench.prepared.scene
    short = [look.only(counting) for look in looks]
    settings = {key: job.protocol.metrics[key] for key in (*job.protocol.gap.image, "consistency")}
    rows: list[ScoreRow] = []
    for method, pair in reference_pairs(bench, job.dataset.read_perfect(scene)):
        own = [*measure(pair, settings, scene), *task_rows(pair.sr, looks if method in BOUNDS else short)]
        rows += [replace(row, method=method) for row in own]
        if method == BICUBIC:
            rows += [replace(row, method=FRAME_TRAINED) for row in task_rows(pair.sr, looks, twins=True)]
        del pair  # before the next one is made: a full tile's takes 0.2 GB
    return tuple(rows)


def _kept_references(
    known: str, protocol: BenchmarkProtocol, make: Callable[[], tuple[ScoreRow, ...]]
) -> tuple[ScoreRow, ...]:
    """The reference rows kept for these pixels, protocol, code and weights; made and kept where there are none."""
    unavailable = [key for key in protocol.gap.image if find_metric(key).unavailable()]
    path = cache_folder() / "references" / f"{digest(known, protocol.sha256, code_sha256(), unavailable)}.json"
    rows = kept_rows(path, ScoreRow)
    if not rows:
        rows = make()
        keep_rows(path, rows)
    return rows


def _key(job: Job, scene: Scene, sha256: str, prediction: Prediction) -> str:
    """Hash of all that the rows of a scene depend on; the view follows from scene, track, protocol and code."""
    image = np.ascontiguousarray(prediction.sr).data.cast("B")
    networks = [own.hashes for own in job.network_sets([scene.region])]
    metrics = {key: find_metric(key).unavailable() for key in (*job.protocol.metrics, *job.extra_metrics)}
    pairs = [task for task in PAIR_TASKS if task.key in job.protocol.pair_tasks]
    pairs = [task for task in pairs if task.key in job.asked or not task.on_request]
    lookers = {task.key: task.unavailable() or dict(task.network()) for task in pairs}
    made_with = (job.protocol.model_dump(mode="json"), code_sha256(), networks, metrics, lookers)
    counting = job.counting([scene.region])
    stamp = job.dataset.perfect_stamp(scene.name)
    return digest(sha256, job.submission.track, image, stamp, counting, *made_with)


def _keep(path: Path, key: str, score: SceneScore) -> None:
    kept = {"key": key} | {name: getattr(score, name) for name in ("scene", "sha256", "scoring_seconds")}
    kept |= {name: [asdict(row) for row in getattr(score, name)] for name in ("rows", "reference_rows")}
    kept["block"] = score.block and score.block.to_json()
    write_atomically(path, json.dumps(kept).encode())


def _read_kept(path: Path, key: str) -> SceneScore | None:
    """The score that lies at `path`, if it was kept under `key`; what is not ours is made anew."""
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.pop("key", None) != key:
        return None
    rows, references = _rows(kept.pop("rows", None)), _rows(kept.pop("reference_rows", None))
    if not rows or not references:
        return None
    block = kept.pop("block", None)
    return SceneScore(**kept, rows=rows, reference_rows=references, block=block and Block.from_json(block))


def _rows(kept: Any) -> tuple[ScoreRow, ...] | None:
    try:
        return tuple(ScoreRow(**row) for row in kept)
    except TypeError:
        return None
