"""What it costs to run a submission apart: to begin, and for each scene of a full MuS2 tile's size."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tdsr_bench.isolation.isolated import open_submission
from tdsr_bench.isolation.sandbox import Isolation, Kind, bwrap_problem
from tdsr_bench.scene import BANDS, LowResView
from tdsr_bench.submission import ask

BICUBIC = Path(__file__).parents[2] / "submissions" / "bicubic"
TILE, FRAMES = 655, 9

KINDS = [
    pytest.param("none"),
    pytest.param("process"),
    pytest.param("bwrap", marks=pytest.mark.skipif(bwrap_problem() is not None, reason=f"{bwrap_problem()}")),
]


@pytest.fixture(scope="module")
def view() -> LowResView:
    rng = np.random.default_rng(0)
    frames = rng.random((FRAMES, len(BANDS), TILE, TILE), np.float32)
    days = tuple(date(2021, 1, 1 + index) for index in range(FRAMES))
    return LowResView(frames, np.ones((FRAMES, TILE, TILE), bool), days, BANDS, 3, (10.0, 0, 6e5, 0, -10.0, 46e5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.benchmark(group="isolation, to begin")
def test_begin(benchmark, kind: Kind):
    benchmark.pedantic(open_submission, (BICUBIC, Isolation(kind)), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.benchmark(group="isolation, a scene of a full tile, nine frames")
def test_scene(benchmark, kind: Kind, view: LowResView):
    loaded = open_submission(BICUBIC, Isolation(kind))
    benchmark.pedantic(ask, (loaded, view), rounds=5, warmup_rounds=1)
