"""Frames brought together: how many, in which order, in one place, in one radiometry, without clouds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tdsr_baselines.stack import stack_frames
from tdsr_bench.scene import LowResView

MakeView = Callable[..., LowResView]
SHIFTS = [(0.0, 0.0), (0.4, -0.3), (-0.7, 1.2)]
INNER = np.s_[..., 6:-6, 6:-6]


def detail(frames: NDArray[np.float32]) -> float:
    """Root mean square inside the border."""
    return float(np.sqrt(np.mean(frames[INNER] ** 2)))


@pytest.mark.parametrize("wanted", [1, 2, 5])
def test_fewer_frames_are_repeated_from_the_best_on(make_view: MakeView, wanted: int):
    view = make_view(SHIFTS[:2])
    stack = stack_frames(view, wanted)
    assert stack.order == (0, 1, 0, 1, 0)[:wanted]
    for place, index in enumerate(stack.order):
        assert np.array_equal(stack.frames[place], stack.frames[index])
        assert np.array_equal(stack.observed[place], stack.observed[index])
        assert np.array_equal(stack.shifts[place], stack.shifts[index])
    assert len(stack.frames) == len(stack.observed) == len(stack.valid) == len(stack.shifts) == wanted


def test_the_first_frame_is_left_as_it_is(make_view: MakeView):
    view = make_view(SHIFTS)
    stack = stack_frames(view, 3)
    assert np.array_equal(stack.frames[0], view.frames[0])
    assert np.array_equal(stack.observed[0], view.frames[0])
    assert np.array_equal(stack.shifts[0], [0, 0])


@pytest.mark.parametrize("shift", SHIFTS[1:])
def test_a_frame_s_shift_is_found_and_undone(make_view: MakeView, shift: tuple[float, float]):
    unmoved = make_view([(0.0, 0.0)], noise=0).frames[0]
    view = make_view([(0.0, 0.0), shift], noise=0)
    stack = stack_frames(view, 2)
    assert stack.shifts[1] == pytest.approx(shift, abs=0.03)
    assert detail(stack.frames[1] - unmoved) < 0.2 * detail(view.frames[1] - unmoved)


def test_as_it_was_taken_a_frame_is_not_moved(make_view: MakeView):
    view = make_view(SHIFTS, noise=0)
    assert stack_frames(view, 3).observed == pytest.approx(view.frames, abs=0.003)


@pytest.mark.parametrize("cloud", [0.9, np.nan])
def test_under_clouds_a_frame_has_what_the_others_show(make_view: MakeView, cloud: float):
    view = make_view([(0.0, 0.0)] * 3, noise=0)
    valid, frames = view.valid.copy(), view.frames.copy()
    valid[1, 20:32, 20:32] = False
    frames[1, :, 20:32, 20:32] = cloud
    stack = stack_frames(replace(view, frames=frames, valid=valid), 3)
    assert stack.observed[1] == pytest.approx(view.frames[0], abs=1e-3)
    assert stack.frames[1][INNER] == pytest.approx(view.frames[0][INNER], abs=2e-3)
    assert np.array_equal(stack.valid, valid)


def test_where_no_frame_is_clear_the_first_stands(make_view: MakeView):
    view = make_view([(0.0, 0.0)] * 3, noise=0)
    valid, frames = view.valid.copy(), view.frames.copy()
    valid[:, 20:32, 20:32] = False
    frames[1:, :, 20:32, 20:32] = 0.9
    stack = stack_frames(replace(view, frames=frames, valid=valid), 3)
    assert stack.observed[:, :, 20:32, 20:32] == pytest.approx(np.stack([view.frames[0, :, 20:32, 20:32]] * 3))
    assert not stack.valid[:, 20:32, 20:32].any()


def test_all_frames_are_in_the_radiometry_of_the_first(make_view: MakeView):
    view = make_view([(0.0, 0.0)] * 3, noise=0)
    gain, offset = np.array([1.0, 1.4, 0.8])[:, None, None, None], np.array([0.0, 0.05, -0.01])[:, None, None, None]
    hazy = replace(view, frames=(gain * view.frames + offset).astype(np.float32))
    stack = stack_frames(hazy, 3)
    assert np.abs(hazy.frames[1] - view.frames[0]).min() > 0.05
    assert stack.frames == pytest.approx(view.frames, abs=1e-3)


def test_frames_are_ordered_by_merit_or_by_what_is_clear(make_view: MakeView):
    view = make_view([(0.0, 0.0)] * 4)
    valid = view.valid.copy()
    for frame, rows in enumerate((12, 30, 0, 12)):
        valid[frame, :rows] = False
    clouded = replace(view, valid=valid)
    assert stack_frames(clouded, 4).order == (0, 1, 2, 3)
    assert stack_frames(clouded, 4, order="clearance").order == (2, 0, 3, 1)
    assert stack_frames(clouded, 6, order="clearance").order == (2, 0, 3, 1, 2, 0)
    assert np.array_equal(stack_frames(clouded, 2, order="clearance").frames[0], view.frames[2])
