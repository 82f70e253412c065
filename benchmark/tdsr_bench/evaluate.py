"""The one scoring loop of `tdsr-v1`: scenes in, a result card out."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from tdsr_bench.card import DataPart, ProtocolPart, ResultCard
from tdsr_bench.data.dataset import scene_sha256
from tdsr_bench.engine import Progress, completed
from tdsr_bench.environment import describe
from tdsr_bench.errors import SubmissionError
from tdsr_bench.files import digest
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene_score import Job, SceneScore, score_scene
from tdsr_bench.summary import summariser
from tdsr_bench.tasks import PAIR_TASKS
from tdsr_bench.tasks.sheet import write_sheet
from tdsr_bench.tasks.verdict import counting_tasks

HOPELESS = 3
"""After so many failures without one success, the submission is taken to be broken and the run stops."""


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
        environment=describe(job.dataset.record.made.get("seed")) | {"isolation": _isolation(scores)},
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


def _isolation(scores: Sequence[SceneScore]) -> str | None:
    """The weakest isolation under which an image was made; None where no code made one."""
    found = {score.isolation for score in scores}
    return next((kind for kind in ("none", "process", "bwrap") if kind in found), None)


def _pair_networks(rows: Iterable[ScoreRow]) -> dict[str, list[dict[str, Any]]]:
    """The networks of those tasks that compare an image with its reference and gave a value."""
    measured = {row.key for row in rows if row.value is not None}
    tasks = [task for task in PAIR_TASKS if any(measure.key in measured for measure in task.measures)]
    return {task.key: [dict(task.network())] for task in tasks}
