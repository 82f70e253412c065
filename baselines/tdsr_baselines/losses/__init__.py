"""The losses: one class of settings a kind, all of them in this list. A new one is a class and a line here."""

from typing import Annotated, get_args

from pydantic import Field

from tdsr_baselines.losses.base import LossSettings
from tdsr_baselines.losses.compensated import CompensatedL1, CompensatedL2
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.grid import Grid
from tdsr_baselines.losses.keypoints import KeyPoints
from tdsr_baselines.losses.pixel import L1, Charbonnier, Detail, Ssim
from tdsr_baselines.losses.task import TaskFeature, TaskMask, TaskSegmentation

AnyLoss = (
    CompensatedL1
    | CompensatedL2
    | L1
    | Charbonnier
    | Ssim
    | Detail
    | Consistency
    | Grid
    | TaskMask
    | TaskSegmentation
    | TaskFeature
    | KeyPoints
)

LossConfig = Annotated[AnyLoss, Field(discriminator="kind")]
"""One loss of a configuration, told apart by its `kind`."""

LOSSES: tuple[type[LossSettings], ...] = get_args(AnyLoss)
"""The kinds."""
