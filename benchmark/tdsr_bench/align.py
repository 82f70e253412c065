"""Bringing a reference to its frames, once a scene, and a method's image to its reference, once a method.

Shifts are (rows, columns) in high-resolution pixels, positive downwards and to the right: the way that content moves.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from tdsr_bench.errors import DataError
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.protocol import BenchmarkProtocol, Harmonisation, ResidualShift, SceneShift
from tdsr_bench.scene import BANDS, SCALE, Scene
from tdsr_bench.sensor import blur, blur_bands, fourier_shift, sample

Shift = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Harmony:
    """How the reference's stored numbers became reflectance: ``reflectance = gain * stored + offset``, band by band.

    Attributes:
        gain, offset: float ``[4]``.
        correlation: of D_b(reference) and the frames' median, over the pixels kept, float ``[4]``.
        count: how many pixels were kept, int ``[4]``.
    """

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    correlation: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PreparedScene:
    """A scene with its two corrections made, the same for every method.

    Attributes:
        scene: the scene, its reference in reflectance.
        harmony: how the reference became reflectance.
        shift: how far the frames' content lies from the reference's.
        valid: bool ``[4, 3h, 3w]`` on the reference's grid: not masked, and seen clearly by a frame.
        data_range: float ``[4]``, the 99th less the 1st percentile of the frames' median.
    """

    scene: Scene
    harmony: Harmony
    shift: Shift
    valid: NDArray[np.bool_]
    data_range: NDArray[np.float64]


def prepare(scene: Scene, protocol: BenchmarkProtocol) -> PreparedScene:
    """Register `scene`'s reference to its frames, and bring it to their reflectance.

    The shift comes first: correlation does not see gain and offset, while harmonisation suffers from a shift.

    Raises:
        DataError: the reference cannot be matched to the frames; the sentence names the scene.
    """
    median, clear = median_frame(scene.frames, scene.frames_valid)
    if not clear.any():
        raise DataError(
            f"{scene.name}: no pixel is clear in any of its {len(scene.dates)} frames; add clear dates, or exclude the "
            f"scene in tdsr.json."
        )
    blurred = blur_bands(scene.reference, protocol.sigmas)
    shift = scene_shift(blurred, scene.reference_valid, median, clear, settings=protocol.scene_shift, name=scene.name)
    whole = round(shift[0]), round(shift[1])
    seen = sample(np.roll(blurred, whole, axis=(1, 2)))
    seen_valid = _within(np.roll(block_all(scene.reference_valid), _to_low(whole), axis=(1, 2)), margin=3) & clear
    harmony = harmonise(seen, median, seen_valid, settings=protocol.harmonisation, name=scene.name)
    reference = (harmony.gain[:, None, None] * scene.reference + harmony.offset[:, None, None]).astype(np.float32)
    clear_high = np.roll(clear.repeat(SCALE, axis=0).repeat(SCALE, axis=1), (-whole[0], -whole[1]), axis=(0, 1))
    low, high = zip(*(np.percentile(band[clear], (1, 99)) for band in median), strict=True)
    return PreparedScene(
        scene=replace(scene, reference=reference),
        harmony=harmony,
        shift=shift,
        valid=scene.reference_valid & clear_high,
        data_range=np.subtract(high, low),
    )


def align(
    sr: NDArray[np.float32],
    prepared: PreparedScene,
    *,
    bicubic: NDArray[np.float32],
    observed: NDArray[np.float32],
    observed_valid: NDArray[np.bool_],
    settings: ResidualShift,
    shift: Shift | None = None,
) -> AlignedPair:
    """Put the method's image `sr` on its reference's grid.

    Args:
        sr: float32 ``[4, 3h, 3w]`` on the frames' grid, reflectance.
        prepared: the scene.
        bicubic: float32 ``[4, 3h, 3w]``, already on the reference's grid.
        observed, observed_valid: what the method was shown, see `AlignedPair`.
        settings: the protocol's.
        shift: moves `sr` by this instead of searching; ``(0, 0)`` for an image on the reference's own grid.
    """
    expected = (-prepared.shift[0], -prepared.shift[1])
    if shift is None:
        shift = find_shift(sr, prepared.scene.reference, prepared.valid, around=expected, settings=settings)
    inner = np.s_[:, settings.border : -settings.border, settings.border : -settings.border]
    return AlignedPair(
        sr=fourier_shift(sr, shift, padding=settings.padding)[inner],
        reference=prepared.scene.reference[inner],
        bicubic=bicubic[inner],
        valid=prepared.valid[inner],
        data_range=prepared.data_range,
        shift=(shift[0] - expected[0], shift[1] - expected[1]),
        metres_per_pixel=prepared.scene.metres_per_pixel,
        native_sr=sr,
        observed=observed,
        observed_valid=observed_valid,
    )


def median_frame(
    frames: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The median over the valid frames of each pixel, ``[4, h, w]``, and where there is any, ``[h, w]``.

    Where no frame is valid the median of all stands in, so that filters find no hole there.
    """
    clear: NDArray[np.bool_] = np.asarray(valid.any(axis=0))
    if valid.all():
        return np.median(frames, axis=0).astype(np.float32), clear
    count = np.where(clear, valid.sum(axis=0), len(frames))
    usable = valid | ~clear
    ordered = np.sort(np.where(usable[:, None], frames, np.inf), axis=0)
    lower = np.take_along_axis(ordered, ((count - 1) // 2)[None, None], axis=0)[0]
    upper = np.take_along_axis(ordered, (count // 2)[None, None], axis=0)[0]
    return ((lower + upper) / 2).astype(np.float32), clear


def harmonise(
    seen: NDArray[np.floating],
    frame: NDArray[np.floating],
    valid: NDArray[np.bool_],
    *,
    settings: Harmonisation,
    name: str,
) -> Harmony:
    """The gain and offset that bring `seen` to `frame`, by a trimmed reduced major axis, band by band.

    Least squares would shrink the gain wherever the two differ by anything but a straight line (to two thirds across
    dates), and a shrunken reference rewards blur; the ratio of standard deviations does not shrink.

    Args:
        seen: ``[4, h, w]``, D_b of the reference.
        frame: ``[4, h, w]``, the median of the frames.
        valid: bool ``[4, h, w]``.
        settings: the protocol's.
        name: of the scene, for errors.

    Raises:
        DataError: no valid pixel, or a correlation under the protocol's least.
    """
    bands = [
        _reduced_major_axis(x[mask].astype(np.float64), y[mask].astype(np.float64), settings, f"{name}, {band}")
        for band, x, y, mask in zip(BANDS, seen, frame, valid, strict=True)
    ]
    gain, offset, correlation, count = zip(*bands, strict=True)
    return Harmony(np.array(gain), np.array(offset), np.array(correlation), np.array(count))


def _reduced_major_axis(
    x: NDArray[np.float64], y: NDArray[np.float64], settings: Harmonisation, where: str
) -> tuple[float, float, float, int]:
    kept = np.ones(x.size, dtype=bool)
    gain = offset = 0.0
    for _ in range(settings.iterations):
        if kept.sum() < 3 or x[kept].std() == 0 or y[kept].std() == 0:
            raise DataError(
                f"{where}: the reference cannot be harmonised: {int(kept.sum())} valid pixels, or no contrast in them; "
                f"check the masks and the reference, or exclude the scene in tdsr.json."
            )
        gain = float(y[kept].std() / x[kept].std())
        offset = float(y[kept].mean() - gain * x[kept].mean())
        residual = y - gain * x - offset
        centre = np.median(residual)
        spread = 1.4826 * np.median(np.abs(residual - centre))
        before, kept = kept, np.abs(residual) <= max(settings.trim * spread, np.finfo(np.float32).eps)
        if np.array_equal(before, kept):
            break
    correlation = float(np.corrcoef(x[kept], y[kept])[0, 1])
    if not correlation >= settings.least_correlation:
        raise DataError(
            f"{where}: the reference and the frames correlate by {correlation:.2f} only, expected at least "
            f"{settings.least_correlation}; check that they show the same place, or exclude the scene in tdsr.json."
        )
    return gain, offset, correlation, int(kept.sum())


def scene_shift(
    blurred: NDArray[np.float32],
    reference_valid: NDArray[np.bool_],
    median: NDArray[np.float32],
    clear: NDArray[np.bool_],
    *,
    settings: SceneShift,
    name: str,
) -> Shift:
    """How far the frames' content lies from the reference's, in high-resolution pixels, to a fraction of one.

    The shift of the reference at which its high-passed view through the sensor correlates best with the high-passed
    median frame, on average over the bands.

    Args:
        blurred: ``[4, 3h, 3w]``, the reference blurred as the sensor does.
        reference_valid: bool ``[4, 3h, 3w]``.
        median: ``[4, h, w]``, the frames' median.
        clear: bool ``[h, w]``, where the median is valid.
        settings: the protocol's.
        name: of the scene, for errors.

    Raises:
        DataError: the best shift lies at the edge of the search, or correlates too little.
    """
    radius = settings.radius
    target = median - blur(median, settings.highpass_sigma)
    phases = {
        (row, column): _highpass(blurred[:, row::SCALE, column::SCALE], settings.highpass_sigma)
        for row in range(SCALE)
        for column in range(SCALE)
    }
    low_valid = block_all(reference_valid)
    scores = np.empty((2 * radius + 1, 2 * radius + 1))
    for i, rows in enumerate(range(-radius, radius + 1)):
        for j, columns in enumerate(range(-radius, radius + 1)):
            scores[i, j] = _correlation_at(
                (rows, columns), phases, target, low_valid, clear, margin=radius // SCALE + 1
            )
    best = np.unravel_index(np.argmax(scores), scores.shape)
    where, peak = (int(best[0]), int(best[1])), float(scores[best])
    if not peak >= settings.least_correlation:
        raise DataError(
            f"{name}: the reference and the frames' median show no common detail (correlation {peak:.2f}, expected at "
            f"least {settings.least_correlation}); check that they show the same place, or exclude the scene in "
            f"tdsr.json."
        )
    if not all(0 < index < 2 * radius for index in where):
        raise DataError(
            f"{name}: the reference lies {radius} high-resolution pixels or more off the frames; register it to them "
            f"first, or exclude the scene in tdsr.json."
        )
    offset = _parabola(scores, where)
    return where[0] - radius + offset[0], where[1] - radius + offset[1]


def _highpass(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    highpassed: NDArray[np.float32] = image - blur(image, sigma)
    return highpassed


def _correlation_at(
    shift: tuple[int, int],
    phases: dict[tuple[int, int], NDArray[np.float32]],
    target: NDArray[np.float32],
    low_valid: NDArray[np.bool_],
    clear: NDArray[np.bool_],
    *,
    margin: int,
) -> float:
    """Mean over bands of the correlation of `target` with the reference moved by `shift`, seen by the sensor.

    Moving by whole high-resolution pixels and sampling every third one is one of nine samplings, moved by whole
    low-resolution pixels; so each of the nine is high-passed once, whatever the number of shifts.
    """
    rows, row = divmod(SCALE // 2 - shift[0], SCALE)
    columns, column = divmod(SCALE // 2 - shift[1], SCALE)
    height, width = clear.shape
    here = np.s_[margin : height - margin, margin : width - margin]
    there = np.s_[margin + rows : height - margin + rows, margin + columns : width - margin + columns]
    image = phases[row, column]
    return float(
        np.mean(
            [
                _correlation(image[(band, *there)], target[(band, *here)], low_valid[(band, *there)] & clear[here])
                for band in range(len(image))
            ]
        )
    )


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32], valid: NDArray[np.bool_]) -> float:
    if not valid.all():
        a, b = a[valid], b[valid]
    if a.size < 3:
        return float("nan")
    a, b = (a - a.mean()).ravel(), (b - b.mean()).ravel()
    scale = float(a @ a) * float(b @ b)
    return float(a @ b) / scale**0.5 if scale > 0 else 0.0


def find_shift(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    around: Shift,
    settings: ResidualShift,
) -> Shift:
    """The shift of `sr` that brings it closest to `reference`, within the protocol's radius `around` a first guess.

    Closest is the least sum over bands of var(HP(sr) - HP(reference)) / var(HP(reference)) over valid pixels: by
    exhaustive search over whole pixels, then a parabola on each axis, twice. The parabola is biased by up to 0.05
    pixels halfway between two, and by nothing where the image already lies right; so the second time undoes the bias.
    """
    first = _search(sr, reference, valid, start=(round(around[0]), round(around[1])), settings=settings)
    moved = fourier_shift(sr, first, padding=settings.padding)
    rest = _search(moved, reference, valid, start=(0, 0), settings=settings.model_copy(update={"radius": 0}))
    return first[0] + rest[0], first[1] + rest[1]


def _search(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    start: tuple[int, int],
    settings: ResidualShift,
) -> Shift:
    radius = settings.radius + 1  # one ring more than is searched, so that a parabola fits at the edge as well
    mismatch = np.zeros((2 * radius + 1,) * 2)
    for band, target, mask in zip(sr, reference, valid, strict=True):
        mismatch += _mismatch(
            _highpass(band, settings.highpass_sigma),
            _highpass(target, settings.highpass_sigma),
            mask,
            start=start,
            radius=radius,
        )
    searched = mismatch[1:-1, 1:-1]
    best = np.unravel_index(np.argmin(searched), searched.shape)
    where = int(best[0]) + 1, int(best[1]) + 1
    offset = _parabola(mismatch, where)
    rows, columns = (start[axis] + where[axis] - radius + offset[axis] for axis in (0, 1))
    return rows, columns


def _mismatch(
    moving: NDArray[np.float32],
    fixed: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    start: tuple[int, int],
    radius: int,
) -> NDArray[np.float64]:
    """var(moved - fixed) / var(fixed) over valid pixels for each whole shift ``start + (-radius..radius)``.

    The sums over valid pixels are cross-correlations, so four transforms serve all shifts.
    """
    margin = radius + max(map(abs, start))
    weight = _within(valid, margin).astype(np.float64)
    count = weight.sum()
    if count < 3:
        return np.zeros((2 * radius + 1,) * 2)
    shape = [fft.next_fast_len(size, real=True) for size in fixed.shape]

    def spectrum(image: NDArray[np.floating]) -> NDArray[np.complex128]:
        return fft.rfft2(image, shape, workers=2)  # type: ignore[no-any-return]

    def at_shifts(product: NDArray[np.complex128]) -> NDArray[np.float64]:
        sums = fft.irfft2(product, shape, workers=2)
        rows, columns = (np.arange(start[axis] - radius, start[axis] + radius + 1) for axis in (0, 1))
        picked: NDArray[np.float64] = sums[np.ix_(rows, columns)]
        return picked

    image = moving.astype(np.float64)
    target = fixed.astype(np.float64) * weight
    moved, mask = np.conj(spectrum(image)), spectrum(weight)
    total = at_shifts(moved * mask)
    squares = at_shifts(np.conj(spectrum(image**2)) * mask)
    cross = at_shifts(moved * spectrum(target))
    fixed_mean, fixed_squares = target.sum() / count, float((target * fixed).sum()) / count
    variance = (squares - 2 * cross) / count + fixed_squares - (total / count - fixed_mean) ** 2
    spread = fixed_squares - fixed_mean**2
    return variance / spread if spread > 0 else np.zeros_like(variance)


def _parabola(values: NDArray[np.float64], where: tuple[int, int]) -> Shift:
    """Offset of the extremum from `where`, by a parabola through three values on each axis; 0 at an edge."""
    row, column = where
    return _vertex(values[:, column], row), _vertex(values[row], column)


def _vertex(line: NDArray[np.float64], index: int) -> float:
    if not 0 < index < len(line) - 1:
        return 0.0
    before, middle, after = (float(value) for value in line[index - 1 : index + 2])
    curvature = before - 2 * middle + after
    return 0.5 * (before - after) / curvature if curvature else 0.0


def block_all(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool ``[..., 3h, 3w]`` to ``[..., h, w]``: true where all nine pixels of a low-resolution one are."""
    *lead, height, width = valid.shape
    blocks = valid.reshape(*lead, height // SCALE, SCALE, width // SCALE, SCALE)
    return np.asarray(blocks.all(axis=(-3, -1)))


def erode(valid: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Pixels whose square neighbourhood of `radius` is valid and inside the image; over the last two axes."""
    size = (1,) * (valid.ndim - 2) + (2 * radius + 1,) * 2
    eroded: NDArray[np.bool_] = ndimage.minimum_filter(valid, size, mode="constant", cval=0)
    return eroded


def _within(valid: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """`valid` without the outermost `margin` pixels."""
    inner = np.zeros_like(valid)
    keep = np.s_[..., margin:-margin, margin:-margin]
    inner[keep] = valid[keep]
    return inner


def _to_low(shift: tuple[int, int]) -> tuple[int, int]:
    return round(shift[0] / SCALE), round(shift[1] / SCALE)
