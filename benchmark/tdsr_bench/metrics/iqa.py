"""Metrics of the package pyiqa, by name; it is an extra, for its licence forbids commercial use."""

import contextlib
import difflib
import functools
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import ProtocolError
from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.scene import RGB

if TYPE_CHECKING:
    from pyiqa.models.inference_model import InferenceModel

PREFIX = "iqa:"

NOT_OF_ONE_IMAGE = ("fid", "sfid", "fid_dinov2", "inception_score", "clipscore", "fgresq_pair")
"""What pyiqa offers beside: distances of whole collections, of an image and a text, and preferences of pairs."""


def iqa_metric(name: str) -> Metric:
    """The metric that pyiqa calls `name`, as ``iqa:<name>``.

    Full-reference metrics compare with the reference, others judge the image alone. Masked pixels are replaced by the
    reference in both, for pyiqa knows no masks.

    Raises:
        ProtocolError: pyiqa is not installed, or has no such metric of a single image.
    """
    options = _known().get(name)
    if options is None:
        close = difflib.get_close_matches(name, _known(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`pyiqa.list_models()` names them all."
        raise ProtocolError(f"pyiqa has no metric {name!r} of a single image; {hint}")
    return Metric(
        key=PREFIX + name,
        title=name.upper(),
        unit="1",
        higher_is_better=not options.get("lower_better", False),
        per_band=False,
        source=f"pyiqa, {name}",
        compute=functools.partial(_compute, name),
        unavailable=functools.partial(unavailable, name),
    )


def unavailable(name: str) -> str | None:
    """Why pyiqa's metric `name` cannot be computed here, or None. Fetches its weights where it has any."""
    model = _load(name)
    return model if isinstance(model, str) else None


def iqa_value(
    name: str,
    sr_rgb: NDArray[np.float32],
    ref_rgb: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    white: float = 0.3,
) -> float:
    """pyiqa's metric `name` of ``[3, H, W]`` images in reflectance, of which `white` becomes 1.

    Returns:
        NaN where the metric's weights are missing, or where the image is too small for it.

    Raises:
        ProtocolError: as `iqa_metric`.
        ValueError: shapes that differ.
    """
    import torch

    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb, valid=valid)
    model = _load(name)
    if isinstance(model, str):
        return float("nan")
    images = [
        torch.from_numpy(np.clip(image / np.float32(white), 0, 1))[None]
        for image in (np.where(valid, sr_rgb, ref_rgb), ref_rgb)
    ]
    with torch.inference_mode(), _quiet():
        try:
            return float(model(*images) if model.metric_mode == "FR" else model(images[0]))
        except (RuntimeError, ValueError, AssertionError):  # how its networks say that an image is too small for them
            return float("nan")


@functools.cache
def _known() -> dict[str, dict[str, object]]:
    """pyiqa's own records of its metrics of a single image, by name."""
    try:
        with _quiet():
            from pyiqa.default_model_configs import DEFAULT_CONFIGS
    except ImportError as error:
        raise ProtocolError(
            f"Metrics of pyiqa need the package pyiqa ({error}); install it with `pip install 'tdsr-bench[iqa]'`, if "
            f"its non-commercial licence suits you."
        ) from None
    return {name: options for name, options in DEFAULT_CONFIGS.items() if name not in NOT_OF_ONE_IMAGE}


@functools.cache
def _load(name: str) -> "InferenceModel | str":
    """The metric, or why it cannot be had; tried once a process, so that a missing network costs one time-out."""
    if name not in _known():
        iqa_metric(name)
    with _quiet():
        import pyiqa

        try:
            return pyiqa.create_metric(name, device="cpu")
        except Exception as error:  # each of its networks has downloaders, and errors, of its own
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            return f"pyiqa could not set up {name}, most likely because its weights could not be fetched ({first})"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send pyiqa's prints to standard error, since standard output may be a card, and ignore its warnings."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _compute(name: str, pair: AlignedPair, settings: Settings) -> Values:
    bands = list(RGB)
    return np.array([iqa_value(name, pair.sr[bands], pair.reference[bands], pair.valid[bands], **settings)])
