"""Batches of crops, each drawn from its seed and step alone: training goes on after a stop as if there was none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tdsr_bench.errors import DataError
from tdsr_bench.training.recipe import Augmentation, Training
from tdsr_bench.training.scenes import TrainingScene

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each band."""


def statistics(scenes: Sequence[TrainingScene]) -> Statistics:
    """Of the pixels that count of all `scenes`."""
    pixels = [image[:, weight] for scene in scenes for image, weight in zip(scene.images, scene.weight, strict=True)]
    together = np.concatenate(pixels, axis=1, dtype=np.float64)
    return tuple(map(float, together.mean(axis=1))), tuple(map(float, together.std(axis=1)))


def draw_batch(
    scenes: Sequence[TrainingScene], training: Training, known: Statistics, *, seed: int, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised crops ``[N, bands, S, S]``, their truth and their weights, ``[N, 1, S, S]`` of 0 and 1.

    Raises:
        DataError: a scene is smaller than a crop.
    """
    rng = np.random.default_rng([seed, step])
    mean, sd = (np.asarray(values, np.float32)[:, None, None] for values in known)
    chosen = [scenes[index] for index in rng.integers(len(scenes), size=training.batch)]
    parts = [_crop(scene, training.crop, rng) for scene in chosen]
    images = np.stack([_jittered((image - mean) / sd, training.augmentation, rng) for image, _, _ in parts])
    truth, weight = (np.stack([part[index] for part in parts])[:, None] for index in (1, 2))
    return torch.from_numpy(images), torch.from_numpy(truth).float(), torch.from_numpy(weight).float()


Crop = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]


def _crop(scene: TrainingScene, size: int, rng: np.random.Generator) -> Crop:
    """A square of one of the scene's images, turned and mirrored at random."""
    height, width = scene.truth.shape
    if min(height, width) < size:
        raise DataError(f"{scene.name} is {height} x {width} pixels inside its borders, smaller than a crop of {size}.")
    which = rng.integers(len(scene.images))
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    quarter, mirror = rng.integers(4), rng.integers(2)
    layers: tuple[NDArray[Any], ...] = (scene.images[which], scene.truth, scene.weight[which])
    cut = [layer[..., top : top + size, left : left + size] for layer in layers]
    turned = [np.rot90(layer, int(quarter), axes=(-2, -1)) for layer in cut]
    image, truth, weight = (layer[..., ::-1] if mirror else layer for layer in turned)
    return image, truth, weight


def _jittered(image: NDArray[np.float32], by: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    gain = rng.normal(1.0, by.gain)
    offset = rng.normal(0.0, by.offset, (len(image), 1, 1))
    noise = by.noise * rng.standard_normal(image.shape, np.float32)
    return (gain * image + offset + noise).astype(np.float32)
