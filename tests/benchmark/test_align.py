"""Harmonisation, scene shift and residual shift find what was put in."""

from dataclasses import replace

import numpy as np
import pytest
from makers import SceneMaker
from scipy import fft, ndimage

from tdsr_bench.align import align, median_frame, prepare
from tdsr_bench.errors import DataError
from tdsr_bench.harmonise import harmonise
from tdsr_bench.masks import block_all, without_border
from tdsr_bench.protocol import BenchmarkProtocol, Harmonisation
from tdsr_bench.registration import scene_shift, shift_target
from tdsr_bench.sensor import blur_bands, fourier_shift, observe


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.3, -2.6), (-4.4, 3.5), (5.2, -5.3)])
def test_injected_scene_shift_is_found(make_scene: SceneMaker, protocol: BenchmarkProtocol, shift: tuple[float, float]):
    found = prepare(make_scene(shift=shift), protocol).shift
    assert np.abs(np.subtract(found, shift)).max() < 0.1


def test_scene_shift_agrees_with_a_plain_loop(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    """The nine phases give what rolling, sampling and filtering afresh for each shift gives."""
    scene = make_scene(shift=(2.0, -1.0), noise=0.004)
    median, clear = median_frame(scene.frames, scene.frames_valid)
    blurred = blur_bands(scene.reference, protocol.sigmas)
    scores = {}
    for rows in range(-6, 7):
        for columns in range(-6, 7):
            seen = np.roll(blurred, (rows, columns), axis=(1, 2))[:, 1::3, 1::3]
            highpassed = [x - ndimage.gaussian_filter(x, 4.0) for x in (*seen, *median)]
            pairs = zip(highpassed[:4], highpassed[4:], strict=True)
            scores[rows, columns] = np.mean(
                [np.corrcoef(a[3:-3, 3:-3].ravel(), b[3:-3, 3:-3].ravel())[0, 1] for a, b in pairs]
            )
    best = max(scores, key=scores.__getitem__)
    found = scene_shift(blurred, scene.reference_valid, median, clear, settings=protocol.scene_shift, name="x")
    assert np.abs(np.subtract(found, best)).max() < 0.5


@pytest.mark.parametrize("gain", [0.4, 1.0, 2.5])
def test_injected_gain_and_offset_are_found_to_three_per_cent(
    make_scene: SceneMaker, protocol: BenchmarkProtocol, gain: float
):
    harmony = prepare(make_scene(gain=gain, offset=0.02, shift=(1.4, 0.7)), protocol).harmony
    assert harmony.gain == pytest.approx(np.full(4, gain), rel=0.03)
    assert harmony.offset == pytest.approx(np.full(4, 0.02), abs=0.005)


def test_harmonisation_ignores_a_change(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    """A patch that changed between the dates, a tenth of the scene, does not move the gain."""
    scene = make_scene(gain=2.0)
    changed = scene.reference.copy()
    changed[:, :45, :45] += 0.2
    gain = prepare(replace(scene, reference=changed), protocol).harmony.gain
    assert gain == pytest.approx(np.full(4, 2.0), rel=0.03)


def test_reduced_major_axis_does_not_shrink_where_least_squares_does(rng: np.random.Generator):
    x = rng.normal(0, 1, (1, 100, 100))
    noise = rng.normal(0, 0.7, x.shape)
    seen, frame = (x + noise).repeat(4, axis=0), (x + rng.normal(0, 0.7, x.shape)).repeat(4, axis=0)
    settings = Harmonisation(trim=10)
    valid = np.ones(seen.shape, dtype=bool)
    least_squares = np.polyfit(seen[0].ravel(), frame[0].ravel(), 1)[0]
    assert least_squares < 0.75
    assert harmonise(seen, frame, valid, settings=settings, name="x").gain == pytest.approx(np.ones(4), rel=0.03)


@pytest.mark.parametrize("shift", [(0.3, -0.3), (1.7, 2.2), (-3.0, 3.0)])
def test_residual_shift_is_undone_and_reported(
    make_scene: SceneMaker, protocol: BenchmarkProtocol, shift: tuple[float, float]
):
    scene = make_scene(shift=(-2.3, 1.1))
    prepared = prepare(scene, protocol)
    sr = fourier_shift(fourier_shift(prepared.scene.reference, (-2.3, 1.1)), shift)
    pair = align(
        sr,
        prepared,
        bicubic=sr,
        observed=scene.frames[:1],
        observed_valid=scene.frames_valid[:1],
        settings=protocol.residual_shift,
    )
    assert np.abs(np.add(pair.shift, shift)).max() < 0.1
    inner = np.s_[:, 10:-10, 10:-10]
    assert np.abs(pair.sr - pair.reference)[inner].max() < 0.2 * pair.reference.std()
    assert pair.native_sr is sr


def test_residual_search_agrees_with_a_plain_loop(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    scene, rng = make_scene(), np.random.default_rng(1)
    sr = np.roll(scene.reference, (2, -1), axis=(1, 2)) + rng.normal(0, 0.01, scene.reference.shape).astype(np.float32)
    valid = np.ones(sr.shape, dtype=bool)
    valid[:, 30:60, 20:50] = False

    def highpass(image):
        return np.stack([band - ndimage.gaussian_filter(band, 3.0) for band in image])

    def mismatch(rows, columns):
        moved, target = np.roll(highpass(sr), (rows, columns), axis=(1, 2)), highpass(scene.reference)
        keep = np.zeros_like(valid)
        keep[:, 4:-4, 4:-4] = valid[:, 4:-4, 4:-4]
        bands = zip(moved, target, keep, strict=True)
        return sum(np.var(m[k].astype(float) - t[k]) / np.var(t[k].astype(float)) for m, t, k in bands)

    scores = {(i, j): mismatch(i, j) for i in range(-3, 4) for j in range(-3, 4)}
    best = min(scores, key=scores.__getitem__)
    target = shift_target(scene.reference, valid, around=(0.0, 0.0), settings=protocol.residual_shift)
    _, found = target.bring(sr)
    assert best == (-2, 1)
    assert np.abs(np.subtract(found, best)).max() < 0.1


def test_an_image_without_detail_is_left_where_it_is(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    prepared = prepare(make_scene(), protocol)
    flat = np.full(prepared.scene.reference.shape, 0.1, dtype=np.float32)
    assert prepared.target.bring(flat)[1] == (0.0, 0.0)


def test_the_reference_on_its_own_grid_is_untouched(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    prepared = prepare(make_scene(), protocol)
    pair = align(
        prepared.scene.reference,
        prepared,
        bicubic=prepared.scene.reference,
        observed=prepared.scene.frames[:1],
        observed_valid=prepared.scene.frames_valid[:1],
        settings=protocol.residual_shift,
        shift=(0.0, 0.0),
    )
    assert np.array_equal(pair.sr, pair.reference)


def test_a_scene_of_another_place_is_refused(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    other = make_scene(seed=5).reference
    with pytest.raises(DataError, match=r"scene: .*same place"):
        prepare(replace(make_scene(), reference=other), protocol)


def test_a_shift_beyond_the_search_is_refused(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    with pytest.raises(DataError, match=r"scene: .*(off the frames|same place)"):
        prepare(make_scene(shift=(9.0, 0.0)), protocol)


def test_an_all_cloud_scene_is_refused(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    scene = make_scene()
    with pytest.raises(DataError, match="scene: no pixel is clear in any of its 3 frames"):
        prepare(replace(scene, frames_valid=np.zeros_like(scene.frames_valid)), protocol)


def test_median_ignores_clouds(rng: np.random.Generator):
    frames = rng.random((5, 4, 8, 9), dtype=np.float32)
    valid = rng.random((5, 8, 9)) > 0.4
    valid[:, 0, 0] = False
    median, clear = median_frame(frames, valid)
    with np.errstate(all="ignore"):
        expected = np.nanmedian(np.where(valid[:, None], frames, np.nan)[:, :, 1:], axis=0)
    assert median[:, 1:] == pytest.approx(expected, abs=1e-6)
    assert median[:, 0, 0] == pytest.approx(np.median(frames[:, :, 0, 0], axis=0))
    assert not clear[0, 0]


def test_block_all_and_border():
    valid = np.ones((1, 9, 9), dtype=bool)
    valid[0, 4, 4] = False
    assert block_all(valid).sum() == 8
    assert without_border(valid, 2).sum() == 25 - 1


def test_sensor_sees_the_centre_of_each_block():
    """A point at the centre of a low-resolution pixel stays the brightest of its neighbours."""
    high = np.zeros((4, 27, 27), dtype=np.float32)
    high[:, 13, 13] = 1
    low = observe(high)
    assert low.shape == (4, 9, 9)
    assert all(np.unravel_index(band.argmax(), band.shape) == (4, 4) for band in low)
    assert low[:, 3, 4] == pytest.approx(low[:, 5, 4])


@pytest.mark.parametrize("shape", [(2, 33, 40), (31, 30)])
def test_an_image_moves_as_the_inverse_transform_of_the_whole_says(rng: np.random.Generator, shape: tuple[int, ...]):
    image = rng.normal(size=shape).astype(np.float32)
    padding, shift = 24, (1.3, -0.7)
    sides = [fft.next_fast_len(side + 2 * padding, real=True) for side in shape[-2:]]
    ends = [(padding, long - side - padding) for long, side in zip(sides, shape[-2:], strict=True)]
    spectrum = fft.rfft2(np.pad(image, [(0, 0)] * (len(shape) - 2) + ends, mode="symmetric"))
    turn = np.exp(-2j * np.pi * shift[0] * fft.fftfreq(sides[0])).astype(np.complex64)[:, None]
    spectrum = spectrum * turn * np.exp(-2j * np.pi * shift[1] * fft.rfftfreq(sides[1])).astype(np.complex64)
    expected = fft.irfft2(spectrum, s=sides)[..., padding:, padding:][..., : shape[-2], : shape[-1]]
    np.testing.assert_array_equal(fourier_shift(image, shift, padding=padding), expected)
