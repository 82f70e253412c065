"""Fixtures that all tests share."""

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pixels, which is not part of the repository; tests that need it skip without it."""
    folder = Path(os.environ.get("TDSR_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("real pixels are not here (set TDSR_SHARED to their folder)")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)
