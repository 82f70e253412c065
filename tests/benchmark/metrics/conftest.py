"""Pairs of images to measure, and the protocol's settings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from makers import landscape
from numpy.typing import NDArray

from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.protocol import load_protocol
from tdsr_bench.sensor import observe

Image = NDArray[np.float32]
MakePair = Callable[..., AlignedPair]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def reference() -> Image:
    """``[4, 216, 216]``: one tile of the ring correlation, and 72 low-resolution pixels."""
    return landscape(np.random.default_rng(1), 216)


@pytest.fixture(scope="session")
def bicubic(reference: Image) -> Image:
    """The reference as the sensor sees it, enlarged."""
    return enlarge(observe(reference), "bicubic")


@pytest.fixture
def valid(reference: Image) -> NDArray[np.bool_]:
    """A mask that differs from band to band."""
    mask = np.ones(reference.shape, dtype=bool)
    for band in range(len(mask)):
        mask[band, 60 + 10 * band : 100, 20:70] = False
        mask[band, 150, 30 + band] = False
    return mask


@pytest.fixture(scope="session")
def settings() -> Mapping[str, Mapping[str, Any]]:
    """The settings of every metric in `tdsr-v1`."""
    return load_protocol("tdsr-v1").metrics


@pytest.fixture
def make_pair(reference: Image, bicubic: Image) -> MakePair:
    """Builds an aligned pair from an image, which stands for itself before alignment; all pixels are valid."""

    def make(sr: Image, **changes: Any) -> AlignedPair:
        low, high = np.percentile(reference, (1, 99), axis=(1, 2))
        observed = observe(reference)
        pair = AlignedPair(
            sr=sr,
            reference=reference,
            bicubic=bicubic,
            valid=np.ones(reference.shape, dtype=bool),
            data_range=high - low,
            shift=(0.0, 0.0),
            metres_per_pixel=10 / 3,
            native_sr=sr,
            observed=observed[None],
            observed_valid=np.ones((1, *observed.shape[1:]), dtype=bool),
        )
        return replace(pair, **changes)

    return make
