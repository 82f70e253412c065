"""LPIPS: distance of two images as a network sees them. Without AlexNet's trained weights there is no score."""

import functools
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
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
    from lpips import LPIPS
    from torch import Tensor

    Features = list[Tensor]

TRUNK_VARIABLE = "TDSR_BENCH_ALEXNET"
TRUNK_NAME = "alexnet-owt-7be5be79.pth"
TRUNK_SHA256 = "7be5be79"
"""How the file's SHA-256 begins; torchvision puts it into the name."""

TRUNK_COMMAND = "python -c \"import torchvision; torchvision.models.alexnet(weights='IMAGENET1K_V1')\""

TINY = 1e-10
"""Keeps features of length 0 as they are; the package's value."""

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
def load_network(path: Path) -> "LPIPS":
    """LPIPS 0.1 on AlexNet with the trunk at `path`. The linear heads come with the package lpips.

    Raises:
        DataError: `path` is not AlexNet.
    """
    import lpips
    import torch

    verify_trunk(path)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # lpips calls torchvision in an old manner
        network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    weights = torch.load(path, map_location="cpu", weights_only=True)
    # Here "slice2.3.weight", where torchvision says "features.3.weight".
    trunk = network.net
    trunk.load_state_dict({name: weights["features" + name[name.index(".") :]] for name in trunk.state_dict()})
    return network.eval().requires_grad_(False)


def network_input(rgb: NDArray[np.float32], *, white: float) -> NDArray[np.float32]:
    """Reflectance as the network takes it: 0 becomes -1, `white` becomes 1, and what lies outside is clipped."""
    return np.asarray(2 * np.clip(rgb / np.float32(white), 0, 1) - 1, dtype=np.float32)


def features(network: "LPIPS", image: "Tensor") -> "Features":
    """What the layers of an LPIPS `network` see in ``[1, 3, H, W]`` of -1 to 1, each pixel's channels of length 1."""
    import torch

    seen: list[Tensor] = []
    with torch.inference_mode():
        for layer in network.net(network.scaling_layer(image)):
            length = layer.square().sum(dim=1, keepdim=True).sqrt_()
            seen.append(layer.div_(length.add_(TINY)))
    return seen


def _layer_distances(network: "LPIPS", a: "Features", b: "Features") -> Iterator["Tensor"]:
    """The weighted squared difference of the features of each layer, ``[1, 1, h, w]``."""
    for head, of_a, of_b in zip(network.lins, a, b, strict=True):
        yield head((of_a - of_b).square_())


def lpips_map(network: "LPIPS", sr: "Features", reference: "Features", shape: tuple[int, int]) -> NDArray[np.float32]:
    """Distance at each pixel, ``[H, W]`` of `shape`, of two images by their `features`.

    Zhang et al., CVPR 2018, eq. 1, each layer's distances enlarged to the image's size.
    """
    import torch

    total = torch.zeros(1, 1, *shape)
    with torch.inference_mode():
        for layer in _layer_distances(network, sr, reference):
            total += torch.nn.functional.interpolate(layer, size=shape, mode="bilinear", align_corners=False)
    return total[0, 0].numpy()


def lpips_distance(
    network: "LPIPS",
    sr_rgb: NDArray[np.float32],
    ref_rgb: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    white: float,
    reference: "Features | None" = None,
) -> float:
    """Mean distance over the pixels valid in all three bands of ``[3, H, W]`` images in reflectance, 0 for equal ones.

    Masked pixels of `sr_rgb` are replaced by the reference first, since a network looks around each pixel. NaN where no
    pixel is valid, or the image is too small for the network.

    Args:
        network: of LPIPS.
        sr_rgb, ref_rgb, valid: the images and what counts of them.
        white: see `network_input`.
        reference: the `reflectance_features` of `ref_rgb` where they are known, which is half of the work.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr_rgb=sr_rgb, ref_rgb=ref_rgb, valid=valid)
    whole = valid_in_all(valid)
    if not whole.any() or min(whole.shape) < LEAST_SIDE:
        return float("nan")
    if reference is None:
        reference = reflectance_features(network, ref_rgb, white=white)
    seen = reflectance_features(network, np.where(valid, sr_rgb, ref_rgb), white=white)
    return mean_over(lpips_map(network, seen, reference, whole.shape), whole)


def reflectance_features(network: "LPIPS", rgb: NDArray[np.float32], *, white: float) -> "Features":
    """The `features` of ``[3, H, W]`` in reflectance."""
    import torch

    return features(network, torch.from_numpy(network_input(rgb, white=white))[None])


def official_lpips() -> "GreyLpips | None":
    """LPIPS of two grey uint8 images ``[H, W]`` as MuS2's evaluator takes it, or None where the weights are missing.

    Raises:
        DataError: as `unavailable`.
    """
    path = trunk_file()
    return None if path is None else GreyLpips(load_network(path))


@dataclass(eq=False)
class GreyLpips:
    """Distance of two grey images ``[H, W]`` of 0..255 by an LPIPS network, which sees the same reference only once.

    Grey is repeated to three channels, 0..255 becomes -1..1, and the distance is the mean over the whole image of each
    layer's distances at the layer's own size.
    """

    network: "LPIPS"
    _last: "tuple[NDArray[np.uint8], Features] | None" = None

    def __call__(self, sr: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        """The distance.

        Raises:
            ValueError: shapes that differ.
        """
        check_shapes(sr=sr, reference=reference)
        if self._last is None or self._last[0] is not reference:
            self._last = reference, self._features(reference)
        layers = _layer_distances(self.network, self._features(sr), self._last[1])
        return float(sum(layer.mean() for layer in layers))

    def _features(self, grey: NDArray[np.uint8]) -> "Features":
        import torch

        image = torch.from_numpy((grey.astype(np.float32) - 127.5) / 127.5)
        return features(self.network, image.expand(1, 3, -1, -1))


@functools.cache
def _sha256(path: Path, modified: int, size: int) -> str:  # noqa: ARG001 - the file's age and size are part of the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compute(pair: AlignedPair, settings: Settings) -> Values:
    path, bands = trunk_file(), list(RGB)
    if path is None or min(pair.reference.shape[1:]) < LEAST_SIDE:
        return np.array([np.nan])
    known = pair.once_a_reference(_reference_features, {**settings, "trunk": path})
    images = pair.sr[bands], pair.reference[bands], pair.valid[bands]
    return np.array([lpips_distance(load_network(path), *images, reference=known, **settings)])


def _reference_features(pair: AlignedPair, settings: Settings) -> "Features":
    return reflectance_features(load_network(settings["trunk"]), pair.reference[list(RGB)], white=settings["white"])


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
