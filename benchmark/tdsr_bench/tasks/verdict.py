"""The verdict on tasks that lies beside their networks: which of them count in a score, and for which networks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import from_json, read_bytes
from tdsr_bench.protocol import TaskRules

if TYPE_CHECKING:
    from tdsr_bench.tasks.networks.sets import NetworkSet  # and with it torch, which tables do without

VERDICT = "suitability.json"


class Verdict(BaseModel):
    """What `task suitability` found out about the networks of a folder.

    Attributes:
        data: name, version, arm, split and regions of the data.
        networks: the SHA-256 of every network that scores and of its twin.
        suits: for each key that a gap can be made of, such as ``roads.iou``, whether it counts.
        table: the numbers that this rests on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal[1] = 1
    data: dict[str, Any]
    networks: tuple[str, ...]
    suits: dict[str, bool]
    table: tuple[dict[str, Any], ...]


def read_verdict(folder: Path) -> Verdict | None:
    """The verdict in `folder`; None where there is none.

    Raises:
        DataError: the file is broken.
    """
    path = folder / VERDICT
    if not path.exists():
        return None
    try:
        return Verdict.model_validate(from_json(read_bytes(path)))
    except (ValidationError, ValueError) as error:
        raise DataError(f"{path} is broken ({str(error).splitlines()[0]}); make it by `task suitability`.") from None


def write_verdict(folder: Path, verdict: Verdict) -> Path:
    """Write `verdict` beside the networks of `folder`."""
    path = folder / VERDICT
    write_atomically(path, (json.dumps(verdict.model_dump(mode="json"), indent=1) + "\n").encode())
    return path


@dataclass(frozen=True)
class CountingTasks:
    """Which tasks count in the task gap, which was decided before any method was scored.

    Attributes:
        keys: for each task that counts, the keys that its gap is made of.
        missing: why there is no task gap, or nothing.
    """

    keys: Mapping[str, Sequence[str]]
    missing: tuple[str, ...] = ()


def counting_tasks(rules: Mapping[str, TaskRules], sets: "Sequence[NetworkSet]") -> CountingTasks:
    """The tasks of a protocol, and their keys, that count by the verdicts of all network `sets` that take part.

    Raises:
        DataError: a verdict is broken.
    """
    if not sets:
        return _none("no task network scores this data set: train them by `tdsr-bench task train`, and name --networks")
    suited = {f"{task}.{key}" for task, rule in rules.items() for key in rule.gap}
    for networks in sets:
        absent = [task for task in rules if task not in networks.tasks]
        if absent:
            return _none(f"{networks.folder.name} has no networks for {' and '.join(absent)}: `tdsr-bench task train`")
        verdict = read_verdict(networks.folder)
        if verdict is None or set(verdict.networks) != set(networks.hashes):
            return _none(
                f"there is no verdict on the networks in {networks.folder.name}: "
                f"`tdsr-bench task suitability --networks {networks.folder.name}`"
            )
        suited &= {key for key, suits in verdict.suits.items() if suits}
    keys = {task: tuple(sorted(key for key in suited if key.startswith(f"{task}."))) for task in rules}
    keys = {task: own for task, own in keys.items() if own}
    return CountingTasks(keys) if keys else _none("no task told the reference from its frames on the validation split")


def _none(reason: str) -> CountingTasks:
    return CountingTasks({}, (f"tasks: {reason}",))
