"""Batches: what decides them, and that all layers of a crop are cut, turned and brightened alike."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from makers import landscape

from tdsr_baselines.losses.base import Batch
from tdsr_baselines.losses.consistency import inconsistency
from tdsr_baselines.observe import observe
from tdsr_baselines.stack import Stack
from tdsr_baselines.training import batches
from tdsr_baselines.training.batches import draw_batch, frame_statistics
from tdsr_baselines.training.config import Augmentation
from tdsr_baselines.training.samples import Sample
from tdsr_bench.errors import DataError

SHIFTS = [[0.0, 0.0], [0.42, -1.13], [-0.35, 0.61]]
PLAIN = Augmentation(turn=False, shuffle=False)
TURNED = [(quarter, mirror) for quarter in range(4) for mirror in (False, True)]


def scene(seed: int, size: int = 96) -> Sample:
    """All its layers follow from its reference: frames by the sensor, truth by what is bright in blue."""
    high = landscape(np.random.default_rng(seed), size)
    shifts = torch.tensor([SHIFTS])
    seen = observe(torch.from_numpy(high)[None], shifts)[0].numpy()
    still = observe(torch.from_numpy(high)[None], torch.zeros_like(shifts))[0].numpy()
    clear = np.ones(seen[:, 0].shape, dtype=bool)
    clear[1, :8, :5] = False
    bright = high[0] > 0.09
    return Sample(
        name=f"scene-{seed}",
        region=f"region-{seed}",
        sha256=str(seed),
        stack=Stack(frames=still, observed=seen, valid=clear, shifts=np.array(SHIFTS), order=(0, 1, 2)),
        classical=high - 0.01,
        reference=high,
        reference_valid=bright,
        truth={"roads": bright.astype(np.float32)},
        truth_valid=bright,
        moved=(0.0, 0.0),
    )


@pytest.fixture(scope="module")
def scenes() -> list[Sample]:
    return [scene(seed) for seed in range(3)]


def draw(scenes: Sequence[Sample], augmentation: Augmentation = PLAIN, **options: int) -> Batch:
    return draw_batch(scenes, augmentation, **{"batch": 4, "crop": 16, "seed": 1, "step": 0, **options})


def same(one: Batch, other: Batch) -> bool:
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(Batch)]
    tensors = [(a, b) for a, b in pairs if isinstance(a, torch.Tensor)]
    return all(torch.equal(a, b) for a, b in [*tensors, (one.truth["roads"], other.truth["roads"])])


def inconsistent(batch: Batch) -> float:
    """How far the reference is from what was observed of it."""
    assert batch.reference is not None
    return float(inconsistency(batch.reference, batch.observed, batch.shifts, batch.observed_valid, norm="l1"))


def test_a_batch_depends_on_its_seed_its_step_and_its_process_alone(scenes: list[Sample]):
    full = Augmentation(gain=0.1)
    known = draw(scenes, full, seed=3, step=5, rank=0)
    draw(scenes, full, seed=9)
    assert same(known, draw(scenes, full, seed=3, step=5, rank=0))
    for changed in ({"seed": 4}, {"step": 6}, {"rank": 1}):
        assert not same(known, draw(scenes, full, **{"seed": 3, "step": 5, "rank": 0, **changed}))


def test_what_a_batch_holds(scenes: list[Sample]):
    batch = draw(scenes, Augmentation())
    assert batch.frames.shape == batch.observed.shape == (4, 3, 4, 16, 16)
    assert batch.observed_valid.shape == (4, 3, 16, 16)
    assert batch.shifts.shape == (4, 3, 2)
    assert batch.reference.shape == batch.classical.shape == (4, 4, 48, 48)
    assert batch.reference_valid.shape == batch.truth_valid.shape == batch.truth["roads"].shape == (4, 1, 48, 48)
    tensors = [getattr(batch, field.name) for field in fields(Batch) if field.name != "truth"]
    assert all(tensor.dtype == torch.float32 for tensor in [*tensors, batch.truth["roads"]])


def test_crops_come_from_all_scenes_and_all_places(scenes: list[Sample]):
    numbered = [replace(known, truth={"roads": np.arange(96**2, dtype=np.float32).reshape(96, 96)}) for known in scenes]
    corners, levels = set(), set()
    for step in range(40):
        batch = draw(numbered, step=step)
        corners |= {int(crop[0, 0, 0]) for crop in batch.truth["roads"]}
        levels |= {float(crop[0].mean()) for crop in batch.frames}
    rows, columns = np.array(sorted(corners)) // 96, np.array(sorted(corners)) % 96
    assert {*rows} <= {3 * place for place in range(17)} >= {*columns}
    assert rows.min() == columns.min() == 0
    assert rows.max() == columns.max() == 48
    assert len(levels) > 60


@pytest.mark.parametrize(("quarter", "mirror"), TURNED)
def test_shifts_turn_with_their_frames(scenes: list[Sample], quarter: int, mirror: bool):
    """The reference, turned, is still what was observed, turned; a wrong sign is far off."""
    known = scenes[0]
    layers = {name: getattr(known.stack, name) for name in ("frames", "observed", "valid")}
    turned = {name: batches._turned(layer, quarter, mirror) for name, layer in layers.items()}
    shifts = batches._turned_shifts(known.stack.shifts, quarter, mirror)
    high = batches._turned(known.reference, quarter, mirror)
    one = replace(known, stack=replace(known.stack, shifts=shifts, **turned), reference=high)
    assert inconsistent(draw([one])) < 1e-5
    wrong = replace(one, stack=replace(one.stack, shifts=-shifts))
    assert inconsistent(draw([wrong])) > 1e-3


def test_all_layers_of_a_crop_are_cut_and_turned_alike(scenes: list[Sample]):
    found = set()
    for step in range(12):
        batch = draw(scenes, Augmentation(turn=True, shuffle=True), step=step)
        assert inconsistent(batch) < 1e-5
        reference = batch.reference
        assert (batch.classical - reference).std() < 1e-6
        bright = (reference[:, :1] > 0.09).float()
        for mask in (batch.truth["roads"], batch.truth_valid, batch.reference_valid):
            assert torch.equal(mask, bright)
        still = observe(reference, torch.zeros(4, 3, 2))
        assert torch.allclose(still[..., 3:-3, 3:-3], batch.frames[..., 3:-3, 3:-3], atol=1e-5)
        found |= {tuple(shift.tolist()) for crop in batch.shifts for shift in crop[1:]}
    assert len(found) == 16  # each of two shifts in all eight positions


def test_frames_are_shuffled_after_the_first_and_together_with_what_is_known_of_them(scenes: list[Sample]):
    known = scenes[0].stack
    level = np.arange(3, dtype=np.float32)
    frames = np.broadcast_to(level[:, None, None, None], known.frames.shape).copy()
    stack = replace(known, frames=frames, observed=frames + 10, valid=frames[:, 0] == 1)
    shifts = np.stack([level, -level], axis=1).astype(float)
    one = replace(scenes[0], stack=replace(stack, shifts=shifts))
    orders = set()
    for step in range(6):
        batch = draw([one], Augmentation(turn=False, shuffle=True), step=step)
        order = batch.frames[:, :, 0, 0, 0]
        assert torch.equal(batch.observed[:, :, 0, 0, 0], order + 10)
        assert torch.equal(batch.observed_valid[:, :, 0, 0], (order == 1).float())
        assert torch.equal(batch.shifts, torch.stack([order, -order], dim=-1))
        orders |= {tuple(row) for row in order.int().tolist()}
    assert orders == {(0, 1, 2), (0, 2, 1)}


def test_without_augmentation_crops_are_as_they_are(scenes: list[Sample]):
    batch = draw(scenes)
    assert torch.equal(batch.shifts, torch.tensor(SHIFTS).expand(4, 3, 2))
    assert inconsistent(batch) < 1e-5


def test_a_gain_multiplies_frames_reference_and_classical_image_alike(scenes: list[Sample]):
    plain = draw(scenes, PLAIN)
    bright = draw(scenes, PLAIN.model_copy(update={"gain": 0.2}))
    gains = (bright.frames / plain.frames).flatten(1)
    gain = gains.mean(dim=1)
    assert torch.allclose(gains, gain[:, None], rtol=1e-5)
    assert gain.std() > 0.02
    for name in ("observed", "reference", "classical"):
        layers = (getattr(batch, name) for batch in (bright, plain))
        ratio = torch.div(*layers).flatten(1)
        assert torch.allclose(ratio, gain[:, None].expand_as(ratio), rtol=1e-4)
    assert torch.equal(bright.truth["roads"], plain.truth["roads"])
    assert torch.equal(bright.shifts, plain.shifts)


def test_what_was_not_read_is_not_there(scenes: list[Sample]):
    unseen = [replace(known, reference=None, reference_valid=None, classical=None) for known in scenes]
    batch = draw(unseen, Augmentation(gain=0.1))
    assert batch.reference is batch.reference_valid is batch.classical is None
    assert batch.truth["roads"].shape == (4, 1, 48, 48)


def test_a_crop_larger_than_a_scene_is_refused(scenes: list[Sample]):
    assert draw(scenes, crop=32).frames.shape[-1] == 32
    with pytest.raises(
        DataError, match=r"scene-\d has 32 x 32 low-resolution pixels, smaller than a crop of 33; choos"
    ):
        draw(scenes, crop=33)


def test_statistics_are_those_of_all_frames(scenes: list[Sample]):
    mean, sd = frame_statistics(scenes)
    pixels = np.stack([known.stack.frames for known in scenes]).astype(np.float64)
    assert mean == pytest.approx(pixels.mean(axis=(0, 1, 3, 4)))
    assert sd == pytest.approx(pixels.std(axis=(0, 1, 3, 4)))
