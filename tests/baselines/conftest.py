"""Views whose shifts, noise and radiometry are known."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pytest
import torch
from makers import TRANSFORM, landscape
from numpy.typing import NDArray

from tdsr_bench.scene import BANDS, SCALE, LowResView
from tdsr_bench.sensor import fourier_shift, observe

MakeView = Callable[..., LowResView]
Shifts = Sequence[tuple[float, float]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small images are no faster on several, and much slower where processors are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _view_of(frames: NDArray[np.floating], valid: NDArray[np.bool_] | None = None) -> LowResView:
    days = tuple(date(2020, 1, 1) + timedelta(days=30 * index) for index in range(len(frames)))
    clear = np.ones(frames[:, 0].shape, dtype=bool) if valid is None else valid
    return LowResView(frames.astype(np.float32), clear, days, BANDS, SCALE, TRANSFORM)


@pytest.fixture
def view_of() -> Callable[..., LowResView]:
    """Makes the view of frames ``[T, 4, h, w]``, all of them clear unless masks say otherwise."""
    return _view_of


@pytest.fixture
def high() -> NDArray[np.float32]:
    """A landscape, ``[4, 192, 192]``."""
    return landscape(np.random.default_rng(5), 192)


@pytest.fixture
def make_view(rng: np.random.Generator, high: NDArray[np.float32]) -> MakeView:
    """Makes the view of frames of `high` whose content lies off by `shifts`, in low-resolution pixels."""

    def make(shifts: Shifts, *, noise: float = 0.001) -> LowResView:
        seen = np.stack([observe(fourier_shift(high, (SCALE * rows, SCALE * columns))) for rows, columns in shifts])
        return _view_of(seen + noise * rng.standard_normal(seen.shape))

    return make
