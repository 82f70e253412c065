"""Losses that look at the super-resolved image through a frozen task network, which never scores.

Networks see the image as it is, so an image-based loss has to stand beside them: by themselves they are pleased by
noise.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from tdsr_baselines.losses.base import Batch, Family, LossFunction, LossSettings, Surroundings
from tdsr_baselines.losses.masked import against_reference, check_size, in_float32, levelled, mean_over, sum_over
from tdsr_baselines.losses.windows import best_window, inner
from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.training.losses import segmentation_loss

LAYERS = ("encoder.model.s1", "encoder.model.s2", "encoder.model.s3", "decoder.blocks.3")
"""Of the LinkNet with a RegNet encoder that comes with `mini`: three stages of what it sees, and what it makes of it
just before it decides."""

LEAST_ACTIVATION = 1e-6


def mask_loss(network: TaskNetwork, sr: Tensor, truth: Tensor, weight: Tensor, *, reach: int) -> Tensor:
    """Cross-entropy plus Dice of what `network` finds in `sr`, against the mask of the task.

    Args:
        network: frozen.
        sr: ``[N, 4, H, W]``, seen whole; pixels around those that count are context.
        truth: ``[N, 1, H, W]`` of 0 to 1.
        weight: ``[N, 1, H, W]`` of 0 and 1; what `truth` is elsewhere plays no part.
        reach: each crop's mask may be moved by so many pixels on each axis to where it alone costs least, for masks
            that are not registered.
    """
    logits = inner(network.logits(sr), reach)
    known = torch.cat([torch.where(weight > 0, truth, 0.0), weight], dim=1)
    chosen = best_window(known, reach, partial(_costs, logits.detach()))
    return segmentation_loss(logits, chosen[:, :1], chosen[:, 1:])


def segmentation_distance(network: TaskNetwork, sr: Tensor, reference: Tensor, valid: Tensor) -> Tensor:
    """How far what `network` finds in `sr` is from what it finds in the reference; 0 where it finds the same.

    Cross-entropy against its probabilities, less their entropy (the Kullback-Leibler divergence), plus 1 - Dice in the
    form with squares (Milletari et al. 2016), which is 0 for equal probabilities. Masked pixels have the reference's
    mean in both.
    """
    sr, reference = levelled(sr, reference, valid)
    logits = network.logits(sr)
    with torch.no_grad():
        wanted = network.logits(reference)
    p, q = wanted.sigmoid(), logits.sigmoid()
    excess = F.binary_cross_entropy_with_logits(logits, p, reduction="none") - F.binary_cross_entropy_with_logits(
        wanted, p, reduction="none"
    )
    differing, both = (sum_over(values, valid) for values in ((p - q).square(), p.square() + q.square()))
    return mean_over(excess, valid) + differing / (both + 1)


def feature_distance(
    network: TaskNetwork, sr: Tensor, reference: Tensor, valid: Tensor, *, layers: Sequence[str]
) -> Tensor:
    """Mean over `layers` of the mean absolute difference of activations, over their mean size on the reference.

    A perceptual loss (Johnson et al., ECCV 2016) whose network knows the task. Masked pixels have the reference's mean
    in both.
    """
    sr, reference = levelled(sr, reference, valid)
    with torch.no_grad():
        wanted = _activations(network, reference, layers)
    found = _activations(network, sr, layers)
    return torch.stack([_relative(*pair) for pair in zip(found, wanted, strict=True)]).mean()


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).abs().mean() / wanted.abs().mean().clamp(min=LEAST_ACTIVATION)


def _costs(logits: Tensor, known: Tensor) -> Tensor:
    """The loss of each crop by itself, ``[N]``."""
    costs: Tensor = torch.vmap(segmentation_loss)(*(part[:, None] for part in (logits, known[:, :1], known[:, 1:])))
    return costs


def _activations(network: TaskNetwork, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
    with _listening(network.module, layers) as heard:
        network.logits(images)
    for layer in layers:
        if not isinstance(heard.get(layer), Tensor):
            raise ProtocolError(
                f"The layer {layer!r} of {network.record.file_name} gives no tensor; name one inside it, or after it, "
                f"in `layers`."
            )
    return [heard[layer] for layer in layers]


@contextmanager
def _listening(module: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What `layers` gave in the forward passes that were made meanwhile."""
    heard: dict[str, Any] = {}

    def keep(layer: str, _module: nn.Module, _inputs: object, output: object) -> None:
        heard[layer] = output

    handles = [module.get_submodule(layer).register_forward_hook(partial(keep, layer)) for layer in layers]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _check_layers(network: TaskNetwork, layers: Sequence[str]) -> None:
    names = [name for name, _ in network.module.named_modules() if name]
    for layer in layers:
        if layer not in names:
            close = " or ".join(difflib.get_close_matches(layer, names, n=3, cutoff=0)) or "none, it has no layers"
            raise ProtocolError(f"{network.record.file_name} has no layer {layer!r}; the nearest: {close}.")


class _ThroughTask(LossSettings):
    """What they share.

    Attributes:
        task: whose network of the set `loss` is looked through.
    """

    family: ClassVar[Family] = "task"
    task: Literal["roads", "buildings"]

    def frozen(self, surroundings: Surroundings) -> TaskNetwork:
        """The network, whose parameters get no gradient."""
        network = surroundings.network(self.task)
        network.module.eval().requires_grad_(False)
        return network


class TaskMask(_ThroughTask):
    """See `mask_loss`.

    Attributes:
        reach: high-resolution pixels.
    """

    kind: Literal["task-mask"] = "task-mask"
    reach: int = Field(default=0, ge=0)

    @property
    def name(self) -> str:
        return f"{self.task} mask"

    @property
    def needs_task(self) -> str | None:
        return self.task

    def build(self, surroundings: Surroundings) -> LossFunction:
        network = self.frozen(surroundings)

        def loss(sr: Tensor, batch: Batch) -> Tensor:
            return mask_loss(network, sr, *self._truth(sr, batch), reach=self.reach)

        return in_float32(loss)

    def _truth(self, sr: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        truth, weight = batch.truth.get(self.task), batch.truth_valid
        if truth is None or weight is None:
            known = ", ".join(sorted(batch.truth)) or "no masks"
            raise ProtocolError(
                f"The loss {self.name} needs masks of {self.task}, and this batch has {known}; train on data that have "
                f"them, or take the loss out of the configuration."
            )
        check_size(self.name, sr, f"truth of {self.task}", truth)
        check_size(self.name, sr, "truth_valid", weight)
        return truth, weight


class TaskSegmentation(_ThroughTask):
    """See `segmentation_distance`."""

    needs_reference: ClassVar[bool] = True
    kind: Literal["task-segmentation"] = "task-segmentation"

    @property
    def name(self) -> str:
        return f"{self.task} segmentation"

    def build(self, surroundings: Surroundings) -> LossFunction:
        return against_reference(self.name, partial(segmentation_distance, self.frozen(surroundings)))


class TaskFeature(_ThroughTask):
    """See `feature_distance`.

    Attributes:
        layers: names of modules of the network, as `torch.nn.Module.named_modules` gives them.
    """

    needs_reference: ClassVar[bool] = True
    kind: Literal["task-feature"] = "task-feature"
    layers: tuple[str, ...] = Field(default=LAYERS, min_length=1)

    @property
    def name(self) -> str:
        return f"{self.task} features"

    def build(self, surroundings: Surroundings) -> LossFunction:
        network = self.frozen(surroundings)
        _check_layers(network, self.layers)
        return against_reference(self.name, partial(feature_distance, network, layers=self.layers))
