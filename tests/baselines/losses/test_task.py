"""Losses through task networks: networks whose answer is known, and those that come with `mini`."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import pixel_network
from torch import nn

from tdsr_baselines.losses.task import LAYERS, TaskFeature, TaskMask, TaskSegmentation, mask_loss
from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.training.losses import cross_entropy, dice_loss

BRIGHT, STEEPNESS = 0.08, 200.0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def noisy(reference):
    return reference + 0.01 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(4))


@pytest.fixture
def numbers(noisy, reference, batch, valid):
    """What the pixel network makes of valid pixels: logits of the image and of the reference, and the mask."""
    clear = valid.numpy()
    logits = [STEEPNESS * (image.double().numpy()[:, :1] - BRIGHT)[clear] for image in (noisy, reference)]
    return *logits, batch.truth["roads"].numpy()[clear]


# The mask.


def test_the_mask_loss_is_cross_entropy_plus_dice(numbers, noisy, batch, pixels):
    z, _, truth = numbers
    p = sigmoid(z)
    cross = -np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    assert TaskMask(task="roads").build(pixels)(noisy, batch).item() == pytest.approx(cross + dice, rel=1e-4)


def test_the_mask_loss_falls_as_the_image_comes_closer_to_the_mask(batch, reference, pixels):
    loss = TaskMask(task="buildings").build(pixels)
    wanted = BRIGHT + 0.04 * (2 * batch.truth["buildings"] - 1)
    images = [reference + share * (wanted - reference) for share in (0, 0.4, 0.8, 1.0)]
    found = [loss(image, batch).item() for image in images]
    assert all(np.diff(found) < 0)
    assert found[-1] < 0.01


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (-2, 2)])
def test_a_mask_that_is_not_registered_is_moved(shift, batch, reference, pixels):
    """By the best shift of each crop, which plain loops find too."""
    truth, weight = (torch.roll(image, shift, dims=(2, 3)) for image in (batch.truth["roads"], batch.truth_valid))
    moved = replace(batch, truth={"roads": truth}, truth_valid=weight)
    logits = pixels.network("roads").logits(reference)[..., 2:-2, 2:-2]
    best = []
    for crop in range(2):
        windows = [
            [image[crop : crop + 1, :, row : row + 44, column : column + 44] for image in (truth, weight)]
            for row in range(5)
            for column in range(5)
        ]
        costs = [cross_entropy(logits[[crop]], *both) + dice_loss(logits[[crop]], *both) for both in windows]
        best.append(windows[int(torch.stack(costs).argmin())])
    known = [torch.cat(images) for images in zip(*best, strict=True)]
    expected = cross_entropy(logits, *known) + dice_loss(logits, *known)
    free, fixed = (TaskMask(task="roads", reach=reach).build(pixels)(reference, moved).item() for reach in (2, 0))
    assert free == pytest.approx(expected.item(), rel=1e-5)
    assert fixed > 1.5 * free or shift == (0, 0)


def test_pixels_around_those_that_count_are_context(batch, reference, shipped):
    """Where the truth is not known the image is real all the same: its gradient comes from its neighbours."""
    corner = torch.zeros_like(batch.truth_valid)
    corner[..., :24, :24] = 1
    sr = reference.clone().requires_grad_()
    TaskMask(task="roads").build(shipped)(sr, replace(batch, truth_valid=corner)).backward()
    slope = sr.grad.abs().amax(dim=(0, 1))
    assert slope[:24, 24:28].max() > 0.01 * slope[:24, :24].max()


def test_truth_of_another_task_does_not_do(batch, reference, pixels):
    other = replace(batch, truth={"buildings": batch.truth["buildings"]})
    with pytest.raises(ProtocolError, match="needs masks of roads, and this batch has buildings; train on data"):
        TaskMask(task="roads").build(pixels)(reference, other)


# The segmentation of the reference.


def test_the_segmentation_loss_is_a_divergence_plus_dice(numbers, noisy, batch, pixels):
    z, wanted, _ = numbers
    q, p = sigmoid(z), sigmoid(wanted)
    divergence = np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    dice = ((p - q) ** 2).sum() / ((p**2).sum() + (q**2).sum() + 1)
    found = TaskSegmentation(task="roads").build(pixels)(noisy, batch).item()
    assert found == pytest.approx(divergence + dice, rel=1e-3)


def test_what_a_network_does_not_see_costs_nothing(batch, reference, pixels):
    """The pixel networks see blue alone: a loss of a task does not make an image."""
    changed = reference.clone()
    changed[:, 1:] = torch.rand(changed[:, 1:].shape, generator=torch.Generator().manual_seed(0))
    assert TaskSegmentation(task="roads").build(pixels)(changed, batch).item() == pytest.approx(0, abs=1e-7)


# Features.


def test_features_are_compared_layer_by_layer(noisy, reference, batch, shipped):
    """Against the stages called one after the other, without hooks."""
    everywhere = replace(batch, reference_valid=torch.ones_like(batch.reference_valid))
    network = shipped.network("roads")
    stages = network.module.encoder.model
    padding = (0, 16, 0, 16)
    shares = []
    with torch.no_grad():
        a, b = (
            stages.s1(stages.stem(nn.functional.pad(network.normalised(image), padding, mode="reflect")))
            for image in (noisy, reference)
        )
        shares.append(((a - b).abs().mean() / b.abs().mean()).item())
        a, b = stages.s2(a), stages.s2(b)
        shares.append(((a - b).abs().mean() / b.abs().mean()).item())
    layers = ("encoder.model.s1", "encoder.model.s2")
    found = TaskFeature(task="roads", layers=layers).build(shipped)(noisy, everywhere).item()
    assert found == pytest.approx(np.mean(shares), rel=1e-5)


@pytest.mark.parametrize("task", ["roads", "buildings"])
def test_the_usual_layers_are_in_both_networks_that_come_with_mini(task, noisy, batch, shipped):
    found = [TaskFeature(task=task, layers=(layer,)).build(shipped)(noisy, batch).item() for layer in LAYERS]
    assert all(value > 0.01 for value in found)
    assert TaskFeature(task=task).build(shipped)(noisy, batch).item() == pytest.approx(np.mean(found), rel=1e-5)


def test_an_unknown_layer_names_the_nearest(shipped, pixels):
    with pytest.raises(ProtocolError, match=r"no layer 'encoder\.stage1'; the nearest: .*encoder"):
        TaskFeature(task="roads", layers=("encoder.stage1",)).build(shipped)
    with pytest.raises(ProtocolError, match=r"no layer 'encoder\.model\.s1'; the nearest: none"):
        TaskFeature(task="roads").build(pixels)


def test_a_layer_that_gives_no_tensor(noisy, batch, shipped):
    with pytest.raises(ProtocolError, match=r"'encoder' of roads-loss-linknet-hr\.safetensors gives no tensor"):
        TaskFeature(task="roads", layers=("encoder",)).build(shipped)(noisy, batch)


def test_no_hook_is_left_behind(noisy, batch, shipped):
    module = shipped.network("roads").module
    for layers in (LAYERS, ("encoder",)):
        loss = TaskFeature(task="roads", layers=layers).build(shipped)
        for image in (noisy, noisy[..., :-3]):
            try:
                loss(image, batch)
            except (ProtocolError, ValueError):
                continue
    assert not any(part._forward_hooks for part in module.modules())


# The network stays as it is.


@pytest.mark.parametrize("kind", [TaskMask, TaskSegmentation, TaskFeature])
def test_the_network_is_frozen(kind, noisy, batch, shipped):
    module = shipped.network("roads").module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    loss = kind(task="roads").build(shipped)
    sr = noisy.clone().requires_grad_()
    loss(sr, batch).backward()
    assert sr.grad.abs().max() > 0
    assert not module.training
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_network_that_could_learn_is_frozen_too(monkeypatch, pixels):
    trainable = pixel_network("roads", bright=BRIGHT, role="loss")
    trainable.module.train().requires_grad_(True)
    monkeypatch.setattr(type(pixels), "network", lambda _self, _task: trainable)
    TaskMask(task="roads").build(pixels)
    assert not trainable.module.training
    assert not any(parameter.requires_grad for parameter in trainable.module.parameters())


def test_connections_have_their_say(batch, reference):
    """CoANet gives nine channels; the loss looks at what it says after all."""
    whole = pixel_network("roads", bright=BRIGHT)
    several = nn.Conv2d(4, 9, 1)
    with torch.no_grad():
        several.weight.copy_(whole.module.weight.expand(9, -1, -1, -1))
        several.bias.copy_(whole.module.bias - torch.arange(9.0))
    truth, weight = batch.truth["roads"], batch.truth_valid
    found = mask_loss(TaskNetwork(several, whole.record), reference, truth, weight, reach=0)
    assert found.item() == pytest.approx(mask_loss(whole, reference, truth, weight, reach=0).item(), rel=1e-5)
