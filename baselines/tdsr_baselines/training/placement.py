"""Where truth lies on the frames, found without a high-resolution reference."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tdsr_bench.registration import Shift, parabola
from tdsr_bench.tasks.networks.network import TaskNetwork

REACH = 6
"""High-resolution pixels: how far truth may lie off the frames, as the protocol allows of a reference."""


def place_truth(
    image: NDArray[np.float32], truth: Mapping[str, NDArray[np.bool_]], networks: Sequence[TaskNetwork]
) -> Shift:
    """How far `truth` has to be moved to lie on `image`, float32 ``[4, H, W]``, in pixels, to a fraction of one.

    Where it correlates best with the logits of `networks`, which are those of training losses, over all tasks together.
    On the training scenes of `mini` this is within 0.5 pixels of where the reference tells that it lies, in the median
    0.25.
    """
    found = [(_logit(network, image), truth[network.record.task].astype(np.float32)) for network in networks]
    size = 2 * REACH + 1
    scores = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            moved = ((logit, np.roll(mask, (row - REACH, column - REACH), axis=(0, 1))) for logit, mask in found)
            scores[row, column] = sum(_correlation(logit, mask) for logit, mask in moved)
    if scores.max() <= 0:
        return 0.0, 0.0  # nothing in the truth, or nothing like it in the image
    best = np.unravel_index(np.argmax(scores), scores.shape)
    where = int(best[0]), int(best[1])
    offset = parabola(scores, where)
    return where[0] - REACH + offset[0], where[1] - REACH + offset[1]


def _logit(network: TaskNetwork, image: NDArray[np.float32]) -> NDArray[np.float32]:
    device = next(network.module.parameters()).device
    with torch.inference_mode():
        logits = network.logits(torch.from_numpy(image)[None].to(device))
    return logits[0, 0].float().cpu().numpy()


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Of what neither shift brings in from beyond the edge; 0 where one of them is constant."""
    a, b = a[REACH:-REACH, REACH:-REACH], b[REACH:-REACH, REACH:-REACH]
    a, b = a - a.mean(), b - b.mean()
    scale = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / scale**0.5 if scale > 0 else 0.0
