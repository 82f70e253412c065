"""How a loss takes it when its target lies elsewhere: its value as reference and masks are shifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tdsr_baselines.analysis.catalogue import Loss
from tdsr_baselines.analysis.figures import COLOURS, save_figure, small_multiples, styled
from tdsr_baselines.analysis.subjects import BICUBIC, HR, Subject, batch_of, centre, image_tensor, interior
from tdsr_baselines.analysis.sweep import Axis, Sweep, Told, along
from tdsr_baselines.analysis.tables import Findings, Row, grouped, mean_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = (
    "minimum, width at half depth, flat bottom: px; depth: share of the plateau (the outermost pixel) that the minimum "
    "lies below it; 1 px off: what that costs HR, over the loss of bicubic less that of HR, both in place; as bad as "
    "bicubic: px at which HR costs as much as bicubic in place"
)

SAME = 1e-4
"""Of a curve's range: values this near to its least are equal to it."""


def registration(
    subjects: Sequence[Subject],
    losses: Mapping[str, Loss],
    sweep: Sweep,
    told: Told | None = None,
) -> Findings:
    """The value of each loss, for each image of each scene, as its target is shifted. The same pixels count always."""
    rows = sweep.rows(subjects, sweep.both_ways, partial(_at, losses, sweep), told)
    return Findings(rows, _summary(rows, sweep), CAPTION)


@torch.no_grad()
def _at(losses: Mapping[str, Loss], sweep: Sweep, subject: Subject, axis: Axis, shift: float) -> list[Row]:
    sample = subject.sample
    window = centre(sample.truth_valid.shape, sweep.size)
    valid = sample.truth_valid if sample.reference_valid is None else sample.truth_valid & sample.reference_valid
    batch = batch_of(sample, window, interior(valid, window, ceil(sweep.most) + 1), shift=along(axis, shift))
    about: Row = {"scene": sample.name, "region": sample.region, "axis": axis, "shift": shift}
    return [
        {"loss": name, "input": kind, **about, "value": float(loss.function(image_tensor(image, window), batch))}
        for kind, image in subject.images.items()
        for name, loss in losses.items()
    ]


def mean_curve(rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shifts, and the mean over scenes and axes at each."""
    by_shift = grouped(rows, "shift")
    shifts = sorted(float(key[0]) for key in by_shift if isinstance(key[0], float))
    return np.array(shifts), np.array([mean_of(by_shift[shift,], "value") for shift in shifts], dtype=np.float64)


@dataclass(frozen=True)
class Shape:
    """What a curve looks like.

    Attributes:
        minimum: the shift at which it is least; of equals the nearest to 0.
        least: how little that is.
        plateau: the mean of the outermost pixel on both sides.
        width: between the outermost places at which it lies under half of its depth; None where it does at an end.
        flat: between the outermost whole shifts at which it lies under a tenth of its depth.
    """

    minimum: float
    least: float
    plateau: float
    width: float | None
    flat: float


def shape_of(shifts: NDArray[np.float64], values: NDArray[np.float64]) -> Shape:
    """The shape of a curve over ascending shifts, whose middle one is 0."""
    least, plateau = float(values.min()), float(values[np.abs(shifts) >= shifts[-1] - 1].mean())
    equals = np.flatnonzero(values <= least + SAME * np.ptp(values))
    depth = plateau - least
    whole = np.flatnonzero((shifts == np.round(shifts)) & (values <= least + depth / 10))
    return Shape(
        minimum=float(min(shifts[equals], key=abs)),
        least=least,
        plateau=plateau,
        width=_width(shifts, values - (least + depth / 2)),
        flat=float(np.ptp(shifts[whole])) if whole.size else 0.0,
    )


def _width(shifts: NDArray[np.float64], excess: NDArray[np.float64]) -> float | None:
    """Between the outermost changes of sign of `excess`, interpolated; None where it is not positive at both ends."""
    below = np.flatnonzero(excess < 0)
    if not below.size or excess[0] < 0 or excess[-1] < 0:
        return None
    (left, right), size = (int(below[0]), int(below[-1])), np.abs(excess)
    first = (shifts[left - 1] * size[left] + shifts[left] * size[left - 1]) / (size[left] + size[left - 1])
    last = (shifts[right] * size[right + 1] + shifts[right + 1] * size[right]) / (size[right] + size[right + 1])
    return float(last - first)


def first_above(shifts: NDArray[np.float64], values: NDArray[np.float64], level: float) -> float | None:
    """The first of ascending `shifts` at which a curve reaches `level`, interpolated; None where it never does."""
    above = np.flatnonzero(values >= level)
    if not above.size:
        return None
    index = int(above[0])
    if index == 0:
        return float(shifts[0])
    share = (level - values[index - 1]) / (values[index] - values[index - 1])
    return float(shifts[index - 1] + share * (shifts[index] - shifts[index - 1]))


def _summary(rows: Sequence[Row], sweep: Sweep) -> list[Row]:
    curves = grouped(rows, "loss", "input", "axis")
    lines: list[Row] = []
    for (loss, kind, axis), own in curves.items():
        shifts, values = mean_curve(own)
        found = shape_of(shifts, values)
        line: dict[str, str | float | None] = {
            "loss": str(loss),
            "input": str(kind),
            "axis": str(axis),
            "in place": float(values[len(values) // 2]),
            "minimum": found.minimum,
            "least": found.least,
            "depth": 1 - found.least / found.plateau if found.plateau > 0 else None,
            "width": found.width,
            "flat": found.flat,
        }
        bicubic = curves.get((loss, BICUBIC, axis))
        if kind == HR and bicubic and sweep.most >= 1:
            line |= _against_bicubic(shifts, values, mean_curve(bicubic)[1])
        lines.append(line)
    return lines


def _against_bicubic(
    shifts: NDArray[np.float64], values: NDArray[np.float64], bicubic: NDArray[np.float64]
) -> dict[str, float | None]:
    """What a shift costs the reference itself, in the coin of what it gains over bicubic in place."""
    zero = len(shifts) // 2
    gain = float(bicubic[zero] - values[zero])
    one = float(np.interp([-1.0, 1.0], shifts, values).mean()) - float(values[zero])
    both = (values[zero:] + values[zero::-1]) / 2
    return {
        "1 px off": one / gain if gain > 0 else None,
        "as bad as bicubic": first_above(shifts[zero:], both, float(bicubic[zero])) if gain > 0 else None,
    }


def draw(path: Path, findings: Findings) -> None:
    """A panel for each loss: its curve for each image, mean over scenes and axes."""
    losses, kinds = ([str(key[0]) for key in grouped(findings.rows, name)] for name in ("loss", "input"))
    curves = grouped(findings.rows, "loss", "input")

    def panel(axes: "Axes", loss: str) -> None:
        for kind, colour in zip(kinds, COLOURS, strict=False):
            axes.plot(*mean_curve(curves[loss, kind]), color=colour, label=kind, linewidth=1.2)
        axes.axvline(0, color="black", linewidth=0.5)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("target shifted, px")

    with styled():
        save_figure(path, small_multiples(losses, panel))
