"""HAT: a hybrid attention transformer for one frame (Chen et al., CVPR 2023), as the package spandrel has it.

What is new here is what satellite images ask for: any number of bands in a normalised unit, frames of any size, and
published RGB checkpoints carried over to four bands at three times the resolution.
"""

import difflib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tdsr_baselines.networks.base import Size
from tdsr_baselines.networks.hat_tail import enlarged
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.foreign import check_file
from tdsr_bench.scene import SCALE

PUBLISHED: Mapping[str, Any] = {
    "embed_dim": 180,
    "depths": (6,) * 6,
    "num_heads": (6,) * 6,
    "window_size": 16,
    "compress_ratio": 3,
    "squeeze_factor": 30,
    "conv_scale": 0.01,
    "overlap_ratio": 0.5,
    "mlp_ratio": 2,
    "num_feat": 64,
    "qkv_bias": True,
    "patch_norm": True,
    "resi_connection": "1conv",
    "drop_rate": 0.0,
    "attn_drop_rate": 0.0,
    "drop_path_rate": 0.1,
}
"""The settings of the paper's HAT, by spandrel's names."""

PUBLISHED_S: Mapping[str, Any] = {**PUBLISHED, "embed_dim": 144, "compress_ratio": 24, "squeeze_factor": 24}

TINY: Mapping[str, Any] = {
    **PUBLISHED,
    "embed_dim": 48,
    "depths": (2, 2),
    "num_heads": (3, 3),
    "window_size": 8,
    "squeeze_factor": 12,
    "drop_path_rate": 0.0,
    "zero_start": True,
}
"""Ours, for two processor cores: four 32 x 32 crops of four bands take 0.22 s forward and backward.

A window of 16 makes that 0.32 s, with four heads 0.43 s; in equal time it learnt less (50 s on drawn landscapes, two
seeds: L1 down from .187 to .130, against .127). With so few blocks no path is dropped.
"""

RGB_OF_BANDS = ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1 / 3, 1 / 3, 1 / 3))
"""The shares of red, green and blue that stand for B02, B03, B04 (blue, green, red) and B08, which RGB lacks."""


class Hat(nn.Module):
    """HAT on the first of the frames.

    `forward` maps normalised ``[N, T, bands, h, w]`` to ``[N, bands, 3h, 3w]`` in the same unit, for any h and w.

    Args:
        bands: of the frames.
        scale: 3, or a power of two from 2 on.
        zero_start: whether the last convolution starts at zero, so that training starts from what the answer is added
            to.
        settings: those of `PUBLISHED` that differ.

    Raises:
        ProtocolError: a setting does not exist, or does not fit the others.
    """

    body: Any

    def __init__(self, bands: int, *, scale: int = SCALE, zero_start: bool = False, **settings: Any) -> None:
        super().__init__()
        self.scale = scale
        self.body = _spandrel_hat(bands, scale, settings)
        if zero_start:
            nn.init.zeros_(self.body.conv_last.weight)
            nn.init.zeros_(self.body.conv_last.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Normalised ``[N, T, bands, h, w]`` to ``[N, bands, scale h, scale w]``."""
        image = frames[:, 0]
        height, width = image.shape[-2:]
        answer = self._enlarged(self._features(reflected(image, self.body.window_size)))
        return answer[..., : height * self.scale, : width * self.scale]

    def _features(self, image: Tensor) -> Tensor:
        """``[N, bands, h, w]``, multiples of the window, to ``[N, num_feat, h, w]``, as spandrel's module does it."""
        body = self.body
        shallow = body.conv_first(image)
        deep = body.conv_after_body(body.forward_features(shallow)) + shallow
        features: Tensor = body.conv_before_upsample(deep)
        return features

    def _enlarged(self, features: Tensor) -> Tensor:
        """What spandrel's ``conv_last(upsample(features))`` gives."""
        *before, up, shuffle = self.body.upsample
        for layer in before:  # of a scale of 4 or more, which is reached two by two
            features = layer(features)
        return enlarged(features, up, self.body.conv_last, shuffle.upscale_factor)


def reflected(image: Tensor, multiple: int) -> Tensor:
    """``[..., h, w]`` made longer by reflection, below and to the right, until h and w are multiples of `multiple`.

    As torch's padding ``reflect``, which spandrel's HAT uses, but an image smaller than what it lacks is reflected to
    and fro.

    >>> reflected(torch.tensor([[0, 1, 2]]), 7)[0].tolist()
    [0, 1, 2, 1, 0, 1, 2]
    """
    for dim in (-2, -1):
        size = image.shape[dim]
        period = max(2 * (size - 1), 1)
        index = torch.arange(-(-size // multiple) * multiple, device=image.device) % period
        image = image.index_select(dim, torch.minimum(index, period - index)) if len(index) > size else image
    return image


def build(bands: int, _frames: int, settings: Mapping[str, Any]) -> nn.Module:
    """An untrained `Hat`, as `Size.build` wants it; raises what that does."""
    return Hat(bands, **settings)


SIZES = (
    Size("hat", 1, build, PUBLISHED, tile=64, source="HAT of Chen et al., CVPR 2023; 20.8 M parameters"),
    Size("hat-s", 1, build, PUBLISHED_S, tile=64, source="HAT-S of Chen et al., CVPR 2023; 9.7 M parameters"),
    Size(
        "hat-tiny",
        1,
        build,
        TINY,
        residual="bicubic",
        tile=64,
        source="HAT of Chen et al., CVPR 2023, made small for processors; 0.6 M parameters",
    ),
)
"""Parameters at four bands and three times the resolution: 20,811,632, 9,659,984 and 602,614.

At RGB and four times the resolution the first two have 20,772,507 and 9,621,183; the paper says 20.8 M and 9.6 M.
"""


def load_official(path: Path, bands: int = 4, scale: int = SCALE) -> tuple[Hat, tuple[str, ...]]:
    """A published checkpoint as a `Hat`, and the names of the weights that it could not give, which start anew.

    Its size is read off the weights. RGB filters become those of four bands by `RGB_OF_BANDS`: where all bands are
    equal, the first convolution answers as before, and so does the mean over bands of the last. What enlarges starts
    anew unless the checkpoint's scale is `scale`. HAT was taught images in 0..1 whose mean was taken off; normalised
    frames vary about four times as much, which is for fine-tuning to learn.

    Args:
        path: a ``.pth`` file that holds tensors under ``params_ema``, under ``params``, or as they are; or a
            ``.safetensors`` file. No code in it is ever run.
        bands: 4, the protocol's; or as many as the checkpoint has, in its order.
        scale: 3, or a power of two from 2 on.

    Raises:
        DataError: the file is no such checkpoint.
    """
    weights = _read(path)
    settings, its_bands, its_scale = _deduced(path, weights)
    try:
        network = Hat(bands, scale=scale, **settings)
    except ProtocolError as error:
        raise DataError(f"{path}: {error}") from None
    needed = network.body.state_dict()
    anew = tuple(name for name in needed if name.startswith("upsample.") and its_scale != scale)
    given = weights if its_bands == bands else _inflated(path, weights, bands)
    network.body.load_state_dict({name: needed[name] if name in anew else given[name] for name in needed})
    return network, anew


def _spandrel_hat(bands: int, scale: int, settings: Mapping[str, Any]) -> Any:
    from spandrel.architectures.HAT import HAT  # type: ignore[import-untyped]

    _check_names(settings)
    every = {**PUBLISHED, **settings}
    try:
        _check_fit(**every)
        # The image's nominal size only matters where it is no larger than a window: then nothing would be shifted.
        with _meshgrid_warning_off():
            body = HAT(in_chans=bands, upscale=scale, img_size=2 * every["window_size"], img_range=1.0, **every)
    except (TypeError, ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ProtocolError(f"HAT cannot be built with {dict(settings)}: {first.rstrip('.')}.") from None
    return body


def _check_names(settings: Mapping[str, Any]) -> None:
    known = [*PUBLISHED, "zero_start"]
    if unknown := next((name for name in settings if name not in known), None):
        close = difflib.get_close_matches(unknown, known, n=2) or known
        raise ProtocolError(f"HAT has no setting {unknown!r}; choose {' or '.join(close)}.")


def _check_fit(
    *,
    embed_dim: int,
    depths: Sequence[int],
    num_heads: Sequence[int],
    window_size: int,
    overlap_ratio: float,
    compress_ratio: int,
    squeeze_factor: int,
    **_others: Any,
) -> None:
    """What spandrel would not say before the first image came, or say in riddles."""
    rules = {
        "window_size must be 1 to 64": 1 <= window_size <= 64,
        "overlap_ratio must be 0 to 1": 0 <= overlap_ratio <= 1,
        "depths must be up to 1000 in all": sum(depths) <= 1000 and min(depths, default=0) >= 0,
        "depths and num_heads need one number a group": len(depths) == len(num_heads),
        "embed_dim must be a multiple of each of num_heads": not any(embed_dim % heads for heads in num_heads),
        "window_size times overlap_ratio must be even, rounded down": int(window_size * overlap_ratio) % 2 == 0,
        "compress_ratio and squeeze_factor must not exceed embed_dim": max(compress_ratio, squeeze_factor) <= embed_dim,
    }
    if broken := next((rule for rule, kept in rules.items() if not kept), None):
        raise ValueError(broken)


@contextmanager
def _meshgrid_warning_off() -> Iterator[None]:
    """Without torch's warning of a call that spandrel makes; the call's meaning is not to change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.meshgrid")
        yield


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    check_file(path)
    try:
        safe = path.suffix == ".safetensors"
        content = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A broken or hostile file fails in many ways; torch's own words would advise to run its code.
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}); expected a published HAT checkpoint that holds nothing "
            "but tensors, .pth or .safetensors: download it anew."
        ) from None
    for key in ("params_ema", "params"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise DataError(f"{path} holds more than tensors by name; expected params_ema, params, or a plain state dict.")
    return {str(name): value.float() if value.is_floating_point() else value for name, value in content.items()}


def _deduced(path: Path, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    """Settings, number of bands and scale of a checkpoint."""
    from spandrel.architectures.HAT import HATArch

    architecture = HATArch()
    if not architecture.detect(weights):
        raise DataError(f"{path} holds other weights than HAT's; expected a published checkpoint of HAT.")
    if bad := next((name for name, value in weights.items() if not torch.isfinite(value).all()), None):
        raise DataError(f"{path}: {bad} has values that are NaN or infinite; download it anew.")
    try:
        with _meshgrid_warning_off():
            found = architecture.load(weights).model.hyperparameters
    except Exception as error:  # spandrel promises nothing of weights that are not HAT's throughout
        raise DataError(f"{path} is no whole checkpoint of HAT ({type(error).__name__}); download it anew.") from None
    if found["ape"]:
        raise DataError(f"{path} has a position embedding, made for one size of image; choose a checkpoint without.")
    return {name: found[name] for name in PUBLISHED}, found["in_chans"], found["upscale"]


def _inflated(path: Path, weights: Mapping[str, Tensor], bands: int) -> dict[str, Tensor]:
    """RGB weights for the protocol's four bands."""
    shares = torch.tensor(RGB_OF_BANDS)
    theirs = weights["conv_first.weight"].shape[1]
    if (bands, theirs) != shares.shape:
        raise DataError(f"{path} is made for {theirs} bands, expected {bands}, or 3 (RGB) to be carried over to 4.")
    first, last, bias = (weights[name] for name in ("conv_first.weight", "conv_last.weight", "conv_last.bias"))
    return {
        **weights,
        "conv_first.weight": torch.einsum("bc,ochw->obhw", shares, first) * theirs / bands,
        "conv_last.weight": torch.einsum("bc,cihw->bihw", shares, last),
        "conv_last.bias": shares @ bias,
    }
