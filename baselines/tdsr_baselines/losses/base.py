"""What a loss is: a super-resolved batch against what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.sets import NetworkSet


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of scenes, everything on the grid of each crop's first frame; reflectance, float32.

    Attributes:
        frames: ``[N, T, 4, h, w]``, what the network sees: registered to the first, clouds filled, the best first.
        observed: ``[N, T, 4, h, w]``, the same frames as they were taken, in the radiometry of the first, not moved.
        observed_valid: ``[N, T, h, w]`` of 0 and 1, where `observed` is clear.
        shifts: ``[N, T, 2]``, how far the content of `observed` lies off the first frame's, (rows, columns) in
            low-resolution pixels, as `tdsr_baselines.register.shifts` gives them.
        reference: ``[N, 4, 3h, 3w]``; None in a training that is never shown one.
        reference_valid: ``[N, 1, 3h, 3w]`` of 0 and 1; None with `reference`.
        truth: for each task, ``[N, 1, 3h, 3w]`` of 0 to 1, where the thing is.
        truth_valid: ``[N, 1, 3h, 3w]`` of 0 and 1.
        classical: ``[N, 4, 3h, 3w]``, the best image known without learning; None where no network corrects it.
    """

    frames: Tensor
    observed: Tensor
    observed_valid: Tensor
    shifts: Tensor
    reference: Tensor | None = None
    reference_valid: Tensor | None = None
    truth: Mapping[str, Tensor] = field(default_factory=dict)
    truth_valid: Tensor | None = None
    classical: Tensor | None = None


class LossFunction(Protocol):
    """What is minimised."""

    def __call__(self, sr: Tensor, batch: Batch) -> Tensor:
        """A scalar of the super-resolved crops ``[N, 4, 3h, 3w]``, differentiable in them; 0 is the least it can be."""
        ...


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What losses are built with.

    Attributes:
        networks: the folder of task networks whose role is ``loss``; None where there is none.
        device: of torch.
        keynet: Key.Net's weights; None where there are none.
    """

    networks: NetworkSet | None = None
    device: str = "cpu"
    keynet: Path | None = None

    def network(self, task: str) -> TaskNetwork:
        """The frozen network that losses of `task` look through; it never scores.

        Raises:
            ProtocolError: there is none.
        """
        found = self.networks.losing(task) if self.networks else ()
        if not found:
            where = self.networks.folder if self.networks else "the package"
            raise ProtocolError(
                f"A loss of {task} needs a network of the set `loss`, and {where} has none; train one by `tdsr-bench "
                f"task train --task {task} --set loss`, and name its folder in the configuration: networks = ..."
            )
        network = found[0].load()
        network.module.to(self.device)
        return network


Family = Literal["image", "task", "consistency", "prior"]
"""What a loss is about: likeness to the reference, what a task makes of the image, agreement with the frames, or what
is true of every image of the ground."""


class LossSettings(BaseModel):
    """One loss of a configuration; its subclasses are the kinds.

    Attributes:
        family: see `Family`.
        needs_reference: whether it looks at the high-resolution reference.
        weight: its share where losses are balanced by fixed weights; a starting point elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    family: ClassVar[Family] = "image"

    needs_reference: ClassVar[bool] = False
    weight: float = Field(default=1.0, gt=0)

    @property
    def name(self) -> str:
        """How logs call it."""
        raise NotImplementedError

    @property
    def needs_task(self) -> str | None:
        """The task whose truth it needs, or None."""
        return None

    def build(self, surroundings: Surroundings) -> LossFunction:
        """The loss itself.

        Raises:
            ProtocolError: what it needs is not there.
        """
        raise NotImplementedError
