"""Whether a method's images depend on the order in which it is shown the scenes."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tdsr_bench.data.dataset import DataSet
from tdsr_bench.engine import Progress
from tdsr_bench.errors import SubmissionError
from tdsr_bench.predict import ImageSource, forget
from tdsr_bench.scene import Track
from tdsr_bench.view import show

TOLERANCE = 1e-4
"""Reflectance: a digital number of Sentinel-2 L2A. Sums in another order differ by less, memory by more."""


def check_order(
    dataset: DataSet,
    names: Sequence[str],
    track: Track,
    source_in: Callable[[Path], ImageSource],
    kept: Path,
    progress: Progress | None = None,
) -> None:
    """Make the images of all scenes anew, from the last to the first, and hold them against those in `kept`.

    Args:
        dataset: its data.
        names: the scenes whose images are there.
        track: what the method is shown.
        source_in: makes the source of its images, given the folder in which they are kept.
        kept: that folder, of the run that was scored.
        progress: told of each scene.

    Raises:
        SubmissionError: an image differs by more than `TOLERANCE`, or is not made a second time.
    """
    forget()
    with tempfile.TemporaryDirectory(prefix="tdsr-order-") as folder:
        before, again = source_in(kept), source_in(Path(folder))
        for done, name in enumerate(reversed(names), start=1):
            view = show(dataset.read(name), track, dataset.protocol.frames)
            apart = float(np.abs(before.image(view, name).sr - again.image(view, name).sr).max())
            if apart > TOLERANCE:
                raise SubmissionError(
                    f"{name}: the image is another one, by up to {apart:.2g} in reflectance, when the scenes come in "
                    f"another order; a method has to forget a scene before the next, and to seed its random numbers."
                )
            if progress:
                progress(name, done, len(names))
