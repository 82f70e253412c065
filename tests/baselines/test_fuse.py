"""Mean, median and shift-and-add: noise, clouds, shifts, radiometry."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tdsr_baselines.fuse import mean_of_frames, median_of_frames, shift_and_add
from tdsr_bench.interpolation import BACK_PROJECTIONS, back_project, enlarge
from tdsr_bench.metrics.detail import detail_error
from tdsr_bench.scene import LowResView
from tdsr_bench.sensor import observe

MakeView = Callable[..., LowResView]
Image = NDArray[np.float32]
METHODS = (mean_of_frames, median_of_frames, shift_and_add)
SHIFTS = [
    (0.0, 0.0),
    (0.4, -0.3),
    (-0.35, 0.1),
    (0.1, 0.5),
    (-0.2, -0.45),
    (0.3, 0.35),
    (-0.5, 0.3),
    (0.05, -0.2),
    (0.0, 0.9),
]


def error_of(sr: Image, high: Image) -> float:
    """Mean detail error over the bands, without the border."""
    inner = np.zeros(high.shape[1:], dtype=bool)
    inner[12:-12, 12:-12] = True
    return float(np.mean([detail_error(*pair, inner, sigma=3.0) for pair in zip(sr, high, strict=True)]))


def make_one(view: LowResView) -> LowResView:
    """The view with its first frame only."""
    return replace(view, frames=view.frames[:1], valid=view.valid[:1], dates=view.dates[:1])


def projected(frame: Image) -> Image:
    return back_project(enlarge(frame, "bicubic"), frame, iterations=BACK_PROJECTIONS)


@pytest.mark.parametrize(("method", "times"), [(mean_of_frames, 3.0), (median_of_frames, 2.4), (shift_and_add, 3.0)])
def test_nine_copies_that_differ_by_noise_lower_it_three_times(
    make_view: MakeView, method: Callable[[LowResView], Image], times: float
):
    def noise_left(frames: int) -> float:
        one, other = (method(make_view([(0.0, 0.0)] * frames, noise=0.002)) for _ in range(2))
        return float((one - other).std())

    assert noise_left(1) / noise_left(9) == pytest.approx(times, rel=0.1)


def test_mean_and_median_are_those_of_the_enlarged_frames(make_view: MakeView):
    view = make_view(SHIFTS[:4])
    enlarged = enlarge(view.frames, "bicubic")
    assert mean_of_frames(view) == pytest.approx(enlarged.mean(axis=0), abs=1e-6)
    assert median_of_frames(view) == pytest.approx(np.median(enlarged, axis=0), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cloud", [0.9, -5.0, np.nan])
def test_what_lies_under_clouds_plays_no_part(make_view: MakeView, method: Callable[[LowResView], Image], cloud: float):
    view = make_view(SHIFTS[:4])
    valid = view.valid.copy()
    valid[0, :14, :30] = False
    valid[1:3, 25:45, 20:60] = False
    clouded = np.where(valid[:, None], view.frames, np.float32(cloud))
    results = [method(replace(view, frames=frames, valid=valid)) for frames in (view.frames, clouded)]
    assert np.array_equal(*results)


def test_under_its_clouds_a_frame_does_not_count(make_view: MakeView):
    view = make_view(SHIFTS[:2])
    valid = view.valid.copy()
    valid[1, :, :32] = False
    two, one = shift_and_add(replace(view, valid=valid)), shift_and_add(make_one(view))
    clouded, clear = np.s_[:, 12:-12, 12:72], np.s_[:, 12:-12, 120:-12]
    assert two[clouded] == pytest.approx(one[clouded], abs=5e-4)
    assert np.abs(two - one)[clear].max() > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_where_no_frame_is_clear_the_first_stands(make_view: MakeView, method: Callable[[LowResView], Image]):
    view = make_view([(0.0, 0.0)] * 3)
    valid = view.valid.copy()
    valid[:, 10:30, 10:30] = False
    frames = view.frames.copy()
    frames[:, :, 10:30, 10:30] = np.array([0.3, 0.7, 0.9], dtype=np.float32)[:, None, None, None]
    sr = method(replace(view, frames=frames, valid=valid))
    assert sr[:, 45:75, 45:75] == pytest.approx(0.3, abs=2e-3)


def test_shift_and_add_of_one_frame_is_its_back_projection(make_view: MakeView):
    view = make_view(SHIFTS[:1])
    inner = np.s_[:, 12:-12, 12:-12]
    expected = projected(view.frames[0])
    assert shift_and_add(view)[inner] == pytest.approx(expected[inner], abs=0.01)
    assert error_of(shift_and_add(view), expected) < 0.15


def test_more_frames_bring_more_detail(make_view: MakeView, high: Image):
    view = make_view(SHIFTS)
    errors = [
        error_of(shift_and_add(replace(view, frames=view.frames[:count], valid=view.valid[:count])), high)
        for count in (2, 4, 9)
    ]
    assert error_of(projected(view.frames[0]), high) > errors[0] > errors[1] > errors[2]


def test_registration_makes_the_difference(make_view: MakeView, high: Image):
    view = make_view(SHIFTS)
    zero = error_of(enlarge(view.frames[0], "bicubic"), high)
    assert error_of(median_of_frames(view), high) > zero
    assert error_of(shift_and_add(view), high) < 0.75 * zero


def test_the_radiometry_is_that_of_the_first_frame(make_view: MakeView):
    view = make_view(SHIFTS)
    gains, offsets = np.linspace(1, 1.8, 9)[:, None, None, None], np.linspace(0, 0.1, 9)[:, None, None, None]
    hazy = replace(view, frames=(gains * view.frames + offsets).astype(np.float32))
    assert shift_and_add(hazy) == pytest.approx(shift_and_add(view), abs=0.01)
    difference = observe(shift_and_add(hazy)) - view.frames[0]
    assert np.abs(difference.mean(axis=(1, 2))).max() < 1e-3


def test_clouds_that_no_mask_tells_of_do_little_harm(make_view: MakeView, high: Image):
    view = make_view(SHIFTS)
    frames = view.frames.copy()
    frames[2, :, 20:40, 20:40] += 0.3
    clean, clouded = shift_and_add(view), shift_and_add(replace(view, frames=frames))
    under = np.s_[:, 66:114, 66:114]
    assert np.abs(clouded - clean)[under].mean() < 0.1 * 0.3 / 9
    assert error_of(clouded, high) < 1.05 * error_of(clean, high)


def test_a_frame_of_another_place_does_little_harm(make_view: MakeView, high: Image):
    view = make_view(SHIFTS[:3])
    frames = view.frames.copy()
    frames[2] = frames[2, :, ::-1, ::-1]
    two = replace(view, frames=frames[:2], valid=view.valid[:2])
    assert error_of(shift_and_add(replace(view, frames=frames)), high) < 1.1 * error_of(shift_and_add(two), high)


@pytest.mark.parametrize("method", METHODS)
def test_frames_without_their_masks_are_refused(make_view: MakeView, method: Callable[[LowResView], Image]):
    view = make_view(SHIFTS[:3])
    with pytest.raises(ValueError, match=r"shape|broadcast|zip"):
        method(replace(view, valid=view.valid[:2]))
