"""Whether a loss moves when nothing of what it compares does: image and target shifted together."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tdsr_baselines.analysis.catalogue import REACH, Loss
from tdsr_baselines.analysis.figures import COLOURS, save_figure, small_multiples, styled
from tdsr_baselines.analysis.registration import mean_curve
from tdsr_baselines.analysis.subjects import BICUBIC, HR, Subject, batch_of, centre, image_tensor, interior, moved
from tdsr_baselines.analysis.sweep import Axis, Sweep, Told, along
from tdsr_baselines.analysis.tables import Findings, Row, grouped, mean_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = (
    "spread: largest less least value over the shifts of a scene, the mean of scenes; of its value: over the loss; "
    "of the gain: over the loss of bicubic less that of HR, both unmoved; whole: at whole pixels alone"
)


def synchronised(
    subjects: Sequence[Subject],
    losses: Mapping[str, Loss],
    sweep: Sweep,
    told: Told | None = None,
) -> Findings:
    """The value of each loss, for each image of each scene, as image and target are shifted by the same.

    What counts moves along, so it is always the same ground; only its place in the window changes.
    """
    rows = sweep.rows(subjects, sweep.one_way, partial(_at, losses, sweep), told)
    return Findings(rows, _summary(rows), CAPTION)


@torch.no_grad()
def _at(losses: Mapping[str, Loss], sweep: Sweep, subject: Subject, axis: Axis, shift: float) -> list[Row]:
    sample, by = subject.sample, along(axis, shift)
    window = centre(sample.truth_valid.shape, sweep.size)
    valid = sample.truth_valid if sample.reference_valid is None else sample.truth_valid & sample.reference_valid
    whole = (round(by[0]), round(by[1]))
    margin = ceil(sweep.most) + REACH + 1  # what comes in at the edges, and what losses that search leave out
    counted = np.roll(interior(valid, window, margin), whole, axis=(0, 1))
    batch = batch_of(sample, window, counted, shift=by)
    about: Row = {"scene": sample.name, "region": sample.region, "axis": axis, "shift": shift}
    rows: list[Row] = []
    for kind, image in subject.images.items():
        sr = image_tensor(moved(image, by), window)
        for name, loss in losses.items():
            rows.append({"loss": name, "input": kind, **about, "value": float(loss.function(sr, batch))})
    return rows


def spread(rows: Sequence[Row]) -> float:
    """Largest less least value of the same scene and axis, the mean over those."""
    values = [[float(row["value"] or 0) for row in own] for own in grouped(rows, "scene", "axis").values()]
    return float(np.mean([max(own) - min(own) for own in values]))


def _summary(rows: Sequence[Row]) -> list[Row]:
    unmoved = grouped([row for row in rows if row["shift"] == 0], "loss", "input")
    lines: list[Row] = []
    for (loss, kind), own in grouped(rows, "loss", "input").items():
        value, moves = mean_of(unmoved[loss, kind], "value") or 0.0, spread(own)
        whole = spread([row for row in own if float(row["shift"] or 0).is_integer()])
        ends = [mean_of(unmoved.get((loss, end), []), "value") for end in (BICUBIC, HR)]
        gain = ends[0] - ends[1] if ends[0] is not None and ends[1] is not None else 0.0
        lines.append(
            {
                "loss": loss,
                "input": kind,
                "value": value,
                "spread": moves,
                "spread, whole": whole,
                "of its value": moves / value if value > ROUNDING else None,
                "of the gain": moves / gain if gain > 0 else None,
                "of the gain, whole": whole / gain if gain > 0 else None,
            }
        )
    return lines


ROUNDING = 1e-6
"""A loss below it is 0: nothing is a share of it."""


def draw(path: Path, findings: Findings) -> None:
    """A panel for each loss: how far it has moved from its unmoved value, over the gain from bicubic to HR."""
    losses, kinds = ([str(key[0]) for key in grouped(findings.rows, name)] for name in ("loss", "input"))
    curves = grouped(findings.rows, "loss", "input")

    def panel(axes: "Axes", loss: str) -> None:
        gain = mean_curve(curves[loss, BICUBIC])[1][0] - mean_curve(curves[loss, HR])[1][0]
        for kind, colour in zip(kinds, COLOURS, strict=False):
            shifts, values = mean_curve(curves[loss, kind])
            axes.plot(shifts, (values - values[0]) / gain, color=colour, label=kind, linewidth=1.2)
        axes.set_ylim(*LIMITS)
        axes.set_xlabel("both shifted, px")

    with styled():
        save_figure(path, small_multiples(losses, panel))


LIMITS = (-0.15, 0.15)
"""Of the figure, the same in each panel: shares of the gain."""
