"""The methods that every table shows, so that a score can be read: the zero, the simple ways, and perfection."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.align import PreparedScene, align, median_frame
from tdsr_bench.interpolation import back_project, enlarge
from tdsr_bench.masks import enlarged
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.protocol import BenchmarkProtocol, ResidualShift
from tdsr_bench.registration import shift_target
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.sensor import fourier_shift
from tdsr_bench.view import frame_order, show

BICUBIC = "bicubic"
BACK_PROJECTED = "back-projected bicubic"
MEDIAN = "median of bicubics"
PERFECT_SINGLE = "perfect single image"
PERFECT_MULTI = "perfect multi-image"
REFERENCE = "reference itself"
FRAME_TRAINED = "bicubic, networks trained on frames"
"""Not an image of its own: what task networks that were trained on enlarged frames find in bicubic."""

BETWEEN_FRAMES = ResidualShift(radius=6)
"""Two frames can lie twice as far apart as each lies from the reference."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A prepared scene with what every method's image is held against.

    Attributes:
        prepared: the scene.
        protocol: the protocol.
        bicubic: the single-frame bicubic image on the reference's grid, float32 ``[4, 3h, 3w]``.
    """

    prepared: PreparedScene
    protocol: BenchmarkProtocol
    bicubic: NDArray[np.float32]

    def pair(self, sr: NDArray[np.float32], view: LowResView) -> AlignedPair:
        """`sr`, made from `view`, brought to the reference."""
        median, clear = median_frame(view.frames, view.valid)
        several = len(view.frames) > 1
        return align(
            sr,
            self.prepared,
            bicubic=self.bicubic,
            observed=np.stack([view.frames[0], median]) if several else view.frames,
            observed_valid=np.stack([view.valid[0], clear]) if several else view.valid,
            settings=self.protocol.residual_shift,
        )

    def perfect_pair(self) -> AlignedPair:
        """The reference held against itself, on its own grid; on the frames' grid it is moved there."""
        view = show(self.prepared.scene, Track.SISR, self.protocol.frames)
        reference = self.prepared.scene.reference
        pair = align(
            reference,
            self.prepared,
            bicubic=self.bicubic,
            observed=view.frames,
            observed_valid=view.valid,
            settings=self.protocol.residual_shift,
            shift=(0.0, 0.0),
        )
        return replace(pair, native_sr=fourier_shift(reference, self.prepared.shift), shift=(0.0, 0.0))


def open_bench(prepared: PreparedScene, protocol: BenchmarkProtocol) -> Bench:
    """The bench of a prepared scene; finds the shift of the bicubic image once."""
    view = show(prepared.scene, Track.SISR, protocol.frames)
    sr = enlarge(view.frames[0], "bicubic")
    return Bench(prepared, protocol, prepared.target.bring(sr)[0])


def reference_pairs(bench: Bench, perfect: NDArray[np.float32] | None) -> Iterator[tuple[str, AlignedPair]]:
    """Name and pair of each method that every table shows; one pair in memory at a time.

    Args:
        bench: the scene.
        perfect: what a perfect instrument sees on each frame's date, float32 ``[T, 4, 3h, 3w]``, or None.
    """
    single = show(bench.prepared.scene, Track.SISR, bench.protocol.frames)
    several = show(bench.prepared.scene, Track.MISR, bench.protocol.frames)
    bicubic = enlarge(single.frames[0], "bicubic")
    yield BICUBIC, bench.pair(bicubic, single)
    sigmas, iterations = bench.protocol.sigmas, bench.protocol.back_projection.iterations
    projected = back_project(bicubic, single.frames[0], sigmas=sigmas, iterations=iterations)
    yield BACK_PROJECTED, bench.pair(projected, single)
    del projected
    yield MEDIAN, bench.pair(median_of_bicubics(several.frames, enlarged(several.valid)), several)
    if perfect is not None:
        order = frame_order(bench.prepared.scene, equal_valid_share=bench.protocol.frames.equal_valid_share)
        chosen = perfect[order[: bench.protocol.frames.most]]
        yield PERFECT_SINGLE, bench.pair(chosen[0], single)
        yield PERFECT_MULTI, bench.pair(perfect_multi_image(chosen, enlarged(several.valid)), several)
    yield REFERENCE, bench.perfect_pair()


def median_of_bicubics(frames: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The median of enlarged frames, float32 ``[4, 3h, 3w]``, over those that are valid at a pixel.

    Band by band: all frames of a full tile enlarged at once would take half a gigabyte, and their order another.

    Args:
        frames: float32 ``[T, 4, h, w]``.
        valid: bool ``[T, 3h, 3w]``.
    """
    bands = np.split(frames, frames.shape[1], axis=1)
    return np.concatenate([median_frame(enlarge(band, "bicubic"), valid)[0] for band in bands])


def perfect_multi_image(images: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What a multi-image method could make of perfect images: their mean, weighted by order of merit.

    Each image is registered to the first, and weighs 1, 1/2, 1/3, ... where it is valid. An unweighted mean or median
    of all dates is worse than the single image of the best season: see docs/decisions/0005.

    Args:
        images: float32 ``[T, 4, H, W]``, the best first.
        valid: bool ``[T, H, W]``.
    """
    everywhere = np.ones(images.shape[1:], dtype=bool)
    target = shift_target(images[0], everywhere, around=(0.0, 0.0), settings=BETWEEN_FRAMES)
    total, weights = np.zeros_like(images[0]), np.zeros_like(images[0][0])
    for rank, (image, mask) in enumerate(zip(images, valid, strict=True), start=1):
        if rank > 1:
            image, _ = target.bring(image)
        total += image * mask / rank
        weights += mask / np.float32(rank)
    mean: NDArray[np.float32] = np.where(weights > 0, total / np.where(weights > 0, weights, 1), images[0])
    return mean
