"""Batches of crops, each drawn from its seed and step alone: training goes on after a stop as if there was none."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tdsr_baselines.losses.base import Batch
from tdsr_baselines.training.config import Augmentation
from tdsr_baselines.training.samples import Sample
from tdsr_bench.errors import DataError
from tdsr_bench.scene import SCALE

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each band."""


def frame_statistics(samples: Sequence[Sample]) -> Statistics:
    """Of all frames that networks are shown."""
    pixels = [np.moveaxis(sample.stack.frames, 1, 0).reshape(4, -1) for sample in samples]
    together = np.concatenate(pixels, axis=1, dtype=np.float64)
    return tuple(map(float, together.mean(axis=1))), tuple(map(float, together.std(axis=1)))


def draw_batch(
    samples: Sequence[Sample],
    augmentation: Augmentation,
    *,
    batch: int,
    crop: int,
    seed: int,
    step: int,
    rank: int = 0,
    device: str | torch.device = "cpu",
) -> Batch:
    """`batch` crops of `crop` low-resolution pixels; of one step, each process (`rank`) draws others.

    Raises:
        DataError: a scene is smaller than a crop.
    """
    rng = np.random.default_rng([seed, step, rank])
    chosen = [samples[index] for index in rng.integers(len(samples), size=batch)]
    crops = [_crop(sample, augmentation, crop, rng) for sample in chosen]
    return Batch(**{field.name: _joined([c[field.name] for c in crops], device) for field in fields(Batch)})


def _crop(sample: Sample, augmentation: Augmentation, size: int, rng: np.random.Generator) -> dict[str, Any]:
    """The layers of a random square of a scene, as `Batch` calls them."""
    height, width = sample.stack.frames.shape[-2:]
    if min(height, width) < size:
        raise DataError(
            f"{sample.name} has {height} x {width} low-resolution pixels, smaller than a crop of {size}; choose a "
            f"smaller one: training.crop."
        )
    top, left = (int(rng.integers(room - size + 1)) for room in (height, width))
    order = _order(len(sample.stack.frames), augmentation.shuffle, rng)
    gain = np.float32(rng.normal(1.0, augmentation.gain))
    quarter, mirror = (int(rng.integers(4)), bool(rng.integers(2))) if augmentation.turn else (0, False)

    def cut(layer: NDArray[Any], scale: int) -> NDArray[Any]:
        rows, columns = (slice(scale * first, scale * (first + size)) for first in (top, left))
        return _turned(layer[..., rows, columns], quarter, mirror)

    def cut_high(layer: NDArray[Any] | None, factor: np.float32 | int = 1) -> NDArray[Any] | None:
        return None if layer is None else factor * cut(layer, SCALE)

    stack = sample.stack
    return {
        "frames": gain * cut(stack.frames[order], 1),
        "observed": gain * cut(stack.observed[order], 1),
        "observed_valid": cut(stack.valid[order], 1),
        "classical": cut_high(sample.classical, gain),
        "shifts": _turned_shifts(stack.shifts[order], quarter, mirror),
        "reference": cut_high(sample.reference, gain),
        "reference_valid": cut_high(None if sample.reference_valid is None else sample.reference_valid[None]),
        "truth": {task: cut_high(mask[None]) for task, mask in sample.truth.items()},
        "truth_valid": cut_high(sample.truth_valid[None]),
    }


def _order(frames: int, shuffle: bool, rng: np.random.Generator) -> NDArray[np.int_]:
    """The first frame stays the first: it fixes place and radiometry."""
    others = rng.permutation(np.arange(1, frames)) if shuffle else np.arange(1, frames)
    return np.concatenate([[0], others]).astype(int)


def _turned(layer: NDArray[Any], quarter: int, mirror: bool) -> NDArray[Any]:
    turned = np.rot90(layer, quarter, axes=(-2, -1))
    return turned[..., ::-1] if mirror else turned


def _turned_shifts(shifts: NDArray[np.float64], quarter: int, mirror: bool) -> NDArray[np.float64]:
    """Shifts ``[T, 2]`` of (rows, columns) in an image that was turned as `_turned` does."""
    rows, columns = shifts.T
    for _ in range(quarter):
        rows, columns = -columns, rows
    return np.stack([rows, -columns if mirror else columns], axis=1)


def _joined(layers: Sequence[Any], device: str | torch.device) -> Any:
    if layers[0] is None:
        return None
    if isinstance(layers[0], Mapping):
        return {key: _joined([layer[key] for layer in layers], device) for key in layers[0]}
    return _tensor(np.stack(layers)).to(device, non_blocking=True)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
