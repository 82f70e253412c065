"""The compensated losses against plain loops over shifts, and what they forgive."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tdsr_baselines.losses.compensated import CompensatedL1, CompensatedL2, compensated
from tdsr_baselines.losses.windows import best_window, inner

POWERS = {"l1": 1, "l2": 2}


def by_loops(sr, reference, valid, reach, power):
    """One crop: the published definition, word by word."""
    height, width = (size - 2 * reach for size in sr.shape[1:])
    centre = sr[:, reach : reach + height, reach : reach + width]
    costs = []
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            window = np.s_[row : row + height, column : column + width]
            clear = valid[window]
            if not clear.any():
                continue
            bands = []
            for band in range(len(sr)):
                difference = (reference[band][window] - centre[band])[clear]
                bands.append(np.mean(np.abs(difference - difference.mean()) ** power))
            costs.append(np.mean(bands))
    return min(costs)


@pytest.fixture
def images(rng):
    """Three crops whose best shifts differ, with holes: image, reference, validity."""
    reference = rng.random((3, 4, 17, 15))
    shifts = [(0, 0), (2, -1), (-1, 3)]
    sr = np.stack([np.roll(crop, shift, (1, 2)) for crop, shift in zip(reference, shifts, strict=True)])
    sr += 0.3 * rng.random(sr.shape) + np.array([0.5, -0.1, 0, 2.0])[:, None, None]
    return sr, reference, rng.random((3, 17, 15)) > 0.3


def as_tensors(sr, reference, valid):
    valid = torch.from_numpy(valid)[:, None]
    return torch.from_numpy(sr), torch.where(valid, torch.from_numpy(reference), 0.0), valid


@pytest.mark.parametrize("norm", POWERS)
@pytest.mark.parametrize("reach", [0, 1, 3])
def test_it_is_what_plain_loops_give(images, norm, reach):
    expected = np.mean([by_loops(*crop, reach, POWERS[norm]) for crop in zip(*images, strict=True)])
    found = compensated(*as_tensors(*images), reach=reach, norm=norm)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_the_gradient_is_that_of_the_least(images):
    sr, reference, valid = (image[..., :7, :6] for image in as_tensors(*images))
    sr = sr.contiguous().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: compensated(x, reference, valid, reach=1, norm="l2"), sr)


def test_crops_and_windows_without_a_valid_pixel_do_not_count(images):
    sr, reference, valid = images
    valid[2] = False
    valid[1, :, :-1] = False  # seen by some windows alone
    expected = np.mean([by_loops(*crop, 3, 1) for crop in zip(sr[:2], reference[:2], valid[:2], strict=True)])
    assert compensated(*as_tensors(sr, reference, valid), reach=3, norm="l1").item() == pytest.approx(expected)


@pytest.mark.parametrize("settings", [CompensatedL1(), CompensatedL2()])
def test_offsets_and_whole_shifts_are_forgiven(settings, batch, reference, shipped):
    loss = settings.build(shipped)
    moved = torch.roll(reference, (3, -2), dims=(2, 3)) + torch.tensor([0.1, -0.2, 0.3, 0.0])[:, None, None]
    everywhere = replace(batch, reference_valid=torch.ones_like(batch.reference_valid))
    assert loss(moved, everywhere).item() < 1e-7
    assert loss(torch.roll(moved, 1, dims=2), everywhere).item() > 1e-4


def test_further_reach_costs_no_more_inside_the_same_border(images):
    sr, reference, valid = as_tensors(*images)
    trimmed = [image[..., 2:-2, 2:-2] for image in (sr, reference, valid)]
    near, far = (
        compensated(*group, reach=reach, norm="l1") for group, reach in ((trimmed, 1), ((sr, reference, valid), 3))
    )
    assert far <= near


def test_a_crop_that_is_all_border(batch, reference, shipped):
    with pytest.raises(ValueError, match="48 x 48 pixels has no window left when it is moved by 24"):
        CompensatedL1(reach=24).build(shipped)(reference, batch)


def test_each_crop_takes_its_own_window(rng):
    known = torch.from_numpy(rng.random((2, 3, 9, 8)))
    known[:, -1] = 1
    wanted = torch.stack([known[0, :, 0:5, 3:7], known[1, :, 2:7, 1:5]])
    assert torch.equal(best_window(known, 2, lambda view: (view - wanted).abs().amax((1, 2, 3))), wanted)
    assert inner(known, 2).shape == wanted.shape
