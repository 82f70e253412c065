"""`mus2-official` against the numbers of the authors' own code, and its parts against independent references."""

import json
import os
import shutil
import tomllib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tdsr_bench.card import ResultCard, SubmissionPart
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.layout import BAND_FOLDERS
from tdsr_bench.engine import SerialExecutor
from tdsr_bench.errors import DataError, SubmissionError, UserError
from tdsr_bench.mus2_official import (
    METHODS,
    OfficialRow,
    balanced,
    balanced_no_lpips,
    mean_value,
    measures,
    read_stored,
    score_scene,
)
from tdsr_bench.mus2_official.enlarge import WEIGHTS, bicubic, enlarged
from tdsr_bench.mus2_official.evaluate import FromAuthorsFolder, OfficialJob, evaluate_official
from tdsr_bench.mus2_official.measures import (
    PSNR_OF_EQUAL_IMAGES,
    Excluded,
    Lpips,
    Reference,
    match_to_reference,
    stretch_to_uint8,
    to_uint8,
)
from tdsr_bench.mus2_official.scenes import interpolated, read_revisits
from tdsr_bench.mus2_official.shifts import MAX_SHIFT, SHIFTS, Shift, squared_distance, sums_at_shifts
from tdsr_bench.mus2_official.tables import BALANCED_KEYS, BASELINE, INFINITE, NO_PIXEL
from tdsr_bench.protocol import load_protocol, protocol_file
from tdsr_bench.scene import BANDS

GOLDEN = Path(__file__).parents[1] / "golden" / "mus2_official_a"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
SCENES = tuple(EXPECTED)
STORED = "shifted_bicubic"
GREY = NDArray[np.uint8]


def stored(root: Path, scene: str) -> dict[str, dict[str, GREY]]:
    return {STORED: {band: read_stored(root / "sr", STORED, scene, band) for band in BANDS}}


def psnr(sr: GREY, hr: GREY, excluded: Excluded = None) -> float:
    return measures.psnr(sr, Reference(hr, excluded))


def ssim(sr: GREY, hr: GREY, excluded: Excluded = None) -> float:
    return measures.ssim(sr, Reference(hr, excluded))


def cpsnr(sr: GREY, hr: GREY, excluded: Excluded = None) -> tuple[float, Shift]:
    (found,) = measures.cpsnr([sr], Reference(hr, excluded))
    return found


def cssim(sr: GREY, hr: GREY, excluded: Excluded, shift: Shift) -> float:
    return measures.cssim(sr, Reference(hr, excluded), shift)


def lpips(sr: GREY, hr: GREY, excluded: Excluded, network: Lpips) -> float:
    return measures.lpips(sr, Reference(hr, excluded), network)


@pytest.fixture(scope="module")
def rows() -> list[OfficialRow]:
    return [row for scene in SCENES for row in score_scene(GOLDEN, scene, stored(GOLDEN, scene))]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A copy of the golden data set with one scene, to break."""
    copy = tmp_path / "mus2"
    shutil.copytree(GOLDEN, copy)
    shutil.rmtree(copy / "image_data" / SCENES[1])
    return copy


def textured(rng: np.random.Generator, height: int = 40, width: int = 37) -> GREY:
    noise = rng.normal(size=(height + 4, width + 4))
    smooth = sum(noise[i : i + height, j : j + width] for i in range(5) for j in range(5))
    return stretch_to_uint8(np.asarray(smooth))


# The authors' numbers


@pytest.mark.parametrize("key", ["PSNR", "SSIM", "cPSNR", "cSSIM"])
@pytest.mark.parametrize("method", [*METHODS, STORED])
def test_golden_numbers(rows: list[OfficialRow], method: str, key: str):
    ours = {(row.scene, row.band, row.mask): row.value for row in rows if (row.method, row.key) == (method, key)}
    theirs = {
        (scene, band, mask): EXPECTED[scene][BAND_FOLDERS[band]][mask][method][key]
        for scene in SCENES
        for band in BANDS
        for mask in ("none", "final")
    }
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_golden_shifts(rows: list[OfficialRow]):
    found = [row for row in rows if row.key in ("cPSNR", "cSSIM")]
    assert len(found) == 2 * len(SCENES) * len(BANDS) * 2 * (len(METHODS) + 1)
    for row in found:
        expected = EXPECTED[row.scene][BAND_FOLDERS[row.band]][row.mask][row.method]["shift"]
        assert row.shift == tuple(expected), row
    assert all(row.shift is None for row in rows if row.key in ("PSNR", "SSIM", "LPIPS"))


def test_lpips_without_a_network_has_a_reason(rows: list[OfficialRow]):
    without = [row for row in rows if row.key == "LPIPS"]
    assert without
    assert all(row.value is None and row.reason for row in without)


# Each measure against an independent reference


def cpsnr_by_loops(sr: GREY, hr: GREY, excluded: NDArray[np.bool_]) -> tuple[float, tuple[int, int]]:
    """PROBA-V's definition, pixel by pixel, over the authors' 36 shifts."""
    height, width = hr.shape
    best = (-np.inf, (0, 0))
    for shift in SHIFTS:
        differences = [
            (float(hr[r + shift[0], c + shift[1]]) - float(sr[r, c])) / 255
            for r in range(3, height - 3)
            for c in range(3, width - 3)
            if not excluded[r + shift[0], c + shift[1]]
        ]
        bias = sum(differences) / len(differences)
        mse = sum((d - bias) ** 2 for d in differences) / len(differences)
        best = max(best, (-10 * np.log10(mse), shift), key=lambda entry: entry[0])
    return best


def test_cpsnr_by_loops(rng: np.random.Generator):
    hr, sr = textured(rng, 17, 15), textured(rng, 17, 15)
    excluded = rng.random(hr.shape) < 0.3
    value, shift = cpsnr(sr, hr, excluded)
    expected, expected_shift = cpsnr_by_loops(sr, hr, excluded)
    assert value == pytest.approx(expected, abs=1e-9)
    assert shift == expected_shift


@pytest.fixture(params=[None, 0.3, 0.9], ids=["whole", "masked", "nearly all masked"])
def excluded_share(request: pytest.FixtureRequest) -> float | None:
    return request.param


SIZES = [(15, 15), (40, 37), (33, 71), (17, 1100)]
"""Odd, smaller and larger than what is taken at a time in any direction."""


@pytest.mark.parametrize("size", SIZES)
def test_sums_at_every_shift_are_those_of_shifted_windows(rng, size: tuple[int, int], excluded_share: float | None):
    hr, *srs = (rng.integers(0, 256, size, dtype=np.uint8) for _ in range(3))
    valid = None if excluded_share is None else rng.random(size) >= excluded_share
    sums = sums_at_shifts(srs, hr, valid)
    for n, sr in enumerate(srs):
        centre = sr[3:-3, 3:-3].astype(np.int64)
        for index, (row, column) in enumerate(SHIFTS):
            there = slice(3 + row, size[0] - 3 + row), slice(3 + column, size[1] - 3 + column)
            counts = np.ones(centre.shape, bool) if valid is None else valid[there]
            difference = (hr[there] - centre)[counts]
            assert sums.counts[index] == counts.sum()
            assert sums.totals[n, index] == difference.sum()
            assert sums.squares[n, index] == (difference**2).sum()


@pytest.mark.parametrize("size", [(15, 15), (30, 2100)])
def test_sums_of_extremes_are_exact(size: tuple[int, int]):
    """The largest products: black against white, everywhere and not quite everywhere."""
    white, black = np.full(size, 255, np.uint8), np.zeros(size, np.uint8)
    count = (size[0] - 6) * (size[1] - 6)
    for sr, hr, sign in ((black, white, 1), (white, black, -1), (white, white, 0), (black, black, 0)):
        for valid in (None, np.ones(size, bool)):
            sums = sums_at_shifts([sr], hr, valid)
            assert (sums.counts == count).all()
            assert (sums.totals == sign * 255 * count).all()
            assert (sums.squares == sign**2 * 255**2 * count).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_squared_distance_is_exact(rng: np.random.Generator, size: tuple[int, int]):
    a, b = (rng.integers(0, 256, size, dtype=np.uint8) for _ in range(2))
    valid = (rng.random(size) < 0.5).astype(np.uint8)
    squares = np.square(a.astype(np.int64) - b)
    assert squared_distance(a, b) == squares.sum()
    assert squared_distance(a, b, valid) == (squares * valid).sum()
    assert squared_distance(a[1:-2, 1:], b[:-3, :-1]) == np.square(a[1:-2, 1:].astype(np.int64) - b[:-3, :-1]).sum()


@pytest.mark.parametrize("size", SIZES)
def test_psnr_and_ssim_are_scikit_images(rng, size: tuple[int, int], excluded_share: float | None):
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    hr, sr = textured(rng, *size), textured(rng, *size)
    excluded = None if excluded_share is None else rng.random(size) < excluded_share
    valid = np.ones(size, bool) if excluded is None else ~excluded
    expected = peak_signal_noise_ratio(hr[valid], sr[valid], data_range=255)
    assert psnr(sr, hr, excluded) == pytest.approx(expected, abs=1e-12)
    expected = structural_similarity(hr * valid, sr * valid, data_range=255)
    assert ssim(sr, hr, excluded) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("shift", [(-3, -3), (-2, 2), (0, 0), (2, -1)])
@pytest.mark.parametrize("size", SIZES)
def test_cssim_removes_the_offset_of_the_shifted_windows(
    rng, size: tuple[int, int], shift: Shift, excluded_share: float | None
):
    from skimage.metrics import structural_similarity

    hr, sr = textured(rng, *size), textured(rng, *size)
    excluded = None if excluded_share is None else rng.random(size) < excluded_share
    (top, left), (height, width) = (step + 3 for step in shift), (side - 6 for side in size)
    a, b = (image.astype(float) for image in (sr[3:-3, 3:-3], hr[top : top + height, left : left + width]))
    valid = np.ones(b.shape, bool) if excluded is None else ~excluded[top : top + height, left : left + width]
    a += b[valid].mean() - a[valid].mean()
    expected = structural_similarity(a * valid, b * valid, data_range=255)
    assert cssim(sr, hr, excluded, shift) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("size", [(40, 37), (9, 11), (257, 3), (600, 70)])
def test_matching_is_scikit_images(rng: np.random.Generator, size: tuple[int, int]):
    from skimage.exposure import match_histograms

    reference = textured(rng, *size)
    for image in (textured(rng, *size), textured(rng, *size) // 7 + 20, np.full(size, 9, np.uint8)):
        for a, b in ((image, reference), (reference, image)):
            assert (match_to_reference(a, b) == match_histograms(a, b).astype(np.uint8)).all()


# Properties, and the authors' oddities


@pytest.mark.parametrize("shift", SHIFTS)
def test_an_injected_shift_is_found(rng: np.random.Generator, shift: tuple[int, int]):
    hr = textured(rng)
    sr = np.roll(hr, (-shift[0], -shift[1]), axis=(0, 1)) // 2
    value, found = cpsnr(sr, hr // 2)
    assert found == shift
    assert value == np.inf
    assert cssim(sr, hr // 2, None, found) == pytest.approx(1)


@pytest.mark.parametrize("shift", [(3, 0), (0, 3), (3, 3)])
def test_a_shift_of_plus_three_is_out_of_reach(rng: np.random.Generator, shift: tuple[int, int]):
    hr = textured(rng)
    value, _ = cpsnr(np.roll(hr, (-shift[0], -shift[1]), axis=(0, 1)), hr)
    assert np.isfinite(value)


def test_an_offset_costs_psnr_but_not_cpsnr(rng: np.random.Generator):
    hr = textured(rng) // 2
    sr = np.clip(hr + rng.integers(0, 9, hr.shape), 0, 127).astype(np.uint8)
    brighter = (sr + 60).astype(np.uint8)
    assert cpsnr(brighter, hr) == cpsnr(sr, hr)
    assert psnr(brighter, hr) < psnr(sr, hr) - 5


def test_noise_lowers_every_measure(rng: np.random.Generator):
    hr, noise = textured(rng), rng.normal(size=(40, 37))
    noisy = [np.clip(hr + strength * noise, 0, 255).astype(np.uint8) for strength in (5, 15, 45)]
    for measure in (psnr, ssim, lambda sr, hr: cpsnr(sr, hr)[0], lambda sr, hr: cssim(sr, hr, None, (0, 0))):
        values = [measure(sr, hr) for sr in noisy]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 3


def test_equal_images(rng: np.random.Generator):
    hr = textured(rng)
    assert psnr(hr, hr) == PSNR_OF_EQUAL_IMAGES
    assert ssim(hr, hr) == pytest.approx(1)
    assert cpsnr(hr, hr) == (np.inf, (0, 0))


def test_an_excluded_area_counts_as_perfect_in_ssim(rng: np.random.Generator):
    hr, sr = textured(rng), textured(rng)
    left = np.zeros(hr.shape, dtype=bool)
    left[:, :25] = True
    assert ssim(sr, hr) < ssim(sr, hr, left) < ssim(sr, hr, np.ones_like(left)) == 1


def test_nothing_left_is_nan(rng: np.random.Generator):
    hr, everything = textured(rng), np.ones((40, 37), dtype=bool)
    assert np.isnan(psnr(hr, hr, everything))
    assert np.isnan(cpsnr(hr, hr, everything)[0])
    assert np.isnan(cssim(hr, hr, everything, (0, 0)))


def test_an_image_of_zeros_and_ones_is_taken_for_0_to_1(rng: np.random.Generator):
    binary = (textured(rng) > 127).astype(np.uint8)
    assert psnr(binary, binary * 255) == PSNR_OF_EQUAL_IMAGES


def test_lpips_sees_the_reference_where_pixels_are_excluded(rng: np.random.Generator):
    hr, sr = textured(rng), textured(rng)
    excluded = rng.random(hr.shape) < 0.5

    def share_of_other_pixels(a: GREY, b: GREY) -> float:
        return float((a != b).mean())

    assert lpips(sr, hr, None, share_of_other_pixels) == (sr != hr).mean()
    assert lpips(sr, hr, excluded, share_of_other_pixels) == ((sr != hr) & ~excluded).mean()
    assert lpips(sr, hr, ~np.zeros_like(excluded), share_of_other_pixels) == 0


def test_matching_undoes_any_rising_curve(rng: np.random.Generator):
    reference = textured(rng)
    darker = (reference.astype(float) ** 2 / 1000).round().astype(np.uint8)
    matched = match_to_reference(darker, reference)
    assert np.abs(matched.astype(int) - reference)[reference > 60].max() < 12
    assert (match_to_reference(reference, reference) == reference).all()


def test_to_uint8_stretches_each_band(rng: np.random.Generator):
    sr = rng.random((4, 8, 9)) * np.array([0.1, 0.2, 0.3, 1.5])[:, None, None] - 0.05
    images = to_uint8(sr.astype(np.float32))
    assert tuple(images) == BANDS
    assert all((image.min(), image.max(), image.dtype) == (0, 255, np.uint8) for image in images.values())


# The interpolations


def exact_cubic(image: GREY) -> NDArray[np.object_]:
    """The cubic kernel with a = -0.75 at thirds, in fractions."""
    thirds = [[Fraction(w, 108) for w in ws] for ws in ((-6, 40, 86, -12), (0, 108, 0, 0), (-12, 86, 40, -6))]

    def rows(values: NDArray[np.object_]) -> NDArray[np.object_]:
        height = len(values)
        lines = []
        for y in range(3 * height):
            first = y // 3 - (2 if y % 3 == 0 else 1)
            taps = [values[min(max(first + k, 0), height - 1)] for k in range(4)]
            lines.append(sum(weight * tap for weight, tap in zip(thirds[y % 3], taps, strict=True)))
        return np.array(lines)

    return rows(rows(image.astype(object)).T).T


def test_bicubic_is_exact_but_for_halves(rng: np.random.Generator):
    image = rng.integers(0, 256, (9, 12), dtype=np.uint8)
    exact = np.clip(exact_cubic(image), 0, 255)
    distance = np.abs(bicubic(image) - exact)
    assert distance.max() <= Fraction(1, 2)
    assert 0 < (distance == Fraction(1, 2)).mean() < 0.05


def bicubic_of_whole_images(image: GREY) -> GREY:
    """The same sums in the same order, by picked pixels of the whole image: what the golden numbers were met with."""

    def taps(length: int, phase: int) -> list[NDArray[np.intp]]:
        first = np.arange(length) - (2 if phase == 0 else 1)
        return [np.clip(first + tap, 0, length - 1) for tap in range(4)]

    def fused(a: NDArray[np.float32], weight: np.float32, rest: NDArray[np.float32]) -> NDArray[np.float32]:
        return (a.astype(np.float64) * np.float64(weight) + rest).astype(np.float32)

    across = np.repeat(image.astype(np.float32), 3, axis=1)
    for phase, weights in WEIGHTS.items():
        picked = (image[:, tap].astype(np.float32) for tap in taps(image.shape[1], phase))
        a, b, c, d = (pixels * np.float32(weight) for pixels, weight in zip(picked, weights, strict=True))
        across[:, phase::3] = (a + b) + (c + d)
        edge = [0, 1, -1] if phase == 0 else [0, -2, -1]
        across[:, phase::3][:, edge] = (a[:, edge] + c[:, edge]) + (b[:, edge] + d[:, edge])
    down = np.repeat(across, 3, axis=0)
    for phase, weights in WEIGHTS.items():
        a, b, c, d = (across[rows] for rows in taps(image.shape[0], phase))
        wa, wb, wc, wd = map(np.float32, weights)
        down[phase::3] = fused(a, wa, b * wb) + fused(c, wc, d * wd)
    return np.clip(np.rint(down), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(5, 5), (31, 77), (32, 8), (33, 9), (65, 50)])
def test_bicubic_in_blocks_of_rows_is_that_of_the_whole_image(rng: np.random.Generator, size: tuple[int, int]):
    image = rng.integers(0, 256, size, dtype=np.uint8)
    assert (bicubic(image) == bicubic_of_whole_images(image)).all()


@pytest.mark.parametrize("size", [(60, 60), (63, 50), (31, 77)])
def test_bicubic_is_opencvs_within_its_own_rounding(rng: np.random.Generator, size: tuple[int, int]):
    import cv2

    image = rng.integers(0, 256, size, dtype=np.uint8)
    opencv = cv2.resize(image, (size[1] * 3, size[0] * 3), interpolation=cv2.INTER_CUBIC)
    difference = np.abs(bicubic(image).astype(int) - opencv)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_every_interpolation_keeps_a_constant_image_and_the_centres(method, rng: np.random.Generator):
    assert (enlarged(np.full((6, 7), 93, np.uint8), method) == 93).all()
    if method != "Area":
        image = textured(rng, 12, 11)
        assert np.abs(enlarged(image, method)[1::3, 1::3].astype(int) - image).max() <= 1


def test_the_mean_of_the_revisits_is_cut_not_rounded():
    revisits = [np.full((6, 6), value, np.uint8) for value in (10, 11, 11)]
    assert (interpolated(revisits, "Linear") == 10).all()


@pytest.mark.parametrize("count", [1, 14, 300])
def test_the_mean_of_many_white_revisits_is_white(count: int):
    assert (interpolated([np.full((5, 6), 255, np.uint8)] * count, "Area") == 255).all()


def test_revisits_are_stretched_one_by_one():
    revisits = read_revisits(GOLDEN, SCENES[0], "B02")
    assert len(revisits) == 9
    assert all((revisit.min(), revisit.max()) == (0, 255) for revisit in revisits)


# The balanced score


def row(key: str, value: float | None, method: str = "own", scene: str = "a", reason: str | None = None) -> OfficialRow:
    return OfficialRow(scene, "B02", "none", key, method, value, reason=reason)


def table(own: tuple[float, float, float], baseline: tuple[float, float, float]) -> list[OfficialRow]:
    keyed = [zip(BALANCED_KEYS, values, strict=True) for values in (own, baseline)]
    return [row(k, v) for k, v in keyed[0]] + [row(k, v, BASELINE) for k, v in keyed[1]]


def test_balanced_is_the_mean_ratio_to_bicubic():
    rows = table((25.0, 0.8, 0.2), (20.0, 0.6, 0.4))
    assert balanced(rows, "own") == {"B02": {"none": pytest.approx((20 / 25 + 0.6 / 0.8 + 0.2 / 0.4) / 3)}}
    assert balanced_no_lpips(rows, "own") == {"B02": {"none": pytest.approx((20 / 25 + 0.6 / 0.8) / 2)}}
    assert balanced(rows, BASELINE) == {"B02": {"none": 1}}


def test_balanced_is_of_means_over_scenes():
    rows = [*table((10.0, 0.5, 0.5), (20.0, 0.5, 0.5))]
    rows += [row("cPSNR", 30.0, scene="b"), row("cSSIM", 0.5, scene="b"), row("LPIPS", 0.5, scene="b")]
    rows += [row(key, value, BASELINE, "b") for key, value in zip(BALANCED_KEYS, (20.0, 0.5, 0.5), strict=True)]
    assert balanced(rows, "own")["B02"]["none"] == pytest.approx(1)


def test_balanced_of_the_golden_scenes(rows: list[OfficialRow]):
    assert all(value is None for masks in balanced(rows, STORED).values() for value in masks.values())
    scores = balanced_no_lpips(rows, STORED)
    assert list(scores) == list(BANDS)
    for band, masks in scores.items():
        for mask, score in masks.items():
            means = {
                (name, key): np.mean([EXPECTED[s][BAND_FOLDERS[band]][mask][name][key] for s in SCENES])
                for name in (STORED, BASELINE)
                for key in ("cPSNR", "cSSIM")
            }
            ratios = [means[BASELINE, key] / means[STORED, key] for key in ("cPSNR", "cSSIM")]
            assert score == pytest.approx(np.mean(ratios), abs=1e-9)


def test_a_scene_without_a_pixel_is_left_out_of_the_mean():
    rows = [row("cPSNR", 20.0), row("cPSNR", None, scene="b", reason=NO_PIXEL)]
    assert mean_value(rows, "own", "B02", "none", "cPSNR") == 20
    assert mean_value(rows[1:], "own", "B02", "none", "cPSNR") is None


def test_an_infinite_cpsnr_counts_as_the_authors_count_it():
    rows = [row("cPSNR", None, reason=INFINITE), *table((1.0, 0.8, 0.0), (20.0, 0.6, 0.4))[1:]]
    assert mean_value(rows, "own", "B02", "none", "cPSNR") is None
    assert balanced(rows, "own")["B02"]["none"] == pytest.approx((0 + 0.6 / 0.8 + 0) / 3)


# Whole scenes


def test_a_network_fills_the_lpips_rows(dataset: Path):
    def distance(a: GREY, b: GREY) -> float:
        return float(np.abs(a.astype(float) - b).mean())

    rows = score_scene(dataset, SCENES[0], stored(dataset, SCENES[0]), network=distance)
    values = {(r.band, r.mask, r.method): r.value for r in rows if r.key == "LPIPS"}
    assert all(value is not None and value > 0 for value in values.values())
    assert values["B02", "final", STORED] < values["B02", "none", STORED]
    assert balanced(rows, STORED)["B02"]["none"] is not None


def test_without_masks_only_none_is_measured(dataset: Path):
    shutil.rmtree(dataset / "masks")
    assert {row.mask for row in score_scene(dataset, SCENES[0], {})} == {"none"}


def test_masks_may_lie_one_folder_deeper(dataset: Path, rows: list[OfficialRow]):
    masks = dataset / "masks" / "final_masks"
    masks.rename(dataset / "masks" / "moved")
    masks.mkdir()
    (dataset / "masks" / "moved").rename(masks / "final_masks")
    expected = [row for row in rows if row.scene == SCENES[0] and row.method in METHODS]
    assert score_scene(dataset, SCENES[0], {}) == expected


def test_a_scene_that_is_excluded_whole_has_reasons(dataset: Path):
    for band in BAND_FOLDERS.values():
        path = dataset / "masks" / "final_masks" / f"final_masks_{band}" / f"mask_{SCENES[0]}.png"
        Image.fromarray(np.full_like(np.asarray(Image.open(path)), 255)).save(path)
    rows = [row for row in score_scene(dataset, SCENES[0], {}) if row.mask == "final"]
    assert all(row.value == 1 for row in rows if row.key == "SSIM")
    rest = [row for row in rows if row.key in ("PSNR", "cPSNR", "cSSIM")]
    assert all((row.value, row.shift, row.reason) == (None, None, NO_PIXEL) for row in rest)


def test_the_reference_itself_has_no_finite_cpsnr(dataset: Path):
    reference = {
        band: np.asarray(Image.open(dataset / "image_data" / SCENES[0] / "hr_resized" / f"mul_band_{n}.tiff"))
        for band, n in zip(BANDS, (1, 2, 4, 6), strict=True)
    }
    rows = [row for row in score_scene(dataset, SCENES[0], {"perfect": reference}) if row.method == "perfect"]
    assert {row.value for row in rows if row.key == "PSNR"} == {PSNR_OF_EQUAL_IMAGES}
    assert {(row.value, row.shift, row.reason) for row in rows if row.key == "cPSNR"} == {(None, (0, 0), INFINITE)}


# Rows of the interpolations that are kept


@pytest.fixture
def score(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ResultCard]:
    """Scores the stored method on the one scene of `dataset`."""
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))

    def call() -> ResultCard:
        about = SubmissionPart(name=STORED, track="misr", sha256=None, training_data="none", parameters=None)
        data = open_dataset(dataset, load_protocol("tdsr-v1"))
        job = OfficialJob(data, about, FromAuthorsFolder(dataset / "sr", STORED))
        return evaluate_official(job, SerialExecutor())

    return call


def never(*_: object, **__: object) -> None:
    raise AssertionError("measured again")


def test_interpolations_are_measured_once_for_all_methods(score, monkeypatch: pytest.MonkeyPatch):
    first = score()
    monkeypatch.setattr("tdsr_bench.mus2_official.scenes.read_revisits", never)
    again = score()
    assert (again.rows, again.reference_rows) == (first.rows, first.reference_rows)
    assert (again.summary, again.data.fingerprint) == (first.summary, first.data.fingerprint)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a revisit": lambda d: min((d / f"image_data/{SCENES[0]}/b4/lrs").iterdir()).unlink(),
    "the name of a revisit": lambda d: (path := min((d / f"image_data/{SCENES[0]}/b4/lrs").iterdir())).rename(
        path.with_stem("z" + path.stem)
    ),
    "the reference": lambda d: save(
        d / f"image_data/{SCENES[0]}/hr_resized/mul_band_1.tiff",
        np.arange(180 * 180, dtype=np.uint32).astype(np.uint8).reshape(180, 180),
    ),
    "a mask": lambda d: (d / f"masks/final_masks/final_masks_b8/mask_{SCENES[0]}.png").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_interpolations_are_measured_again_when_a_file_changes(score, dataset, change: str, monkeypatch):
    score()
    CHANGES[change](dataset)
    monkeypatch.setattr("tdsr_bench.mus2_official.scenes.read_revisits", never)
    with pytest.raises(AssertionError, match="measured again"):
        score()


def test_interpolations_are_measured_again_by_other_code(score, monkeypatch: pytest.MonkeyPatch):
    score()
    monkeypatch.setattr("tdsr_bench.mus2_official.scenes.read_revisits", never)
    monkeypatch.setattr("tdsr_bench.mus2_official.kept.code_sha256", lambda: "another")
    with pytest.raises(AssertionError, match="measured again"):
        score()


def test_interpolations_are_measured_again_when_lpips_can_be(score, monkeypatch: pytest.MonkeyPatch):
    score()
    monkeypatch.setattr("tdsr_bench.mus2_official.evaluate.unavailable", lambda: None)
    monkeypatch.setattr("tdsr_bench.mus2_official.evaluate.official_lpips", lambda: lambda *_: 0.0)
    card = score()
    assert {row["value"] for row in card.reference_rows if row["key"] == "LPIPS"} == {0.0}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'[{"key": 1}]', b"\xff\xfe"])
def test_broken_kept_rows_are_made_anew(score, tmp_path: Path, content: bytes):
    first = score()
    (kept,) = (tmp_path / "cache" / "references").iterdir()
    kept.write_bytes(content)
    assert score().reference_rows == first.reference_rows


def test_a_pipe_among_the_revisits_is_refused(score, dataset: Path):
    os.mkfifo(dataset / f"image_data/{SCENES[0]}/b2/lrs/a.jp2")
    with pytest.raises(DataError, match=r"a\.jp2 is no file"):
        score()


# Bad input: one sentence that names the file or scene


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def save(path: Path, image: NDArray[np.generic]) -> None:
    path.unlink()
    Image.fromarray(image).save(path)


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no revisits": (lambda d: shutil.rmtree(d / f"image_data/{SCENES[0]}/b3/lrs"), "no revisit of B03"),
    "no scene": (lambda d: shutil.rmtree(d / f"image_data/{SCENES[0]}"), "no revisit of B02"),
    "short revisit": (lambda d: cut_short(min((d / f"image_data/{SCENES[0]}/b4/lrs").iterdir())), "cut short"),
    "other revisit": (
        lambda d: Image.fromarray(np.zeros((9, 9), np.uint16)).save(d / f"image_data/{SCENES[0]}/b2/lrs/z.tif"),
        r"z\.tif is \(9, 9\), expected \(60, 60\)",
    ),
    "no reference": (
        lambda d: (d / f"image_data/{SCENES[0]}/hr_resized/mul_band_4.tiff").unlink(),
        "no reference of B04",
    ),
    "short reference": (lambda d: cut_short(d / f"image_data/{SCENES[0]}/hr_resized/mul_band_4.tiff"), "mul_band_4"),
    "deep reference": (
        lambda d: save(d / f"image_data/{SCENES[0]}/hr_resized/mul_band_1.tiff", np.zeros((180, 180), np.uint16)),
        "is uint16, but mus2-official needs 8 bit",
    ),
    "small reference": (
        lambda d: save(d / f"image_data/{SCENES[0]}/hr_resized/mul_band_1.tiff", np.zeros((179, 180), np.uint8)),
        r"is \(179, 180\), expected \(180, 180\)",
    ),
    "other mask": (
        lambda d: save(d / f"masks/final_masks/final_masks_b8/mask_{SCENES[0]}.png", np.zeros((60, 60), np.uint8)),
        r"mask .* is \(60, 60\), expected \(180, 180\)",
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_data_set_is_named(dataset: Path, broken: str):
    damage, sentence = BREAKS[broken]
    damage(dataset)
    with pytest.raises(DataError, match=sentence):
        score_scene(dataset, SCENES[0], {})


def test_a_scene_too_small_to_measure_is_named(dataset: Path):
    folder = dataset / "image_data" / SCENES[0]
    for path in (folder / "b2" / "lrs").iterdir():
        path.unlink()
    Image.fromarray(np.arange(16, dtype=np.uint16).reshape(4, 4)).save(folder / "b2" / "lrs" / "a.tif")
    save(folder / "hr_resized" / "mul_band_1.tiff", np.zeros((12, 12), np.uint8))
    with pytest.raises(DataError, match="too small"):
        score_scene(dataset, SCENES[0], {})


def test_images_that_do_not_fit_are_named():
    good = {band: np.zeros((180, 180), np.uint8) for band in BANDS}
    for images, sentence in (
        ({"own": {**good, "B02": np.zeros((180, 180), np.float32)}}, "own for B02 is float32"),
        ({"own": {**good, "B02": np.zeros((60, 60), np.uint8)}}, r"uint8 \(60, 60\), expected uint8 \(180, 180\)"),
        ({"own": {"B03": good["B03"]}}, "own gave no image for B02"),
        ({"Bicubic": good}, "Bicubic belongs to one of the authors' interpolations"),
    ):
        with pytest.raises(SubmissionError, match=sentence):
            score_scene(GOLDEN, SCENES[0], images)


def test_stored_images_that_do_not_fit_are_named(tmp_path: Path):
    folder = tmp_path / "b2" / "own"
    folder.mkdir(parents=True)
    with pytest.raises(SubmissionError, match=r"no image of own for B02; expected it at .*scene\.png"):
        read_stored(tmp_path, "own", "scene", "B02")
    Image.fromarray(np.zeros((6, 9), np.uint16)).save(folder / "scene.png")
    with pytest.raises(SubmissionError, match="is uint16, expected one channel of 8 bit"):
        read_stored(tmp_path, "own", "scene", "B02")
    Image.fromarray(np.zeros((6, 9), np.uint8)).save(folder / "scene.png")
    assert read_stored(tmp_path, "own", "scene", "B02", (6, 9)).shape == (6, 9)
    with pytest.raises(SubmissionError, match=r"is \(6, 9\) pixels, expected \(9, 9\)"):
        read_stored(tmp_path, "own", "scene", "B02", (9, 9))
    (folder / "scene.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="cannot be read"):
        read_stored(tmp_path, "own", "scene", "B02")


# The protocol's file


def test_the_file_says_what_the_code_does():
    protocol = tomllib.loads(protocol_file("mus2-official").decode())
    assert (protocol["id"], protocol["version"]) == ("mus2-official", "1")
    assert tuple(protocol["bands"]) == BANDS
    assert tuple(protocol["interpolations"]) == METHODS
    assert (protocol["shift_from"], protocol["shift_to"], protocol["crop"]) == (
        min(SHIFTS)[0],
        max(SHIFTS)[0],
        MAX_SHIFT,
    )
    assert (tuple(protocol["balanced"]), protocol["baseline"]) == (BALANCED_KEYS, BASELINE)
    assert protocol["psnr_of_equal_images"] == PSNR_OF_EQUAL_IMAGES


def test_the_file_names_the_rows_that_there_are(rows: list[OfficialRow]):
    protocol = tomllib.loads(protocol_file("mus2-official").decode())
    assert list(dict.fromkeys(row.key for row in rows)) == protocol["keys"]
    assert list(dict.fromkeys(row.mask for row in rows)) == protocol["masks"]
    assert list(dict.fromkeys(row.band for row in rows)) == protocol["bands"]
