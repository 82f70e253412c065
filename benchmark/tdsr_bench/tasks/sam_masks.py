"""Segment Anything: the checkpoint that the user names, and the masks that it finds in an image by itself."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.devices import find_device
from tdsr_bench.errors import DataError
from tdsr_bench.files import digest
from tdsr_bench.tasks.measures.mask_agreement import Masks

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import MaskGenerationPipeline, SamModel

CHECKPOINT_VARIABLE = "TDSR_BENCH_SAM"
EXAMPLE = "facebook/sam-vit-base"

POINTS_AT_ONCE = 16
"""Points that the network is asked about together; their 48 masks of 1024 x 1024 pixels take 200 MB."""


def checkpoint_name() -> str | None:
    """What ``$TDSR_BENCH_SAM`` names: a folder, or a model on the Hugging Face hub; None where it is not set."""
    return os.environ.get(CHECKPOINT_VARIABLE) or None


def unavailable() -> str | None:
    """Why Segment Anything cannot be asked here and how to mend it, or None.

    A model of the hub that is not in its cache yet is fetched, for the user named it; nothing is fetched unasked.

    Raises:
        DataError: what is named is no checkpoint of Segment Anything, or not whole.
    """
    name = checkpoint_name()
    if name is None:
        return (
            f"no checkpoint of Segment Anything is named: set {CHECKPOINT_VARIABLE} to a folder that holds one, or to "
            f"a model on the Hugging Face hub such as {EXAMPLE} (375 MB), which is then fetched"
        )
    generator = load_generator(name)
    return generator if isinstance(generator, str) else None


@functools.cache
def load_generator(name: str) -> "MaskGenerationPipeline | str":
    """The generator of masks with the checkpoint `name`, or why it cannot be had; tried once a process.

    Kirillov et al., ICCV 2023, in the implementation of the package transformers. A folder needs no network.

    Raises:
        DataError: `name` is a folder without a whole checkpoint, or of another model.
    """
    from safetensors import SafetensorError

    try:
        from transformers import MaskGenerationPipeline, SamImageProcessor
    except ImportError as error:
        return f"Segment Anything needs the package transformers ({error}); `pip install 'tdsr-bench[sam]'` installs it"
    local = Path(name).is_dir()
    try:
        model = _load_model(name, local=local)
        processor = SamImageProcessor.from_pretrained(name, local_files_only=local)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # of files and networks alike
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        if local:
            raise DataError(
                f"{name}: expected a checkpoint of Segment Anything ({first}); copy it there anew."
            ) from None
        return f"{name} is no folder here, and could not be had from the Hugging Face hub ({first})"
    pipeline: Any = MaskGenerationPipeline
    generator: MaskGenerationPipeline = pipeline(model=model, image_processor=processor, device=find_device("auto"))
    return generator


def automatic_masks(
    generator: "MaskGenerationPipeline",
    image: NDArray[np.uint8],
    *,
    points_per_side: int,
    least_iou: float,
    least_stability: float,
    most_overlap: float,
) -> Masks:
    """The masks, bool ``[n, H, W]``, that Segment Anything finds in ``[H, W, 3]`` by a grid of points.

    Args:
        generator: see `load_generator`.
        image: red, green and blue, 0 to 255.
        points_per_side: of the grid.
        least_iou: the network's own estimate of a mask's quality has to be over it.
        least_stability: so has the IoU of the mask at a higher and a lower threshold.
        most_overlap: of two masks whose boxes' IoU is over it, the better stays.
    """
    from PIL import Image

    answer: dict[str, Any] = generator(
        Image.fromarray(image),
        points_per_crop=points_per_side,
        points_per_batch=POINTS_AT_ONCE,
        pred_iou_thresh=least_iou,
        stability_score_thresh=least_stability,
        crops_nms_thresh=most_overlap,
    )
    masks = [np.asarray(mask) for mask in answer["masks"]]
    return np.stack(masks) if masks else np.empty((0, *image.shape[:2]), dtype=bool)


def network() -> Mapping[str, str]:
    """The checkpoint's name, and the SHA-256 of its weights; empty where it is not available."""
    name = checkpoint_name()
    generator = load_generator(name) if name else ""
    if name is None or isinstance(generator, str):
        return {}
    return {"name": name, "sha256": _weights_sha256(generator.model)}


def _weights_sha256(model: "Module") -> str:
    weights = model.state_dict()
    return digest(*(part for key in sorted(weights) for part in (key, weights[key].cpu().numpy().tobytes())))


def _load_model(name: str, *, local: bool) -> "SamModel":
    from transformers import AutoConfig, SamModel

    kind = AutoConfig.from_pretrained(name, local_files_only=local).model_type
    if kind != "sam":
        raise DataError(
            f"{name} holds a model of the kind {kind!r}, expected 'sam', Segment Anything's first version; name such a "
            f"checkpoint in {CHECKPOINT_VARIABLE}, for example {EXAMPLE}."
        )
    loaded: Any = SamModel.from_pretrained(name, local_files_only=local, output_loading_info=True)
    model, loading = loaded
    if lacking := sorted(loading["missing_keys"]):
        raise DataError(
            f"{name} lacks {len(lacking)} of Segment Anything's weights, {lacking[0]} among them, which would be "
            f"random; fetch the checkpoint again."
        )
    network: SamModel = model.eval().requires_grad_(False)
    return network
