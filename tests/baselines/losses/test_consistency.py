"""The sensor model in torch against the one in numpy, and what holds an image to its frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tdsr_baselines.interpolate import observation
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.observe import covered, observe
from tdsr_bench.metrics.consistency import consistency_error
from tdsr_bench.sensor import SENTINEL2_SIGMAS
from tdsr_bench.sensor import observe as observe_unmoved

NORMS = ("l1", "l2")


def by_frames(sr, shifts):
    """`observation` of each crop, frame and band by itself."""
    height, width = (size // 3 for size in sr.shape[-2:])
    return np.array([
        [
            [
                observation((height, width), tuple(map(float, shift)), sigma=sigma)(band)
                for band, sigma in zip(image, SENTINEL2_SIGMAS, strict=True)
            ]
            for shift in frames
        ]
        for image, frames in zip(sr, shifts, strict=True)
    ])  # fmt: skip


# The sensor model.


def test_it_is_the_model_of_every_frame(rng):
    """Any size, with shifts beyond what registration finds, one of them farther than a tiny crop is wide."""
    sr = rng.random((3, 4, 45, 36), np.float32)
    shifts = rng.uniform(-4, 4, (3, 5, 2)).astype(np.float32)
    shifts[0, 0], shifts[1, 0] = 0, (17, -31)
    found = observe(torch.from_numpy(sr), torch.from_numpy(shifts)).numpy()
    assert found == pytest.approx(by_frames(sr, shifts), abs=1e-6)


def test_it_is_the_protocols_for_an_unmoved_frame(reference):
    found = observe(reference, torch.zeros(2, 1, 2)).numpy()
    for crop in range(2):
        assert found[crop, 0] == pytest.approx(observe_unmoved(reference[crop].numpy()), abs=1e-6)


def test_its_gradient(rng):
    sr = torch.from_numpy(rng.random((1, 4, 9, 12))).requires_grad_()
    shifts = torch.tensor([[[0.2, -0.4], [1.3, 0.0]]])
    assert torch.autograd.gradcheck(lambda image: observe(image, shifts), sr)


def test_bands_may_have_sigmas_whose_kernels_end_elsewhere(rng):
    sr, shift = rng.random((1, 2, 30, 30), np.float32), (0.3, -0.6)
    found = observe(torch.from_numpy(sr), torch.tensor([[shift]]), sigmas=(0.5, 2.4))[0, 0].numpy()
    for band, sigma in enumerate((0.5, 2.4)):
        assert found[band] == pytest.approx(observation((10, 10), shift, sigma=sigma)(sr[0, band]), abs=1e-6)


def test_covered_is_where_nothing_outside_the_crop_is_seen(rng):
    """Two images that agree inside the crop, and nowhere else."""
    shifts = torch.from_numpy(rng.uniform(-2, 2, (1, 6, 2)).astype(np.float32))
    large = torch.from_numpy(rng.random((2, 1, 4, 90, 90), np.float32))
    large[:, ..., 30:60, 30:60] = large[:1, ..., 30:60, 30:60]
    seen = torch.stack([observe(image, shifts)[0, ..., 10:20, 10:20] for image in large])
    same = (seen[0] == seen[1]).all(dim=1)
    assert torch.equal(covered((30, 30), shifts)[0], same)


@pytest.mark.parametrize(
    ("sr", "shifts"), [((1, 4, 10, 9), (1, 2, 2)), ((1, 3, 9, 9), (1, 2, 2)), ((2, 4, 9, 9), (1, 2, 2))]
)
def test_shapes_that_do_not_fit(sr, shifts):
    with pytest.raises(ValueError, match="the shape"):
        observe(torch.zeros(sr), torch.zeros(shifts))


# The loss.


def test_it_is_what_plain_numpy_gives(batch, reference, rng, shipped):
    sr = reference.numpy() + 0.01 * rng.standard_normal(reference.shape).astype(np.float32)
    seen, observed, clear = (
        by_frames(sr, batch.shifts.numpy()),
        batch.observed.numpy(),
        batch.observed_valid.numpy() > 0,
    )
    rests = []
    for crop, frame, band in np.ndindex(2, 3, 4):
        inside = np.zeros((16, 16), dtype=bool)
        for row, column in np.ndindex(16, 16):
            centre = 1 + 3 * (np.array([row, column]) - batch.shifts[crop, frame].numpy())
            inside[row, column] = ((np.round(centre) >= 6) & (np.round(centre) <= 41)).all()
        counts = clear[crop, frame] & inside
        rest = (seen - observed)[crop, frame, band][counts]
        rests.append(rest - rest.mean())
    rests = np.concatenate(rests)
    found = [Consistency(norm=norm).build(shipped)(torch.from_numpy(sr), batch).item() for norm in NORMS]
    assert found == pytest.approx([np.abs(rests).mean(), (rests**2).mean()], rel=1e-3)


def test_of_the_first_frame_it_is_the_metric_inside_the_border(batch, reference, rng, shipped):
    noise = rng.standard_normal(reference.shape).astype(np.float32)
    noise[..., :9, :] = noise[..., -9:, :] = noise[..., :9] = noise[..., -9:] = 0
    sr = reference + torch.from_numpy(0.02 * noise)
    inside = covered((48, 48), batch.shifts)[:, 0].numpy()
    frames = zip(sr.numpy(), batch.observed[:, 0].numpy(), inside, strict=True)
    expected = np.mean([consistency_error(*frame) ** 2 for frame in frames])
    assert Consistency(norm="l2", frames="first").build(shipped)(sr, batch).item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("norm", NORMS)
def test_another_level_in_a_frame_is_forgiven(batch, reference, rng, norm, shipped):
    """A date's haze is no reason to change the image."""
    levels = torch.from_numpy(rng.uniform(-0.1, 0.1, (2, 3, 4, 1, 1)).astype(np.float32))
    hazy = replace(batch, observed=batch.observed + levels)
    assert Consistency(norm=norm).build(shipped)(reference, hazy).item() == pytest.approx(0, abs=1e-7)


def test_moved_frames_tell_what_the_first_cannot(batch, reference, shipped):
    """A wave at half the frames' sampling rate, whose zeros lie where the first frame samples."""
    wave = 0.03 * torch.sin(torch.pi / 3 * (torch.arange(48) - 1))
    first, every = (Consistency(frames=frames).build(shipped) for frames in ("first", "all"))
    assert first(reference + wave, batch).item() == pytest.approx(0, abs=1e-7)
    assert every(reference + wave, batch).item() > 1e-3


def test_wrong_shifts_are_noticed(batch, reference, shipped):
    loss = Consistency().build(shipped)
    found = [loss(reference, replace(batch, shifts=batch.shifts * factor)).item() for factor in (1, 0.8, 0.4, -1)]
    assert all(np.diff(found) > 0)


def test_frames_of_another_size(batch, reference, shipped):
    with pytest.raises(ValueError, match=r"observed_valid \(2, 3, 16, 15\)"):
        Consistency().build(shipped)(reference, replace(batch, observed_valid=batch.observed_valid[..., 1:]))
