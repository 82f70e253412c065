"""Pictures of a scene and what was found in it: the images above, the finds and their errors below."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.files import write_atomically
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.tasks.colours import LEGEND, errors, first_frame, to_rgb
from tdsr_bench.tasks.measures.overlap import iou
from tdsr_bench.tasks.scoring import Look

if TYPE_CHECKING:
    from tdsr_bench.tasks.networks.sets import NetworkFile


def draw_panels(folder: Path, method: str, pair: AlignedPair, looks: Sequence[Look]) -> list[Path]:
    """Draw one picture for each task that the scene has truth of, and return their paths.

    Args:
        folder: where they go, as ``<scene>-<task>.png``.
        method: whose image it is.
        pair: the method's image beside bicubic and reference.
        looks: the tasks of the scene.
    """
    return [_draw(folder, method, pair, look) for look in looks if look.truth.missing is None]


def _draw(folder: Path, method: str, pair: AlignedPair, look: Look) -> Path:
    from matplotlib.figure import Figure

    known, task, scene = look.truth.known, look.truth.task, look.truth.scene
    assert known is not None
    figure = Figure(figsize=(15, 7.4), layout="constrained")
    axes = figure.subplots(2, 4)
    images = {"bicubic": pair.bicubic, method: pair.sr, "reference": pair.reference}
    _show(axes[0, 0], "frame", to_rgb(first_frame(pair)))
    _show(axes[1, 0], f"truth: {task.title}", errors(known.mask, known.mask))
    networks = [scoring.network for scoring in look.networks]
    for column, (name, image) in enumerate(images.items(), start=1):
        found = majority(image, networks)
        overlap = iou(found, known.mask, known.valid)
        _show(axes[0, column], name, to_rgb(image))
        _show(axes[1, column], f"{task.title} found, IoU {overlap:.2f}", errors(found, known.mask))
    figure.suptitle(f"{scene.name} ({scene.region})")
    figure.supxlabel(LEGEND, fontsize=9)
    path = folder / f"{scene.name}-{task.key}.png"
    content = io.BytesIO()
    figure.savefig(content, dpi=110)
    write_atomically(path, content.getvalue())
    return path


def majority(image: NDArray[np.float32], networks: "Sequence[NetworkFile]") -> NDArray[np.bool_]:
    """bool ``[H, W]``: what more than half of `networks` find in `image`, float32 ``[4, H, W]``."""
    votes = sum(file.load().found(image).astype(int) for file in networks)
    return np.asarray(2 * votes > len(networks))


def _show(axis: Any, title: str, image: NDArray[Any]) -> None:
    axis.imshow(image, interpolation="nearest")
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
