"""What task networks are trained on: scenes brought to one grid, references or enlarged frames, with their truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.align import PreparedScene, prepare
from tdsr_bench.data.dataset import DataSet, scene_sha256
from tdsr_bench.errors import DataError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.masks import enlarged
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Scene
from tdsr_bench.tasks.networks.record import Input
from tdsr_bench.view import frame_order


@dataclass(frozen=True, eq=False)
class TrainingScene:
    """Images of a scene that all show the same truth.

    Attributes:
        name: of the scene.
        region: of the scene.
        images: float32 ``[K, 4, H, W]``, reflectance on the reference's grid: the reference alone, or up to nine dates'
            frames enlarged by bicubic interpolation, the best first.
        weight: bool ``[K, H, W]``, the pixels that count.
        truth: bool ``[H, W]``.
        sha256: of the whole scene, see `tdsr_bench.data.dataset.scene_sha256`.
    """

    name: str
    region: str
    images: NDArray[np.float32]
    weight: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    sha256: str


def training_scenes(
    dataset: DataSet, names: list[str], task: str, source: Input, told: Callable[[str, int, int], None] | None = None
) -> list[TrainingScene]:
    """The scenes called `names` that have truth of `task`.

    Raises:
        DataError: none of them has.
    """
    scenes = []
    for done, name in enumerate(names, start=1):
        scene = dataset.read(name)
        if task in scene.truth and scene.truth[task].any():
            scenes.append(_training_scene(scene, dataset.protocol, task, source))
        if told:
            told(name, done, len(names))
    if not scenes:
        raise DataError(
            f"None of the {len(names)} scenes of {dataset.name} from {names[0]} on has truth of {task}; make it by "
            f"`tdsr-bench data osm-masks`."
        )
    return scenes


def _training_scene(scene: Scene, protocol: BenchmarkProtocol, task: str, source: Input) -> TrainingScene:
    """The images of one scene, their borders cut as everywhere in the protocol."""
    prepared = prepare(scene, protocol)
    images, weight = _references(prepared) if source == "hr" else _frames(prepared, protocol)
    border = protocol.residual_shift.border
    inner = np.s_[..., border:-border, border:-border]
    return TrainingScene(
        name=scene.name,
        region=scene.region,
        images=images[inner],
        weight=weight[inner],
        truth=scene.truth[task][inner],
        sha256=scene_sha256(scene),
    )


Images = tuple[NDArray[np.float32], NDArray[np.bool_]]


def _references(prepared: PreparedScene) -> Images:
    return prepared.scene.reference[None], np.asarray(prepared.valid.all(axis=0))[None]


def _frames(prepared: PreparedScene, protocol: BenchmarkProtocol) -> Images:
    """The frames that a multi-image method would be given, each enlarged and aligned as a method's image is."""
    scene = prepared.scene
    best = frame_order(scene, equal_valid_share=protocol.frames.equal_valid_share)[: protocol.frames.most]
    large = [enlarge(scene.frames[index], "bicubic") for index in best]
    moved = [prepared.target.bring(image)[0] for image in large]
    return np.stack(moved), enlarged(scene.frames_valid[best]) & prepared.valid.all(axis=0)
