"""Pictures of a scene and what was found in it: the images above, the finds and their errors below."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.scene import RGB, SCALE
from tdsr_bench.tasks.scoring import Look, segment

if TYPE_CHECKING:
    from tdsr_bench.tasks.networks.sets import NetworkFile

WHITE = 0.3
"""The reflectance that is shown as white."""

GAMMA = 0.7

FOUND, INVENTED, MISSED = (1.0, 1.0, 1.0), (0.90, 0.38, 0.0), (0.37, 0.55, 0.95)
"""Rightly found, found where nothing is, not found; told apart by colour-blind eyes as well."""

LEGEND = "white: found; orange: found, but not there; blue: there, but not found (by most of the networks that score)"


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

    truth, scene = look.truth, look.truth.scene
    assert truth.mask is not None
    figure = Figure(figsize=(15, 7.4), layout="constrained")
    axes = figure.subplots(2, 4)
    images = {"bicubic": pair.bicubic, method: pair.sr, "reference": pair.reference}
    _show(axes[0, 0], "frame", to_rgb(first_frame(pair)))
    _show(axes[1, 0], f"truth: {truth.task.title}", errors(truth.mask, truth.mask))
    networks = [scoring.network for scoring in look.networks]
    for column, (name, image) in enumerate(images.items(), start=1):
        found = majority(image, networks, look)
        _show(axes[0, column], name, to_rgb(image))
        _show(axes[1, column], f"{truth.task.title} found, IoU {_iou(found, look):.2f}", errors(found, truth.mask))
    figure.suptitle(f"{scene.name} ({scene.region})")
    figure.supxlabel(LEGEND, fontsize=9)
    path = folder / f"{scene.name}-{truth.task.key}.png"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def majority(image: NDArray[np.float32], networks: "Sequence[NetworkFile]", look: Look) -> NDArray[np.bool_]:
    """bool ``[H, W]``: what more than half of `networks` find in `image`."""
    votes = sum(segment(image, file.load(), look.truth).found.astype(int) for file in networks)
    return np.asarray(2 * votes > len(networks))


def to_rgb(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reflectance ``[4, H, W]`` as colours ``[H, W, 3]``, 0 to 1; what is brighter than `WHITE` is white."""
    colours: NDArray[np.float32] = (np.clip(image[list(RGB)] / WHITE, 0, 1) ** GAMMA).transpose(1, 2, 0)
    return colours


def first_frame(pair: AlignedPair) -> NDArray[np.float32]:
    """The first frame, each of its pixels as a block, the same ground as far as whole pixels allow."""
    blocks: NDArray[np.float32] = pair.observed[0].repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    border = (blocks.shape[1] - pair.sr.shape[1]) // 2
    return blocks[:, border:-border, border:-border]


def errors(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What was found, right and wrong, and what was not, as colours ``[H, W, 3]``, 0 to 1."""
    colours = np.full((*truth.shape, 3), 0.07)
    for where, colour in ((found & truth, FOUND), (found & ~truth, INVENTED), (truth & ~found, MISSED)):
        colours[where] = colour
    return colours


def _iou(found: NDArray[np.bool_], look: Look) -> float:
    from tdsr_bench.tasks.measures.overlap import iou

    assert look.truth.mask is not None
    return iou(found, look.truth.mask, look.truth.valid)


def _show(axis: Any, title: str, image: NDArray[Any]) -> None:
    axis.imshow(image, interpolation="nearest")
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
