"""The loss of task networks: binary cross-entropy, Dice, and CoANet's connectivity."""

import torch.nn.functional as F
from torch import Tensor

from tdsr_bench.tasks.networks.coanet import connectivity_loss


def segmentation_loss(outputs: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy plus Dice of channel 0, plus the connectivity loss where `outputs` has further channels.

    Args:
        outputs: logits ``[N, C, H, W]``.
        truth: ``[N, 1, H, W]``, 0 or 1.
        weight: ``[N, 1, H, W]``, 0 where a pixel does not count.
    """
    logits = outputs[:, :1]
    loss = cross_entropy(logits, truth, weight) + dice_loss(logits, truth, weight)
    return loss + connectivity_loss(outputs, truth, weight) if outputs.shape[1] > 1 else loss


def cross_entropy(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over pixels that count."""
    error = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (error * weight).sum() / weight.sum().clamp(min=1)


def dice_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """1 - Dice over the whole batch (Milletari et al. 2016), smoothed by 1 so that an empty batch has a gradient."""
    probability = logits.sigmoid() * weight
    overlap = (probability * truth).sum()
    return 1 - (2 * overlap + 1) / (probability.sum() + (truth * weight).sum() + 1)
