"""Figures of optimised pixels: what was painted, and how it went."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_baselines.analysis.canvas import BY_LOSS, BY_SCORE, Canvas, Watchers
from tdsr_baselines.analysis.figures import COLOURS, save_figure, small_multiples, styled
from tdsr_baselines.analysis.optimise import Gallery
from tdsr_baselines.analysis.subjects import HR, Image
from tdsr_baselines.analysis.tables import Row, grouped, mean_of
from tdsr_bench.tasks.colours import errors, to_rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Picture = NDArray[np.floating]


def draw_curves(path: Path, gallery: Gallery) -> None:
    """A panel for each recipe: loss and what networks see over the steps, from the first start; means over scenes."""
    painted = [row for row in gallery.findings.rows if row["start"] != "as it is"]
    first = str(painted[0]["start"])
    by_recipe = grouped([row for row in painted if row["start"] == first], "losses")

    def panel(axes: "Axes", name: str) -> None:
        steps = grouped(by_recipe[name,], "step")
        lines = {
            "loss, of its start": _of_start([mean_of(rows, "loss") for rows in steps.values()]),
            f"IoU by the {BY_LOSS}": [_mean_iou(rows, BY_LOSS) for rows in steps.values()],
            f"IoU by {BY_SCORE}": [_mean_iou(rows, BY_SCORE) for rows in steps.values()],
        }
        places = [float(key[0] or 0) for key in steps]
        for (label, values), colour in zip(lines.items(), COLOURS, strict=False):
            axes.plot(places, np.array(values, dtype=float), color=colour, label=label, linewidth=1.2)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, places[-1])
        axes.set_ylim(0, 1)
        axes.set_xlabel(f"step, from {first}")

    with styled():
        save_figure(path, small_multiples([str(key[0]) for key in by_recipe], panel))


def _of_start(values: Sequence[float | None]) -> list[float | None]:
    begun = values[0]
    return [value / begun if value is not None and begun else None for value in values]


def _mean_iou(rows: Sequence[Row], who: str) -> float | None:
    keys = [key for key in rows[0] if key.endswith(f" by {who}")]
    values = [value for key in keys if (value := mean_of(rows, key)) is not None]
    return float(np.mean(values)) if values else None


def draw_pictures(path: Path, gallery: Gallery, watching: Watchers, task: str | None) -> None:
    """A row for each recipe in the first scene: what came of each start, and what networks see in that of the first.

    Finds of `task` in the colours of `tdsr_bench.tasks.colours`.
    """
    from matplotlib.figure import Figure

    scene, canvas = next(iter(gallery.canvases.items()))
    names, starts = (list(dict.fromkeys(key[part] for key in gallery.paintings)) for part in (1, 2))
    lines = {HR: [canvas.reference] + [None] * (len(starts) - 1)}
    lines |= {name: [gallery.paintings[scene, name, start].image for start in starts] for name in names}
    seen = [f"seen by the {BY_LOSS}", "by one that scores"] if task in watching.losing else []
    with styled():
        across = len(starts) + len(seen)
        figure = Figure(figsize=(1.35 * across + 1.2, 1.35 * len(lines)), layout="constrained")
        panels = figure.subplots(len(lines), across, squeeze=False)
        for row, (name, images) in zip(panels, lines.items(), strict=True):
            pictures: list[Picture | None] = [None if image is None else to_rgb(image) for image in images]
            if seen and task and images[0] is not None:
                pictures += _seen(images[0], canvas, watching, task)
            for panel, picture in zip(row, pictures, strict=True):
                panel.axis("off")
                if picture is not None:
                    panel.imshow(picture)
            row[0].text(-0.08, 0.5, _two_lines(name), transform=row[0].transAxes, ha="right", va="center")
        for panel, title in zip(panels[0], [f"from {start}" for start in starts] + seen, strict=True):
            panel.set_title(title)
        save_figure(path, figure, dpi=72)


def _two_lines(name: str) -> str:
    return name.replace(" + ", " +\n").replace("all of the ", "all of the\n")


def _seen(image: Image, canvas: Canvas, watching: Watchers, task: str) -> list[Picture]:
    truth = canvas.batch.truth[task][0, 0].numpy() > 0.5
    networks = (watching.losing[task], watching.scoring[task][0])
    return [errors(network.found(image), truth) for network in networks]
