"""Losses that are the least over whole shifts: an image held against every window of another."""

from collections.abc import Callable

import torch
from torch import Tensor

Cost = Callable[[Tensor], Tensor]
"""From a window of every crop, ``[N, C, h, w]``, to what each costs, ``[N]``."""


def inner(image: Tensor, reach: int) -> Tensor:
    """``[N, C, H, W]`` without a border of `reach` pixels.

    Raises:
        ValueError: nothing would be left.
    """
    height, width = image.shape[-2:]
    if min(height, width) <= 2 * reach:
        raise ValueError(f"A crop of {height} x {width} pixels has no window left when it is moved by {reach} pixels.")
    return image[..., reach : height - reach, reach : width - reach]


def best_window(known: Tensor, reach: int, cost: Cost) -> Tensor:
    """For each crop the window of `known` that costs least, among whole shifts of up to `reach` pixels on each axis.

    The search has no gradient and needs none: the gradient of a minimum is that of what is chosen. A loop over views
    takes a sixth of the time of all windows at once, because one window stays in the processor's cache.

    Args:
        known: ``[N, C, H, W]``; its last channel is 0 where a pixel does not count.
        reach: in pixels.
        cost: what is minimised; windows in which no pixel counts are never taken while there are others.

    Returns:
        ``[N, C, H - 2 reach, W - 2 reach]``.
    """
    if not reach:
        return known
    steps = 2 * reach + 1
    height, width = inner(known, reach).shape[-2:]
    starts = [(row, column) for row in range(steps) for column in range(steps)]
    with torch.no_grad():
        views = (known[..., row : row + height, column : column + width] for row, column in starts)
        costs = torch.stack([torch.where(view[:, -1].any(-1).any(-1), cost(view), torch.inf) for view in views])
    best = costs.argmin(dim=0)
    windows = known.unfold(-2, height, 1).unfold(-2, width, 1)
    return windows[torch.arange(len(known), device=known.device), :, best // steps, best % steps]
