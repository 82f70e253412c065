"""Speed as ratios in one run: ``uv run pytest -n 0 tests/benchmarks --benchmark-only``. Skipped in the test suite.

Each group holds what this code does and the plain way beside it, on the same full tile.
"""

from collections.abc import Callable

import numpy as np
import pytest
from makers import SceneMaker, landscape
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.align import PreparedScene, prepare
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.cssim import METRIC as CSSIM
from tdsr_bench.protocol import load_protocol
from tdsr_bench.references import Bench, open_bench
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.scene_score import measure
from tdsr_bench.sensor import fourier_shift
from tdsr_bench.view import show

FULL_TILE = 1965
PROTOCOL = load_protocol("tdsr-v1")

Benchmark = Callable[..., object]
Image = NDArray[np.float32]


@pytest.fixture(scope="module")
def prepared() -> PreparedScene:
    return prepare(SceneMaker()(size=FULL_TILE, frames=14, shift=(1.3, -2.2)), PROTOCOL)


@pytest.fixture(scope="module")
def bench(prepared: PreparedScene) -> Bench:
    return open_bench(prepared, PROTOCOL)


@pytest.fixture(scope="module")
def view(prepared: PreparedScene) -> LowResView:
    return show(prepared.scene, Track.SISR, PROTOCOL.frames)


@pytest.mark.benchmark(group="full tile, one method")
def test_image_metrics_without_lpips(benchmark: Benchmark, bench: Bench, view: LowResView):
    settings = {key: options for key, options in PROTOCOL.metrics.items() if key != "lpips"}
    sr = enlarge(view.frames[0], "bicubic")
    benchmark(lambda: list(measure(bench.pair(sr, view), settings, bench.prepared.scene)))


@pytest.mark.benchmark(group="full tile, once a scene")
def test_preparing(benchmark: Benchmark):
    scene = SceneMaker()(size=FULL_TILE, frames=14, shift=(1.3, -2.2))
    benchmark(lambda: prepare(scene, PROTOCOL))


@pytest.mark.benchmark(group="registration, a band of 655 pixels")
def test_registration(benchmark: Benchmark, small: tuple[Image, PreparedScene]):
    image, prepared = small
    benchmark(lambda: prepared.target.bring(image))


@pytest.mark.benchmark(group="registration, a band of 655 pixels")
def test_registration_by_trying_every_shift(benchmark: Benchmark, small: tuple[Image, PreparedScene]):
    image, prepared = small
    benchmark(lambda: every_shift(image, prepared.scene.reference))


@pytest.mark.benchmark(group="cssim, a full tile")
def test_cssim(benchmark: Benchmark, bench: Bench, view: LowResView):
    pair = bench.pair(enlarge(view.frames[0], "bicubic"), view)
    benchmark(lambda: CSSIM.compute(pair, PROTOCOL.metrics["cssim"]))


@pytest.mark.benchmark(group="cssim, a full tile")
def test_cssim_by_scikit_image(benchmark: Benchmark, bench: Bench, view: LowResView):
    from skimage.metrics import structural_similarity

    pair = bench.pair(enlarge(view.frames[0], "bicubic"), view)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    bands = list(zip(pair.sr, pair.reference, pair.data_range, strict=True))
    benchmark(lambda: [structural_similarity(a, b, data_range=c, **options) for a, b, c in bands])


@pytest.fixture(scope="module")
def small() -> tuple[Image, PreparedScene]:
    prepared = prepare(SceneMaker()(size=654), PROTOCOL)
    return fourier_shift(landscape(np.random.default_rng(0), 654), (1.4, -0.7)), prepared


def every_shift(image: Image, reference: Image, radius: int = 3) -> float:
    """The plain way: roll, subtract, take the variance, for 49 shifts and four bands."""
    pairs = zip(image, reference, strict=True)
    high = [(x - ndimage.gaussian_filter(x, 3.0), y - ndimage.gaussian_filter(y, 3.0)) for x, y in pairs]
    shifts = [(i, j) for i in range(-radius, radius + 1) for j in range(-radius, radius + 1)]
    return min(sum(float(np.var(np.roll(x, shift, (0, 1)) - y)) for x, y in high) for shift in shifts)
