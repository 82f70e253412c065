"""What networks of super-resolution are trained on: scenes brought to the grid of their best frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_baselines.fuse import classical
from tdsr_baselines.stack import FrameOrder, Stack, stack_frames
from tdsr_baselines.training.placement import place_truth
from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet, scene_sha256
from tdsr_bench.errors import DataError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.masks import without_border
from tdsr_bench.registration import Shift
from tdsr_bench.scene import Scene, Track
from tdsr_bench.sensor import fourier_shift
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.view import show

MARGIN = 3
"""Pixels beside a masked one of the reference that the shift has mixed with it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A scene as training sees it: all layers on the grid of its best frame.

    Attributes:
        name, region: of the scene.
        sha256: of the whole scene, see `tdsr_bench.data.dataset.scene_sha256`.
        stack: its frames.
        classical: float32 ``[4, 3h, 3w]``, see `tdsr_baselines.fuse.classical`; None where it is not wanted.
        reference: float32 ``[4, 3h, 3w]``, reflectance; None where it was not read.
        reference_valid: bool ``[3h, 3w]``; None with `reference`.
        truth: for each task, float32 ``[3h, 3w]``, the share of a pixel that the thing covers.
        truth_valid: bool ``[3h, 3w]``.
        moved: (rows, columns) in high-resolution pixels by which reference and truth were moved.
    """

    name: str
    region: str
    sha256: str
    stack: Stack
    classical: NDArray[np.float32] | None
    reference: NDArray[np.float32] | None
    reference_valid: NDArray[np.bool_] | None
    truth: dict[str, NDArray[np.float32]]
    truth_valid: NDArray[np.bool_]
    moved: Shift


@dataclass(frozen=True)
class Wanted:
    """What is to be read of each scene.

    Attributes:
        frames, order: see `tdsr_baselines.stack.stack_frames`.
        classical: whether the best image without learning is wanted.
        reference: whether the high-resolution reference may be read.
        tasks: whose truth is wanted.
    """

    frames: int
    order: FrameOrder = "protocol"
    classical: bool = False
    reference: bool = True
    tasks: tuple[str, ...] = ()


def read_samples(
    dataset: DataSet,
    names: Sequence[str],
    wanted: Wanted,
    networks: Sequence[TaskNetwork] = (),
    told: Callable[[str, int, int], None] | None = None,
) -> list[Sample]:
    """The scenes called `names` that have the truth that is wanted.

    Args:
        dataset: an arm of a data set.
        names: of its scenes.
        wanted: what of them.
        networks: those of training losses; they place truth on the frames where no reference may tell its place.
        told: progress.

    Raises:
        DataError: no scene has the truth of a task; or a scene cannot be read.
    """
    samples = []
    for done, name in enumerate(names, start=1):
        unseen = not wanted.reference and dataset.arm != "simulated"  # whose frames are made from it when they are read
        scene = dataset.read_unreferenced(name) if unseen else dataset.read(name)
        if all(task in scene.truth for task in wanted.tasks):
            samples.append(_sample(scene, dataset, wanted, networks))
        if told:
            told(name, done, len(names))
    if not samples:
        raise DataError(
            f"None of the {len(names)} scenes of {dataset.name} from {names[0]} on has truth of "
            f"{' and '.join(wanted.tasks)}, which the losses of this training need; make it by `tdsr-bench data "
            f"osm-masks`, or leave those losses out."
        )
    return samples


def _sample(scene: Scene, dataset: DataSet, wanted: Wanted, networks: Sequence[TaskNetwork]) -> Sample:
    view = show(scene, Track.SISR if wanted.frames == 1 else Track.MISR, dataset.protocol.frames)
    stack = stack_frames(view, wanted.frames, order=wanted.order)
    first = enlarge(stack.observed[0], "bicubic")
    reference = valid = None
    if wanted.reference:
        prepared = prepare(scene, dataset.protocol)
        _, (rows, columns) = prepared.target.bring(first)
        moved = (-rows, -columns)
        reference = fourier_shift(prepared.scene.reference, moved)
        valid = _moved_mask(np.asarray(prepared.valid.all(axis=0)), moved, dataset.protocol.residual_shift.border)
    else:
        moved = place_truth(first, scene.truth, networks)
    everywhere = np.ones(first.shape[1:], dtype=bool)
    return Sample(
        name=scene.name,
        region=scene.region,
        sha256=scene_sha256(scene),
        stack=stack,
        classical=classical(stack) if wanted.classical else None,
        reference=reference,
        reference_valid=valid,
        truth={task: _moved_truth(scene.truth[task], moved) for task in wanted.tasks},
        truth_valid=_moved_mask(everywhere, moved, dataset.protocol.residual_shift.border),
        moved=moved,
    )


def _moved_truth(mask: NDArray[np.bool_], shift: Shift) -> NDArray[np.float32]:
    return np.asarray(ndimage.shift(mask.astype(np.float32), shift, order=1, mode="nearest"), dtype=np.float32)


def _moved_mask(valid: NDArray[np.bool_], shift: Shift, border: int) -> NDArray[np.bool_]:
    """`valid` on the new grid, without what lies near a masked pixel or an edge."""
    whole = (round(shift[0]), round(shift[1]))
    kept = np.roll(without_border(valid, border), whole, axis=(0, 1))
    return np.asarray(ndimage.binary_erosion(kept, iterations=MARGIN), dtype=bool)
