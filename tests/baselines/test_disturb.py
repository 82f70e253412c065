"""Disturbances: each does to frames what it says, and the same to a frame wherever it stands."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from makers import SceneMaker
from numpy.testing import assert_array_equal
from scipy import ndimage

from tdsr_baselines.disturb import (
    DISTURBANCES,
    Cloud,
    Disturbed,
    Haze,
    Misregistered,
    Noise,
    SensorMtf,
    disturbances_named,
)
from tdsr_bench.errors import UserError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import LowResView, Scene, Track
from tdsr_bench.submission import Submission
from tdsr_bench.view import show

FRAME_COUNT = 5
BICUBIC = Submission("plain", Track.SISR, lambda view: enlarge(view.frames[0], "bicubic"))
ALL = pytest.mark.parametrize("key", DISTURBANCES)


@pytest.fixture
def scene(make_scene: SceneMaker) -> Scene:
    return make_scene(frames=FRAME_COUNT, noise=0.001)


@pytest.fixture
def view(scene: Scene, protocol: BenchmarkProtocol) -> LowResView:
    return show(scene, Track.MISR, protocol.frames)


@pytest.fixture
def single(scene: Scene, protocol: BenchmarkProtocol) -> LowResView:
    return show(scene, Track.SISR, protocol.frames)


def with_frames(view: LowResView, frame: np.ndarray) -> LowResView:
    """All frames of `view` are `frame`."""
    frames = np.stack([frame.astype(np.float32)] * len(view.frames))
    return replace(view, frames=frames, valid=np.ones((len(frames), *frame.shape[1:]), bool))


def test_the_keys_are_those_that_studies_name():
    assert [*DISTURBANCES] == ["noise", "haze", "cloud", "misregistered", "three-frames", "mtf"]


# --- What holds of all -----------------------------------------------------------------------------------------------


@ALL
def test_the_first_frame_is_disturbed_alike_for_one_frame_and_for_many(key: str, view: LowResView, single: LowResView):
    assert_array_equal(DISTURBANCES[key](single).frames[0], DISTURBANCES[key](view).frames[0])


@ALL
def test_what_comes_out_fits_the_contract_and_the_view_stays_as_it_was(key: str, view: LowResView):
    before = view.frames.copy(), view.valid.copy()
    made = DISTURBANCES[key](view)
    assert made.frames.dtype == np.float32
    assert np.isfinite(made.frames).all()
    assert len(made.frames) == len(made.valid) == len(made.dates)
    assert made.output_shape == view.output_shape
    assert_array_equal(view.frames, before[0])
    assert_array_equal(view.valid, before[1])


@ALL
def test_neither_order_nor_an_earlier_call_changes_anything(key: str, view: LowResView):
    disturb = DISTURBANCES[key]
    first = disturb(view)
    disturb(replace(view, frames=view.frames[::-1].copy()))
    again = pickle.loads(pickle.dumps(disturb))(replace(view, dates=view.dates[::-1]))
    assert_array_equal(first.frames, again.frames)
    assert_array_equal(first.valid, again.valid)


@pytest.mark.parametrize("key", ["noise", "haze", "mtf"])
def test_a_frame_is_disturbed_alike_wherever_it_stands(key: str, view: LowResView):
    turned = replace(view, frames=view.frames[::-1].copy())
    assert_array_equal(DISTURBANCES[key](turned).frames, DISTURBANCES[key](view).frames[::-1])


@pytest.mark.parametrize("key", ["noise", "haze", "cloud", "mtf"])
def test_other_pixels_are_disturbed_otherwise_and_masks_stay(key: str, view: LowResView):
    other = replace(view, frames=view.frames + np.float32(0.01))
    added = DISTURBANCES[key](view).frames - view.frames, DISTURBANCES[key](other).frames - other.frames
    same = np.allclose(*added, atol=1e-5)
    assert same == (key == "mtf")  # which draws nothing, and is linear
    assert_array_equal(DISTURBANCES[key](view).valid, view.valid)


# --- What each of them does ------------------------------------------------------------------------------------------


def test_noise_has_its_standard_deviation_and_no_pattern(view: LowResView):
    added = (Noise(0.002)(view).frames - view.frames).astype(np.float64)
    assert added.std() == pytest.approx(0.002, rel=0.02)  # of 46080 values: 0.0033 is one standard error
    assert abs(added.mean()) < 5 * 0.002 / added.size**0.5
    for one, two in (
        (added[0], added[1]),
        (added[:, 0], added[:, 1]),
        (added[..., 1:], added[..., :-1]),
        (added[..., 1:, :], added[..., :-1, :]),
    ):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.03
    kurtosis = np.mean(added**4) / np.mean(added**2) ** 2
    assert kurtosis == pytest.approx(3, abs=0.15)


def test_haze_is_smooth_and_falls_with_the_wavelength(view: LowResView):
    """Under a loss of 5, even ground of 0.1 shows half of the path on top; the path falls with the wavelength."""
    haze = Haze()
    flat = with_frames(view, np.full((4, 60, 60), 0.1))
    veiled = haze(flat).frames[0].astype(np.float64)  # (1 - 5 p) 0.1 + p = 0.1 + 0.5 p
    path = 2 * (veiled - 0.1)
    blue = path[0].mean()
    assert 0.02 * 0.9 < blue < 0.06 * 1.1
    np.testing.assert_allclose(path.mean(axis=(1, 2)) / blue, (1.0, 0.75, 0.55, 0.20), rtol=1e-4)
    assert np.abs(np.diff(path[0], axis=0)).max() < 0.15 * blue  # smooth
    assert np.ptp(path[0]) > 0.2 * blue  # but not flat


def test_under_one_veil_all_contrast_falls_by_five_times_its_path(view: LowResView):
    """A loss that is left out of the veil, and one that is not, on the same frame: the same numbers are drawn."""
    made, plain = (Haze(loss=loss)(view).frames.astype(np.float64) for loss in (5.0, 0.0))
    path = plain - view.frames
    np.testing.assert_allclose(made, view.frames + path - 5 * path * view.frames, atol=1e-6)


def test_haze_takes_contrast_most_in_blue_and_differs_between_frames(view: LowResView):
    made = Haze()(view).frames.astype(np.float64)
    fine = made - ndimage.uniform_filter(made, (0, 0, 9, 9))
    was = view.frames - ndimage.uniform_filter(view.frames.astype(np.float64), (0, 0, 9, 9))
    kept = (fine * was).sum(axis=(2, 3)) / (was * was).sum(axis=(2, 3))
    assert (np.diff(kept, axis=1) > 0).all()
    assert (kept[:, 0] < 0.92).all()
    assert (kept[:, 3] > 0.9).all()
    lift = (made - view.frames).mean(axis=(2, 3))[:, 0]
    assert lift.min() > 0
    assert np.ptp(lift) > 0.2 * lift.mean()


@pytest.mark.parametrize("shape", [(60, 60), (128, 128), (50, 130)])
def test_a_cloud_covers_a_tenth_softly_and_its_shadow_lies_to_the_north_west(shape: tuple[int, int], view: LowResView):
    clear = with_frames(view, np.full((4, *shape), 0.1))
    made = Cloud()(clear)
    assert_array_equal(made.valid, clear.valid)
    assert_array_equal(made.frames[1:], clear.frames[1:])
    bright = made.frames[0, 0] > 0.31  # half way to the cloud's top
    assert bright.mean() == pytest.approx(0.1, abs=0.02)
    assert made.frames[0].max() == pytest.approx(0.52, abs=1e-4)
    dark = made.frames[0, 0] < 0.07
    assert 0.02 < dark.mean() < 0.1
    assert made.frames[0].min() >= 0.1 * 0.4 - 1e-6
    there, here = ndimage.center_of_mass(dark), ndimage.center_of_mass(bright)
    assert there[0] < here[0]
    assert there[1] < here[1]
    assert np.abs(np.diff(made.frames[0, 0], axis=1)).max() < 0.2  # soft: no step from ground to cloud
    assert ndimage.label(bright)[1] <= 3


def test_only_the_second_frame_moves_and_by_exactly_one_pixel(view: LowResView):
    valid = view.valid.copy()
    valid[1, 10:20, 10:30] = False
    view = replace(view, valid=valid)
    made = Misregistered()(view)
    still = [0, *range(2, FRAME_COUNT)]
    assert_array_equal(made.frames[still], view.frames[still])
    assert_array_equal(made.valid[still], view.valid[still])
    inner = np.s_[..., 2:-2, 2:-2]
    steps = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    fits = [s for s in steps if (np.roll(view.frames[1], s, axis=(-2, -1)) == made.frames[1])[inner].all()]
    assert len(fits) == 1
    assert abs(fits[0][0]) + abs(fits[0][1]) == 1
    assert_array_equal(np.roll(valid[1], fits[0], axis=(-2, -1))[inner], made.valid[1][inner])


def test_all_four_directions_occur(rng: np.random.Generator):
    steps = {Misregistered().step(rng.random((4, 6, 6), dtype=np.float32)) for _ in range(60)}
    assert steps == {(1, 0), (-1, 0), (0, 1), (0, -1)}


@pytest.mark.parametrize("key", ["misregistered", "three-frames"])
def test_a_single_frame_stays_as_it_is(key: str, single: LowResView):
    made = DISTURBANCES[key](single)
    assert_array_equal(made.frames, single.frames)
    assert made.dates == single.dates


def test_three_frames_are_the_best_three(view: LowResView):
    made = DISTURBANCES["three-frames"](view)
    assert_array_equal(made.frames, view.frames[:3])
    assert_array_equal(made.valid, view.valid[:3])
    assert made.dates == view.dates[:3]


@pytest.mark.parametrize(("cycles", "share"), [(0.5, 0.15 / 0.26), (0.25, (0.15 / 0.26) ** 0.25), (0.0, 1.0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_mtf_falls_to_its_ratio_at_nyquist(cycles: float, share: float, axis: int, view: LowResView):
    """Sinusoids through the blur, their amplitude read from an FFT: a Gaussian in f squared, 1 at zero."""
    place = np.indices((256, 256))[axis]
    wave = 0.2 + 0.1 * np.cos(2 * np.pi * cycles * (place + 0.5) + (np.pi / 2 if cycles == 0.5 else 0))
    made = SensorMtf(before=0.26, after=0.15)(with_frames(view, np.stack([wave] * 4))).frames[0, 2]
    inner = [image.mean(axis=1 - axis)[64:192] for image in (wave, made)]  # a mirror turns the finest wave's phase
    before, after = (np.abs(np.fft.fft(line))[round(cycles * 128)] for line in inner)
    assert after / before == pytest.approx(share, rel=5e-3)


def test_the_blur_of_an_edge_is_that_of_a_finely_sampled_gaussian(view: LowResView):
    """A wide edge, blurred by SciPy on a grid eleven times as fine, where its kernel is a Gaussian."""
    fine = 11
    place = (np.arange(64 * fine) + 0.5) / fine
    edge = 0.1 + 0.2 / (1 + np.exp(-(place - 32) / 0.9))
    sampled = edge[fine // 2 :: fine]
    blurred = ndimage.gaussian_filter1d(edge, SensorMtf().sigma * fine, mode="reflect")[fine // 2 :: fine]
    image = np.broadcast_to(sampled, (4, 64, 64))
    made = SensorMtf()(with_frames(view, image)).frames[0, 0, 30]
    np.testing.assert_allclose(made, blurred, atol=1e-4)
    assert np.abs(made - sampled).max() > 1e-3  # the edge is changed by more than the two differ


# --- The control -----------------------------------------------------------------------------------------------------


@ALL
def test_a_disturbed_method_is_the_method_on_the_disturbed_view(key: str, view: LowResView, single: LowResView):
    many = replace(BICUBIC, name="many", track=Track.MISR, frames=9)
    for method, given in ((BICUBIC, single), (many, view)):
        control = pickle.loads(pickle.dumps(Disturbed(key)))(method)
        assert (control.name, control.track, control.frames) == (f"{method.name}, {key}", method.track, method.frames)
        expected = method.super_resolve(DISTURBANCES[key](given))
        assert_array_equal(control.super_resolve(given), expected)


def test_names_are_read_and_what_is_unknown_refused():
    assert disturbances_named("mtf,noise,mtf") == ("mtf", "noise")
    with pytest.raises(UserError, match=r"no disturbance 'rain'; expected some of noise, haze"):
        disturbances_named("noise,rain")
