"""Grid artefacts against plain loops, and against artefacts of known strength."""

import numpy as np
import pytest

from tdsr_bench.metrics.grid import grid_artefact


def test_it_is_the_formula_in_plain_loops(rng):
    sr = rng.random((12, 15)).astype(np.float32)
    valid = rng.random((4, 5)) > 0.3
    padded = np.pad(sr.astype(np.float64), 1, mode="symmetric")
    phases = {(row, column): [] for row in range(3) for column in range(3)}
    for y in range(12):
        for x in range(15):
            if valid[y // 3, x // 3]:
                phases[y % 3, x % 3].append(sr[y, x] - padded[y : y + 3, x : x + 3].mean())
    expected = np.std([np.mean(values) for values in phases.values()]) / np.std(np.concatenate(list(phases.values())))
    assert grid_artefact(sr, valid) == pytest.approx(expected, rel=1e-5)


def test_a_pattern_that_repeats_every_three_pixels_is_all_of_the_detail(rng):
    pattern = np.tile(rng.normal(0, 1, (3, 3)), (10, 10)).astype(np.float32)
    inner = np.zeros((10, 10), dtype=bool)
    inner[1:-1, 1:-1] = True
    assert grid_artefact(pattern, inner) == pytest.approx(1, abs=1e-5)


def test_it_grows_with_the_artefact_and_is_nothing_without(reference, rng):
    pattern = np.tile(rng.normal(0, 1, (3, 3)), (72, 72)).astype(np.float32)
    valid = np.ones((72, 72), dtype=bool)
    found = [grid_artefact(reference[0] + np.float32(strength) * pattern, valid) for strength in (0, 0.002, 0.01, 0.05)]
    assert found[0] < 0.03
    assert (np.diff(found) > 0.02).all()


def test_pattern_of_another_period_is_no_grid(rng):
    pattern = np.tile(rng.normal(0, 1, (4, 4)), (18, 18)).astype(np.float32)
    assert grid_artefact(pattern, np.ones((24, 24), dtype=bool)) < 0.05


def test_what_lies_behind_a_cloud_reaches_one_pixel(reference, rng):
    valid = np.ones((72, 72), dtype=bool)
    valid[30:40, 30:40] = False
    spoilt = reference[0].copy()
    spoilt[90:120, 90:120] = rng.random((30, 30))
    assert grid_artefact(spoilt, valid) == pytest.approx(grid_artefact(reference[0], valid), abs=0.03)
    beyond = valid.copy()
    beyond[29:41, 29:41] = False
    assert grid_artefact(spoilt, beyond) == grid_artefact(reference[0], beyond)


def test_an_image_of_another_size_is_refused(reference):
    with pytest.raises(ValueError, match=r"\(216, 216\).*\(72, 71\)"):
        grid_artefact(reference[0], np.ones((72, 71), dtype=bool))
