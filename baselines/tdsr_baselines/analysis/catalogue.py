"""The losses that are looked at, under the names that tables give them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tdsr_baselines.losses.base import LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.compensated import CompensatedL1, CompensatedL2
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.keypoints import KeyPoints
from tdsr_baselines.losses.pixel import L1, Charbonnier, Detail, Ssim
from tdsr_baselines.losses.task import LAYERS, TaskFeature, TaskMask, TaskSegmentation
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks import keynet
from tdsr_bench.tasks.networks.sets import NetworkSet

Chosen = TypeVar("Chosen")

REACH = 3
"""High-resolution pixels: the longest shift of losses that are the least over shifts, as RAMS and PROBA-V have it."""

TASKS = ("roads", "buildings")

KEYPOINT_MARGIN = 9
"""Less than the protocol's, which would leave nothing of small windows."""


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss that is ready.

    Attributes:
        settings: of it.
        function: itself.
    """

    settings: LossSettings
    function: LossFunction


def every_loss(tasks: Sequence[str], *, featured: Sequence[str], keypoints: bool) -> dict[str, LossSettings]:
    """Every kind, by name: those of the image, consistency, and those of `tasks`, which have networks to look through.

    Args:
        tasks: of segmentation.
        featured: those of them whose network has the layers that features are taken from.
        keypoints: whether Key.Net's weights are there.
    """
    losses: dict[str, LossSettings] = {
        "l1": L1(),
        "charbonnier": Charbonnier(),
        "ssim": Ssim(),
        "detail": Detail(),
        "cl1": CompensatedL1(reach=REACH),
        "cmse": CompensatedL2(reach=REACH),
        "consistency": Consistency(),
    }
    for task in tasks:
        losses |= _of_task(task, features=task in featured)
    return losses | ({"keypoints": KeyPoints(margin=KEYPOINT_MARGIN)} if keypoints else {})


def _of_task(task: str, *, features: bool) -> dict[str, LossSettings]:
    losses: dict[str, LossSettings] = {
        f"{task} mask": TaskMask.model_validate({"task": task}),
        f"{task} mask, reach {REACH}": TaskMask.model_validate({"task": task, "reach": REACH}),
        f"{task} segmentation": TaskSegmentation.model_validate({"task": task}),
    }
    return losses | ({f"{task} features": TaskFeature.model_validate({"task": task})} if features else {})


def built(losses: Mapping[str, LossSettings], surroundings: Surroundings) -> dict[str, Loss]:
    """The losses themselves, by name."""
    return {name: Loss(settings, settings.build(surroundings)) for name, settings in losses.items()}


def chosen(losses: Mapping[str, Chosen], names: Sequence[str]) -> dict[str, Chosen]:
    """Those called `names`; all for none.

    Raises:
        ProtocolError: there is none of that name.
    """
    missing = next((name for name in names if name not in losses), None)
    if missing is not None:
        raise ProtocolError(f"There is no loss {missing!r} here; choose of {', '.join(losses)}.")
    return {name: losses[name] for name in names} if names else dict(losses)


def tasks_known(networks: NetworkSet | None, dataset: DataSet, name: str) -> tuple[str, ...]:
    """The tasks of which there are a network for losses and truth in the scene `name`."""
    truth = dataset.read(name).truth
    return tuple(task for task in TASKS if networks and networks.losing(task) and task in truth)


def tasks_featured(networks: NetworkSet | None, tasks: Sequence[str]) -> tuple[str, ...]:
    """The `tasks` whose network for losses has the layers that features are taken from, unless told otherwise."""
    if networks is None:
        return ()
    layers = {task: dict(networks.losing(task)[0].load().module.named_modules()) for task in tasks}
    return tuple(task for task in tasks if all(layer in layers[task] for layer in LAYERS))


def has_keynet(file: Path | None = None) -> bool:
    """Whether Key.Net's weights are here, in the `file` that is named or where they are looked for."""
    return file is not None or keynet.unavailable() is None
