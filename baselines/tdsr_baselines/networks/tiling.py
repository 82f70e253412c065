"""Whole scenes by overlapping tiles, for networks whose memory grows with the image."""

from collections.abc import Callable

import torch
from torch import Tensor

from tdsr_bench.errors import ProtocolError
from tdsr_bench.scene import SCALE


def super_resolve_tiled(
    network: Callable[..., Tensor],
    frames: Tensor,
    *layers: Tensor,
    tile: int,
    overlap: int,
    batch: int = 1,
) -> Tensor:
    """Super-resolve ``[T, 4, h, w]`` to ``[4, 3h, 3w]`` tile by tile, blended where tiles overlap.

    From one tile to the next the answer changes over linearly, in the middle half of their overlap: a network of which
    no pixel depends on more than ``overlap / 4`` pixels around it gives what it gives of the whole scene. No gradient
    is kept; memory holds one batch of tiles and the answer.

    Args:
        network: from ``[N, T, 4, tile, tile]`` to ``[N, 4, 3 tile, 3 tile]``; see `base.SrNetwork`.
        frames: where the network is.
        layers: what the network is shown besides, each ``[bands, 3h, 3w]``, cut alike.
        tile: side in low-resolution pixels; a scene that is smaller goes in whole. 0 for the whole at once.
        overlap: of neighbouring tiles, in low-resolution pixels; the last row and column of tiles, which end where the
            scene ends, overlap by more.
        batch: how many tiles go in together.

    Raises:
        ProtocolError: tile, overlap or batch is not possible.
    """
    _check(tile, overlap, batch)
    *_, bands, height, width = frames.shape
    rows, columns = (tile_starts(size, tile or size, overlap) for size in (height, width))
    high, wide = min(tile or height, height), min(tile or width, width)
    down, across = (ramps(starts, side, overlap).to(frames) for starts, side in ((rows, high), (columns, wide)))
    total = frames.new_zeros(bands, SCALE * height, SCALE * width)
    places = [(i, j) for i in range(len(rows)) for j in range(len(columns))]
    with torch.no_grad():
        for first in range(0, len(places), batch):
            some = places[first : first + batch]
            corners = [(rows[i], columns[j]) for i, j in some]
            shown = [_cut(frames, corners, high, wide), *(_cut(x, corners, high, wide, SCALE) for x in layers)]
            for (i, j), answer in zip(some, network(*shown), strict=True):
                part = _part(total, rows[i], columns[j], answer)
                part += answer.to(part) * down[i][:, None] * across[j]
    return total


def tile_starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along a side of `size` pixels; the last one ends where the side ends.

    >>> tile_starts(100, 40, 8), tile_starts(30, 40, 8)
    ([0, 32, 60], [0])
    """
    last = max(size - tile, 0)
    return [*range(0, last, tile - overlap), last]


def ramps(starts: list[int], tile: int, overlap: int) -> Tensor:
    """The weights of tiles along one side, in high-resolution pixels: ``[tiles, 3 tile]``; over each pixel their sum
    is 1.

    Between two tiles a ramp of half the `overlap` rises around the middle of what they share. A tile has what the ramp
    at its start has given over less what the ramp at its end has taken, so that sums are 1 however many tiles overlap.

    >>> ramps([0, 2], 4, 2).shape
    torch.Size([2, 12])
    """
    begins = torch.tensor(starts, dtype=torch.float64)[:, None] * SCALE
    pixels = begins + torch.arange(SCALE * tile) + 0.5
    seams = (begins[1:] + begins[:-1] + SCALE * tile) / 2
    length = max(SCALE * overlap / 2, 1e-6)
    rising, falling = torch.ones_like(pixels), torch.zeros_like(pixels)
    rising[1:] = ((pixels[1:] - seams) / length + 0.5).clamp(0, 1)
    falling[:-1] = ((pixels[:-1] - seams) / length + 0.5).clamp(0, 1)
    return rising - falling


def _cut(layer: Tensor, corners: list[tuple[int, int]], high: int, wide: int, scale: int = 1) -> Tensor:
    """The tiles at `corners`, all in one tensor; `layer` has `scale` times their pixels."""
    spans = [(slice(scale * r, scale * (r + high)), slice(scale * c, scale * (c + wide))) for r, c in corners]
    return torch.stack([layer[..., rows, columns] for rows, columns in spans])


def _part(total: Tensor, row: int, column: int, answer: Tensor) -> Tensor:
    """The part of `total` that a tile's `answer` belongs to, as a view."""
    height, width = answer.shape[-2:]
    return total[:, SCALE * row : SCALE * row + height, SCALE * column : SCALE * column + width]


def _check(tile: int, overlap: int, batch: int) -> None:
    if tile < 0 or batch < 1:
        raise ProtocolError(f"A tile of {tile} pixels in batches of {batch}: expected 0 or more, and 1 or more.")
    if tile and not 0 <= overlap < tile:
        raise ProtocolError(f"Tiles of {tile} pixels cannot overlap by {overlap}; choose 0 to {tile - 1}.")
