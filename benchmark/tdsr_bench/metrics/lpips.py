"""LPIPS: distance of two images as a network sees them. Without AlexNet's trained weights there is no score."""

import functools
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import DataError
from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, mean_over, valid_in_all
from tdsr_bench.scene import RGB
from tdsr_bench.user_weights import user_weights

if TYPE_CHECKING:
    from torch.nn import Module

TRUNK_VARIABLE = "TDSR_BENCH_ALEXNET"
TRUNK_NAME = "alexnet-owt-7be5be79.pth"
TRUNK_SHA256 = "7be5be79"
"""How the file's SHA-256 begins; torchvision puts it into the name."""

TRUNK_COMMAND = "python -c \"import torchvision; torchvision.models.alexnet(weights='IMAGENET1K_V1')\""

LEAST_SIDE = 31
"""The smallest image, in pixels, that AlexNet's strides and poolings leave anything of."""


def trunk_file() -> Path | None:
    """AlexNet's weights: the file that ``$TDSR_BENCH_ALEXNET`` names, else the one in torch hub's cache, else None.

    Raises:
        DataError: the variable names a file that is not there.
    """
    return user_weights(TRUNK_VARIABLE, TRUNK_NAME)


def unavailable() -> str | None:
    """Why LPIPS cannot be computed here and how to mend it, or None.

    Raises:
        DataError: the file of the weights is not AlexNet's, or not whole.
    """
    path = trunk_file()
    if path is None:
        return (
            f"AlexNet's weights ({TRUNK_NAME}, 233 MB) are not in torch hub's cache: fetch them with "
            f"`{TRUNK_COMMAND}`, or set {TRUNK_VARIABLE} to the file"
        )
    verify_trunk(path)
    return None


def verify_trunk(path: Path) -> None:
    """Check that `path` holds the weights that its name promises: with others the distance would mean nothing.

    Raises:
        DataError: another SHA-256.
    """
    status = path.stat()
    found = _sha256(path, status.st_mtime_ns, status.st_size)
    if not found.startswith(TRUNK_SHA256):
        raise DataError(
            f"{path}: expected AlexNet's weights, with a SHA-256 that begins with {TRUNK_SHA256}, found "
            f"{found[:8]}; remove the file and fetch it again with `{TRUNK_COMMAND}`."
        )


@functools.cache
def load_network(path: Path, *, spatial: bool) -> "Module":
    """LPIPS 0.1 on AlexNet with the trunk at `path`; a map of distances if `spatial`, else their mean.

    The linear heads come with the package lpips.

    Raises:
        DataError: `path` is not AlexNet.
    """
    import lpips
    import torch

    verify_trunk(path)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # lpips calls torchvision in an old manner
        network: lpips.LPIPS = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, spatial=spatial, verbose=False)
    weights = torch.load(path, map_location="cpu", weights_only=True)
    # Here "slice2.3.weight", where torchvision says "features.3.weight".
    trunk = network.net
    trunk.load_state_dict({name: weights["features" + name[name.index(".") :]] for name in trunk.state_dict()})
    module: Module = network.eval().requires_grad_(False)
    return module


def network_input(rgb: NDArray[np.float32], *, white: float) -> NDArray[np.float32]:
    """Reflectance as the network takes it: 0 becomes -1, `white` becomes 1, and what lies outside is clipped."""
    return np.asarray(2 * np.clip(rgb / np.float32(white), 0, 1) - 1, dtype=np.float32)


def lpips_map(network: "Module", sr_rgb: NDArray[np.float32], ref_rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance at each pixel, ``[H, W]``, of two images ``[3, H, W]`` of -1 to 1, by a spatial LPIPS `network`.

    Zhang et al., CVPR 2018, eq. 1, each layer's distances enlarged to the image's size.

    Raises:
        ValueError: shapes that differ.
    """
    import torch

    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb)
    with torch.inference_mode():
        distance = network(torch.from_numpy(sr_rgb)[None], torch.from_numpy(ref_rgb)[None])
    return np.asarray(distance[0, 0], dtype=np.float32)


def lpips_distance(
    network: "Module",
    sr_rgb: NDArray[np.float32],
    ref_rgb: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    white: float,
) -> float:
    """Mean distance over the pixels valid in all three bands of ``[3, H, W]`` images in reflectance, 0 for equal ones.

    Masked pixels of `sr_rgb` are replaced by the reference first, since a network looks around each pixel. NaN where no
    pixel is valid, or the image is too small for the network.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb, valid=valid)
    whole = valid_in_all(valid)
    if not whole.any() or min(whole.shape) < LEAST_SIDE:
        return float("nan")
    images = (network_input(image, white=white) for image in (np.where(valid, sr_rgb, ref_rgb), ref_rgb))
    return mean_over(lpips_map(network, *images), whole)


def official_lpips() -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], float] | None:
    """LPIPS of two grey uint8 images ``[H, W]`` as MuS2's evaluator takes it, or None where the weights are missing.

    Grey is repeated to three channels, 0..255 becomes -1..1, and the distance is the mean over the whole image of each
    layer's distances at the layer's own size.

    Raises:
        DataError: as `unavailable`.
    """
    path = trunk_file()
    return None if path is None else functools.partial(grey_distance, load_network(path, spatial=False))


def grey_distance(network: "Module", a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Distance of two grey images ``[H, W]`` of 0..255 by an LPIPS `network` that is not spatial.

    Raises:
        ValueError: shapes that differ.
    """
    import torch

    check_shapes(a=a, b=b)
    with torch.inference_mode():
        tensors = (torch.from_numpy((image.astype(np.float32) - 127.5) / 127.5) for image in (a, b))
        return float(network(*(tensor.expand(1, 3, -1, -1) for tensor in tensors)))


@functools.cache
def _sha256(path: Path, modified: int, size: int) -> str:  # noqa: ARG001 - the file's age and size are part of the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    path = trunk_file()
    if path is None:
        return np.array([np.nan])
    bands = list(RGB)
    network = load_network(path, spatial=True)
    return np.array([lpips_distance(network, pair.sr[bands], pair.reference[bands], pair.valid[bands], **settings)])


METRIC = Metric(
    key="lpips",
    title="LPIPS",
    unit="1",
    higher_is_better=False,
    per_band=False,
    source="Zhang et al. (2018), AlexNet, version 0.1",
    compute=_compute,
    unavailable=unavailable,
)
