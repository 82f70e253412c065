"""Key.Net as kornia has it, its points, and how they repeat under degradations of known strength."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from makers import landscape
from pairs import pair_of
from scipy import ndimage
from scipy.spatial import KDTree

from tdsr_bench.errors import DataError
from tdsr_bench.sensor import blur, fourier_shift
from tdsr_bench.tasks import keynet, keypoints

SETTINGS = {"tolerance": 5.0, "per_megapixel": 2000, "window": 9, "margin": 15, "patch": 16, "white": 0.3}
METRES = 10 / 3


class Blobs(torch.nn.Module):
    """A response that needs no weights: the square of what sticks out of its surroundings."""

    def forward(self, image):
        return (F.avg_pool2d(image, 3, 1, 1) - F.avg_pool2d(image, 9, 1, 4)) ** 2


@pytest.fixture(scope="module")
def weights(shared) -> Path:
    return shared / "data" / "keynet" / "keynet_pytorch.pth"


@pytest.fixture(scope="module")
def network(weights):
    return keynet.load_network(weights)


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.delenv(keynet.WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def reference():
    """``[4, 240, 240]`` in reflectance."""
    return landscape(np.random.default_rng(1), 240)


def scores(network, sr, reference, valid=None, **changes):
    valid = np.ones(reference.shape, dtype=bool) if valid is None else valid
    images = [np.asarray(image[[2, 1, 0]]) for image in (sr, reference, valid)]
    return keypoints.keypoint_scores(network, *images, metres_per_pixel=METRES, **(SETTINGS | changes))


# What the network is.


def keynet_by_formula(weights, image):
    """Key.Net's response, by numpy and scipy alone; Barroso-Laguna et al. (2019), section 3."""

    def feature_maps(level):
        sobel = [ndimage.sobel(level, axis, mode="nearest") / 8 for axis in (1, 0)]
        dx, dy = sobel
        dxx, dxy = (ndimage.sobel(dx, axis, mode="nearest") / 8 for axis in (1, 0))
        dyy = ndimage.sobel(dy, 0, mode="nearest") / 8
        maps = np.stack([dx, dy, dx**2, dy**2, dx * dy, dxy, dxy**2, dxx, dyy, dxx * dyy])
        for block in range(3):
            layer = f"feature_extractor.lb_block.conv{block}"
            maps = convolved(maps, weights[f"{layer}.0.weight"], weights[f"{layer}.0.bias"])
            mean, var, gain, offset = (
                weights[f"{layer}.1.{name}"][:, None, None]
                for name in ("running_mean", "running_var", "weight", "bias")
            )
            maps = np.maximum((maps - mean) / np.sqrt(var + 1e-5) * gain + offset, 0)
        return maps

    levels, level = [feature_maps(image)], image
    for _ in range(2):
        row = np.array([1, 4, 6, 4, 1]) / 16
        level = ndimage.correlate(level, np.outer(row, row), mode="mirror")
        level = bilinear(level[None], [int(size // 1.2) for size in level.shape])[0]
        levels.append(bilinear(feature_maps(level), image.shape))
    last = convolved(np.concatenate(levels), weights["last_conv.0.weight"], weights["last_conv.0.bias"])
    return np.maximum(last[0], 0)


def convolved(maps, kernels, bias):
    padded = np.pad(maps, ((0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
    return np.tensordot(kernels, windows, axes=((1, 2, 3), (0, 3, 4))) + bias[:, None, None]


def bilinear(maps, size):
    """Each pixel's centre is where it is on the ground; beyond the outermost centres the edge goes on."""
    at = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip(size, maps.shape[1:], strict=True)]
    grid = np.meshgrid(*(np.clip(a, 0, old - 1) for a, old in zip(at, maps.shape[1:], strict=True)), indexing="ij")
    return np.stack([ndimage.map_coordinates(one, grid, order=1) for one in maps])


def random_network():
    import kornia

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = kornia.feature.KeyNet(pretrained=False).eval()
        for name, value in network.state_dict().items():
            if "running_var" in name or name.endswith((".1.weight", ".1.bias")):
                value.uniform_(0.05, 1)
        network.last_conv[0].bias.data.fill_(2)
    return network


def test_the_network_is_the_one_of_the_paper(reference):
    network = random_network()
    grey = keypoints.grey_image(reference[[2, 1, 0], :60, :50], white=0.3)
    with torch.inference_mode():
        found = network(torch.from_numpy(grey)[None, None])[0, 0].numpy()
    weights = {name: value.numpy().astype(float) for name, value in network.state_dict().items()}
    expected = keynet_by_formula(weights, grey.astype(float))
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


# Its points.


def spots(*places, size=100):
    """A grey image with a spot at each (column, row, brightness)."""
    image = np.zeros((size, size), np.float32)
    for column, row, brightness in places:
        image[row, column] = brightness
    return 0.2 + blur(image, 1.0)


def test_points_are_where_the_response_is_the_greatest_the_strongest_first():
    image = spots((30, 40, 1.0), (70, 20, 2.0), (74, 20, 1.5), (50, 70, 0.5))
    everywhere = np.ones(image.shape, dtype=bool)
    find = keynet.find_points
    assert find(Blobs(), image, everywhere, most=3, window=15).tolist() == [[70, 20], [30, 40], [50, 70]]
    assert find(Blobs(), image, everywhere, most=2, window=15).tolist() == [[70, 20], [30, 40]]
    assert [74, 20] in find(Blobs(), image, everywhere, most=4, window=5).tolist()
    assert find(Blobs(), image, everywhere, most=0, window=15).shape == (0, 2)


def test_points_are_those_of_a_maximum_filter(reference):
    grey = keypoints.grey_image(reference[[2, 1, 0], :120, :150], white=0.3)
    allowed = np.ones(grey.shape, dtype=bool)
    allowed[40:60, 40:90] = False
    found = keynet.find_points(Blobs(), grey, allowed, most=10_000, window=7)
    response = Blobs()(torch.from_numpy(grey)[None, None])[0, 0].numpy()
    kept = (response == ndimage.maximum_filter(response, 7, mode="constant")) & (response > 0)
    kept[:15] = kept[-15:] = kept[:, :15] = kept[:, -15:] = False
    kept &= allowed
    assert 20 < kept.sum() == len(found)
    assert {tuple(point) for point in found} == {(column, row) for row, column in np.argwhere(kept)}
    strengths = response[found[:, 1].astype(int), found[:, 0].astype(int)]
    assert (np.diff(strengths) <= 0).all()


def test_a_description_is_the_same_for_any_brightness_and_place():
    rng = np.random.default_rng(0)
    image = blur(rng.uniform(0, 1, (90, 90)), 1.5)
    points = np.array([[30.0, 40.0], [50.0, 35.0]])
    looks = keynet.describe(image, points, patch=16)
    assert looks.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(looks, axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(keynet.describe(0.3 * image + 0.1, points, patch=16), looks, atol=2e-3)
    moved = keynet.describe(np.roll(image, (5, -4), (0, 1)), points + np.array([-4, 5]), patch=16)
    np.testing.assert_allclose(moved, looks, atol=1e-5)
    assert looks[0] @ looks[1] < 0.9
    beyond = image.copy()
    beyond[52:, :] = 0  # 12 rows below the first point, of whose patch 8 lie there
    np.testing.assert_allclose(keynet.describe(beyond, points, patch=16)[0], looks[0], atol=1e-5)
    assert np.abs(keynet.describe(beyond, points, patch=32)[0] - looks[0]).max() > 0.01


def test_the_random_numbers_of_others_are_left_alone(reference):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    scores(Blobs(), reference, reference)
    assert torch.rand(1) == expected


# The scores, with a response that needs no weights.


def test_an_image_agrees_with_itself(reference):
    assert scores(Blobs(), reference, reference) == (1, 1)


def test_both_images_are_asked_for_as_many_points_as_the_valid_area_has(reference, monkeypatch):
    asked = []

    def find(network, grey, allowed, *, most, window):
        points = keynet.find_points(network, grey, allowed, most=most, window=window)
        asked.append((most, len(points)))
        return points

    monkeypatch.setattr(keypoints, "find_points", find)
    valid = np.ones(reference.shape, dtype=bool)
    valid[1, :, :100] = False
    scores(Blobs(), blur(reference, 1), reference, valid)
    number = round(2000 * (240 - 30) * (240 - 100 - 30) / 1e6)
    assert asked == [(number, number)] * 2
    few = reference.copy()
    few[:, 60:] = 0.1  # a reference with fewer points than asked for
    scores(Blobs(), reference, few)
    assert asked[3][0] == asked[3][1] == asked[2][1] < asked[2][0]


def test_nothing_behind_a_mask_takes_part(reference, rng):
    valid = np.ones(reference.shape, dtype=bool)
    valid[2, 100:140, 90:200] = False
    sr = blur(reference, 1.2)
    spoilt = np.where(valid, sr, rng.uniform(-1, 2, sr.shape)).astype(np.float32)
    for margin in (15, 1):  # even where the network sees a part of what is masked
        values = [scores(Blobs(), image, reference, valid, margin=margin) for image in (spoilt, sr)]
        assert values[0] == values[1]
    assert scores(Blobs(), sr, reference, valid) != scores(Blobs(), sr, reference)
    near_infrared = sr.copy()
    near_infrared[3] = rng.uniform(0, 1, (240, 240))
    assert scores(Blobs(), near_infrared, reference) == scores(Blobs(), sr, reference)


def test_points_keep_away_from_masks_and_edges(reference, monkeypatch):
    seen = []

    def find(network, grey, allowed, *, most, window):
        seen.append(points := keynet.find_points(network, grey, allowed, most=most, window=window))
        return points

    monkeypatch.setattr(keypoints, "find_points", find)
    valid = np.ones(reference.shape, dtype=bool)
    valid[0, 130, 150] = False
    scores(Blobs(), reference, reference, valid, margin=20, per_megapixel=20_000)
    columns, rows = np.concatenate(seen).T
    assert min(columns.min(), rows.min()) >= 20
    assert max(columns.max(), rows.max()) <= 219
    distance = np.maximum(abs(columns - 150), abs(rows - 130))
    assert 20 < distance.min() < 30


def test_the_reference_alone_decides_whether_there_is_a_value(reference):
    flat = np.full_like(reference, 0.1)
    assert np.isnan(scores(Blobs(), reference, flat)).all()
    assert scores(Blobs(), flat, reference) == (0, 0)
    assert np.isnan(scores(Blobs(), reference, reference, np.zeros(reference.shape, dtype=bool))).all()
    small = reference[:, :30, :30]
    assert np.isnan(scores(Blobs(), small, small)).all()


def test_shapes_that_differ_are_refused(reference):
    with pytest.raises(ValueError, match="sr_rgb has the shape"):
        scores(Blobs(), reference[:, 1:], reference)


def test_reflectance_becomes_nought_to_one_whatever_the_image_holds():
    rgb = np.array([[-0.3, 0.1, 0.2, 0.9], [-0.3, 0.1, 0.3, 0.9], [-0.3, 0.1, 0.4, 0.9]], np.float32)
    np.testing.assert_allclose(keypoints.grey_image(rgb[:, None], white=0.3), [[0, 1 / 3, 1, 1]], rtol=1e-6)


# Where the weights come from.


def test_without_weights_there_is_no_value_but_a_reason(no_weights, reference):
    assert keynet.weights_file() is None
    reason = keypoints.TASK.unavailable()
    assert reason is not None
    assert keynet.WEIGHTS_VARIABLE in reason
    assert keynet.WEIGHTS_COMMAND in reason
    values = keypoints.TASK.compute(pair_of(reference, reference), SETTINGS, None)
    assert set(values) == {measure.key for measure in keypoints.TASK.measures}
    assert np.isnan(list(values.values())).all()
    assert not any(no_weights.iterdir())


def test_a_named_file_has_to_be_there(monkeypatch, tmp_path):
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(tmp_path / "gone.pth"))
    with pytest.raises(DataError, match=r"gone\.pth, which is no file"):
        keypoints.TASK.unavailable()


def test_other_weights_are_refused(no_weights, reference):
    path = no_weights / "hub" / "checkpoints" / keynet.WEIGHTS_NAME
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": random_network().state_dict()}, path)
    assert keynet.weights_file() == path
    for use in (keypoints.TASK.unavailable, lambda: keypoints.TASK.compute(pair_of(reference, reference), {}, None)):
        with pytest.raises(DataError, match="SHA-256 begins with 8cb0be13"):
            use()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut short"])
def test_a_broken_file_is_refused(monkeypatch, tmp_path, content):
    path = tmp_path / "keynet.pth"
    path.write_bytes(content)
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(path))
    with pytest.raises(DataError, match="found something else"):
        keypoints.TASK.unavailable()


def test_a_file_of_something_else_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "keynet.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(path))
    with pytest.raises(DataError, match="found something else"):
        keypoints.TASK.unavailable()


# With the published weights.


def test_the_published_weights_are_known_however_they_are_packed(weights, monkeypatch, tmp_path):
    content = torch.load(weights, map_location="cpu", weights_only=True)
    packed = tmp_path / "again.pth"
    torch.save({"state_dict": content["state_dict"]}, packed)
    assert packed.read_bytes() != weights.read_bytes()
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(packed))
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert keypoints.TASK.unavailable() is None
    assert torch.rand(1) == expected
    assert keypoints.TASK.network() == {"name": keynet.WEIGHTS_NAME, "sha256": keynet.WEIGHTS_SHA256}


def test_agreement_falls_with_blur_with_noise_and_with_a_shift_over_the_tolerance(network, reference, rng):
    assert scores(network, reference, reference) == (1, 1)
    for ladder in (
        [blur(reference, sigma) for sigma in (0.5, 1.0, 1.5, 2.0, 3.0)],
        [reference + rng.normal(0, sd, reference.shape).astype(np.float32) for sd in (0.002, 0.01, 0.02, 0.05)],
    ):
        for values in zip(*(scores(network, image, reference) for image in ladder), strict=True):
            assert list(values) == sorted(values, reverse=True)
            assert values[0] > 0.95
            assert values[-1] < 0.5
    near, far = (scores(network, fourier_shift(reference, (pixels, 0.0)), reference) for pixels in (1.0, 2.0))
    assert min(near) > 0.95
    assert max(far) < 0.05


def test_an_unrelated_image_agrees_hardly_more_than_chance_has_it(network, reference):
    other = landscape(np.random.default_rng(2), 240)
    by_chance = 1 - np.exp(-2000 / 1e6 * np.pi * 1.5**2)
    repeated, matched = scores(network, other, reference)
    assert repeated < 3 * by_chance < 0.05
    assert matched < 0.01


def test_gain_and_offset_matter_little(network, reference):
    assert min(scores(network, 1.2 * reference, reference)) > 0.9
    assert min(scores(network, reference + np.float32(0.02), reference)) > 0.95


def test_the_task_is_what_its_function_gives(weights, monkeypatch, network, reference):
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(weights))
    sr, valid = blur(reference, 1), np.ones(reference.shape, dtype=bool)
    valid[:, :60] = False
    values = keypoints.TASK.compute(pair_of(sr, reference, valid), SETTINGS, None)
    assert tuple(values.values()) == scores(network, sr, reference, valid)


def test_how_far_the_points_are_those_of_the_tensorflow_original(weights, network):
    """Key.Net was published twice, and these are two trainings: only where there is texture do they agree.

    The original subtracts local means and divides by local deviations, and does not restore the statistics of its batch
    normalisation; the PyTorch one, which kornia follows, has no such step and restores them. With the original's own
    weights and extraction all of its 1,496 points come out, so image and file are read rightly; the PyTorch weights
    with the original's extraction agree no better than here. Both mark the same structures, but in different places, so
    that close to a point of one there are fewer of the other than chance would have it.
    """
    from PIL import Image

    original = np.load(weights.parent / "test_im.ppm.kpt.npy")[:, :2]
    with Image.open(weights.parent / "test_im.ppm") as image:
        grey = np.asarray(image.convert("L"), dtype=np.float32) / 255
    points = keynet.find_points(network, grey, np.ones(grey.shape, dtype=bool), most=len(original), window=9)
    assert len(original) == 1496
    near = (KDTree(points).query(original)[0] <= 3).mean()
    by_chance = 1 - np.exp(-len(points) / grey.size * np.pi * 3**2)
    assert near == pytest.approx(0.035, abs=0.02)
    assert near < by_chance
    edges = [np.arange(0, size + 1, 64) for size in grey.shape]
    counts = [np.histogram2d(xy[:, 1], xy[:, 0], bins=edges)[0].ravel() for xy in (original, points)]
    assert np.corrcoef(*counts)[0, 1] > 0.5
