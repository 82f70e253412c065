"""Which frames a method is shown."""

from dataclasses import replace
from datetime import date

import numpy as np
from makers import SceneMaker

from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Track
from tdsr_bench.view import frame_order, show


def test_clear_frames_come_first_then_season_then_nearness(make_scene: SceneMaker):
    scene = make_scene(frames=4)
    valid = scene.frames_valid.copy()
    valid[1, :20] = False  # more than five points below the best
    valid[2, :1] = False  # within them
    dates = (date(2021, 7, 1), date(2020, 2, 1), date(2021, 1, 25), date(2017, 1, 25))
    scene = replace(scene, frames_valid=valid, dates=dates, reference_date=date(2014, 2, 1))
    assert frame_order(scene, equal_valid_share=0.05) == [3, 2, 0, 1]


def test_season_goes_round_the_year(make_scene: SceneMaker):
    scene = replace(make_scene(frames=2), dates=(date(2020, 3, 1), date(2020, 12, 28)), reference_date=date(2014, 1, 2))
    assert frame_order(scene, equal_valid_share=0.05) == [1, 0]


def test_single_image_methods_see_one_frame(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    scene = make_scene(frames=3)
    assert show(scene, Track.SISR, protocol.frames).frames.shape[0] == 1
    assert show(scene, Track.MISR, protocol.frames).frames.shape[0] == 3
    many = make_scene(frames=12)
    view = show(many, Track.MISR, protocol.frames)
    assert len(view.dates) == view.frames.shape[0] == view.valid.shape[0] == 9
    first = show(many, Track.SISR, protocol.frames)
    assert np.array_equal(first.frames[0], view.frames[0])


def test_a_view_holds_no_answer(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    view = show(make_scene(), Track.SISR, protocol.frames)
    assert set(vars(view)) == {"frames", "valid", "dates", "bands", "scale", "transform"}
    assert view.output_shape == (4, 144, 144)
