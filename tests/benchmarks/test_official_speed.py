"""Speed of `mus2-official` on a full tile: ``uv run pytest -n 0 tests/benchmarks --benchmark-only -k official``.

The tile is written to disk in the MuS2 layout once: 56 JPEG 2000 files, references, masks. No LPIPS. Where others
use the machine too, add ``--benchmark-timer=time.process_time``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import SceneMaker, content_of, landscape
from numpy.typing import NDArray

from tdsr_bench.data.layout import BAND_FOLDERS, write_scene
from tdsr_bench.engine.one_core import one_core
from tdsr_bench.mus2_official import score_scene
from tdsr_bench.mus2_official.enlarge import bicubic
from tdsr_bench.mus2_official.kept import kept_file
from tdsr_bench.mus2_official.measures import Reference, cpsnr, match_to_reference, ssim, stretch_to_uint8
from tdsr_bench.mus2_official.scenes import read_reference, read_revisits
from tdsr_bench.mus2_official.shifts import SHIFTS, window
from tdsr_bench.scene import BANDS

FULL_TILE, FRAMES, SCENE = 1965, 14, "scene"

Benchmark = Callable[..., object]
Image = NDArray[np.uint8]


@pytest.fixture(scope="module", autouse=True)
def _one_core():
    with one_core():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one scene, a fifth of it excluded by the final mask."""
    folder = tmp_path_factory.mktemp("mus2")
    scene = SceneMaker()(size=FULL_TILE, frames=FRAMES, shift=(1.3, -2.2))
    cloudy = landscape(np.random.default_rng(1), FULL_TILE)
    content = replace(
        content_of(scene),
        reference=np.stack([stretch_to_uint8(band) for band in scene.reference]),
        excluded={"final": cloudy > np.quantile(cloudy, 0.8, axis=(1, 2), keepdims=True)},
    )
    write_scene(folder, SCENE, content)
    return folder


@pytest.fixture(scope="module")
def image(reference: Reference) -> Image:
    """The reference moved by a pixel, with noise."""
    noise = np.random.default_rng(2).normal(0, 6, reference.image.shape)
    return np.clip(np.roll(reference.image, (1, -1), (0, 1)) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def reference(root: Path) -> Reference:
    hr = read_reference(root, SCENE, "B04")
    return Reference(hr, hr > np.quantile(hr, 0.8))


@pytest.fixture(scope="module")
def images(root: Path) -> Mapping[str, Mapping[str, Image]]:
    return {"own": {band: np.roll(read_reference(root, SCENE, band), 1, 0) // 2 for band in BANDS}}


@pytest.mark.benchmark(group="mus2-official, a scene", min_rounds=3)
def test_official_scene_with_the_interpolations(benchmark: Benchmark, root: Path, images):
    benchmark(lambda: score_scene(root, SCENE, images))


@pytest.mark.benchmark(group="mus2-official, a scene", min_rounds=3)
def test_official_scene_whose_interpolations_are_kept(benchmark: Benchmark, root: Path, images):
    benchmark(lambda: (kept_file(root, SCENE, None), score_scene(root, SCENE, images, interpolations=())))


@pytest.mark.benchmark(group="mus2-official, a scene", min_rounds=3)
def test_official_files_of_a_scene_read_and_stretched(benchmark: Benchmark, root: Path):
    benchmark(lambda: [read_revisits(root, SCENE, band) for band in BANDS])


@pytest.mark.benchmark(group="mus2-official, a scene", min_rounds=3)
def test_official_files_of_a_scene_decoded_by_rasterio(benchmark: Benchmark, root: Path):
    import rasterio

    files = [path for band in BAND_FOLDERS.values() for path in (root / "image_data" / SCENE / band / "lrs").iterdir()]

    def decode() -> None:
        for path in files:
            with rasterio.open(path) as raster:
                raster.read(1)

    benchmark(decode)


@pytest.mark.benchmark(group="mus2-official, 36 shifts of a masked band", min_rounds=3)
def test_official_cpsnr(benchmark: Benchmark, image: Image, reference: Reference):
    benchmark(lambda: cpsnr([image], reference))


@pytest.mark.benchmark(group="mus2-official, 36 shifts of a masked band", min_rounds=3)
def test_official_cpsnr_of_five_methods(benchmark: Benchmark, image: Image, reference: Reference):
    benchmark(lambda: cpsnr([image] * 5, reference))


@pytest.mark.benchmark(group="mus2-official, 36 shifts of a masked band", min_rounds=3)
def test_official_cpsnr_by_trying_every_shift(benchmark: Benchmark, image: Image, reference: Reference):
    hr, centre, valid = reference.image.astype(np.int16), image[window((0, 0))].astype(np.int16), reference.valid

    def of_shift(where: tuple[slice, slice]) -> tuple[int, int, int]:
        kept = (hr[where] - centre) * valid[where]
        squares = np.square(kept, dtype=np.int32)
        return int(np.count_nonzero(valid[where])), int(kept.sum(dtype=np.int64)), int(squares.sum(dtype=np.int64))

    benchmark(lambda: [of_shift(window(shift)) for shift in SHIFTS])


@pytest.mark.benchmark(group="mus2-official, similarity of a masked band", min_rounds=3)
def test_official_ssim(benchmark: Benchmark, image: Image, reference: Reference):
    benchmark(lambda: ssim(image, reference))


@pytest.mark.benchmark(group="mus2-official, similarity of a masked band", min_rounds=3)
def test_official_ssim_by_scikit_image(benchmark: Benchmark, image: Image, reference: Reference):
    from skimage.metrics import structural_similarity

    benchmark(lambda: structural_similarity(image * reference.valid, reference.image * reference.valid, data_range=255))


@pytest.mark.benchmark(group="mus2-official, a histogram matched")
def test_official_matching(benchmark: Benchmark, image: Image, reference: Reference):
    benchmark(lambda: match_to_reference(image, reference.image))


@pytest.mark.benchmark(group="mus2-official, a histogram matched")
def test_official_matching_by_scikit_image(benchmark: Benchmark, image: Image, reference: Reference):
    from skimage.exposure import match_histograms

    benchmark(lambda: match_histograms(image, reference.image).astype(np.uint8))


@pytest.mark.benchmark(group="mus2-official, a revisit enlarged")
def test_official_bicubic(benchmark: Benchmark, root: Path):
    revisit = read_revisits(root, SCENE, "B02")[0]
    benchmark(lambda: bicubic(revisit))


@pytest.mark.benchmark(group="mus2-official, a revisit enlarged")
@pytest.mark.parametrize("method", ["INTER_CUBIC", "INTER_LANCZOS4"])
def test_official_enlarging_by_opencv(benchmark: Benchmark, root: Path, method: str):
    import cv2

    revisit = read_revisits(root, SCENE, "B02")[0]
    benchmark(lambda: cv2.resize(revisit, (FULL_TILE, FULL_TILE), interpolation=getattr(cv2, method)))
