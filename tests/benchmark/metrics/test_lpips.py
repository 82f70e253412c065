"""LPIPS against the packages lpips and torchmetrics, all three with the same untrained trunk."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tdsr_bench.errors import DataError
from tdsr_bench.metrics import lpips as ours
from tdsr_bench.user_weights import hub_folder


@pytest.fixture(scope="session")
def trunk(tmp_path_factory) -> Path:
    """AlexNet as torchvision draws it at random, saved as a state dict (without its classifier, which LPIPS drops)."""
    import torchvision

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        weights = torchvision.models.alexnet(weights=None).state_dict()
    path = tmp_path_factory.mktemp("trunk") / "alexnet.pth"
    torch.save({name: value for name, value in weights.items() if name.startswith("features.")}, path)
    return path


@pytest.fixture
def known_trunk(trunk, monkeypatch) -> Path:
    """The same, as the file that is expected."""
    monkeypatch.setattr(ours, "TRUNK_SHA256", hashlib.sha256(trunk.read_bytes()).hexdigest()[:8])
    monkeypatch.setenv(ours.TRUNK_VARIABLE, str(trunk))
    return trunk


@pytest.fixture
def no_trunk(tmp_path, monkeypatch):
    monkeypatch.delenv(ours.TRUNK_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def images(reference, bicubic):
    """Red, green and blue of an image and its reference, -1 to 1."""
    return [ours.network_input(image[[2, 1, 0]], white=0.3) for image in (bicubic, reference)]


def map_of(network, a, b):
    """Of two images ``[3, H, W]`` of -1 to 1."""
    return ours.lpips_map(network, *(ours.features(network, as_batch(image)) for image in (a, b)), a.shape[1:])


def by_torchmetrics(trunk, *, spatial):
    import torchmetrics.functional.image.lpips as theirs

    with torch.random.fork_rng(devices=[]):
        network = theirs._LPIPS(pretrained=True, net="alex", pnet_rand=True, spatial=spatial)
    weights = torch.load(trunk, weights_only=True)
    slices = {name: weights["features." + name.split(".", 1)[1]] for name in network.net.state_dict()}
    network.net.load_state_dict(slices)
    return network


def as_batch(image):
    return torch.from_numpy(image)[None]


def test_the_map_is_that_of_torchmetrics(known_trunk, images):
    expected = by_torchmetrics(known_trunk, spatial=True)(*map(as_batch, images))[0, 0].detach().numpy()
    found = map_of(ours.load_network(known_trunk), *images)
    assert found.shape == (216, 216)
    assert found.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_the_map_is_that_of_the_package_lpips_with_the_trunk_put_in_layer_by_layer(known_trunk):
    import lpips

    network = ours.load_network(known_trunk)
    assert isinstance(network, lpips.LPIPS)
    weights = torch.load(known_trunk, weights_only=True)
    layers = {int(name.split(".")[1]): value for name, value in weights.items() if name.endswith("weight")}
    assert sorted(layers) == [0, 3, 6, 8, 10]
    for convolution, index in zip(
        network.net.parameters(), (0, None, 3, None, 6, None, 8, None, 10, None), strict=True
    ):
        assert index is None or torch.equal(convolution, layers[index])
    heads = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", map_location="cpu", weights_only=True)
    for name, value in heads.items():
        assert torch.equal(network.state_dict()[name], value)


def test_loading_leaves_the_random_numbers_of_others_alone(known_trunk):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    ours.load_network.cache_clear()
    ours.load_network(known_trunk)
    assert torch.rand(1) == expected


def test_the_distance_is_the_mean_of_the_map_over_valid_pixels(known_trunk, images, reference, bicubic):
    network = ours.load_network(known_trunk)
    valid = np.ones((3, 216, 216), dtype=bool)
    a, b = bicubic[[2, 1, 0]], reference[[2, 1, 0]]
    whole = ours.lpips_distance(network, a, b, valid, white=0.3)
    assert whole == pytest.approx(map_of(network, *images).mean(dtype=float), rel=1e-6)
    valid[1, :, :100] = False
    filled = np.where(valid, a, b)
    expected = map_of(network, ours.network_input(filled, white=0.3), images[1])[:, 100:].mean(dtype=float)
    assert ours.lpips_distance(network, a, b, valid, white=0.3) == pytest.approx(expected, rel=1e-6)


def test_the_metric_takes_red_green_and_blue_and_nothing_behind_a_mask(
    known_trunk, make_pair, reference, bicubic, valid, rng, settings
):
    options = settings["lpips"]
    value = ours.METRIC.compute(make_pair(bicubic, valid=valid), options)
    assert value.shape == (1,)
    assert value > 0
    spoilt = np.where(valid, bicubic, rng.uniform(-1, 2, bicubic.shape)).astype(np.float32)
    spoilt[3] = 0  # the near infrared
    np.testing.assert_array_equal(ours.METRIC.compute(make_pair(spoilt, valid=valid), options), value)
    assert ours.METRIC.compute(make_pair(reference), options) == 0
    assert ours.METRIC.unavailable() is None
    bands = [2, 1, 0]
    network = ours.load_network(known_trunk)
    expected = ours.lpips_distance(network, bicubic[bands], reference[bands], valid[bands], white=options["white"])
    assert value == expected


def test_the_references_features_are_made_once_a_reference(known_trunk, make_pair, reference, bicubic, settings):
    network, seen = ours.load_network(known_trunk), []
    hook = network.net.register_forward_hook(lambda *_: seen.append(1))
    pair = make_pair(bicubic)
    first, second = (float(ours.METRIC.compute(each, settings["lpips"])[0]) for each in (pair, replace(pair)))
    assert (first, len(seen)) == (second, 3), "two images and one reference"
    other = replace(pair, reference=np.ascontiguousarray(reference[:, ::-1]))
    assert ours.METRIC.compute(other, settings["lpips"]) > first
    assert len(seen) == 5
    hook.remove()


@pytest.mark.usefixtures("known_trunk")
def test_a_blend_is_better_the_more_it_holds_of_the_reference(make_pair, reference, bicubic, settings):
    blends = [np.float32(a) * reference + np.float32(1 - a) * bicubic for a in (0, 0.5, 1)]
    values = [float(ours.METRIC.compute(make_pair(blend), settings["lpips"])[0]) for blend in blends]
    assert values[0] > values[1] > values[2] == 0


def test_an_image_without_a_valid_pixel_or_too_small_has_no_value(known_trunk, reference):
    network = ours.load_network(known_trunk)
    image = reference[:3]
    assert np.isnan(ours.lpips_distance(network, image, image, np.zeros(image.shape, dtype=bool), white=0.3))
    for side, there in ((ours.LEAST_SIDE, True), (ours.LEAST_SIDE - 1, False)):
        small = image[:, :side, :side]
        value = ours.lpips_distance(network, small, small, np.ones(small.shape, dtype=bool), white=0.3)
        assert np.isfinite(value) == there


def test_the_distance_of_grey_images_is_that_of_torchmetrics(known_trunk, rng):
    a, b = rng.integers(0, 256, (2, 70, 64), dtype=np.uint8)
    grey = [torch.from_numpy(image / 127.5 - 1).float().expand(1, 3, -1, -1) for image in (a, b)]
    expected = float(by_torchmetrics(known_trunk, spatial=False)(*grey))
    distance = ours.official_lpips()
    assert distance is not None
    assert distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(expected, rel=1e-4), "what it remembers of the last reference is its own"
    with pytest.raises(ValueError, match=r"\(70, 64\).*\(70, 63\)"):
        distance(a, b[:, 1:])


def test_reflectance_becomes_minus_one_to_one():
    rho = np.array([-0.1, 0.0, 0.15, 0.3, 0.9], np.float32)
    np.testing.assert_allclose(ours.network_input(rho, white=0.3), [-1, -1, 0, 1, 1], atol=1e-6)


def test_other_weights_are_refused(trunk, monkeypatch, make_pair, bicubic, settings):
    monkeypatch.setenv(ours.TRUNK_VARIABLE, str(trunk))
    ours.load_network.cache_clear()
    with pytest.raises(DataError, match="SHA-256 that begins with 7be5be79"):
        ours.METRIC.compute(make_pair(bicubic), settings["lpips"])
    with pytest.raises(DataError, match="fetch it again"):
        ours.unavailable()
    with pytest.raises(DataError, match=trunk.name):
        ours.official_lpips()


def test_a_file_that_changes_is_looked_at_again(known_trunk, tmp_path):
    copy = tmp_path / "alexnet.pth"
    copy.write_bytes(known_trunk.read_bytes())
    ours.verify_trunk(copy)
    copy.write_bytes(copy.read_bytes()[:-1])
    with pytest.raises(DataError):
        ours.verify_trunk(copy)


@pytest.mark.usefixtures("no_trunk")
def test_without_weights_there_is_a_reason_and_no_value(make_pair, bicubic, settings):
    assert ours.trunk_file() is None
    assert "weights='IMAGENET1K_V1'" in ours.unavailable()
    assert np.isnan(ours.METRIC.compute(make_pair(bicubic), settings["lpips"])).tolist() == [True]
    assert ours.official_lpips() is None


@pytest.mark.usefixtures("no_trunk")
def test_weights_are_found_in_the_cache_of_torch_hub():
    cached = Path(torch.hub.get_dir()) / "checkpoints" / ours.TRUNK_NAME
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    assert ours.trunk_file() == cached


@pytest.mark.parametrize("variables", [{}, {"XDG_CACHE_HOME": "~/elsewhere"}, {"TORCH_HOME": "~/torch"}])
def test_the_cache_is_where_torch_hub_says(variables, monkeypatch):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub_folder() == Path(torch.hub.get_dir())


def test_a_named_file_that_is_not_there_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(ours.TRUNK_VARIABLE, str(tmp_path / "absent.pth"))
    with pytest.raises(DataError, match=r"absent\.pth"):
        ours.unavailable()


def test_the_command_that_fetches_the_weights_names_what_torchvision_has():
    from torchvision.models import AlexNet_Weights

    weights = AlexNet_Weights.IMAGENET1K_V1
    assert weights.name in ours.TRUNK_COMMAND
    assert weights.url.endswith("/" + ours.TRUNK_NAME)
