"""The full table: each run of a tested arm, the methods that are not trained, and what every table shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tdsr_bench.card import GapPart
from tdsr_bench.inference import Estimate, estimate
from tdsr_bench.references import BICUBIC, FRAME_TRAINED, REFERENCE
from tdsr_bench.study.record import RunRecord
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS
from tdsr_leaderboard.study.runs import Study

METRICS = ("roads.iou", "buildings.iou", "grid", "hallucination", "consistency", "psnr")
"""The columns beside the gaps."""

KNOWN_TASKS = {BICUBIC: "bicubic", FRAME_TRAINED: "frame_trained", REFERENCE: "reference"}
"""Of the methods that every table shows, those whose task measures a record holds, and where."""


@dataclass(frozen=True)
class Row:
    """A line of the table: runs that differ in nothing but their seeds, a method, or a reference.

    Attributes:
        label: how it is called.
        group: its name in contrasts; "" of a reference.
        arm: on which frames it was trained, as the plan calls it; "" where nothing was.
        gaps: by key; averaged over seeds within each region, then told over regions.
        metrics: means over regions.
        track: sisr or misr; "" of a reference.
        seeds: how many trainings.
        steps: of the training, after those of what it began from.
        seconds: of the training, mean over seeds, without what it began from.
        flags: why guards keep it from a rank, and in how many of its runs.
    """

    label: str
    group: str
    arm: str
    gaps: Mapping[str, Estimate]
    metrics: Mapping[str, float]
    track: str = ""
    seeds: int | None = None
    steps: str = ""
    seconds: float | None = None
    flags: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Table:
    """All rows of an arm that was tested, the highest combined gap first."""

    tested: str
    rows: tuple[Row, ...]


def tables(study: Study) -> list[Table]:
    """A table for each tested arm."""
    arms = dict.fromkeys(record.tested for record in study.records if record.disturbance is None)
    return [table(study, arm) for arm in arms]


def table(study: Study, tested: str) -> Table:
    """The table of one tested arm."""
    groups = {name: runs for name, runs in study.undisturbed.items() if runs[0].tested == tested}
    rows = [run_row(study, name, runs) for name, runs in groups.items()]
    taken = {row.label for row in rows}
    first = next(iter(groups.values()))[0]
    rows += [row for row in reference_rows(study, first) if row.label not in taken]
    return Table(tested, tuple(sorted(rows, key=lambda row: -_height(row, study.gaps))))


def run_row(study: Study, group: str, runs: Sequence[RunRecord]) -> Row:
    """The row of one group."""
    first, trained = runs[0], [run.training for run in runs if run.training]
    means = {key: averaged([run.measure(key) for run in runs]) for key in (*study.gaps, *METRICS)}
    return Row(
        label=study.label(group),
        group=group,
        arm=study.arm_title(first.arm) if first.network else "",
        gaps={key: told(means[key]) for key in study.gaps if means[key]},
        metrics={key: fmean(means[key].values()) for key in METRICS if means[key]},
        track=first.track,
        seeds=len(trained) or None,
        steps=_steps(study, first),
        seconds=fmean(training.seconds for training in trained) if trained else None,
        flags=tuple(_flags(runs)),
    )


def reference_rows(study: Study, record: RunRecord) -> list[Row]:
    """The zeros, the simple ways and perfection, as measured on the same scenes."""
    return [
        Row(name, "", "", {key: _estimate(parts[key]) for key in study.gaps if _has(parts, key)}, _tasks(record, name))
        for name, parts in record.references.items()
    ]


def averaged(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean over runs of the value of each region that all of them have."""
    shared = [region for region in values[0] if all(region in own for own in values)]
    return {region: fmean(own[region] for own in values) for region in shared}


def told(regions: Mapping[str, float]) -> Estimate:
    """The mean over regions with its interval."""
    return estimate(regions, clip=float("inf"), confidence=CONFIDENCE, least_regions=LEAST_REGIONS)


def _tasks(record: RunRecord, name: str) -> dict[str, float]:
    part = KNOWN_TASKS.get(name)
    measured = {key: getattr(record.summary.tasks[key], part) for key in METRICS
                if part and key in record.summary.tasks}  # fmt: skip
    return {key: value for key, value in measured.items() if value is not None}


def _steps(study: Study, record: RunRecord) -> str:
    """``500``, or ``500 + 200`` where it began from another."""
    if record.training is None:
        return ""
    own, start = str(record.training.steps), record.training.start
    known = (other.training for other in study.records if other.training and other.training.name == start)
    before = next((str(training.steps) for training in known), "?") if start else ""
    return f"{before} + {own}" if start else own


def _flags(runs: Sequence[RunRecord]) -> list[str]:
    barred = [run for run in runs if not run.summary.guards.ranked]
    if not barred:
        return []
    reasons = dict.fromkeys(reason for run in barred for reason in run.summary.guards.reasons)
    part = f" ({len(barred)} of {len(runs)} seeds)" if len(runs) > 1 else ""
    return [f"not ranked{part}: {'; '.join(reasons) or 'no reason is given'}"]


def _has(parts: Mapping[str, GapPart], key: str) -> bool:
    return key in parts and parts[key].value is not None


def _estimate(part: GapPart) -> Estimate:
    return Estimate(part.value, part.ci95, part.regions, part.raw, part.missing)


def _height(row: Row, gaps: Sequence[str]) -> float:
    combined = row.gaps.get(gaps[0])
    return float("-inf") if combined is None or combined.value is None else combined.value
