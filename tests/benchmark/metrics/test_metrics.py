"""What holds for every metric of the list."""

import subprocess
import sys

import numpy as np
import pytest

from tdsr_bench.errors import ProtocolError
from tdsr_bench.metrics import METRICS, find_metric
from tdsr_bench.metrics.base import Metric
from tdsr_bench.sensor import blur

NEEDS_WEIGHTS = {"lpips"}
ON_THE_FRAMES_GRID = {"consistency", "grid", "geolocation", "outside"}

computable = pytest.mark.parametrize(
    "metric", [metric for metric in METRICS if metric.key not in NEEDS_WEIGHTS], ids=lambda metric: metric.key
)
masked = pytest.mark.parametrize(
    "metric",
    [metric for metric in METRICS if metric.key not in NEEDS_WEIGHTS | ON_THE_FRAMES_GRID],
    ids=lambda metric: metric.key,
)

PERFECT = {
    "cssim": 0.0,
    "detail": 0.0,
    "psnr": np.inf,
    "cpsnr": np.inf,
    "sam": 0.0,
    "ergas": 0.0,
    "frc_hf": 1.0,
    "frc_cutoff": 20 / 3,
    "consistency": 0.0,
    "gain": 1.0,
    "offset": 0.0,
    "geolocation": 0.0,
    "outside": 0.0,
    "improvement": 1 / (1 + 2 * np.exp(-4)),
    "omission": 1 / (2 + np.exp(4)),
    "hallucination": 1 / (2 + np.exp(4)),
}


def test_the_list_is_what_the_protocol_names(settings):
    keys = [metric.key for metric in METRICS]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(settings)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_says_what_it_is(metric: Metric):
    assert metric.title
    assert metric.unit
    assert metric.source
    assert find_metric(metric.key) is metric


def test_an_unknown_key_is_answered_with_what_comes_near():
    with pytest.raises(ProtocolError, match=r"'csim'.*cssim"):
        find_metric("csim")


def test_importing_the_list_imports_nothing_heavy():
    heavy = "torch", "skimage", "lpips", "pyiqa", "cv2", "rasterio", "matplotlib"
    code = f"import sys, tdsr_bench.metrics; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@computable
def test_the_shape_of_the_values(metric, make_pair, bicubic, settings):
    values = metric.compute(make_pair(bicubic), settings[metric.key])
    assert values.dtype == np.float64
    assert values.shape == ((4,) if metric.per_band else (1,))
    assert np.isfinite(values).all()


@pytest.mark.parametrize(("key", "perfect"), PERFECT.items())
def test_the_reference_against_itself_is_perfect(key, perfect, make_pair, reference, settings):
    np.testing.assert_allclose(find_metric(key).compute(make_pair(reference), settings[key]), perfect, atol=1e-7)


@pytest.mark.parametrize("key", ["cssim", "detail"])
def test_the_reference_against_itself_has_no_error_at_all(key, make_pair, reference, valid, settings):
    assert not find_metric(key).compute(make_pair(reference, valid=valid), settings[key]).any()


@masked
def test_nothing_behind_a_mask_changes_a_value(metric, make_pair, bicubic, valid, rng, settings):
    elsewhere = np.where(valid, bicubic, rng.uniform(-1, 2, bicubic.shape)).astype(np.float32)
    values = [
        metric.compute(make_pair(sr, valid=valid), settings[metric.key])
        for sr in (bicubic, elsewhere, np.where(valid, bicubic, np.float32(0)))
    ]
    np.testing.assert_array_equal(values[1], values[0])
    np.testing.assert_array_equal(values[2], values[0])


@masked
def test_a_mask_is_used(metric, make_pair, reference, valid, settings):
    spoilt = np.where(valid, reference, 1 - reference)
    masked_value = metric.compute(make_pair(spoilt, valid=valid), settings[metric.key])
    open_value = metric.compute(make_pair(spoilt), settings[metric.key])
    assert not np.allclose(masked_value, open_value, equal_nan=True)


@masked
def test_without_a_valid_pixel_there_is_no_value(metric, make_pair, bicubic, settings):
    pair = make_pair(bicubic, valid=np.zeros(bicubic.shape, dtype=bool))
    assert np.isnan(metric.compute(pair, settings[metric.key])).all()


@pytest.mark.parametrize("key", ["consistency", "grid"])
def test_without_a_clear_frame_there_is_no_value(key, make_pair, bicubic, settings):
    pair = make_pair(bicubic, observed_valid=np.zeros((1, 72, 72), dtype=bool))
    assert np.isnan(find_metric(key).compute(pair, settings[key])).all()


@masked
def test_shapes_that_differ_are_quoted(metric, make_pair, bicubic, settings):
    with pytest.raises(ValueError, match=r"21[05].*216|216.*21[05]"):
        metric.compute(make_pair(bicubic[:, :-1, :-6]), settings[metric.key])


@computable
def test_an_image_of_zeros_is_measured(metric, make_pair, bicubic, settings):
    values = metric.compute(make_pair(np.zeros_like(bicubic)), settings[metric.key])
    undefined = {"grid"}  # an image without any detail shows no grid
    assert np.isnan(values).all() if metric.key in undefined else np.isfinite(values).all()


BLENDS = "cssim", "detail", "psnr", "cpsnr", "sam", "ergas", "frc_hf", "improvement"


@pytest.mark.parametrize("key", BLENDS)
def test_a_blend_is_better_the_more_it_holds_of_the_reference(key, make_pair, reference, bicubic, settings):
    metric = find_metric(key)
    blends = [np.float32(share) * reference + np.float32(1 - share) * bicubic for share in (0, 0.25, 0.5, 0.75)]
    values = np.array([metric.compute(make_pair(blend), settings[key]) for blend in blends])
    steps = np.diff(values, axis=0)
    assert (steps > 0).all() if metric.higher_is_better else (steps < 0).all()


@pytest.mark.parametrize("key", ["cssim", "detail", "psnr", "frc_hf", "ergas"])
@pytest.mark.parametrize("degradation", ["blur", "noise"])
def test_a_stronger_degradation_scores_worse(key, degradation, make_pair, reference, rng, settings):
    metric = find_metric(key)
    noise = rng.normal(0, 1, reference.shape).astype(np.float32)
    degraded = [
        blur(reference, strength) if degradation == "blur" else reference + np.float32(0.01 * strength) * noise
        for strength in (0.7, 1.5, 3.0)
    ]
    steps = np.diff([metric.compute(make_pair(image), settings[key]) for image in degraded], axis=0)
    assert (steps < 0).all() if metric.higher_is_better else (steps > 0).all()


@pytest.mark.parametrize("key", ["cssim", "detail", "cpsnr", "frc_hf", "gain"])
def test_an_offset_changes_nothing_where_it_is_removed(key, make_pair, bicubic, valid, settings):
    metric = find_metric(key)
    values = [
        metric.compute(make_pair(bicubic + np.float32(offset), valid=valid), settings[key]) for offset in (0, 0.05)
    ]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-4)


@pytest.mark.parametrize("key", ["cssim", "detail", "psnr", "cpsnr", "ergas"])
@pytest.mark.parametrize("gain", [0.8, 1.3])
def test_a_wrong_gain_is_seen(key, gain, make_pair, reference, settings):
    metric = find_metric(key)
    values = [metric.compute(make_pair(np.float32(g) * reference), settings[key]) for g in (1, gain)]
    assert (values[1] < values[0]).all() if metric.higher_is_better else (values[1] > values[0]).all()


@pytest.mark.parametrize("key", ["frc_hf", "sam"])
def test_a_gain_of_all_bands_changes_nothing_where_only_the_pattern_counts(key, make_pair, bicubic, settings):
    metric = find_metric(key)
    values = [metric.compute(make_pair(np.float32(gain) * bicubic), settings[key]) for gain in (1, 1.3)]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-4)
