"""Key.Net, the network that finds key points: its published weights, its points, and what surrounds them."""

import functools
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.files import digest
from tdsr_bench.tasks.measures.repeatability import Descriptors, Points
from tdsr_bench.user_weights import user_weights

if TYPE_CHECKING:
    from kornia.feature import KeyNet

WEIGHTS_VARIABLE = "TDSR_BENCH_KEYNET"
WEIGHTS_NAME = "keynet_pytorch.pth"
WEIGHTS_SHA256 = "8cb0be13f0cc2360072b1400c94639a6ae94d2e63c3848dc760f90fa1d666fde"
"""SHA-256 of the published tensors, by `weights_sha256`: the same however a file packs them."""

WEIGHTS_COMMAND = 'python -c "import kornia; kornia.feature.KeyNet(pretrained=True)"'
"""Fetches the file (80 kB, MIT licence) into torch hub's cache."""

DESCRIPTOR_SAMPLES = 32
"""Samples on each side of the patch that a descriptor is made from."""


def weights_file() -> Path | None:
    """Key.Net's weights: the file that ``$TDSR_BENCH_KEYNET`` names, else kornia's in torch hub's cache, else None.

    Raises:
        DataError: the variable names a file that is not there.
    """
    return user_weights(WEIGHTS_VARIABLE, WEIGHTS_NAME)


def unavailable() -> str | None:
    """Why key points cannot be found here and how to mend it, or None.

    Raises:
        DataError: the file of the weights is not Key.Net's, or not whole.
    """
    path = weights_file()
    if path is None:
        return (
            f"Key.Net's weights ({WEIGHTS_NAME}, 80 kB) are not in torch hub's cache: fetch them with "
            f"`{WEIGHTS_COMMAND}`, or set {WEIGHTS_VARIABLE} to the file"
        )
    load_network(path)
    return None


@functools.cache
def load_network(path: Path) -> "KeyNet":
    """Key.Net with the published weights at `path`.

    Barroso-Laguna et al., ICCV 2019, in kornia's implementation.

    Raises:
        DataError: the file holds something else; with other weights the scores would mean something else.
    """
    import torch
    from kornia.feature import KeyNet

    weights = _read_weights(path)
    found = weights_sha256(weights)
    if found != WEIGHTS_SHA256:
        raise DataError(
            f"{path}: expected Key.Net's published weights, whose SHA-256 begins with {WEIGHTS_SHA256[:8]}, found "
            f"{found[:8]}; remove the file and fetch it again with `{WEIGHTS_COMMAND}`."
        )
    with torch.random.fork_rng(devices=[]):
        network = KeyNet(pretrained=False)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.eval().requires_grad_(False)


def weights_sha256(weights: dict[str, NDArray[np.generic]]) -> str:
    """SHA-256 of tensors by name, in the order of their names."""
    return digest(*(part for name in sorted(weights) for part in (name, np.ascontiguousarray(weights[name]).tobytes())))


def find_points(
    network: "KeyNet", grey: NDArray[np.float32], allowed: NDArray[np.bool_], *, most: int, window: int
) -> Points:
    """The `most` strongest key points of a `grey` image ``[H, W]`` of 0 to 1 where `allowed`, the strongest first.

    A point is a pixel whose response is the greatest in the square `window` around it. The image is looked at in its
    own size only, without the published pyramid around the network: the network has three scales inside, and images
    that are compared on one grid do not differ in scale. kornia leaves out a border of 15 pixels.
    """
    import torch
    from kornia.feature import MultiResolutionDetector
    from kornia.feature.scale_space_detector import Detector_config

    if most < 1 or not allowed.any():
        return np.empty((0, 2))
    config: Detector_config = {
        "nms_size": window,
        "pyramid_levels": 0,
        "up_levels": 0,
        "scale_factor_levels": 1.0,
        "s_mult": 1.0,
    }
    detector = MultiResolutionDetector(network, most, config)
    with torch.inference_mode():
        responses, frames = detector.detect(*(torch.from_numpy(image)[None, None] for image in (grey, allowed)))
    found: Points = frames[0, responses[0] > 0, :, 2].numpy().astype(np.float64)
    return found


def describe(grey: NDArray[np.float32], points: Points, *, patch: float) -> Descriptors:
    """RootSIFT of the upright square of `patch` pixels around each of `points` in the `grey` image ``[H, W]``.

    Float32 ``[n, 128]``, of length 1, the same for any gain and offset of the image. It needs no weights, where the
    learned descriptors that go with Key.Net would be a second download. Lowe, IJCV 60 (2004); Arandjelovic and
    Zisserman, CVPR 2012.
    """
    import torch
    from kornia.feature import SIFTDescriptor, extract_patches_from_pyramid, laf_from_center_scale_ori

    if not len(points):
        return np.empty((0, 128), dtype=np.float32)
    centres = torch.from_numpy(points.astype(np.float32))[None]
    frames = laf_from_center_scale_ori(centres, torch.full((1, len(points), 1, 1), patch / 2))
    with torch.random.fork_rng(devices=[]):  # kornia draws a kernel at random before it puts in its own
        descriptor = SIFTDescriptor(DESCRIPTOR_SAMPLES)
    with torch.inference_mode():
        patches = extract_patches_from_pyramid(torch.from_numpy(grey)[None, None], frames, PS=DESCRIPTOR_SAMPLES)[0]
        return np.asarray(descriptor(patches))


def _read_weights(path: Path) -> dict[str, NDArray[np.generic]]:
    import torch

    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {name: value.numpy() for name, value in stored["state_dict"].items()}
    except (RuntimeError, EOFError, UnpicklingError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{path}: expected the file {WEIGHTS_NAME} of Key.Net, found something else; fetch it again with "
            f"`{WEIGHTS_COMMAND}`."
        ) from None
