"""Scenes whose losses are looked at: everything on the grid of the best frame, cut to a window, moved at will."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from tdsr_baselines.losses.base import Batch
from tdsr_baselines.training.samples import Sample, Wanted, read_samples
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import ProtocolError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.predict import ImageSource
from tdsr_bench.registration import Shift
from tdsr_bench.scene import SCALE, Track
from tdsr_bench.sensor import fourier_shift
from tdsr_bench.view import show

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

HR, BICUBIC = "HR", "bicubic"
"""How the reference itself and the best frame enlarged are called."""

CLASSICAL = {True: "shift-and-add", False: "back-projection"}
"""The image that is known without learning, of several frames or of one."""

EDGE = 7
"""Low-resolution pixels beside an edge in which the sensor's kernel may see beyond it, now or after a shift."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A scene and the images of it that losses are asked about.

    Attributes:
        sample: the scene on the grid of its best frame, as training sees it.
        images: by name, float32 ``[4, 3h, 3w]`` on that grid; the reference itself is `HR`.
    """

    sample: Sample
    images: Mapping[str, Image]


@dataclass(frozen=True, eq=False)
class Method:
    """A method whose images are asked about.

    Attributes:
        name: as tables call it.
        track: how many frames it is shown.
        source: where its images come from.
    """

    name: str
    track: Track
    source: ImageSource


def spread_over_regions(dataset: DataSet, split: str, count: int | None) -> list[str]:
    """Up to `count` scenes of `split`, one of each region in turn; all of them for None.

    Raises:
        ProtocolError: there is no such split, or it is empty.
    """
    regions: dict[str, list[str]] = {}
    for name in dataset.names(split):
        regions.setdefault(dataset.scenes[name].region, []).append(name)
    in_turn = [name for name in chain.from_iterable(zip_longest(*regions.values())) if name]
    return in_turn[:count]


def read_subjects(
    dataset: DataSet,
    names: Sequence[str],
    tasks: Sequence[str],
    *,
    method: Method | None = None,
    told: Callable[[str, int, int], None] | None = None,
) -> list[Subject]:
    """The scenes called `names` that have truth of `tasks`.

    Args:
        dataset: an arm of a data set.
        names: of its scenes.
        tasks: whose truth losses need.
        method: whose images are asked about; None for the best image that is known without learning.
        told: progress.

    Raises:
        DataError: no scene has the truth; or one cannot be read.
        SubmissionError: the method fails.
    """
    wanted = Wanted(frames=dataset.protocol.frames.most, classical=method is None, tasks=tuple(tasks))
    return [_subject(dataset, sample, method) for sample in read_samples(dataset, names, wanted, told=told)]


def _subject(dataset: DataSet, sample: Sample, method: Method | None) -> Subject:
    assert sample.reference is not None
    images = {HR: sample.reference}
    if method is None:
        assert sample.classical is not None
        images[CLASSICAL[len(set(sample.stack.order)) > 1]] = sample.classical
    else:
        view = show(dataset.read(sample.name), method.track, dataset.protocol.frames)
        images[method.name] = method.source.image(view, sample.name).sr
    return Subject(sample, images | {BICUBIC: enlarge(sample.stack.observed[0], "bicubic")})


def moved(image: Image, shift: Shift) -> Image:
    """The content of ``[..., H, W]`` moved by (rows, columns), mirrored at the edges.

    By whole pixels exactly, by others in the Fourier domain.
    """
    if any(part != round(part) for part in shift):
        return fourier_shift(image, shift)
    reach = int(max(map(abs, shift)))
    padded = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(reach, reach)] * 2, mode="symmetric")
    rows, columns = (slice(reach - int(s), reach - int(s) + n) for s, n in zip(shift, image.shape[-2:], strict=True))
    return np.asarray(padded[..., rows, columns])


def centre(shape: tuple[int, ...], size: int) -> Window:
    """The middle of an image, `size` pixels on a side or fewer, its edges on those of low-resolution pixels.

    Raises:
        ProtocolError: there is no such window.
    """
    if size < SCALE:
        raise ProtocolError(f"A window of {size} pixels is none; choose 96 or more by --size.")
    rows, columns = (min(size, length) // SCALE * SCALE for length in shape[-2:])
    top, left = ((length - n) // (2 * SCALE) * SCALE for length, n in zip(shape[-2:], (rows, columns), strict=True))
    return slice(top, top + rows), slice(left, left + columns)


def interior(valid: Mask, window: Window, margin: int) -> Mask:
    """The pixels of `window` that are at least `margin` from its edges and from pixels that are not valid; ``[H, W]``.

    Raises:
        ProtocolError: there is none.
    """
    inside = np.zeros_like(valid)
    inside[window] = True
    kept = np.asarray(ndimage.binary_erosion(inside & valid, np.ones((2 * margin + 1,) * 2)), dtype=bool)
    if not kept.any():
        raise ProtocolError(
            f"No valid pixel of the scene lies {margin} pixels inside its window; choose a larger one by --size."
        )
    return kept


def batch_of(sample: Sample, window: Window, counted: Mask, *, shift: Shift = (0.0, 0.0), edge: int = EDGE) -> Batch:
    """`window` of a scene as a batch of one crop, with reference and truth moved by `shift`.

    Frames cannot be moved without resampling them, so it is told that they lie elsewhere: an image that was not moved
    meets frames that seem to have been; one that was moved by as much meets them where it should.

    Args:
        sample: the scene.
        window: high-resolution pixels, its edges on those of low-resolution ones.
        counted: bool ``[H, W]`` on the scene's grid, the pixels that count once everything is moved.
        shift: (rows, columns) in high-resolution pixels.
        edge: low-resolution pixels beside the window's edges in which frames do not count, so that the same ones do
            after each shift.
    """
    assert sample.reference is not None
    rows, columns = window
    low_rows, low_columns = low = (_lower(rows), _lower(columns))
    stack = sample.stack
    clear = stack.valid & _far_from_edges(stack.valid.shape[1:], low, edge)
    truth = {task: np.clip(moved(mask, shift), 0, 1)[None] for task, mask in sample.truth.items()}
    return Batch(
        frames=_tensor(stack.frames[..., low_rows, low_columns]),
        observed=_tensor(stack.observed[..., low_rows, low_columns]),
        observed_valid=_tensor(clear[..., low_rows, low_columns]),
        shifts=_tensor(stack.shifts - np.divide(shift, SCALE)),
        reference=_tensor(moved(sample.reference, shift)[..., rows, columns]),
        reference_valid=_tensor(counted[None][..., rows, columns]),
        truth={task: _tensor(mask[..., rows, columns]) for task, mask in truth.items()},
        truth_valid=_tensor(counted[None][..., rows, columns]),
    )


def image_tensor(image: Image, window: Window) -> Tensor:
    """`window` of ``[4, H, W]`` as ``[1, 4, h, w]``."""
    rows, columns = window
    return _tensor(image[..., rows, columns])


def _lower(part: slice) -> slice:
    return slice(part.start // SCALE, part.stop // SCALE)


def _far_from_edges(shape: tuple[int, ...], low: Window, margin: int) -> Mask:
    inside = np.zeros(shape, dtype=bool)
    inside[tuple(slice(part.start + margin, part.stop - margin) for part in low)] = True
    return inside


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None]
