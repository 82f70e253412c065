"""A piece of a scene that pixels are painted on, and what is measured of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tdsr_baselines.analysis.subjects import BICUBIC, HR, Image, Mask, Subject, batch_of, centre, interior
from tdsr_baselines.losses.base import Batch
from tdsr_bench.metrics.psnr import psnr
from tdsr_bench.tasks.measures.overlap import iou
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.sets import NetworkSet

NOISE, GREY = "noise", "grey"
STARTS = (NOISE, GREY, BICUBIC)
"""What pixels begin as: noise of the mean and spread of the best frame's bands, that mean, and that frame enlarged."""

EDGE = 12
"""High-resolution pixels from the window's edges in which nothing is measured: what lies beyond is not known there."""

DATA_RANGE = 0.5
"""Reflectance, of PSNR; the protocol's."""

BY_LOSS, BY_SCORE = "loss network", "scoring networks"


@dataclass(frozen=True, eq=False)
class Watchers:
    """The networks that say what can be seen in an image.

    Attributes:
        losing: for each task the network that losses look through.
        scoring: for each task those that score.
        hashes: of all of them.
    """

    losing: Mapping[str, TaskNetwork] = field(default_factory=dict)
    scoring: Mapping[str, Sequence[TaskNetwork]] = field(default_factory=dict)
    hashes: tuple[str, ...] = ()


def watchers(networks: NetworkSet | None, tasks: Sequence[str]) -> Watchers:
    """Those of `tasks` in a folder of networks."""
    if networks is None:
        return Watchers()
    losing = {task: networks.losing(task)[0] for task in tasks}
    scoring = {task: [pair.network for pair in networks.scoring(task)] for task in tasks}
    files = [*losing.values(), *(file for group in scoring.values() for file in group)]
    return Watchers(
        {task: file.load() for task, file in losing.items()},
        {task: [file.load() for file in group] for task, group in scoring.items()},
        tuple(file.sha256 for file in files),
    )


@dataclass(frozen=True, eq=False)
class Canvas:
    """A scene's window, and what is measured of images that are painted on it.

    Attributes:
        batch: what losses compare with.
        images: reference and bicubic, float32 ``[4, H, W]``.
        counted: bool ``[H, W]``, what is measured.
        mean, sd: of the best frame's bands, ``[4, 1, 1]``.
    """

    batch: Batch
    images: Mapping[str, Image]
    counted: Mask
    mean: Image
    sd: Image

    @property
    def reference(self) -> Image:
        """float32 ``[4, H, W]``."""
        return self.images[HR]

    def begun(self, start: str, seed: int) -> Image:
        """What pixels begin as."""
        grey = np.broadcast_to(self.mean, self.reference.shape)
        noise = np.random.default_rng(seed).standard_normal(grey.shape, dtype=np.float32)
        return {GREY: grey, NOISE: grey + self.sd * noise, BICUBIC: self.images[BICUBIC]}[start].astype(np.float32)


def canvas(subject: Subject, size: int) -> Canvas:
    """The middle of a scene."""
    sample = subject.sample
    window = centre(sample.truth_valid.shape, size)
    valid = sample.truth_valid if sample.reference_valid is None else sample.truth_valid & sample.reference_valid
    batch = batch_of(sample, window, interior(valid, window, 0), edge=0)
    frame = batch.frames[0, 0].numpy()
    images = {name: np.ascontiguousarray(subject.images[name][..., *window]) for name in (HR, BICUBIC)}
    mean, sd = frame.mean(axis=(1, 2), keepdims=True), frame.std(axis=(1, 2), keepdims=True)
    return Canvas(batch, images, interior(valid, window, EDGE)[window], mean, sd)


def measured(image: Image, canvas: Canvas, watching: Watchers) -> dict[str, float]:
    """PSNR to the reference, and for each task what its networks make of `image`."""
    bands = zip(image, canvas.reference, strict=True)
    found = {"psnr": float(np.mean([psnr(a, b, canvas.counted, data_range=DATA_RANGE) for a, b in bands]))}
    for task, network in watching.losing.items():
        truth = canvas.batch.truth[task][0, 0].numpy() > 0.5
        found[f"{task} by {BY_LOSS}"] = iou(network.found(image), truth, canvas.counted)
        seen = [iou(other.found(image), truth, canvas.counted) for other in watching.scoring[task]]
        found[f"{task} by {BY_SCORE}"] = float(np.mean(seen))
    return found
