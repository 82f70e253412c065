"""Metrics of pyiqa, with those that need no weights."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from tdsr_bench.errors import ProtocolError
from tdsr_bench.metrics import find_metric, iqa

pytestmark = [
    pytest.mark.slow,  # importing pyiqa alone takes ten seconds
    pytest.mark.skipif(find_spec("pyiqa") is None, reason="pyiqa, an extra, is not installed"),
]


def scaled(image):
    """Red, green and blue, 0 to 1."""
    return np.clip(image[[2, 1, 0]] / 0.3, 0, 1).astype(float)


def test_a_full_reference_metric_compares_with_the_reference(make_pair, reference, bicubic):
    metric = find_metric("iqa:psnr")
    assert metric.key == "iqa:psnr"
    assert metric.higher_is_better is True
    assert metric.unavailable() is None
    expected = peak_signal_noise_ratio(scaled(reference), scaled(bicubic), data_range=1)
    assert metric.compute(make_pair(bicubic), {})[0] == pytest.approx(expected, rel=1e-3)


def test_gmsd_is_0_for_equal_images_and_grows_with_blur(make_pair, reference, bicubic):
    metric = find_metric("iqa:gmsd")
    assert metric.higher_is_better is False
    values = [metric.compute(make_pair(image), {})[0] for image in (reference, 0.5 * (reference + bicubic), bicubic)]
    assert values[0] == pytest.approx(0, abs=1e-3)
    assert values[0] < values[1] < values[2]


def test_a_metric_without_a_reference_sees_only_the_image(make_pair, reference, bicubic):
    metric = find_metric("iqa:entropy")
    value = metric.compute(make_pair(bicubic), {})
    assert value == metric.compute(make_pair(bicubic, reference=0 * reference), {})
    assert value != metric.compute(make_pair(reference), {})


@pytest.mark.parametrize("name", ["gmsd", "entropy"])
def test_nothing_behind_a_mask_changes_a_value(name, make_pair, bicubic, valid, rng):
    metric = find_metric(f"iqa:{name}")
    spoilt = np.where(valid, bicubic, rng.uniform(-1, 2, bicubic.shape)).astype(np.float32)
    values = [metric.compute(make_pair(image, valid=valid), {}) for image in (bicubic, spoilt)]
    np.testing.assert_array_equal(*values)


def test_an_image_too_small_has_no_value(reference):
    small = reference[:3, :8, :8]
    assert np.isnan(iqa.iqa_value("ssimc", small, small, np.ones(small.shape, dtype=bool)))


def test_an_unknown_name_is_answered_with_what_comes_near():
    with pytest.raises(ProtocolError, match=r"did you mean .*dists"):
        find_metric("iqa:dist")


def test_a_distance_of_collections_is_no_metric_of_an_image():
    with pytest.raises(ProtocolError, match="'fid' of a single image"):
        find_metric("iqa:fid")


def test_weights_that_cannot_be_fetched_are_a_reason(monkeypatch, make_pair, bicubic, capfd):
    import pyiqa

    def no_network(name, **options):
        print("Downloading")
        raise OSError(f"no network for {name} on {options['device']}")

    monkeypatch.setattr(pyiqa, "create_metric", no_network)
    iqa._load.cache_clear()
    metric = find_metric("iqa:dists")
    assert "weights could not be fetched (no network for dists on cpu)" in metric.unavailable()
    assert np.isnan(metric.compute(make_pair(bicubic), {})).tolist() == [True]
    assert capfd.readouterr().out == ""
    iqa._load.cache_clear()


def test_shapes_that_differ_are_quoted(reference):
    with pytest.raises(ValueError, match=r"\(3, 216, 216\).*\(3, 216, 215\)"):
        iqa.iqa_value("gmsd", reference[:3], reference[:3, :, :-1], np.ones((3, 216, 216), dtype=bool))


def test_without_pyiqa_the_sentence_says_how_to_get_it():
    code = (
        "import sys; sys.modules['pyiqa'] = None\n"
        "from tdsr_bench.metrics import find_metric\n"
        "try: find_metric('iqa:dists')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.startswith("ProtocolError")
    assert "tdsr-bench[iqa]" in said
