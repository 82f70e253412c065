"""Classical multi-frame methods: mean and median of the frames, and shift-and-add with back-projection."""

import numpy as np
from numpy.typing import NDArray

from tdsr_baselines.interpolate import coverage, enlargement, observation
from tdsr_baselines.stack import Stack, filled, registered, usable
from tdsr_bench.interpolation import BACK_PROJECTIONS, back_project, enlarge
from tdsr_bench.masks import enlarged
from tdsr_bench.references import median_of_bicubics
from tdsr_bench.scene import LowResView
from tdsr_bench.sensor import SENTINEL2_SIGMAS, blur, fourier_shift

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

ITERATIONS = 10
STEP = 1.5
"""Rounds of back-projection and the share of the residual each adds; fewer lose detail, more gather noise."""

WINDOW = 6.0
"""Low-resolution pixels: the Gaussian over which a frame's mismatch with the first one is averaged."""

TOLERANCE = 0.03
"""The mismatch, as a share of the variance, at which a frame weighs half as much as the first one.

Each of ten dates of a real series held back in turn: the image gap is flat from 0.02 to 0.1 (.117, .118, .119, .116 at
0.02, 0.03, 0.05, 0.1), while the departure from the first frame grows (0.9, 1.25, 1.8 times bicubic's on the worst date
at 0.02, 0.03, 0.05, where the protocol's guard allows 1.5).
"""

FLAT = 0.1
"""The share of the band's variance that counts as variance everywhere, so that plains are not judged by their noise."""

LEAST_WEIGHT = 1e-3
LEAST_DEVIATION = 1e-4
"""Reflectance: the step in which Sentinel-2 products store it."""


def classical(stack: Stack) -> Float:
    """The best image that is known without learning: of one frame back-projected bicubic, of several shift-and-add.

    Of the stack's frames, each once.
    """
    places = [stack.order.index(frame) for frame in dict.fromkeys(stack.order)]
    frames = stack.observed[places]
    if len(places) > 1:
        return _fuse_bands(frames, usable(stack.valid[places]), stack.shifts[places])
    return back_project(enlarge(frames[0], "bicubic"), frames[0], iterations=BACK_PROJECTIONS)


def mean_of_frames(view: LowResView) -> Float:
    """The mean of the bicubic enlargements, without registration, over the frames that are valid at a pixel.

    Where none is, the first frame stands.
    """
    clear = usable(view.valid)
    counted = enlarged(clear).astype(np.float32)
    count = counted.sum(axis=0)
    bands = np.moveaxis(filled(view.frames, clear), 1, 0)
    return np.stack([(enlarge(band, "bicubic") * counted).sum(axis=0) / count for band in bands])


def median_of_frames(view: LowResView) -> Float:
    """As `mean_of_frames`, but the median."""
    clear = usable(view.valid)
    return median_of_bicubics(filled(view.frames, clear), enlarged(clear))


def shift_and_add(view: LowResView) -> Float:
    """One image in the first frame's place and radiometry that explains all frames through the sensor model.

    Every frame is registered to the first and brought to its radiometry; where a frame disagrees with the first one it
    weighs less. The weighted mean of the enlarged frames is then improved by iterative back-projection of the residuals
    of all frames (Irani and Peleg, CVGIP 53, 1991; weights in the manner of Farsiu et al., IEEE TIP 13, 2004).
    """
    frames, moved = registered(view.frames, view.valid)
    return _fuse_bands(frames, usable(view.valid), moved)


def _fuse_bands(frames: Float, clear: Mask, shifts: NDArray[np.float64]) -> Float:
    """What `shift_and_add` makes of frames ``[T, 4, h, w]`` that were brought together."""
    moved = [(float(rows), float(columns)) for rows, columns in shifts]
    bands = [
        _fuse(band, _weights(band, clear, moved), moved, sigma=sigma)
        for band, sigma in zip(np.moveaxis(frames, 1, 0), SENTINEL2_SIGMAS, strict=True)
    ]
    return np.stack(bands)


def _weights(frames: Float, clear: Mask, moved: list[tuple[float, float]]) -> Float:
    """``[T, h, w]``: how much a frame counts, 1 for the first; for others 1 / (1 + mismatch / tolerance).

    The mismatch is the local mean square of the difference from the first frame, as a share of its local variance. This
    is the Cauchy weight of a neighbourhood: it sinks for season, change, haze and unmasked clouds, not for the little
    that a shift of the sampling grid changes.
    """
    first = frames[0]
    weights = [clear[0] + np.float32(LEAST_WEIGHT)]
    for frame, mask, shift in zip(frames[1:], clear[1:], moved[1:], strict=True):
        expected = fourier_shift(first, shift)
        variance = blur(expected**2, WINDOW) - blur(expected, WINDOW) ** 2 + FLAT * first.var()
        mismatch = blur((frame - expected) ** 2, WINDOW) / np.maximum(variance, LEAST_DEVIATION**2)
        weights.append(mask / (1 + mismatch / TOLERANCE))
    return np.stack(weights).astype(np.float32)


def _fuse(frames: Float, weights: Float, moved: list[tuple[float, float]], *, sigma: float) -> Float:
    """The high-resolution band ``[3h, 3w]`` behind `frames` ``[T, h, w]``."""
    shape = (frames.shape[1], frames.shape[2])
    large = [enlargement(shape, shift) for shift in moved]
    observed = [observation(shape, shift, sigma=sigma) for shift in moved]
    shares = np.stack([coverage(shape, shift)(weight) for weight, shift in zip(weights, moved, strict=True)])
    shares /= shares.sum(axis=0)
    image = np.zeros(shares.shape[1:], dtype=np.float32)
    for share, enlarge_frame, frame in zip(shares, large, frames, strict=True):
        image += share * enlarge_frame(frame)
    for _ in range(ITERATIONS):
        change = np.zeros_like(image)
        for share, enlarge_frame, observe_frame, frame in zip(shares, large, observed, frames, strict=True):
            change += share * enlarge_frame(frame - observe_frame(image))
        image += np.float32(STEP) * change
    return image
