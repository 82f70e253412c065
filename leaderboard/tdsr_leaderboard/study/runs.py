"""The records of a study beside its plan, found by what contrasts call them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from tdsr_bench.errors import DataError
from tdsr_bench.foreign import read_bytes
from tdsr_bench.inference import in_words
from tdsr_bench.study.plan import StudyPlan, load_plan
from tdsr_bench.study.record import INDEX, IndexEntry, RunRecord, StudyIndex, read_index, read_study
from tdsr_leaderboard.ranking import LEAST_REGIONS

_SEED = re.compile(r"-\d+(?=@|$)")

PIXEL, TASK = "pixel", "task"
"""Regimes of training that the report compares."""


@dataclass(frozen=True)
class Study:
    """A study as far as it has come.

    Attributes:
        plan: what was to be done.
        folder: where its records, cards and sheets lie.
        index: how each run stands.
        records: of the runs that are done.
        plan_changed: whether the plan's file is another than the index was made by.
    """

    plan: StudyPlan
    folder: Path
    index: StudyIndex
    records: tuple[RunRecord, ...]
    plan_changed: bool = False

    @cached_property
    def groups(self) -> dict[str, list[RunRecord]]:
        """Runs that differ in nothing but their seeds, by their name without it, in the order of the plan."""
        found: dict[str, list[RunRecord]] = {}
        for record in self.records:
            found.setdefault(record.group, []).append(record)
        return found

    @property
    def undisturbed(self) -> dict[str, list[RunRecord]]:
        """The groups whose frames are as they were."""
        return {name: runs for name, runs in self.groups.items() if runs[0].disturbance is None}

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are done, failed and waiting."""
        states = [entry.status for entry in self.index.runs]
        return {state: states.count(state) for state in ("done", "failed", "waiting")}

    @property
    def certainty(self) -> str:
        """How many scenes and independent regions there are, and what can be said from them; "" without a run."""
        if not self.records:
            return ""
        first = self.records[0]
        regions = len(regions_of(first))
        return in_words(max(scenes_of(first), regions), regions, LEAST_REGIONS) if regions else ""

    def label(self, group: str) -> str:
        """How tables call a group: of networks by the titles of the plan, of methods as their card does."""
        first = self.groups[group][0]
        if first.network is None or first.variant is None:
            return first.label
        plan = self.plan
        network, variant = plan.networks.get(first.network), plan.variants.get(first.variant)
        names = (network.title if network else first.network, variant.title if variant else first.variant)
        return f"{names[0]}: {names[1]}"

    def arm_title(self, arm: str) -> str:
        """How tables call an arm of the plan."""
        known = self.plan.arms.get(arm)
        return known.title if known else arm

    def why_missing(self, group: str) -> str:
        """Why no run of `group` is done, in words."""
        entries = [entry for entry in self.index.runs if group_of(entry.name) == group]
        if not entries:
            return f"{group}: the plan has no such run"
        return "; ".join(dict.fromkeys(_standing(entry) for entry in entries))

    @cached_property
    def pixel(self) -> str | None:
        """The variant that is trained by image losses alone: what task-driven ones are held against."""
        return next((name for name, variant in self.plan.variants.items() if variant.regime == PIXEL), None)

    @cached_property
    def driven(self) -> list[str]:
        """The variants that tasks drive beside image losses, those with the most groups of losses last."""
        found = [name for name, variant in self.plan.variants.items() if variant.regime == TASK]
        return sorted(found, key=lambda name: len(self.plan.variants[name].losses))

    @property
    def score(self) -> str:
        """The combined gap that tables show: the fullest that all runs have."""
        whole = all(record.summary.combined_gap.value is not None for record in self.records)
        return "combined_gap" if whole and self.records else "combined_gap_no_lpips"

    @property
    def gaps(self) -> tuple[str, str, str]:
        """The combined gap, the image gap that is part of it, and the task gap."""
        return self.score, self.score.replace("combined", "image"), "task_gap"


def load_study(plan: Path, folder: Path) -> Study:
    """The study of the file `plan` whose records lie in `folder`.

    Raises:
        ProtocolError: the plan is not there or not complete.
        DataError: nothing was run yet, or a record is broken.
    """
    known = load_plan(plan)
    if not (folder / INDEX).is_file():
        raise DataError(f"There is no {INDEX} in {folder}; run `tdsr-bench study run {plan}` first, or name --folder.")
    index = read_index(folder)
    changed = sha256(read_bytes(plan)).hexdigest() != index.plan_sha256
    return Study(known, folder, index, tuple(read_study(folder)), changed)


def group_of(name: str) -> str:
    """The name of a run without its seed.

    >>> group_of("hat-real-pixel-2@noise"), group_of("shift-and-add-real")
    ('hat-real-pixel@noise', 'shift-and-add-real')
    """
    return _SEED.sub("", name)


def regions_of(record: RunRecord) -> Sequence[str]:
    """The regions that were scored."""
    regions = record.data.get("regions")
    return [str(region) for region in regions] if isinstance(regions, list | tuple) else []


def scenes_of(record: RunRecord) -> int:
    """How many scenes were scored; 0 where the record does not say."""
    scenes = record.data.get("scenes")
    return scenes if isinstance(scenes, int) else len(scenes) if isinstance(scenes, list | tuple) else 0


def _standing(entry: IndexEntry) -> str:
    return f"{entry.name}: {entry.status}{f' ({entry.reason})' if entry.reason else ''}"
