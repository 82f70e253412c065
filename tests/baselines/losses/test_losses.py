"""What every loss has to do, whatever it measures."""

import typing
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage

from tdsr_baselines.losses import LOSSES, LossConfig
from tdsr_baselines.losses.base import Surroundings
from tdsr_bench.errors import ProtocolError

TASKS = ("roads", "buildings")
SEE_AROUND = ("roads mask", "roads mask, moved")
"""Losses that look at the whole super-resolved image, for the mask is one of the truth alone."""

SEE_MOVED = ("cl1", "cmse")
"""What is masked in the reference lies under other pixels when it is moved."""


def every_setting():
    for kind in LOSSES:
        yield from (kind(task=task) for task in TASKS) if "task" in kind.model_fields else (kind(),)


def blurred(images, sigma):
    return torch.from_numpy(ndimage.gaussian_filter(images.numpy(), (0, 0, sigma, sigma)))


def gradient(loss, sr, batch):
    sr = sr.clone().requires_grad_()
    found = loss(sr, batch)
    found.backward()
    return found.item(), sr.grad


# The list.


def test_every_loss_is_found_by_its_kind():
    configuration = TypeAdapter(LossConfig)
    for settings in every_setting():
        assert configuration.validate_python(settings.model_dump()) == settings
    with pytest.raises(ValidationError, match="task-mask"):
        configuration.validate_python({"kind": "task-musk", "task": "roads"})


def test_names_are_unique():
    names = [settings.name for settings in every_setting()]
    assert len(set(names)) == len(names) == 15


def test_every_kind_is_tested(cases):
    assert {type(settings) for settings in cases.values()} == set(LOSSES)


def test_what_a_loss_needs_is_declared():
    needs = {settings.name: (settings.needs_reference, settings.needs_task) for settings in every_setting()}
    assert needs["consistency"] == (False, None)
    assert needs["buildings mask"] == (False, "buildings")
    assert needs["grid"] == (False, None)
    of_the_reference = {name for name in needs if not name.endswith(("mask", "consistency", "grid"))}
    assert all(needs[name] == (True, None) for name in of_the_reference)


# Values.


@pytest.mark.parametrize("degraded", ["blur", "noise"])
def test_from_zero_it_grows_with_what_is_done_to_the_reference(case, batch, reference, degraded):
    if case.settings.needs_task:
        pytest.skip("what the network finds in the reference is not the truth; see test_task")
    if case.settings.family == "prior":
        pytest.skip("neither blur nor noise draws a grid; see test_grid")
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(1))
    ladder = {
        "blur": [blurred(reference, sigma) for sigma in (0.7, 1.4, 2.8)],
        "noise": [reference + sd * noise for sd in (0.002, 0.005, 0.015)],
    }
    found = [case.loss(sr, batch).item() for sr in (reference, *ladder[degraded])]
    assert found[0] == pytest.approx(0, abs=1e-7)
    assert all(np.diff(found) > 0)


def test_masked_pixels_of_what_is_known_have_no_say(case, batch, reference, valid):
    """Neither a wild value there nor NaN changes value or gradient."""
    sr = blurred(reference, 1.0)
    expected, slope = gradient(case.loss, sr, batch)
    for poison in (1e6, float("nan")):
        spoilt = replace(
            batch,
            reference=torch.where(valid, reference, poison),
            truth={task: torch.where(valid, mask, poison) for task, mask in batch.truth.items()},
            observed=torch.where(batch.observed_valid[:, :, None] > 0, batch.observed, poison),
        )
        found, spoilt_slope = gradient(case.loss, sr, spoilt)
        assert found == expected
        assert torch.equal(spoilt_slope, slope)


def test_masked_pixels_of_the_image_have_no_say(case, batch, reference, valid):
    if case.name in (*SEE_AROUND, *SEE_MOVED) or not case.settings.needs_reference:
        pytest.skip("looks around or behind masks on purpose")
    sr = blurred(reference, 1.0)
    expected, _ = gradient(case.loss, sr, batch)
    found, slope = gradient(case.loss, torch.where(valid, sr, 1e6), batch)
    assert found == pytest.approx(expected, rel=1e-6)
    assert not slope[~valid.expand_as(slope)].any()


def test_with_everything_masked_there_is_nothing_to_learn(case, batch, reference):
    nothing = {
        name: torch.zeros_like(getattr(batch, name)) for name in ("reference_valid", "truth_valid", "observed_valid")
    }
    found, slope = gradient(case.loss, blurred(reference, 1.0), replace(batch, **nothing))
    assert found == pytest.approx(0, abs=1e-7)
    assert not slope.any()


# Gradients.


@pytest.mark.parametrize("level", [0.0, 0.12])
def test_constant_images_have_finite_gradients(case, batch, reference, level):
    flat = torch.full_like(reference, level)
    known = replace(batch, reference=flat, observed=torch.full_like(batch.observed, level))
    for target in (batch, known):
        found, slope = gradient(case.loss, flat, target)
        assert np.isfinite(found)
        assert torch.isfinite(slope).all()


def test_a_few_steps_on_the_pixels_make_it_less(case, batch, reference):
    if case.settings.family == "prior":
        pytest.skip("its steps are of another size; see test_grid")
    grey = reference.mean(dim=(-2, -1), keepdim=True)
    noise = torch.rand(reference.shape, generator=torch.Generator().manual_seed(2))
    sr = (grey + 0.01 * (noise - 0.5)).requires_grad_()
    steps = torch.optim.Adam([sr], lr=3e-3)
    found = []
    for _ in range(12):
        steps.zero_grad()
        loss = case.loss(sr, batch)
        loss.backward()
        steps.step()
        found.append(loss.item())
    assert found[-1] < 0.9 * found[0]


def test_it_computes_in_single_precision_whatever_is_around_it(case, batch, reference):
    sr = blurred(reference, 1.0)
    expected, _ = gradient(case.loss, sr, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, slope = gradient(case.loss, sr, batch)
        rough = case.loss(sr.bfloat16(), batch)
    assert found == expected
    assert slope.dtype == rough.dtype == torch.float32


# Batches that lack something.


def test_a_batch_that_lacks_what_it_needs(case, batch, reference):
    bare = replace(batch, reference=None, reference_valid=None, truth={}, truth_valid=None)
    if case.settings.needs_reference or case.settings.needs_task:
        with pytest.raises(ProtocolError, match=rf"^The loss {case.settings.name} .*configuration"):
            case.loss(reference, bare)
    else:
        case.loss(reference, bare)


def test_a_batch_whose_shapes_do_not_fit(case, batch, reference):
    with pytest.raises(ValueError, match="the shape"):
        case.loss(reference[..., :-3], batch)


@pytest.mark.parametrize("settings", [s for s in every_setting() if "task" in type(s).model_fields])
def test_a_loss_of_a_task_needs_its_network(settings):
    build: Callable[[Surroundings], object] = settings.build
    with pytest.raises(ProtocolError, match=rf"^A loss of {settings.task} needs a network"):
        build(Surroundings())


def test_the_settings_are_checked():
    kinds = {typing.get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in LOSSES}
    wrong = {"cl1": {"reach": -1}, "charbonnier": {"eps": 0}, "ssim": {"data_range": (1, 1, 1, 0)}, "l1": {"reach": 1}}
    for kind, settings in wrong.items():
        with pytest.raises(ValidationError):
            kinds[kind](**settings)
