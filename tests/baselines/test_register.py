"""Registration finds the shifts that were put in, whatever else changed between the frames."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from makers import landscape

from tdsr_baselines.register import shifts
from tdsr_bench.scene import LowResView
from tdsr_bench.sensor import fourier_shift, observe

MakeView = Callable[..., LowResView]

INJECTED = [(0.0, 0.0), (0.37, -0.52), (-0.8, 0.11), (1.4, 2.3), (-0.05, -0.02)]
"""Low-resolution pixels."""

TENTH = 0.1 / 3
"""A tenth of a high-resolution pixel, in low-resolution ones."""


def test_injected_shifts_are_found(make_view: MakeView):
    view = make_view(INJECTED)
    found = shifts(view.frames, view.valid)
    assert found == pytest.approx(np.array(INJECTED), abs=TENTH)
    assert found[0].tolist() == [0.0, 0.0]


def test_radiometry_plays_no_part(make_view: MakeView):
    view = make_view(INJECTED)
    gains = np.linspace(0.4, 2, len(INJECTED))[:, None, None, None]
    found = shifts((gains * view.frames + 0.1).astype(np.float32), view.valid)
    assert found == pytest.approx(shifts(view.frames, view.valid), abs=1e-3)


def test_fields_that_turn_from_dark_to_bright_do_not_mislead(make_view: MakeView):
    view = make_view(INJECTED[:2])
    frames = view.frames.copy()
    frames[1, :, :, 20:44] = 0.5 - frames[1, :, :, 20:44]
    assert shifts(frames, view.valid)[1] == pytest.approx(INJECTED[1], abs=TENTH)


def test_what_lies_under_clouds_plays_no_part(make_view: MakeView):
    view = make_view(INJECTED)
    valid = view.valid.copy()
    valid[0, :14, :30] = False
    valid[1:, 25:45, 20:60] = False
    clouded = np.where(valid[:, None], view.frames, np.float32(0.9))
    found = shifts(clouded, valid)
    assert found == pytest.approx(shifts(view.frames, valid), abs=1e-4)
    assert found == pytest.approx(np.array(INJECTED), abs=2 * TENTH)


def test_frames_that_cannot_be_registered_stay_where_they_are(make_view: MakeView, rng: np.random.Generator):
    view = make_view(INJECTED[:2])
    elsewhere = [observe(landscape(rng, 192)) for _ in range(4)]
    frames = np.stack([view.frames[0], *elsewhere, np.full_like(elsewhere[0], 0.2), view.frames[1]])
    valid = np.ones(frames[:, 0].shape, dtype=bool)
    valid[-1] = False
    assert not shifts(frames, valid).any()


def test_masks_of_another_size_are_refused(make_view: MakeView):
    view = make_view(INJECTED[:2])
    with pytest.raises(ValueError, match="broadcast"):
        shifts(view.frames, view.valid[:, :-1])


def test_injected_shifts_are_found_across_dates_of_real_pixels(shared):
    rasterio = pytest.importorskip("rasterio")
    folder = shared / "data" / "sentinel2_boadella"
    days = ("2020-01-28", "2020-09-14", "2021-07-16")
    dates = []
    for day in days:
        with rasterio.open(folder / f"Boadella_{day}.tif") as raster:
            dates.append(raster.read([2, 3, 4, 8])[:, :375, :375].astype(np.float32) / 1e4)
    for first, second in pairwise(dates):
        moved = [observe(first), observe(second), observe(fourier_shift(second, (1.3, -0.8)))]
        frames = np.stack(moved)
        _, native, injected = shifts(frames, np.ones(frames[:, 0].shape, dtype=bool))
        assert injected - native == pytest.approx((1.3 / 3, -0.8 / 3), abs=TENTH)
