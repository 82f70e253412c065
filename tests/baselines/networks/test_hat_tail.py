"""The end of HAT as one convolution, against its two convolutions one after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tdsr_baselines.networks.hat_tail import enlarged


def convolutions(scale: int, *, dtype: torch.dtype = torch.float64) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    up, last = nn.Conv2d(5, 6 * scale**2, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)
    return up.to(dtype), last.to(dtype)


def gradients(answer: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 1, answer.numel(), dtype=answer.dtype).reshape(answer.shape)
    return torch.autograd.grad((answer * weights).sum(), inputs)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (3, 2), (7, 9)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_answers_and_gradients_are_those_of_two_convolutions(scale: int, size: tuple[int, int]):
    up, last = convolutions(scale)
    features = torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
    inputs = [features, *up.parameters(), *last.parameters()]
    plain, one = last(F.pixel_shuffle(up(features), scale)), enlarged(features, up, last, scale)
    torch.testing.assert_close(one, plain)
    torch.testing.assert_close(gradients(one, inputs), gradients(plain, inputs))


def test_half_precision_is_no_worse():
    """Each is held against double precision: the kernel of both is rounded once, after they were put together."""
    up, last = convolutions(3, dtype=torch.float32)
    features = torch.randn(2, 5, 7, 9)
    exact = last.double()(F.pixel_shuffle(up.double()(features.double()), 3))
    up, last = up.float(), last.float()
    with torch.autocast("cpu", torch.bfloat16):
        plain, one = last(F.pixel_shuffle(up(features), 3)), enlarged(features, up, last, 3)
    assert one.dtype == torch.bfloat16
    assert (one - exact).square().mean() < 1.5 * (plain - exact).square().mean()
