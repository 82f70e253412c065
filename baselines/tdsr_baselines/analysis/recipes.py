"""What pixels are optimised under: losses, alone and summed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tdsr_baselines.losses.base import Batch, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.pixel import Charbonnier, Ssim
from tdsr_baselines.losses.task import TaskFeature, TaskMask, TaskSegmentation

Recipe = tuple[LossSettings, ...]
"""Losses that are summed, each with its weight."""


def recipes(tasks: Sequence[str], featured: Sequence[str]) -> dict[str, Recipe]:
    """What pixels are optimised under, by name: single losses, then combinations, weighed as the package's are.

    Args:
        tasks: those that have a network to look through.
        featured: those of them whose network has the layers that features are taken from.
    """
    image = Charbonnier(weight=10.0)
    frames = Consistency(weight=20.0)
    masks = tuple(TaskMask.model_validate({"task": task}) for task in tasks)
    found = tuple(TaskSegmentation.model_validate({"task": task}) for task in tasks)
    features = tuple(TaskFeature.model_validate({"task": task}) for task in featured)
    alone: dict[str, Recipe] = {"charbonnier": (image,), "ssim": (Ssim(),), "consistency": (frames,)}
    if not tasks:
        return alone
    one = {f"{mask.task} mask": (mask,) for mask in masks} if len(tasks) > 1 else {}
    mild = tuple(mask.model_copy(update={"weight": 0.3}) for mask in masks)
    several: dict[str, Recipe] = {
        "masks": masks,
        "segmentations": found,
        "features": features,
        "all of the tasks": (*masks, *found, *features),
        "charbonnier + masks": (image, *mild),
        "consistency + masks": (frames, *masks),
        "consistency + features": (frames, *features),
    }
    return alone | one | {name: recipe for name, recipe in several.items() if features or "features" not in name}


def summed(recipe: Recipe, surroundings: Surroundings) -> LossFunction:
    """The weighted sum of the losses of a recipe."""
    parts = [(settings.weight, settings.build(surroundings)) for settings in recipe]

    def loss(sr: Tensor, batch: Batch) -> Tensor:
        return torch.stack([weight * part(sr, batch) for weight, part in parts]).sum()

    return loss
