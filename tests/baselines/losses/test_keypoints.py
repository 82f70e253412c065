"""The loss of key points: Key.Net's own response, and a stand-in where its weights are not there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from tdsr_baselines.losses.base import Surroundings
from tdsr_baselines.losses.keypoints import KeyPoints, grey, response_distance
from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks import keynet
from tdsr_bench.tasks.keypoints import grey_image

WHITE, MARGIN = 0.3, 6


class Square(torch.nn.Module):
    """A response of each pixel alone."""

    def forward(self, image):
        return 1e3 * image.square()


@pytest.fixture(scope="module")
def weights(shared) -> Path:
    return shared / "data" / "keynet" / "keynet_pytorch.pth"


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.delenv(keynet.WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.fixture
def noisy(reference):
    return reference + 0.01 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(4))


def test_the_grey_image_is_the_tasks(noisy):
    found = grey(noisy + 0.1, white=0.2)
    for crop in range(2):
        expected = grey_image((noisy + 0.1)[crop, [2, 1, 0]].numpy(), white=0.2)
        assert found[crop, 0].numpy() == pytest.approx(expected, abs=1e-6)


def test_it_is_its_formula(noisy, reference, valid):
    away = np.stack([ndimage.binary_erosion(mask, np.ones((13, 13))) for mask in valid[:, 0].numpy()])
    ours, theirs = (1e3 * grey(image, white=WHITE)[:, 0].double().numpy()[away] ** 2 for image in (noisy, reference))
    expected = np.mean((ours - theirs) ** 2) / theirs.var()
    found = response_distance(Square(), noisy, reference, valid, white=WHITE, margin=MARGIN)
    assert theirs.var() > 100
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_edges_do_not_count(noisy, reference, valid):
    changed = noisy.clone()
    changed[..., :MARGIN, :] = changed[..., -MARGIN:] = 0
    images = (noisy, changed)
    first, second = (response_distance(Square(), sr, reference, valid, white=WHITE, margin=MARGIN) for sr in images)
    assert first == second


def test_crops_without_an_inside(batch, reference, monkeypatch):
    monkeypatch.setattr(keynet, "load_network", lambda _path: Square())
    with pytest.raises(ProtocolError, match="leaves out 24 pixels on each side of crops of 48 x 48 and has none left"):
        KeyPoints(margin=24).build(Surroundings(keynet=Path("square")))(reference, batch)


@pytest.mark.usefixtures("no_weights")
def test_without_weights_it_says_how_to_get_them():
    with pytest.raises(
        ProtocolError, match=r"^The loss keypoints looks .*KeyNet\(pretrained=True\).*TDSR_BENCH_KEYNET"
    ):
        KeyPoints().build(Surroundings())


@pytest.mark.usefixtures("no_weights")
def test_weights_that_a_variable_names(weights, monkeypatch, batch, reference):
    monkeypatch.setenv(keynet.WEIGHTS_VARIABLE, str(weights))
    named, given = (KeyPoints().build(Surroundings(keynet=path)) for path in (None, weights))
    assert named(reference + 0.1 * reference**2, batch) == given(reference + 0.1 * reference**2, batch)


def test_key_net_sees_what_blur_and_shifts_do(weights, batch, reference):
    loss = KeyPoints().build(Surroundings(keynet=weights))
    blurred = [torch.from_numpy(ndimage.gaussian_filter(reference.numpy(), (0, 0, s, s))) for s in (0.5, 1, 2)]
    moved = [torch.roll(reference, pixels, dims=3) for pixels in (1, 2, 3)]
    for images in (blurred, moved):
        found = [loss(image, batch).item() for image in (reference, *images)]
        assert found[0] == pytest.approx(0, abs=1e-6)
        assert all(np.diff(found) > 0)


def test_the_network_that_scores_is_left_alone(weights, batch, reference):
    scoring = keynet.load_network(weights)
    loss = KeyPoints().build(Surroundings(keynet=weights))
    sr = (0.9 * reference).requires_grad_()
    loss(sr, batch).backward()
    assert sr.grad.abs().max() > 0
    assert keynet.load_network(weights) is scoring
    assert all(parameter.grad is None for parameter in scoring.parameters())


def test_noise_on_a_flat_reference_is_not_divided_by_nothing(weights, batch, reference):
    flat = replace(batch, reference=torch.full_like(reference, 0.1))
    sr = (0.1 + 1e-4 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    found = KeyPoints().build(Surroundings(keynet=weights))(sr, flat)
    found.backward()
    assert found.item() < 1
    assert sr.grad.abs().max() < 10
