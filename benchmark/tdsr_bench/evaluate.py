"""The one scoring loop of `tdsr-v1`: scenes in, a result card out."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tdsr_bench.align import prepare
from tdsr_bench.card import (
    DataPart,
    ProtocolPart,
    ResultCard,
    SubmissionPart,
)
from tdsr_bench.data.dataset import DataSet, scene_sha256
from tdsr_bench.engine import Progress, completed
from tdsr_bench.environment import code_sha256, describe
from tdsr_bench.errors import SubmissionError
from tdsr_bench.files import cache_folder, digest, write_atomically
from tdsr_bench.metrics import find_metric
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.predict import ImageSource
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.references import BICUBIC, FRAME_TRAINED, REFERENCE, Bench, open_bench, reference_pairs
from tdsr_bench.rows import ScoreRow, finite_or_none
from tdsr_bench.scene import BANDS, Scene, Track
from tdsr_bench.summary import summariser
from tdsr_bench.tasks import PAIR_TASKS
from tdsr_bench.tasks.networks.sets import NetworkSet, networks_of_region
from tdsr_bench.tasks.panels import draw_panels
from tdsr_bench.tasks.scoring import Look, pair_rows, scene_looks, task_rows
from tdsr_bench.tasks.sheet import Block, draw_block, sheet_scenes, write_sheet
from tdsr_bench.tasks.verdict import counting_tasks
from tdsr_bench.view import show

BOUNDS = (BICUBIC, REFERENCE)
"""What a method's tasks are shown beside."""

HOPELESS = 3
"""After so many failures without one success, the submission is taken to be broken and the run stops."""


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
    """All that is measured on a scene."""

    scene: str
    rows: tuple[ScoreRow, ...]
    reference_rows: tuple[ScoreRow, ...]
    sha256: str
    seconds: float | None
    kept: bool
    scoring_seconds: float
    block: Block | None = None
    """Its part of the sheet."""


def evaluate(job: Job, engine: Executor, progress: Progress | None = None) -> ResultCard:
    """Score every scene of the job's split.

    A scene whose prediction breaks the contract makes the result incomplete, with its reason; the others are scored.

    Raises:
        SubmissionError: the first scenes all failed, as many as `HOPELESS`, or every scene did.
        DataError: a scene cannot be read; what was predicted is kept.
    """
    scores: list[SceneScore] = []
    failed: dict[str, str] = {}
    names = job.dataset.names(job.split)
    for done, (name, future) in enumerate(completed(engine, score_scene, job, names), start=1):
        try:
            scores.append(future.result())
        except SubmissionError as error:
            failed[name] = str(error)
            if not scores and len(failed) == min(HOPELESS, len(names)):
                raise
        if progress:
            progress(name, done, len(names))
    scores.sort(key=lambda score: score.scene)
    blocks = {score.scene: score.block for score in scores if score.block}
    if job.sheet and blocks:
        write_sheet(job.sheet, job.submission.name, blocks)
    return make_card(job, scores, dict(sorted(failed.items())))


def score_scene(job: Job, name: str) -> SceneScore:
    """Read, predict, align and measure the scene `name`.

    Raises:
        DataError: the scene cannot be read.
        SubmissionError: its prediction breaks the contract.
    """
    scene = job.dataset.read(name)
    track = Track(job.submission.track)
    view = show(scene, track, job.protocol.frames)
    prediction = job.source.image(view, name)
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
    sha256 = scene_sha256(scene)
    counting = job.counting([scene.region])
    known = digest(sha256, job.dataset.perfect_stamp(name), [look.hashes for look in looks], counting)
    references = _kept_references(known, job.protocol, lambda: _measure_references(job, bench, looks, counting))
    if job.panels:
        draw_panels(job.panels, job.submission.name, pair, looks)
    return SceneScore(
        scene=name,
        rows=tuple(rows),
        reference_rows=references,
        sha256=sha256,
        seconds=prediction.seconds,
        kept=prediction.kept,
        scoring_seconds=time.perf_counter() - start,
        block=draw_block(pair, looks) if name in job.drawn else None,
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


def _pair_networks(rows: Iterable[ScoreRow]) -> dict[str, list[dict[str, Any]]]:
    """The networks of those tasks that compare an image with its reference and gave a value."""
    measured = {row.key for row in rows if row.value is not None}
    tasks = [task for task in PAIR_TASKS if any(measure.key in measured for measure in task.measures)]
    return {task.key: [dict(task.network())] for task in tasks}


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
    return tuple(rows)


def _kept_references(
    known: str, protocol: BenchmarkProtocol, make: Callable[[], tuple[ScoreRow, ...]]
) -> tuple[ScoreRow, ...]:
    """The reference rows kept for these pixels, protocol, code and weights; made and kept where there are none."""
    unavailable = [key for key in protocol.gap.image if find_metric(key).unavailable()]
    path = cache_folder() / "references" / f"{digest(known, protocol.sha256, code_sha256(), unavailable)}.json"
    if path.is_file():
        return tuple(ScoreRow(**row) for row in json.loads(path.read_bytes()))
    rows = make()
    write_atomically(path, json.dumps([asdict(row) for row in rows]).encode())
    return rows


def make_card(job: Job, scores: Sequence[SceneScore], failed: Mapping[str, str]) -> ResultCard:
    """The card of the scenes in `scores`; incomplete if any has `failed`.

    Scenes that failed are part of the data's fingerprint all the same: the result belongs beside those of the others.
    """
    hashes = [score.sha256 for score in scores] + [scene_sha256(job.dataset.read(name)) for name in failed]
    rows = [row for score in scores for row in score.rows]
    references = [row for score in scores for row in score.reference_rows]
    records = [job.dataset.scenes[score.scene] for score in scores]
    sets = job.network_sets(record.region for record in records)
    summarise = summariser(job.protocol, references, counting_tasks(job.protocol.tasks, sets))
    return ResultCard(
        status="incomplete" if failed else "complete",
        failed=dict(failed),
        protocol=ProtocolPart(id=job.protocol.id, version=job.protocol.version, sha256=job.protocol.sha256),
        data=DataPart(
            name=job.dataset.name,
            arm=job.dataset.arm,
            split=job.split,
            fingerprint=digest(sorted(hashes)),
            scenes=tuple(score.scene for score in scores),
            strips=tuple(sorted({record.strip for record in records})),
            regions=tuple(sorted({record.region for record in records})),
            truth=dict(truth) if (truth := job.dataset.truth_source) else None,
        ),
        submission=job.submission,
        networks={"score": [network for networks in sets for network in networks.described()]} | _pair_networks(rows),
        environment=describe(job.dataset.record.made.get("seed")),
        summary=None if failed else summarise.summary(rows),
        references=summarise.reference_gaps(),
        timing={
            "predict_s": {score.scene: score.seconds for score in scores},
            "score_s": {score.scene: round(score.scoring_seconds, 3) for score in scores},
            "kept": sum(score.kept for score in scores),
        },
        rows=tuple(row.as_json() for row in rows),
        reference_rows=tuple(row.as_json() for row in references),
    )
