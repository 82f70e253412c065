"""Frames of a scene brought together: one radiometry, no clouds, one place, and as many as a method wants."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tdsr_baselines.register import shifts
from tdsr_bench.align import median_frame
from tdsr_bench.scene import LowResView
from tdsr_bench.sensor import fourier_shift

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

FrameOrder = Literal["protocol", "clearance"]
"""The protocol's order of merit, or by the share of clear pixels alone, as RAMS was published."""

_MATCHING_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Stack:
    """T frames of a scene, the best first.

    Attributes:
        frames: float32 ``[T, 4, h, w]``, in the radiometry and in the place of the first, clouds filled.
        observed: float32 ``[T, 4, h, w]``, the same before they were moved.
        valid: bool ``[T, h, w]``, where `observed` is clear.
        shifts: float64 ``[T, 2]``, what they were moved back by, see `tdsr_baselines.register.shifts`.
        order: which frame of the view stands where; one that stands twice was repeated for want of others.
    """

    frames: Float
    observed: Float
    valid: Mask
    shifts: NDArray[np.float64]
    order: tuple[int, ...]


def stack_frames(view: LowResView, frames: int, *, order: FrameOrder = "protocol") -> Stack:
    """The first `frames` frames of `view`; where it has fewer, they are repeated from the best on.

    Registered by the orientation of edges and moved in the Fourier domain, which loses nothing of a frame's samples.
    """
    chosen = _chosen(view, frames, order)
    known = [*dict.fromkeys(chosen)]
    valid = view.valid[known]
    observed, moved = registered(view.frames[known], valid)
    placed = np.stack([fourier_shift(f, (-float(s[0]), -float(s[1]))) for f, s in zip(observed, moved, strict=True)])
    places = [known.index(index) for index in chosen]
    return Stack(placed[places], observed[places], valid[places], moved[places], tuple(chosen))


def registered(frames: Float, valid: Mask) -> tuple[Float, NDArray[np.float64]]:
    """`frames` in the radiometry of the first, clouds filled, not moved; and how far each lies off the first."""
    counted = usable(valid)
    observed = filled(matched(frames, counted), counted)
    return observed, shifts(observed, valid)


def _chosen(view: LowResView, frames: int, order: FrameOrder) -> list[int]:
    indices = [*range(len(view.frames))]
    if order == "clearance":
        share = view.valid.mean(axis=(1, 2))
        indices.sort(key=lambda index: -share[index])  # stable: equals stay in the protocol's order
    return [indices[place % len(indices)] for place in range(frames)]


def usable(valid: Mask) -> Mask:
    """`valid`, and the first frame wherever no frame is."""
    counted = valid.copy()
    counted[0] |= ~valid.any(axis=0)
    return counted


def matched(frames: Float, usable: Mask) -> Float:
    """All frames in the radiometry of the first: gain and offset by frame and band, from pixels usable in both."""
    answer = frames.copy()
    for frame, mask in zip(answer[1:], usable[1:], strict=True):
        common = mask & usable[0]
        for band, first in zip(frame, frames[0], strict=True):
            gain, offset = _gain_and_offset(band[common], first[common])
            band *= gain
            band += offset
    return answer


def filled(frames: Float, usable: Mask) -> Float:
    """`frames`, with the median of the usable frames where one is not: kernels that reach there see no cloud."""
    return np.where(usable[:, None], frames, median_frame(frames, usable)[0])


def _gain_and_offset(values: Float, target: Float) -> tuple[float, float]:
    """Gain and offset from `values` to `target` by moments, as least squares shrinks; outliers are left out.

    Without any contrast in what is left the gain is 1, without any pixel the offset is 0.
    """
    kept = np.ones(values.shape, dtype=bool)
    gain, offset = 1.0, 0.0
    for _ in range(_MATCHING_ROUNDS):
        x, y = values[kept].astype(np.float64), target[kept].astype(np.float64)
        if x.size == 0:
            break
        gain = y.std() / x.std() if x.std() > 0 and y.std() > 0 else 1.0
        offset = y.mean() - gain * x.mean()
        error = np.abs(gain * values + offset - target)
        kept = error <= 3 * 1.4826 * np.median(error)
    return float(gain), float(offset)
