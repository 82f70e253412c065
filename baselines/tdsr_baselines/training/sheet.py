"""A contact sheet of validation images: frame, bicubic, the network's, reference."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tdsr_bench.files import write_atomically
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.tasks.colours import to_rgb

SIDE = 192
"""Pixels of each image that are shown, from its middle; fewer where a scene is smaller."""

GAP = 4
"""White pixels between two images."""


def draw_sheet(path: Path, pairs: Sequence[AlignedPair], *, most: int = 4) -> None:
    """Write one row for each of up to `most` pairs, spread over all of them."""
    chosen = [pairs[index] for index in np.unique(np.linspace(0, len(pairs) - 1, most).round().astype(int))]
    images = [(enlarge(pair.observed[0], "nearest"), pair.bicubic, pair.sr, pair.reference) for pair in chosen]
    side = min(SIDE, *(size for row in images for image in row for size in image.shape[-2:]))
    rows = [_joined([to_rgb(_middle(image, side)) for image in row], axis=1) for row in images]
    content = io.BytesIO()
    Image.fromarray(np.rint(255 * _joined(rows, axis=0)).astype(np.uint8)).save(content, "png")
    write_atomically(path, content.getvalue())


def _joined(images: Sequence[NDArray[np.float32]], *, axis: int) -> NDArray[np.float32]:
    """Side by side along `axis`, with white between them."""
    shape = [*images[0].shape]
    shape[axis] = GAP
    parts = [part for image in images for part in (np.ones(shape, np.float32), image)]
    return np.concatenate(parts[1:], axis=axis)


def _middle(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    top, left = ((size - side) // 2 for size in image.shape[-2:])
    return image[..., top : top + side, left : left + side]
