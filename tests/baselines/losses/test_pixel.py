"""Losses of pixels against the benchmark's metrics, torchmetrics, and numpy."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchmetrics.functional.image import structural_similarity_index_measure

from tdsr_baselines.losses.pixel import L1, LEAST_RANGE, Charbonnier, Detail, Ssim, highpass, ssim_map
from tdsr_bench import filters
from tdsr_bench.metrics import cssim
from tdsr_bench.metrics.detail import detail_error

RANGES = (0.1, 0.12, 0.15, 0.25)


@pytest.fixture
def sr(reference):
    """Blurred, with an offset."""
    return torch.from_numpy(ndimage.gaussian_filter(reference.numpy(), (0, 0, 1.2, 1.2))) + 0.013


@pytest.fixture
def pairs(sr, reference, valid):
    """Crop by crop and band by band, in numpy."""
    bands = zip(sr.flatten(0, 1), reference.flatten(0, 1), valid.expand_as(sr).flatten(0, 1), strict=True)
    return [tuple(part.numpy() for part in band) for band in bands]


def test_l1_and_charbonnier_are_their_formulas(sr, reference, valid, batch, shipped):
    pixels = valid.expand_as(sr).numpy()
    difference = (sr - reference).double().numpy()[pixels]
    assert L1().build(shipped)(sr, batch).item() == pytest.approx(np.abs(difference).mean(), rel=1e-5)
    for eps in (1e-3, 0.05):
        expected = np.mean(np.sqrt(difference**2 + eps**2)) - eps
        assert Charbonnier(eps=eps).build(shipped)(sr, batch).item() == pytest.approx(expected, rel=1e-4)


def test_the_map_of_ssim_is_the_metrics(pairs):
    inside = np.s_[5:-5, 5:-5]
    for a, b, _ in pairs:
        level = float(b.mean())
        expected = cssim.ssim_map(a, b, data_range=0.2, sigma=1.5, radius=5, level=level)[inside]
        found = ssim_map(
            *(torch.from_numpy(image - np.float32(level)) for image in (a, b)), data_range=0.2, level=level
        )
        assert found.numpy() == pytest.approx(expected, abs=1e-4)  # float32, where an image is flat
        assert found.mean().item() == pytest.approx(expected.mean(dtype=float), abs=1e-5)


def test_the_map_of_ssim_is_that_of_torchmetrics(sr, reference):
    sr, reference = sr.double(), reference.double()
    _, expected = structural_similarity_index_measure(
        sr, reference, sigma=1.5, kernel_size=11, data_range=0.2, return_full_image=True
    )
    found = ssim_map(sr, reference, data_range=0.2)
    assert found.numpy() == pytest.approx(expected[..., 5:-5, 5:-5].numpy(), abs=1e-9)


def test_ssim_is_the_square_of_the_metric(pairs, sr, batch, shipped):
    """The mean over whole windows of both crops, weighted by how many each has."""
    spans = RANGES * 2
    squares = [
        cssim.cssim_error(a, b, mask, data_range=span, sigma=1.5, radius=5) ** 2
        for (a, b, mask), span in zip(pairs, spans, strict=True)
    ]
    counts = [cssim.shrink(mask, 5).sum() for _, _, mask in pairs]
    found = Ssim(data_range=RANGES).build(shipped)(sr, batch).item()
    assert found == pytest.approx(np.average(squares, weights=counts), rel=1e-4)


def test_without_a_range_ssim_takes_that_of_the_batch(sr, reference, valid, batch, shipped):
    spans = tuple(
        float(np.subtract(*np.percentile(band.numpy()[valid[:, 0].numpy()], (99, 1)))) for band in reference.unbind(1)
    )
    given = Ssim(data_range=spans).build(shipped)(sr, batch)
    assert Ssim().build(shipped)(sr, batch).item() == pytest.approx(given.item(), rel=1e-5)
    assert min(spans) > 10 * LEAST_RANGE


def test_ssim_needs_a_window(batch, shipped):
    small = [image[..., :10, :] for image in (batch.reference, batch.reference_valid)]
    tiny = type(batch)(batch.frames, batch.observed, batch.observed_valid, batch.shifts, *small)
    with pytest.raises(ValueError, match="at least 11 pixels"):
        Ssim().build(shipped)(small[0], tiny)


def test_the_high_pass_is_the_metrics(pairs, sr, valid):
    found = highpass(sr, valid, sigma=3.0).flatten(0, 1).numpy()
    for high, (a, _, mask) in zip(found, pairs, strict=True):
        assert high[mask] == pytest.approx(filters.highpass(a, mask, 3.0)[mask], abs=1e-6)


def test_detail_of_one_crop_is_the_square_of_the_metric(pairs, sr, batch, shipped):
    loss = Detail().build(shipped)
    for crop in range(2):
        parts = [part[crop : crop + 1] for part in (batch.frames, batch.observed, batch.observed_valid, batch.shifts)]
        single = type(batch)(*parts, batch.reference[crop : crop + 1], batch.reference_valid[crop : crop + 1])
        expected = [detail_error(a, b, mask, sigma=3.0) ** 2 for a, b, mask in pairs[4 * crop : 4 * crop + 4]]
        assert loss(sr[crop : crop + 1], single).item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_a_flat_crop_weighs_as_little_in_detail_as_it_has(sr, reference, batch, shipped):
    """Noise on water is no reason to give up the town beside it."""
    loss = Detail().build(shipped)
    noise = 1e-4 * torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))
    water = torch.cat([reference[:1], 0.02 + noise[1:]])
    found = loss(torch.cat([sr[:1], 0.02 - noise[1:]]), type(batch)(
        batch.frames, batch.observed, batch.observed_valid, batch.shifts, water, batch.reference_valid
    ))  # fmt: skip
    alone = type(batch)(*(None,) * 4, reference[:1], batch.reference_valid[:1])
    assert found.item() == pytest.approx(loss(sr[:1], alone).item(), rel=0.02)


@pytest.mark.parametrize("settings", [Ssim(data_range=RANGES), Detail()])
def test_offsets_are_forgiven(settings, sr, batch, shipped):
    loss = settings.build(shipped)
    moved = sr + torch.tensor([0.1, -0.2, 0.3, 0.0])[:, None, None]
    assert loss(moved, batch).item() == pytest.approx(loss(sr, batch).item(), rel=1e-4)
