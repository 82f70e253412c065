"""A contact sheet of validation images: frame, bicubic, the network's, reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.tasks.panels import to_rgb

SIDE = 192
"""Pixels of each image that are shown, from its middle."""

GAP = 4
"""White pixels between two images."""


def draw_sheet(path: Path, pairs: Sequence[AlignedPair], *, most: int = 4) -> None:
    """Write one row for each of up to `most` pairs, spread over all of them."""
    chosen = [pairs[index] for index in np.unique(np.linspace(0, len(pairs) - 1, most).round().astype(int))]
    rows = [_row([_frame(pair), pair.bicubic, pair.sr, pair.reference]) for pair in chosen]
    sheet = np.concatenate([part for row in rows for part in (row, np.ones((GAP, *row.shape[1:]), np.float32))][:-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(255 * sheet).astype(np.uint8)).save(path)


def _frame(pair: AlignedPair) -> NDArray[np.float32]:
    return enlarge(pair.observed[0], "nearest")


def _row(images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    shown = [to_rgb(_middle(image)) for image in images]
    gap = np.ones((shown[0].shape[0], GAP, 3), np.float32)
    return np.concatenate([part for image in shown for part in (image, gap)][:-1], axis=1)


def _middle(image: NDArray[np.float32]) -> NDArray[np.float32]:
    side = min(SIDE, *image.shape[-2:])
    top, left = ((size - side) // 2 for size in image.shape[-2:])
    return image[..., top : top + side, left : left + side]
