"""Sums of products at many shifts are those that one shift after the other gives."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tdsr_bench.shifted_sums import shifted_sums


def moved(image: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
    """`image` ``[H, W]`` moved by whole pixels; 0 where nothing comes from."""
    height, width = image.shape
    result = np.zeros_like(image)
    for r in range(max(0, row), min(height, height + row)):
        for c in range(max(0, column), min(width, width + column)):
            result[r, c] = image[r - row, c - column]
    return result


@pytest.mark.parametrize("shape", [(13, 9), (4, 7), (3, 11)])
@pytest.mark.parametrize(
    ("rows", "columns"), [(range(-2, 3), range(-2, 3)), (range(1, 4), range(-4, -1)), (range(-3, -2), range(2))]
)
def test_they_are_those_of_one_shift_after_the_other(rng: np.random.Generator, shape, rows: range, columns: range):
    fixed, moving = (rng.normal(size=(count, *shape)) for count in (2, 3))
    found = shifted_sums(fixed.astype(np.float32), moving.astype(np.float32), rows, columns)
    expected = [[[[(a * moved(b, r, c)).sum() for c in columns] for r in rows] for b in moving] for a in fixed]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_whole_numbers_lose_nothing(rng: np.random.Generator):
    image = rng.integers(0, 2, (1, 50, 60)).astype(np.float32)
    assert shifted_sums(image, image, range(1), range(1)) == image.sum()
