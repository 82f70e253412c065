"""Balancing of losses: every method against numbers by hand, a law or an independent reference."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchjd.scalarization import DWA, FAMO

from tdsr_baselines.balance import BALANCERS, LEARNING_RATE, Balancer, BalanceSettings, gradient_cosines, make_balancer
from tdsr_bench.errors import ProtocolError

METHODS = sorted(BALANCERS)
BY_GRADIENTS = ("gradnorm", "pcgrad", "cagrad", "mgda", "upgrad")
BY_LOSSES = tuple(method for method in METHODS if method not in BY_GRADIENTS)
SHORT = BalanceSettings(epoch=5)

Problem = Callable[[Tensor], list[Tensor]]


def linear(*gradients: Sequence[float], values: Sequence[float] | None = None) -> tuple[list[Tensor], nn.Parameter]:
    """Losses that have these gradients at a parameter that is 0, and are 1 there."""
    parameter = nn.Parameter(torch.zeros(len(gradients[0]), dtype=torch.float64))
    starts = values or [1.0] * len(gradients)
    rows = zip(starts, gradients, strict=True)
    return [start + parameter @ torch.tensor(row, dtype=torch.float64) for start, row in rows], parameter


def weights_of(method: str, *gradients: Sequence[float], settings: BalanceSettings = SHORT) -> list[float]:
    losses, parameter = linear(*gradients)
    balancer = make_balancer(method, weights=[1.0] * len(losses), seed=0, settings=settings)
    return balancer.backward(losses, [parameter]).tolist()


def bowls(scale: float) -> Problem:
    """Two quadratics in the plane; their minima are 1 at (-1, 0) and `scale` at (1, 0)."""

    def losses(x: Tensor) -> list[Tensor]:
        left = 1 + (x[0] + 1) ** 2 + x[1] ** 2
        right = 1 + (x[0] - 1) ** 2 + x[1] ** 2
        return [left, scale * right]

    return losses


def descend(balancer: Balancer, problem: Problem, steps: int = 700) -> Tensor:
    """Where steps of decaying length, down the gradient, lead from (0.3, 1)."""
    x = nn.Parameter(torch.tensor([0.3, 1.0], dtype=torch.float64))
    for number in range(steps):
        x.grad = None
        balancer.backward(problem(x), [x])
        assert x.grad is not None
        with torch.no_grad():
            x.sub_(0.012 * (1 - number / steps) * x.grad / x.grad.norm().clamp(min=1e-12))
        balancer.after_step(lambda: problem(x))
    return x.detach()


def step(
    balancer: Balancer, optimizer: torch.optim.Optimizer, losses: Callable[[], list[Tensor]], parameters: list[Any]
) -> Tensor:
    optimizer.zero_grad()
    weights = balancer.backward(losses(), parameters)
    optimizer.step()
    balancer.after_step(losses)
    return weights


def small(seed: int = 0) -> tuple[nn.Module, Callable[[int], list[Tensor]]]:
    """A network of two layers and three losses of a step: of both outputs, of the first one, and of a weight."""
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)

    def losses(number: int) -> list[Tensor]:
        batch = torch.randn(16, 3, generator=torch.Generator().manual_seed(number))
        out = network(batch)
        fit = (out - batch[:, :2]).square().mean()
        conflict = 100 * (out[:, 0] + batch[:, 0]).square().mean()
        return [fit, conflict, 0.01 + network[0].weight.square().mean()]

    return network, losses


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_is_the_losses_gradients_times_the_weights(method: str):
    network, losses = small()
    parameters = list(network.parameters())
    balancer = make_balancer(method, weights=[0.5, 2.0, 1.0], seed=3, settings=SHORT)
    optimizer = torch.optim.SGD(parameters, lr=1e-3)
    for number in range(12):
        weights = step(balancer, optimizer, lambda number=number: losses(number), parameters)
    optimizer.zero_grad()
    weights = balancer.backward(losses(12), parameters)
    got = [parameter.grad for parameter in parameters]
    wanted = torch.autograd.grad((weights * torch.stack(losses(12))).sum(), parameters)
    assert weights.dtype == torch.float64
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_to_the_same_numbers(method: str):
    def run(stop: int | None) -> list[float]:
        network, losses = small()
        log: list[float] = []
        balancer, optimizer = fresh(network)
        for number in range(16):
            if number == stop:
                kept = packed({"network": network, "balancer": balancer, "optimizer": optimizer})
                network, losses = small(seed=1)
                torch.rand(7)  # the global generator is elsewhere
                balancer, optimizer = fresh(network)
                for part, state in zip((network, balancer, optimizer), kept, strict=True):
                    part.load_state_dict(state)
            weights = step(balancer, optimizer, lambda n=number, f=losses: f(n), list(network.parameters()))
            log += [*weights.tolist(), *(float(loss.detach()) for loss in losses(number))]
        return log

    def fresh(network: nn.Module) -> tuple[Balancer, torch.optim.Optimizer]:
        balancer = make_balancer(method, weights=[1.0, 1.0, 2.0], seed=7, settings=SHORT)
        return balancer, torch.optim.Adam(network.parameters(), lr=0.01)

    def packed(parts: dict[str, Any]) -> list[dict[str, Any]]:
        buffer = io.BytesIO()
        torch.save([part.state_dict() for part in parts.values()], buffer)
        buffer.seek(0)
        return torch.load(buffer, weights_only=True)

    whole = run(None)
    assert [run(stop) == whole for stop in (3, 8, 13)] == [True] * 3  # in and between the spans of dwa
    assert method == "fixed" or len(set(whole[::6])) > 1


@pytest.mark.parametrize("method", METHODS)
def test_one_loss_is_itself(method: str):
    def gradients(backward: Callable[[list[Tensor], list[nn.Parameter]], object]) -> list[Tensor | None]:
        network, losses = small()
        parameters = list(network.parameters())
        backward(losses(0)[:1], parameters)
        return [parameter.grad for parameter in parameters]

    balancer = make_balancer(method, weights=[2.0], seed=0)
    got = gradients(balancer.backward)
    wanted = gradients(lambda losses, _: (2.0 * losses[0]).backward())
    assert all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_a_thousand_times_as_steep_wins_unless_it_is_balanced(method: str):
    """All end where none can gain without the other: on the line between the minima. Where on it is the question."""
    start = bowls(scale=1.0)(torch.tensor([0.3, 1.0]))
    balancer = make_balancer(method, weights=[1.0, 1.0], seed=0, settings=SHORT)
    place = descend(balancer, bowls(scale=1000.0))
    end = bowls(scale=1.0)(place)
    assert place[1].abs() < 1e-3
    assert -1 <= place[0] <= 1
    if method in ("fixed", "dwa", "cagrad"):  # dwa looks at rates, cagrad stays near the mean gradient
        assert place[0] > 0.95
        assert end[0] > start[0] + 1
    else:
        assert all(last < first + 0.03 for last, first in zip(end, start, strict=True))  # a step's length, squared
    if method in ("uw", "imtl-l", "famo", "gradnorm"):
        assert abs(place[0]) < 0.25


@pytest.mark.parametrize("method", METHODS)
def test_every_backward_pass_goes_through_the_hook(method: str):
    seen: list[Tensor] = []

    def hook(loss: Tensor, **options: Any) -> None:
        seen.append(loss.detach())
        (1024 * loss).backward(**options)  # as float16's scaler does

    def run(**options: Any) -> tuple[Tensor, Tensor | None]:
        losses, parameter = linear([1.0, 2.0], [2.0, -1.5])
        weights = make_balancer(method, weights=[1.0, 1.0], seed=0).backward(losses, [parameter], **options)
        return weights, parameter.grad

    (weights, gradient), (scaled_weights, scaled_gradient) = run(), run(backward=hook)
    assert len(seen) == (1 if method in BY_LOSSES else 2)
    assert gradient is not None
    torch.testing.assert_close(scaled_weights, weights, rtol=1e-12, atol=0)
    torch.testing.assert_close(scaled_gradient, 1024 * gradient, rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_is_taken_outside_the_hook(method: str):
    """At mixed precision Lightning Fabric raises where a network's output is differentiated by anything but its own
    backward; this does as Fabric does, without its six seconds of import."""
    inside = []

    def hook(loss: Tensor, **options: Any) -> None:
        inside.append(True)
        loss.backward(**options)
        inside.pop()

    def refuse(gradient: Tensor) -> None:
        assert inside, gradient

    network, _ = small()
    parameters = list(network.parameters())
    out = network(torch.ones(4, 3))
    out.register_hook(refuse)
    losses = [out.square().mean(), (out - 3).abs().mean()]
    cosines = gradient_cosines(losses, parameters, backward=hook)
    assert [parameter.grad for parameter in parameters] == [None] * 4
    make_balancer(method, weights=[1.0, 1.0], seed=0).backward(losses, parameters, backward=hook)
    assert all(parameter.grad is not None for parameter in parameters)
    assert cosines.diagonal().tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("method", METHODS)
def test_a_stack_of_losses_gives_the_same(method: str):
    def gradient(stacked: bool) -> Tensor | None:
        losses, parameter = linear([1.0, 2.0], [2.0, -1.5], [0.1, 0.3])
        balancer = make_balancer(method, weights=[1.0, 2.0, 3.0], seed=0)
        balancer.backward(torch.stack(losses) if stacked else losses, [parameter])
        return parameter.grad

    torch.testing.assert_close(gradient(True), gradient(False), rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_losses_need_not_depend_on_every_parameter(method: str):
    one, two, unused, frozen = (nn.Parameter(torch.tensor([1.0])) for _ in range(4))
    frozen.requires_grad_(False)
    losses = [one.square().sum(), 1 + (one + two).square().sum(), torch.tensor(1.0)]
    balancer = make_balancer(method, weights=[1.0, 1.0, 1.0], seed=0)
    weights = balancer.backward(losses, [one, two, unused, frozen])
    assert two.grad is not None
    assert float(two.grad) == pytest.approx(4 * float(weights[1]))
    assert unused.grad is None
    assert frozen.grad is None


@pytest.mark.parametrize("method", METHODS)
def test_gradients_add_up_as_in_a_backward_pass(method: str):
    losses, parameter = linear([1.0, 2.0], [2.0, -1.0])
    parameter.grad = torch.full_like(parameter, 10.0)
    weights = make_balancer(method, weights=[1.0, 1.0], seed=0).backward(losses, [parameter])
    wanted = 10 + weights @ torch.tensor([[1.0, 2.0], [2.0, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(parameter.grad, wanted)


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_that_is_not_a_number_is_not_hidden(method: str):
    losses, parameter = linear([1.0, 2.0], [2.0, -1.0])
    make_balancer(method, weights=[1.0, 1.0], seed=0).backward([losses[0], losses[1] * np.nan], [parameter])
    assert parameter.grad is not None
    assert parameter.grad.isnan().all()


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_at_all_is_no_step(method: str):
    losses, parameter = linear([0.0, 0.0], [0.0, 0.0])
    make_balancer(method, weights=[1.0, 1.0], seed=0).backward(losses, [parameter])
    assert parameter.grad is not None
    assert parameter.grad.tolist() == [0.0, 0.0]


def test_a_wrong_word_or_number_of_losses_is_told():
    with pytest.raises(ProtocolError, match="'gradnrom'; choose gradnorm"):
        make_balancer("gradnrom", weights=[1.0], seed=0)
    losses, parameter = linear([1.0], [2.0])
    with pytest.raises(ValueError, match="3 losses were announced, and 2 came"):
        make_balancer("fixed", weights=[1.0] * 3, seed=0).backward(losses, [parameter])


# Methods that look at the losses.


def fed(method: str, history: Sequence[Sequence[float]], settings: BalanceSettings = SHORT) -> list[list[float]]:
    """The weights of each step, for losses of these values."""
    balancer = make_balancer(method, weights=[1.0] * len(history[0]), seed=0, settings=settings)
    told = []
    for values in history:
        losses, parameter = linear(*[[1.0]] * len(values), values=values)
        told.append(balancer.backward(losses, [parameter]).tolist())
    return told


def test_dwa_by_hand():
    """Means 2, 4 over the first two steps and 1, 4 over the next: rates 1/2 and 1, weights 2 softmax(1/4, 1/2)."""
    weights = fed("dwa", [[1, 4], [3, 4], [1, 5], [1, 3], [9, 9]], BalanceSettings(epoch=2))
    assert weights[:4] == [[1.0, 1.0]] * 4
    share = 1 / (1 + np.exp(0.25))
    assert weights[4] == pytest.approx([2 * share, 2 * (1 - share)])


def test_dwa_is_torchjds_and_sees_no_scale(rng: np.random.Generator):
    history = rng.uniform(0.5, 2, (20, 3))
    reference, wanted = DWA(), []
    for number, values in enumerate(torch.from_numpy(history)):
        values.requires_grad_()
        wanted.append(torch.autograd.grad(reference(values), values)[0].numpy())
        if number % 5 == 4:
            reference.step()
    np.testing.assert_allclose(fed("dwa", history.tolist()), wanted, rtol=1e-12)
    np.testing.assert_allclose(fed("dwa", (history * [1, 10, 1000]).tolist()), wanted, rtol=1e-12)


def test_uw_by_hand():
    """exp(-s) / 2; ds is (1 - exp(-s) L) / 2, of which Adam's first step takes the sign."""
    weights = fed("uw", [[4.0, 0.25], [4.0, 0.25]])
    assert weights[0] == [0.5, 0.5]
    assert weights[1] == pytest.approx([np.exp(-LEARNING_RATE) / 2, np.exp(LEARNING_RATE) / 2], rel=1e-6)


@pytest.mark.parametrize(("method", "product"), [("uw", 0.5), ("imtl-l", 1.0)])
def test_learned_weights_make_losses_that_stay_alike(method: str, product: float):
    values = np.array([20.0, 1.0, 0.05])
    last = np.array(fed(method, [values.tolist()] * 1000)[-1])
    assert last * values == pytest.approx([product] * 3, rel=0.02)


def test_famo_is_torchjds_and_its_direction_sees_no_scale(rng: np.random.Generator):
    before, after = rng.uniform(0.5, 2, (2, 20, 3))
    scale = np.array([1.0, 10.0, 1000.0])
    reference, wanted = FAMO(3).double(), []
    for pair in zip(torch.from_numpy(before), torch.from_numpy(after), strict=True):
        pair[0].requires_grad_()
        wanted.append(torch.autograd.grad(reference(pair[0]), pair[0])[0].numpy())
        reference.update(pair[1])

    def weights(factor: NDArray[np.float64] | float) -> NDArray[np.float64]:
        balancer = make_balancer("famo", weights=[1.0] * 3, seed=0)
        told = []
        for pair in zip(before * factor, after * factor, strict=True):
            losses, parameter = linear([1.0], [1.0], [1.0], values=pair[0].tolist())
            told.append(balancer.backward(losses, [parameter]).numpy())
            balancer.after_step(lambda now=pair[1]: torch.from_numpy(now))
        return np.array(told)

    np.testing.assert_allclose(weights(1.0), wanted, rtol=1e-10)
    scaled = weights(scale) * scale
    np.testing.assert_allclose(scaled / scaled.sum(axis=1, keepdims=True), wanted / np.sum(wanted, axis=1)[:, None])


def test_famo_must_be_told_what_its_step_did():
    losses, parameter = linear([1.0], [2.0])
    balancer = make_balancer("famo", weights=[1.0, 1.0], seed=0)
    balancer.backward(losses, [parameter])
    with pytest.raises(RuntimeError, match="after_step"):
        balancer.backward(losses, [parameter])


# Methods that look at the gradients.


def test_cosines_by_hand_leave_the_graph():
    losses, parameter = linear([3.0, 4.0], [4.0, -3.0], [-1.0, 0.0], [0.0, 0.0])
    cosines = gradient_cosines(losses, [parameter])
    wanted = torch.tensor([[1.0, 0.0, -0.6, 0.0], [0.0, 1.0, -0.8, 0.0], [-0.6, -0.8, 1.0, 0.0], [0.0] * 4])
    torch.testing.assert_close(cosines, wanted.double())
    sum(losses).backward()
    assert parameter.grad is not None


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_gradients_keep_the_cosines(method: str):
    losses, parameter = linear([3.0, 4.0], [-2.0, 0.0])
    balancer = make_balancer(method, weights=[1.0, 5.0], seed=0)
    wanted = gradient_cosines(losses, [parameter])
    balancer.backward(losses, [parameter])
    assert (balancer.cosines is not None) == (method in BY_GRADIENTS)
    if balancer.cosines is not None:
        torch.testing.assert_close(balancer.cosines, wanted)


def test_pcgrad_by_hand():
    """(1, 0) and (-1, 1): products 1, -1, 2. The first loses half of the other, the other gains one of the first."""
    assert weights_of("pcgrad", [1.0, 0.0], [-1.0, 1.0]) == pytest.approx([1 + 1, 0.5 + 1])
    assert weights_of("pcgrad", [1.0, 0.0], [1.0, 1.0]) == [1.0, 1.0]


def test_pcgrad_draws_its_order_from_its_seed_only():
    conflicting = ([1.0, 0.0, 0.1], [-0.9, 1.0, 0.0], [-0.8, -1.0, 0.3])

    def weights(seed: int) -> list[list[float]]:
        balancer = make_balancer("pcgrad", weights=[1.0] * 3, seed=seed)
        before = torch.get_rng_state()
        told = []
        for _ in range(8):
            losses, parameter = linear(*conflicting)
            told.append(balancer.backward(losses, [parameter]).tolist())
        assert torch.equal(before, torch.get_rng_state())
        return told

    first = weights(0)
    torch.rand(3)
    assert weights(0) == first
    assert weights(1) != first
    assert len({tuple(each) for each in first}) > 1


def test_mgda_by_hand():
    """The shortest point between (3, 0) and (0, 1) is 0.1 of the first and 0.9 of the other."""
    assert weights_of("mgda", [3.0, 0.0], [0.0, 1.0]) == pytest.approx([0.1, 0.9])
    assert weights_of("mgda", [3.0, 0.0], [1.0, 0.5]) == pytest.approx([0.0, 1.0])


def test_upgrad_by_hand():
    """(1, 0) and (-1, 1) are moved to (1, 1) / 2 and (0, 1), whose mean is (1, 3) / 4."""
    weights = np.array(weights_of("upgrad", [1.0, 0.0], [-1.0, 1.0]))
    assert weights @ [[1.0, 0.0], [-1.0, 1.0]] == pytest.approx([0.25, 0.75])
    assert weights_of("upgrad", [1.0, 0.0], [1.0, 1.0]) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_upgrad_lets_no_loss_rise(rng: np.random.Generator, scale: float):
    for _ in range(20):
        gradients = rng.standard_normal((4, 6)) * [[1.0], [1.0], [1.0], [scale]]
        step = np.array(weights_of("upgrad", *gradients.tolist())) @ gradients
        assert (gradients @ step / np.linalg.norm(gradients, axis=1) > -1e-7).all()


def test_cagrad_finds_the_best_of_the_worst(rng: np.random.Generator):
    """Among steps that are at most c of the mean gradient's norm off it, none gains more where it gains least."""
    for _ in range(10):
        gradients = rng.standard_normal((3, 2)) * [[1.0], [1.0], [5.0]]
        found = np.array(weights_of("cagrad", *gradients.tolist())) @ gradients
        mean = gradients.mean(axis=0)
        radius = SHORT.conflict * np.linalg.norm(mean)
        angles, lengths = np.linspace(0, 2 * np.pi, 721)[:, None], np.linspace(0, radius, 50)
        others = mean + np.stack([np.cos(angles) * lengths, np.sin(angles) * lengths], axis=-1).reshape(-1, 2)
        assert np.linalg.norm(found - mean) <= radius * (1 + 1e-6)
        assert (gradients @ found).min() >= (others @ gradients.T).min(axis=1).max() - 1e-6


@pytest.mark.parametrize("method", ["pcgrad", "cagrad", "mgda", "upgrad"])
def test_small_gradients_are_no_other_case_than_large_ones(method: str):
    """torchjd's thresholds are absolute: below a norm of 0.01 it would take gradients for none."""
    gradients = np.array([[1.0, 0.0], [-0.9, 0.3]])
    small, large = (weights_of(method, *(factor * gradients).tolist()) for factor in (1e-6, 1e3))
    assert small == pytest.approx(large, rel=1e-5)


def test_gradnorm_by_hand():
    """Norms 5 and 1, wanted 3 and 3: Adam's first step moves both logarithms by its rate, the sum goes back to 2."""
    losses, parameter = linear([3.0, 4.0], [1.0, 0.0])
    balancer = make_balancer("gradnorm", weights=[1.0, 1.0], seed=0)
    assert balancer.backward(losses, [parameter]).tolist() == [1.0, 1.0]
    losses, parameter = linear([3.0, 4.0], [1.0, 0.0])
    moved = np.exp([-LEARNING_RATE, LEARNING_RATE])
    assert balancer.backward(losses, [parameter]).tolist() == pytest.approx(2 * moved / moved.sum(), rel=1e-6)


def test_gradnorm_makes_norms_equal_and_favours_the_slow():
    def norms(values: list[float]) -> NDArray[np.float64]:
        balancer = make_balancer("gradnorm", weights=[1.0, 1.0], seed=0, settings=BalanceSettings(epoch=1))
        for number in range(600):
            losses, parameter = linear([30.0, 40.0], [0.1, 0.0], values=[1.0, 1.0] if number == 0 else values)
            weights = balancer.backward(losses, [parameter])
        return weights.numpy() * [50.0, 0.1]

    same = norms([1.0, 1.0])
    assert same[0] / same[1] == pytest.approx(1, abs=0.1)
    slow = norms([0.5, 1.0])
    low, high = (2 / 3) ** 1.5, (4 / 3) ** 1.5  # what is wanted of each, whose sum is not that of the norms: a band
    assert 0.98 * (2 - low) / low < slow[1] / slow[0] < 1.02 * high / (2 - high)
