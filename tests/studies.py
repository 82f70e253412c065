"""Studies that are made up: records of all runs of a plan, with effects that are known in each region."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import cards
from tdsr_bench.study.plan import StudyPlan, VariantPlan, load_plan
from tdsr_bench.study.record import INDEX, record_path

REGIONS = ("city", "coast", "farm", "forest", "hills", "town")
GAPS = ("image_gap_no_lpips", "task_gap", "combined_gap_no_lpips")
NONE: dict[str, Any] = {"value": None, "missing": ["no network"]}
HOSTILE = '<script>alert(1)</script> | `x` *y* [z](http://evil.example) & "q"'

PLAN = """
name = "small"
title = "A small study"
training = { steps = 5 }
losses = { image = [], tasks = [] }

[networks]
hat = { title = "HAT", size = "hat-tiny" }
rams = { title = "RAMS", size = "rams-tiny" }

[arms]
simulated = { title = "simulated", trained = "simulated", tested = "simulated" }
real = { title = "real", trained = "real", tested = "real" }

[variants]
pixel = { title = "image losses", regime = "pixel", losses = ["image"], seeds = 2 }
both = { title = "image and tasks", regime = "task", losses = ["image", "tasks"], seeds = 2 }
tuned = { title = "tuned", regime = "hr-free", losses = ["tasks"], start = "pixel" }

[robustness]
arms = ["real"]
variants = ["pixel", "both"]
disturbances = ["noise"]

[panels]
network = "rams"
variants = ["pixel", "both"]
arms = ["simulated", "real"]

[[question]]
key = "tasks"
asks = "Do tasks help?"
claim = "They do."
[[question.contrast]]
says = "{network}, {arm}"
measure = "task_gap"
plus = ["{network}-{arm}-both"]
minus = ["{network}-{arm}-pixel"]
each = { network = ["hat", "rams"], arm = ["simulated", "real"] }
claimed = "more"

[[question]]
key = "images"
asks = "Do images stay as they are?"
claim = "They do."
[[question.contrast]]
says = "{network}, {arm}: images"
measure = "image_gap_no_lpips"
plus = ["{network}-{arm}-both"]
minus = ["{network}-{arm}-pixel"]
each = { network = ["hat", "rams"], arm = ["simulated", "real"] }
claimed = "similar"
within = 0.05
"""


@dataclass(frozen=True)
class Run:
    """A run of a plan, by its names; the network, variant and seed of methods are None."""

    network: str | None
    arm: str
    variant: str | None
    seed: int | None
    disturbance: str | None = None
    method: str | None = None

    @property
    def group(self) -> str:
        base = f"{self.method}-{self.arm}" if self.method else f"{self.network}-{self.arm}-{self.variant}"
        return f"{base}@{self.disturbance}" if self.disturbance else base

    @property
    def name(self) -> str:
        base, _, _ = self.group.partition("@")
        seed = "" if self.seed is None else f"-{self.seed}"
        return f"{base}{seed}@{self.disturbance}" if self.disturbance else f"{base}{seed}"


Effect = Callable[[Run, str, str], float]
"""The value of a run's measure in a region."""


def no_effect(run: Run, measure: str, region: str) -> float:
    return 0.1 + 0.05 * REGIONS.index(region) + noise(run, measure, region)


def noise(run: Run, measure: str, region: str, spread: float = 0.01) -> float:
    """The same each time."""
    seed = int(sha256(f"{run.name} {measure} {region}".encode()).hexdigest()[:8], 16)
    return float(spread * np.random.default_rng(seed).normal())


def runs_of(plan: StudyPlan) -> Iterator[Run]:
    """All runs, seeds from 1."""
    rob = plan.robustness
    for path in plan.methods:
        for tested in dict.fromkeys(arm.tested for arm in plan.arms.values()):
            method = path.parent.name
            wanted = rob.disturbances if method in rob.methods and tested in rob.arms else ()
            for disturbance in (None, *wanted):
                yield Run(None, tested, None, None, disturbance, method)
    for network in plan.networks:
        for arm in plan.arms:
            for name, variant in plan.variants.items():
                if wants(variant, network, arm):
                    yield from (Run(network, arm, name, seed) for seed in range(1, variant.seeds + 1))
                    if arm in rob.arms and name in rob.variants:
                        yield from (Run(network, arm, name, 1, disturbance) for disturbance in rob.disturbances)


def wants(variant: VariantPlan, network: str, arm: str) -> bool:
    return network in (variant.networks or (network,)) and arm in (variant.arms or (arm,))


def record(plan: StudyPlan, run: Run, effect: Effect, *, regions: tuple[str, ...] = REGIONS, **changes: Any) -> dict:
    """The record of a run as JSON."""
    values = {key: {region: effect(run, key, region) for region in regions} for key in (*GAPS, *METRICS)}
    tested = run.arm if run.method else plan.arms[run.arm].tested
    start = plan.variants[run.variant].start if run.variant else None
    misr = run.network == "rams"
    task = {"method": 0.5, "bicubic": 0.2, "frame_trained": 0.4, "reference": 0.8, "gap": 0.3}
    training = {
        "name": run.name, "key": "k" * 64, "checkpoint": "trainings/x.safetensors", "steps": 5, "batch": 4, "crop": 32,
        "seconds": 61.0, "best_step": 5, "validation": {"score": 0.1},
        "start": f"{run.network}-{run.arm}-{start}-1" if start else None,
    }  # fmt: skip
    content = {
        "name": run.name, "key": "r" * 64, "group": run.group, "network": run.network, "variant": run.variant,
        "arm": run.arm, "tested": tested, "seed": run.seed, "disturbance": run.disturbance,
        "label": run.method or run.name, "track": "misr" if misr else "sisr", "frames": 9 if misr else 1,
        "parameters": 1000, "training": training if run.network else None, "card": None, "sheet": None,
        "data": {"name": plan.data, "arm": tested, "split": plan.split, "fingerprint": tested * 4,
                 "scenes": 2 * len(regions), "regions": list(regions)},
        "summary": {
            "image_gap": NONE, "combined_gap": NONE, **{key: gap(values[key]) for key in GAPS},
            "guards": {"ranked": True}, "metrics": {},
            "tasks": {key: {**task, "gap_against_bicubic": 0.5, "in_gap": True} for key in METRICS[:2]},
        },
        "references": {
            "bicubic": {"image_gap_no_lpips": flat(0.0, regions), "task_gap": flat(-0.9, regions),
                        "combined_gap_no_lpips": flat(-0.45, regions)},
            "bicubic, networks trained on frames": {"task_gap": flat(0.0, regions)},
            "reference itself": {key: flat(1.0, regions) for key in GAPS},
        },
        "regions": {key: values[key] for key in METRICS},
        "environment": {"package": "0.1.0", "git": "a" * 40, "dirty": False, "device": "cpu"},
    }  # fmt: skip
    return content | changes


METRICS = ("roads.iou", "buildings.iou", "grid", "hallucination", "consistency", "psnr")


def gap(regions: dict[str, float]) -> dict[str, Any]:
    made = cards.gap(regions)
    return made if len(regions) > 2 else made | {"ci95": None}


def flat(value: float, regions: tuple[str, ...]) -> dict[str, Any]:
    return gap(dict.fromkeys(regions, value))


def write_study(
    folder: Path,
    effect: Effect = no_effect,
    *,
    plan: str | Path = PLAN,
    failed: dict[str, str] | None = None,
    waiting: tuple[str, ...] = (),
    regions: tuple[str, ...] = REGIONS,
    change: Callable[[Run, dict], dict] = lambda _, content: content,
) -> Path:
    """Write a plan and the records of its runs, but those in `failed` and `waiting`; the path of the plan.

    Args:
        folder: where the plan goes, and beside it its records.
        effect: the value of each measure of each run.
        plan: its text, or a file that stays where it is; the records go to `folder` then.
        failed: why, by name.
        waiting: names.
        regions: that were scored.
        change: makes something else of a run's record.
    """
    path = plan if isinstance(plan, Path) else folder / "small.toml"
    if not isinstance(plan, Path):
        path.write_text(plan, encoding="utf-8")
    known = load_plan(path)
    place, entries = folder / known.name, []
    for run in runs_of(known):
        reason = (failed or {}).get(run.name)
        status = "failed" if reason else "waiting" if run.name in waiting else "done"
        entries.append({"name": run.name, "key": "r" * 64, "status": status, "reason": reason})
        if status == "done":
            content = change(run, record(known, run, effect, regions=regions))
            write(record_path(place, run.name), content)
    write(place / INDEX, {"plan_sha256": sha256(path.read_bytes()).hexdigest(), "runs": entries})
    return path


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
