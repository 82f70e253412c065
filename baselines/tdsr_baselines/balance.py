"""How several losses become one step: by fixed weights, by weights that follow the losses, or by their gradients.

Whatever the method, the network's gradient is the sum of the losses' gradients times the weights that `backward`
returns. Configured weights multiply the losses first; they set the units that a method then sees.

The weights of a method are as its authors have them, so their sum differs: the number of losses with ``dwa`` and
``gradnorm``, 1 with ``famo`` and ``mgda``, anything elsewhere. Adam does not see a common factor; a limit on the
gradient's norm does.
"""

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import minimize, nnls
from torch import Tensor, nn
from torchjd.aggregation import MGDAWeighting, PCGradWeighting, UPGradWeighting
from torchjd.linalg import DualConeProjector, PSDMatrix
from torchjd.scalarization import IMTLL, UW

from tdsr_bench.errors import ProtocolError

Losses = Tensor | Sequence[Tensor]
"""Scalars, one for each loss, stacked or not.

Methods that differentiate each loss by itself are faster with scalars that are not stacked: a stack sends each of their
backward passes through all losses.
"""

Backward = Callable[..., None]
"""The backward pass of one scalar, such as Lightning Fabric's.

Methods that look at the gradients call it for each loss, with `retain_graph` and `inputs` as of `Tensor.backward`.
"""

LEARNING_RATE = 0.025
"""Of the Adam that trains weights, as published for FAMO (Liu et al., NeurIPS 2023).

What it trains are logarithms of weights, and Adam moves them by about so much a step: a factor of 1000 between two
losses is learnt in some 300 steps. The network's own learning rate would take a hundred times as long.
"""

_MEMORY = 0.9
"""Adam's second beta, for gradients that shrink as weights are learnt: with the usual 0.999 the first ones, as large as
the losses are unlike, hold the steps small for thousands of steps (by experiment)."""

_FAMO_MEMORY, _FAMO_DECAY = 0.999, 1e-3  # as in its Algorithm 2; its gradients are differences of logarithms
_EPSILON = 1e-8
_STATIONARY = 1e-6  # relative to the gradients' norm; shorter is rounding


class BalanceSettings(BaseModel):
    """What some methods can be told.

    Attributes:
        epoch: ``dwa`` compares the mean losses of the last two spans of so many steps; ``gradnorm`` takes as a loss's
            first value its mean over the first span, since one batch is too noisy.
        temperature: of ``dwa``; the higher, the more alike the weights.
        alpha: of ``gradnorm``; the higher, the more a loss that falls slowly is favoured.
        conflict: c of ``cagrad``: how far it goes from the mean gradient, relative to that one's norm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epoch: int = Field(default=100, ge=1)
    temperature: float = Field(default=2.0, gt=0)
    alpha: float = Field(default=1.5, ge=0)
    conflict: float = Field(default=0.4, ge=0, lt=1)


def plain(loss: Tensor, **options: Any) -> None:
    """Torch's own backward pass."""
    loss.backward(**options)  # type: ignore[no-untyped-call]


class Balancer(ABC):
    """Turns K losses into the gradient of one step.

    Its own state is float64 on the processor, wherever the network is.

    Args:
        weights: K configured weights.
        settings: of the method.
        seed: of what the method draws.

    Attributes:
        cosines: those of the last step's gradients ``[K, K]``, where the method computes them anyway; else None.
    """

    cosines: Tensor | None = None

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        self.weights = torch.tensor(weights, dtype=torch.float64)
        self.settings, self.seed = settings, seed

    @abstractmethod
    def backward(self, losses: Losses, parameters: Sequence[Tensor], *, backward: Backward = plain) -> Tensor:
        """Add this step's gradient to the ``.grad`` of `parameters`, and train the method's own weights.

        Args:
            losses: K scalars, attached to their graphs.
            parameters: all that the network trains.
            backward: of a scalar. A scaling of the losses, as for float16, goes through: no method's weights depend
                on a factor that all gradients have. Training on several processes does not: they would have to agree
                on the weights.

        Returns:
            The weights ``[K]`` of the losses' gradients in the step, configured weights included; float64.
        """

    def after_step(self, losses: Callable[[], Losses]) -> None:
        """To be called after the optimizer's step; `losses` gives those of the same batch and the same random draws.

        Only ``famo`` calls it, without a graph: it learns from how far each loss fell.
        """
        del losses

    def state_dict(self) -> dict[str, Any]:
        """All that goes on from step to step; `torch.load` reads it with ``weights_only``."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of the same method."""
        del state

    def _checked(self, losses: Losses) -> tuple[Tensor, ...]:
        scalars = tuple(losses)
        if len(scalars) != len(self.weights):
            raise ValueError(f"{len(self.weights)} losses were announced, and {len(scalars)} came.")
        return scalars

    def _values(self, scalars: Sequence[Tensor]) -> Tensor:
        return torch.stack([scalar.detach().double().cpu() for scalar in scalars]) * self.weights


class _Learner:
    """Numbers and the Adam that trains them."""

    def __init__(self, numbers: nn.Parameter, *, memory: float = _MEMORY, decay: float = 0.0) -> None:
        self.numbers = numbers
        betas = (0.9, memory)
        self._adam = torch.optim.Adam([numbers], lr=LEARNING_RATE, betas=betas, weight_decay=decay)

    def step(self, gradient: Tensor) -> None:
        self.numbers.grad = gradient
        self._adam.step()
        self.numbers.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"numbers": self.numbers.detach(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        with torch.no_grad():
            self.numbers.copy_(state["numbers"])
        self._adam.load_state_dict(state["adam"])


def _zeros(count: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(count, dtype=torch.float64))


# Methods that look at the losses: one backward pass.


class _ByLosses(Balancer):
    @abstractmethod
    def _weigh(self, values: Tensor) -> Tensor:
        """The weights of this step from the losses' values ``[K]``; learns from them."""

    def backward(self, losses: Losses, parameters: Sequence[Tensor], *, backward: Backward = plain) -> Tensor:
        del parameters  # the backward pass knows them
        scalars = self._checked(losses)
        weights = self._weigh(self._values(scalars)) * self.weights
        stacked = torch.stack(scalars)
        backward((weights.to(stacked) * stacked).sum())
        return weights


class Fixed(_ByLosses):
    """The configured weights."""

    def _weigh(self, values: Tensor) -> Tensor:
        return torch.ones_like(values)


class _Scalarized(_ByLosses):
    """A scalar function of the losses with numbers of its own, minimised over both.

    Its derivatives by the losses are their weights.
    """

    _function: ClassVar[type[UW] | type[IMTLL]]

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        super().__init__(weights, settings, seed)
        self._scalarizer = self._function(len(weights)).double()
        self._learner = _Learner(next(self._scalarizer.parameters()))

    def _weigh(self, values: Tensor) -> Tensor:
        with torch.enable_grad():
            total = self._scalarizer(values.requires_grad_())
        weights, gradient = torch.autograd.grad(total, [values, self._learner.numbers])
        self._learner.step(gradient)
        return weights

    def state_dict(self) -> dict[str, Any]:
        return self._learner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._learner.load_state_dict(state)


class UncertaintyWeights(_Scalarized):
    """``sum L / (2 s^2) + log s``: a loss counts the less, the larger it stays. Losses are above 0.

    Source: Kendall et al., CVPR 2018, equation 7; `torchjd.scalarization.UW`, which learns ``log s^2``.
    """

    _function = UW


class ImpartialLosses(_Scalarized):
    """``sum exp(s) L - s``: all losses, times their weights, are about 1 in the end. Losses are above 0.

    Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021; `torchjd.scalarization.IMTLL`.
    """

    _function = IMTLL


class DynamicAverage(_ByLosses):
    """Dynamic weight average: a loss that fell less than others from one span of steps to the next counts more.

    Source: Liu et al., End-to-End Multi-Task Learning with Attention, CVPR 2019, equation 7. Written out here since
    torchjd's keeps its history out of its `state_dict`.
    """

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        super().__init__(weights, settings, seed)
        self._means: list[Tensor] = []
        self._sum, self._steps = torch.zeros_like(self.weights), 0

    def _weigh(self, values: Tensor) -> Tensor:
        weights = self._current()
        self._sum, self._steps = self._sum + values, self._steps + 1
        if self._steps == self.settings.epoch:
            self._means = [*self._means, self._sum / self._steps][-2:]
            self._sum, self._steps = torch.zeros_like(self.weights), 0
        return weights

    def _current(self) -> Tensor:
        if len(self._means) < 2:
            return torch.ones_like(self.weights)
        older, newer = self._means
        return len(older) * torch.softmax(newer / older / self.settings.temperature, dim=0)

    def state_dict(self) -> dict[str, Any]:
        return {"means": list(self._means), "sum": self._sum, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._means = [mean.cpu() for mean in state["means"]]
        self._sum, self._steps = state["sum"].cpu(), state["steps"]


class FastAdaptive(_ByLosses):
    """FAMO: all losses fall at about the same relative rate, whatever their scales. Losses are above 0.

    After each step it asks for the same batch's losses again, one more forward pass, as its authors and torchjd do; the
    next batch's losses would save it, but drown a step's progress in the difference between two batches.

    Source: Liu et al., FAMO: Fast Adaptive Multitask Optimization, NeurIPS 2023, Algorithm 1. Written out here since
    torchjd's keeps its Adam out of its `state_dict`.
    """

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        super().__init__(weights, settings, seed)
        self._learner = _Learner(_zeros(len(weights)), memory=_FAMO_MEMORY, decay=_FAMO_DECAY)
        self._before: Tensor | None = None

    def _weigh(self, values: Tensor) -> Tensor:
        if self._before is not None:
            raise RuntimeError("FAMO learns in `after_step`, which was not called after the last step.")
        self._before = values
        shares = torch.softmax(self._learner.numbers.detach(), dim=0) / (values + _EPSILON)
        return shares / shares.sum()

    def after_step(self, losses: Callable[[], Losses]) -> None:
        if self._before is None:
            raise RuntimeError("FAMO's `after_step` was called without a step.")
        with torch.no_grad():
            after = self._values(self._checked(losses()))
        fall = torch.log(self._before + _EPSILON) - torch.log(after + _EPSILON)
        shares = torch.softmax(self._learner.numbers.detach(), dim=0)
        self._learner.step(shares * (fall - shares @ fall))  # the softmax's Jacobian times the fall
        self._before = None

    def state_dict(self) -> dict[str, Any]:
        return {"learner": self._learner.state_dict(), "before": self._before}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._learner.load_state_dict(state["learner"])
        self._before = state["before"]


# Methods that look at the gradients: a backward pass for each loss, and memory for each one's gradients.

_Gradients = Sequence[Sequence[Tensor | None]]
"""For each loss, for each parameter; None where the loss does not depend on it."""


class _ByGradients(Balancer):
    @abstractmethod
    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        """The weights of this step from the losses' values ``[K]`` and their gradients' products ``[K, K]``."""

    def backward(self, losses: Losses, parameters: Sequence[Tensor], *, backward: Backward = plain) -> Tensor:
        scalars, trained = self._checked(losses), [each for each in parameters if each.requires_grad]
        gradients = _gradients(scalars, trained, backward, retain=False)
        gramian = _gramian(gradients) * self.weights.outer(self.weights)
        self.cosines = _cosines(gramian)
        weights = torch.full_like(self.weights, math.nan)  # solvers would choke; whoever reads the losses sees it too
        if gramian.isfinite().all():
            weights = self._weigh(self._values(scalars), gramian) * self.weights
        _add(trained, gradients, weights)
        return weights


class GradientNorms(_ByGradients):
    """GradNorm: gradients of the same norm, longer where a loss falls slower than the others.

    What is learnt are logarithms of the weights, so that these stay positive and reach any ratio; the paper's additive
    steps of the weights do not. Norms are those of the whole network's gradient, since all of it is shared.

    Source: Chen et al., GradNorm, ICML 2018, Algorithm 1; torchjd lacks it.
    """

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        super().__init__(weights, settings, seed)
        self._learner = _Learner(_zeros(len(weights)))
        self._sum, self._steps = torch.zeros_like(self.weights), 0

    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        weights = self._learner.numbers.detach().exp()
        norms = weights * gramian.diagonal().sqrt()
        rates = self._rates(values)
        wanted = norms.mean() * (rates / rates.mean()) ** self.settings.alpha
        self._learner.step(torch.sign(norms - wanted) * norms)  # of sum |norms - wanted|, `wanted` held constant
        with torch.no_grad():
            self._learner.numbers.sub_(self._learner.numbers.exp().mean().log())  # the weights' sum stays K
        return weights

    def _rates(self, values: Tensor) -> Tensor:
        """What is left of each loss; 1 for one that was never above 0."""
        if self._steps < self.settings.epoch:
            self._sum, self._steps = self._sum + values, self._steps + 1
        first = self._sum / self._steps
        return torch.where(first > 0, values / first, 1.0)

    def state_dict(self) -> dict[str, Any]:
        return {"learner": self._learner.state_dict(), "sum": self._sum, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._learner.load_state_dict(state["learner"])
        self._sum, self._steps = state["sum"].cpu(), state["steps"]


class GradientSurgery(_ByGradients):
    """PCGrad: of each gradient, what points against another one is taken away, in random order; then all are added.

    Source: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, Algorithm 1;
    `torchjd.aggregation.PCGradWeighting`.
    """

    def __init__(self, weights: Sequence[float], settings: BalanceSettings, seed: int) -> None:
        super().__init__(weights, settings, seed)
        self._generator, self._weighting = torch.Generator().manual_seed(seed), PCGradWeighting()

    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        del values
        with torch.random.fork_rng(devices=[]):  # torchjd draws the order from torch's global generator
            torch.set_rng_state(self._generator.get_state())
            weights = self._weighting(_normalised(gramian))
            self._generator.set_state(torch.get_rng_state())
        return weights

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._generator.set_state(state["generator"].cpu())


class ConflictAverse(_ByGradients):
    """CAGrad: near the mean gradient, the step from which the loss that gains least gains most.

    Source: Liu et al., Conflict-Averse Gradient Descent, NeurIPS 2021, Algorithm 1, solved by SLSQP as the authors do;
    torchjd's needs a solver of conic programs.
    """

    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        del values
        products = _normalised(gramian).numpy()
        mean = np.full(len(products), 1 / len(products))
        radius = self.settings.conflict * _norm(mean, products)
        worst = _worst(products, mean, radius)
        length = _norm(worst, products)
        if length < _STATIONARY:  # no step helps all: the authors' would have a random direction
            return torch.zeros_like(self.weights)
        return torch.from_numpy(mean + radius / length * worst)


def _norm(weights: NDArray[np.float64], products: NDArray[np.float64]) -> float:
    return math.sqrt(max(0.0, float(weights @ products @ weights)))


def _worst(products: NDArray[np.float64], mean: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """The convex weights ``w`` with the least ``<g_w, g_mean> + radius |g_w|``."""

    def value(weights: NDArray[np.float64]) -> float:
        return float(weights @ products @ mean) + radius * _norm(weights, products)

    def slope(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return products @ mean + radius * products @ weights / max(_norm(weights, products), _STATIONARY)

    sum_is_1 = {"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like}
    options = {"ftol": 1e-12, "maxiter": 1000}
    bounds = [(0, 1)] * len(mean)
    found = minimize(value, mean, jac=slope, method="SLSQP", bounds=bounds, constraints=sum_is_1, options=options)
    return found.x  # type: ignore[no-any-return]


class MinimumNorm(_ByGradients):
    """MGDA: the shortest convex combination of the gradients, from which all losses fall.

    Source: Désidéri, Comptes Rendus Mathématique 350, 2012; Sener and Koltun, NeurIPS 2018, Algorithm 2;
    `torchjd.aggregation.MGDAWeighting`.
    """

    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        del values
        return MGDAWeighting()(_normalised(gramian))


class UnconflictingProjections(_ByGradients):
    """UPGrad: the mean of the gradients, each moved to the nearest direction in which no loss rises.

    Source: Quinton and Rey, Jacobian Descent for Multi-Objective Optimization, 2024;
    `torchjd.aggregation.UPGradWeighting`.
    """

    def _weigh(self, values: Tensor, gramian: Tensor) -> Tensor:
        del values
        return UPGradWeighting(projector=_Projector())(_normalised(gramian))


class _Projector(DualConeProjector):
    """Projects as torchjd's own, which needs a solver of quadratic programs that is one more dependency.

    The least ``v G v`` with ``v >= u`` is, with ``G = R^T R`` and ``v = u + x``, the least ``|R x + R u|`` with
    ``x >= 0``. Nothing is added to the diagonal, so that losses of very different scale keep their say.
    """

    def __call__(self, U: Tensor, G: PSDMatrix) -> Tensor:  # noqa: N803, torchjd's names
        values, vectors = np.linalg.eigh(G.numpy())
        root = np.sqrt(values.clip(min=0))[:, None] * vectors.T
        rows = [row + nnls(root, -root @ row, maxiter=100 * len(row))[0] for row in U.numpy()]
        return torch.from_numpy(np.stack(rows))


BALANCERS: Mapping[str, type[Balancer]] = {
    "fixed": Fixed,
    "uw": UncertaintyWeights,
    "dwa": DynamicAverage,
    "imtl-l": ImpartialLosses,
    "famo": FastAdaptive,
    "gradnorm": GradientNorms,
    "pcgrad": GradientSurgery,
    "cagrad": ConflictAverse,
    "mgda": MinimumNorm,
    "upgrad": UnconflictingProjections,
}


def make_balancer(
    method: str, *, weights: Sequence[float], seed: int, settings: BalanceSettings | None = None
) -> Balancer:
    """The balancer that a word stands for; one loss needs no balance, and is itself with every method.

    Args:
        method: a key of `BALANCERS`.
        weights: the configured weight of each loss.
        seed: of what the method draws.
        settings: None for the defaults.

    Raises:
        ProtocolError: there is no such method.
    """
    if method not in BALANCERS:
        close = difflib.get_close_matches(method, BALANCERS, n=1) or list(BALANCERS)
        raise ProtocolError(f"There is no way to balance losses called {method!r}; choose {' or '.join(close)}.")
    kind = BALANCERS[method] if len(weights) > 1 else Fixed
    return kind(weights, settings or BalanceSettings(), seed)


def gradient_cosines(losses: Losses, parameters: Sequence[Tensor], *, backward: Backward = plain) -> Tensor:
    """The cosines ``[K, K]`` between the losses' gradients, -1 to 1; 0 where a gradient is.

    The graph and every ``.grad`` stay as they are.

    Source: how Yu et al. (NeurIPS 2020) tell whether losses conflict: below 0.
    """
    trained = [each for each in parameters if each.requires_grad]
    return _cosines(_gramian(_gradients(tuple(losses), trained, backward, retain=True)))


def _gradients(
    losses: Sequence[Tensor], parameters: Sequence[Tensor], backward: Backward, *, retain: bool
) -> _Gradients:
    """By way of ``.grad`` and not `torch.autograd.grad`, which Fabric refuses at mixed precision.

    Args:
        retain: keep the graph after the last loss.
    """
    held = [parameter.grad for parameter in parameters]
    gradients = []
    for index, loss in enumerate(losses):
        _set(parameters, [None] * len(parameters))
        if loss.requires_grad:  # else a constant, such as a task without truth in this batch
            backward(loss, retain_graph=retain or index + 1 < len(losses), inputs=list(parameters))
        gradients.append([parameter.grad for parameter in parameters])
    _set(parameters, held)
    return gradients


def _set(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def _gramian(gradients: _Gradients) -> Tensor:
    """Products ``[K, K]``, parameter by parameter: a gradient of the whole network is never copied."""
    products = []
    for column in zip(*gradients, strict=True):
        known = next((gradient for gradient in column if gradient is not None), None)
        if known is not None:
            rows = [(torch.zeros_like(known) if gradient is None else gradient).flatten() for gradient in column]
            block = torch.stack(rows).double()
            products.append(block @ block.T)
    if not products:
        return torch.zeros(len(gradients), len(gradients), dtype=torch.float64)
    return torch.stack(products).sum(dim=0).cpu()


def _add(parameters: Sequence[Tensor], gradients: _Gradients, weights: Tensor) -> None:
    """As a backward pass would: parameters that no loss depends on keep what they have."""
    for parameter, column in zip(parameters, zip(*gradients, strict=True), strict=True):
        pairs = zip(weights.tolist(), column, strict=True)
        known = [weight * gradient for weight, gradient in pairs if gradient is not None]
        if known:
            total = torch.stack(known).sum(dim=0)
            parameter.grad = total if parameter.grad is None else parameter.grad + total


def _cosines(gramian: Tensor) -> Tensor:
    norms = gramian.diagonal().sqrt()
    scale = norms.outer(norms)
    return torch.where(scale == 0, 0.0, gramian / scale).clamp(-1, 1)


def _normalised(gramian: Tensor) -> Tensor:
    """Of trace 1: weights do not change by it, but the solvers' thresholds are absolute."""
    trace = gramian.trace()
    return gramian / trace if trace > 0 else gramian
