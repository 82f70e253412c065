"""Speed as ratios in one run: ``uv run pytest -n 0 tests/benchmarks --benchmark-only``. Skipped in the test suite.

Each group holds what this code does and the plain way beside it, on the same full tile.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from makers import SceneMaker, landscape
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.align import PreparedScene, median_frame, prepare
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics import lpips
from tdsr_bench.metrics.cssim import METRIC as CSSIM
from tdsr_bench.protocol import load_protocol
from tdsr_bench.references import Bench, open_bench
from tdsr_bench.scene import RGB, LowResView, Track
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


@pytest.mark.benchmark(group="median of 14 frames")
def test_median(benchmark: Benchmark, prepared: PreparedScene):
    benchmark(lambda: median_frame(prepared.scene.frames, prepared.scene.frames_valid))


@pytest.mark.benchmark(group="median of 14 frames")
def test_median_by_numpy(benchmark: Benchmark, prepared: PreparedScene):
    benchmark(lambda: np.median(prepared.scene.frames, axis=0))


@pytest.fixture(scope="module")
def lpips_network(tmp_path_factory: pytest.TempPathFactory) -> object:
    """With weights drawn at random: good for nothing but time."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("trunk") / "alexnet.pth"
        torch.save(torchvision.models.alexnet(weights=None).state_dict(), path)
        patch.setattr(lpips, "verify_trunk", lambda _: None)
        lpips.load_network.cache_clear()
        return lpips.load_network(path)


@pytest.mark.benchmark(group="lpips, a full tile")
def test_lpips_of_a_known_reference(benchmark: Benchmark, bench: Bench, view: LowResView, lpips_network):
    pair, bands = bench.pair(enlarge(view.frames[0], "bicubic"), view), list(RGB)
    images, white = (pair.sr[bands], pair.reference[bands], pair.valid[bands]), PROTOCOL.metrics["lpips"]["white"]
    known = lpips.reflectance_features(lpips_network, images[1], white=white)
    benchmark(lambda: lpips.lpips_distance(lpips_network, *images, white=white, reference=known))


@pytest.mark.benchmark(group="lpips, a full tile")
def test_lpips_by_the_package(benchmark: Benchmark, bench: Bench, view: LowResView, lpips_network):
    pair = bench.pair(enlarge(view.frames[0], "bicubic"), view)
    lpips_network.spatial = True
    images = [torch.from_numpy(lpips.network_input(x[list(RGB)], white=0.3))[None] for x in (pair.sr, pair.reference)]
    with torch.inference_mode():
        benchmark(lambda: lpips_network(*images))


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
