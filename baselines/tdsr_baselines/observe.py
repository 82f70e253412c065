"""The sensor model D_b in torch: super-resolved crops as each of their frames would have seen them."""

import torch
from torch import Tensor

from tdsr_bench.scene import SCALE
from tdsr_bench.sensor import SENTINEL2_SIGMAS


def observe(sr: Tensor, shifts: Tensor, *, sigmas: tuple[float, ...] = SENTINEL2_SIGMAS) -> Tensor:
    """Crops ``[N, 4, 3h, 3w]`` to frames ``[N, T, 4, h, w]``, whose content lies off by ``[N, T, 2]``.

    `tdsr_baselines.interpolate.observation` of every frame and band: a Gaussian of `sigmas` high-resolution pixels at
    the moved grid, mirrored at the edges. Shifts are (rows, columns) in low-resolution pixels. Differentiable in `sr`.

    Raises:
        ValueError: shapes that do not fit.
    """
    _check(sr, shifts, sigmas)
    axes = zip(sr.shape[-2:], shifts.to(sr).unbind(-1), strict=True)
    rows, columns = (_seen(size, shift, sigmas) for size, shift in axes)
    return rows @ sr[:, None] @ columns.mT


def covered(size: tuple[int, int], shifts: Tensor, *, sigmas: tuple[float, ...] = SENTINEL2_SIGMAS) -> Tensor:
    """Which pixels of frames ``[N, T, h, w]`` see nothing but what lies inside crops of `size` = (3h, 3w), bool."""
    reach = max(map(_radius, sigmas))
    rows, columns = (_inside(length, shift, reach) for length, shift in zip(size, shifts.unbind(-1), strict=True))
    return rows[..., :, None] & columns[..., None, :]


def folded(taps: Tensor, weights: Tensor, size: int) -> Tensor:
    """The matrix ``[..., R, size]`` with `weights` ``[..., R, K]`` at columns `taps`, those beyond the edges mirrored.

    The edge pixel is repeated, as by `scipy.ndimage` in the mode "reflect".
    """
    position = taps % (2 * size)
    columns = torch.where(position < size, position, 2 * size - 1 - position)
    empty = weights.new_zeros(*weights.shape[:-1], size)
    return empty.scatter_add(-1, columns.expand_as(weights), weights)


def gaussian(sigma: float, radius: int, *, like: Tensor) -> Tensor:
    """The weights of a Gaussian at ``-radius .. radius``, their sum 1, with the type and device of `like`."""
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=like.dtype, device=like.device) / sigma) ** 2)
    return weights / weights.sum()


def _seen(size: int, shift: Tensor, sigmas: tuple[float, ...]) -> Tensor:
    """For each shift ``[N, T]`` and band the matrix ``[N, T, 4, h, 3h]`` of one axis, of `size` = 3h."""
    step, part = _split(shift)
    reach = max(map(_radius, sigmas))
    offsets = torch.arange(-reach, reach + 1, device=shift.device)
    sigma, radius = (shift.new_tensor(values)[:, None] for values in (sigmas, tuple(map(_radius, sigmas))))
    weights = torch.exp(-0.5 * ((offsets - part[..., None, None]) / sigma) ** 2) * (offsets.abs() <= radius)
    weights = (weights / weights.sum(-1, keepdim=True))[..., None, :].expand(
        *shift.shape, len(sigmas), size // SCALE, -1
    )
    taps = _centres(size, step)[..., None] + offsets
    return folded(taps[:, :, None], weights, size)


def _inside(size: int, shift: Tensor, reach: int) -> Tensor:
    centres = _centres(size, _split(shift)[0])
    return (centres >= reach) & (centres < size - reach)


def _split(shift: Tensor) -> tuple[Tensor, Tensor]:
    """Where a frame moved by `shift` looks: whole high-resolution pixels, and the rest of -0.5 to 0.5.

    The rest is the same for all pixels of a frame, so it decides on one kernel for all; small numbers stay exact.
    """
    moved = -SCALE * shift
    whole = torch.floor(moved + 0.5)
    return whole.long(), moved - whole


def _centres(size: int, step: Tensor) -> Tensor:
    """The high-resolution pixel nearest to each low-resolution one's centre, ``[N, T, h]``."""
    return SCALE // 2 + SCALE * torch.arange(size // SCALE, device=step.device) + step[..., None]


def _radius(sigma: float) -> int:
    """Where `scipy.ndimage` cuts a Gaussian off."""
    return int(4 * sigma + 0.5)


def _check(sr: Tensor, shifts: Tensor, sigmas: tuple[float, ...]) -> None:
    if sr.ndim != 4 or sr.shape[1] != len(sigmas) or any(size % SCALE for size in sr.shape[-2:]):
        raise ValueError(
            f"sr has the shape {tuple(sr.shape)}; expected [N, {len(sigmas)}, 3h, 3w], a multiple of {SCALE} pixels."
        )
    if shifts.ndim != 3 or shifts.shape[0] != sr.shape[0] or shifts.shape[2] != 2:
        raise ValueError(f"shifts have the shape {tuple(shifts.shape)}; expected [{sr.shape[0]}, T, 2].")
