"""A ladder of known degradations comes out in the order that an expert would demand, on mini and on real pixels."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from makers import scene_of
from numpy.typing import NDArray

from tdsr_bench.align import prepare
from tdsr_bench.data.mini import make_scene
from tdsr_bench.gap import image_gap
from tdsr_bench.interpolation import enlarge
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.references import (
    BACK_PROJECTED,
    BICUBIC,
    MEDIAN,
    PERFECT_MULTI,
    PERFECT_SINGLE,
    REFERENCE,
    Bench,
    open_bench,
    reference_pairs,
)
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene import Scene, Track
from tdsr_bench.scene_score import measure
from tdsr_bench.sensor import blur, fourier_shift, observe
from tdsr_bench.view import show

Image = NDArray[np.float32]
Stack = tuple[Scene, Image]
"""A scene, and what a perfect instrument sees on its frames' dates."""

BOADELLA = "sentinel2_boadella"
UNCLEAR = {"2020-01-18", "2020-01-23"}


def mini_stacks() -> Iterator[Stack]:
    for name in ("mini_r07_s1", "mini_r09_s1", "mini_r11_s2"):
        content, record = make_scene(name, seed=0)
        assert content.perfect is not None
        yield scene_of(name, content, record), content.perfect


def real_stacks(folder: Path) -> Iterator[Stack]:
    """Every clear date in turn is the reference; the other dates, degraded three times, are the frames."""
    import rasterio

    images = {}
    for path in sorted(folder.glob("*.tif")):
        day = path.stem.split("_")[1]
        if day not in UNCLEAR:
            with rasterio.open(path) as raster:
                images[date.fromisoformat(day)] = raster.read([2, 3, 4, 8])[:, :375, :378].astype(np.float32) / 1e4
    for held_back, reference in images.items():
        others = {day: image for day, image in images.items() if day != held_back}
        frames = np.stack([observe(image) for image in others.values()])
        scene = Scene(
            name=str(held_back),
            region=str(held_back),
            strip="one",
            frames=frames,
            frames_valid=np.ones((len(others), *frames.shape[2:]), dtype=bool),
            dates=tuple(others),
            reference=reference,
            reference_valid=np.ones(reference.shape, dtype=bool),
            reference_date=held_back,
            truth={},
            lines={},
            transform=(30.0, 0.0, 0.0, 0.0, -30.0, 0.0),
            crs=None,
        )
        yield scene, np.stack(list(others.values()))


def contrast(image: Image, factor: float) -> Image:
    mean = image.mean(axis=(1, 2), keepdims=True)
    return (mean + factor * (image - mean)).astype(np.float32)


def degraded(bench: Bench) -> dict[str, Image]:
    """Images whose order is known, on the frames' grid."""
    view = show(bench.prepared.scene, Track.SISR, bench.protocol.frames)
    bicubic = enlarge(view.frames[0], "bicubic")
    reference = fourier_shift(bench.prepared.scene.reference, bench.prepared.shift)
    spread, centre = bicubic.std(axis=(1, 2), keepdims=True), bicubic.mean(axis=(1, 2), keepdims=True)
    noise = np.random.default_rng(0).normal(centre, spread, bicubic.shape)
    blends = {f"blend {a}": (a * reference + (1 - a) * bicubic).astype(np.float32) for a in (0.75, 0.5, 0.25)}
    return blends | {
        "bicubic, contrast x 0.8": contrast(bicubic, 0.8),
        "nearest": enlarge(view.frames[0], "nearest"),
        "bicubic, blurred": blur(bicubic, 1.5),
        "noise": noise.astype(np.float32),
        "reference, contrast x 1.3": contrast(reference, 1.3),
        "reference, contrast x 0.7": contrast(reference, 0.7),
        "reference": reference,
    }


def measured(stacks: Iterator[Stack], protocol: BenchmarkProtocol) -> dict[str, list[ScoreRow]]:
    settings = {key: protocol.metrics[key] for key in ("cssim", "detail")}
    rows: dict[str, list[ScoreRow]] = {}
    for scene, perfect in stacks:
        bench = open_bench(prepare(scene, protocol), protocol)
        view = show(scene, Track.SISR, protocol.frames)
        pairs = dict(reference_pairs(bench, perfect))
        pairs |= {name: bench.pair(image, view) for name, image in degraded(bench).items()}
        for name, pair in pairs.items():
            rows.setdefault(name, []).extend(measure(pair, settings, scene))
    return rows


def gaps(rows: Mapping[str, list[ScoreRow]]) -> dict[str, float]:
    options = {"clip": float("inf"), "confidence": 0.95, "least_regions": 3}
    found = {name: image_gap(own, rows[BICUBIC], ["cssim", "detail"], **options) for name, own in rows.items()}
    return {name: gap.value for name, gap in found.items() if gap.value is not None}


@pytest.fixture(scope="module")
def mini_gaps() -> dict[str, float]:
    from tdsr_bench.protocol import load_protocol

    return gaps(measured(mini_stacks(), load_protocol("tdsr-v1")))


@pytest.fixture(scope="module")
def real_gaps(shared: Path) -> dict[str, float]:
    from tdsr_bench.protocol import load_protocol

    return gaps(measured(real_stacks(shared / "data" / BOADELLA), load_protocol("tdsr-v1")))


@pytest.fixture(params=["mini", pytest.param("real", marks=pytest.mark.slow)])
def found(request: pytest.FixtureRequest) -> dict[str, float]:
    values: dict[str, float] = request.getfixturevalue(f"{request.param}_gaps")
    print(*(f"{name:28s} {value:+.3f}" for name, value in sorted(values.items(), key=lambda item: -item[1])), sep="\n")
    return values


def test_the_ends_are_zero_and_one(found: dict[str, float]):
    assert found[REFERENCE] == pytest.approx(1.0, abs=1e-6)
    assert found[BICUBIC] == pytest.approx(0.0, abs=1e-6)


def test_the_ladder_comes_out_in_order(found: dict[str, float]):
    ladder = [REFERENCE, "blend 0.75", "blend 0.5", "blend 0.25", BICUBIC, "nearest", "bicubic, blurred", "noise"]
    values = [found[name] for name in ladder]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("share", [0.75, 0.5, 0.25])
def test_a_blend_scores_near_its_share(found: dict[str, float], share: float):
    assert found[f"blend {share}"] == pytest.approx(share, abs=0.05)


def test_across_dates_perfection_is_above_simple_methods(found: dict[str, float]):
    ladder = [PERFECT_MULTI, PERFECT_SINGLE, BACK_PROJECTED, BICUBIC]
    values = [found[name] for name in ladder]
    assert values == sorted(values, reverse=True)
    assert found[PERFECT_MULTI] < 1


def test_lowering_contrast_gains_nothing(found: dict[str, float]):
    assert found["bicubic, contrast x 0.8"] < 0
    assert found["reference, contrast x 0.7"] < found["reference"]


def test_a_gain_of_a_sharp_image_is_seen(found: dict[str, float]):
    assert found["reference, contrast x 1.3"] < found["reference"] - 0.1


def test_alignment_costs_the_reference_next_to_nothing(found: dict[str, float]):
    """Moved onto the frames' grid and back by the protocol's own search."""
    assert found["reference"] > 0.97


def test_the_median_of_dates_is_no_cheap_win(found: dict[str, float]):
    assert found[MEDIAN] < found[PERFECT_SINGLE]
