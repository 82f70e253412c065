"""The architectures that a task network can have: CoANet, and what segmentation-models-pytorch builds from a decoder
and an encoder."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks.networks import coanet

Settings = Mapping[str, Any]
Build = Callable[[int, Settings], nn.Module]


def _coanet(bands: int, settings: Settings) -> nn.Module:
    return coanet.CoANet(bands, **settings)


def _smp(decoder: str) -> Build:
    """A builder of the `decoder` that segmentation-models-pytorch calls so."""

    def build(bands: int, settings: Settings) -> nn.Module:
        import segmentation_models_pytorch as smp

        network: nn.Module = smp.create_model(
            decoder, in_channels=bands, classes=1, **{"encoder_weights": None, **settings}
        )
        return network

    return build


ARCHITECTURES: Mapping[str, Build] = {
    "coanet": _coanet,
    "unet": _smp("unet"),
    "unetplusplus": _smp("unetplusplus"),
    "manet": _smp("manet"),
    "linknet": _smp("linknet"),
    "fpn": _smp("fpn"),
    "deeplabv3plus": _smp("deeplabv3plus"),
}
"""By name: from the number of bands and the architecture's own settings to an untrained network.

Every network maps ``[N, bands, H, W]`` to logits ``[N, C, H, W]`` for H and W that are multiples of `MULTIPLE`; channel
0 says "is it there", further channels are CoANet's connectivity.
"""

FETCHING = ("encoder_weights", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir")
"""Settings by which segmentation-models-pytorch and timm fetch weights or open files."""

MULTIPLE = 32
"""The greatest reduction of any encoder."""


def build_network(architecture: str, *, bands: int, settings: Settings) -> nn.Module:
    """An untrained network.

    Raises:
        ProtocolError: no such architecture, or settings that it does not know.
    """
    if architecture not in ARCHITECTURES:
        close = difflib.get_close_matches(architecture, ARCHITECTURES, n=2) or list(ARCHITECTURES)
        raise ProtocolError(f"There is no architecture {architecture!r}; choose {' or '.join(close)}.")
    try:
        return ARCHITECTURES[architecture](bands, settings)
    except ProtocolError:
        raise
    except Exception as error:  # what builds encoders promises nothing of settings that do not fit
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ProtocolError(f"{architecture} cannot be built with {dict(settings)}: {first}.") from None


def without_fetching(settings: Settings) -> Settings:
    """`settings`, which may be somebody else's, without those by which weights would be fetched or other files opened.

    A recipe may ask for them where a network is trained; where one is loaded, its own file holds all weights.

    Raises:
        ProtocolError: the encoder itself lies elsewhere.

    >>> without_fetching({"encoder_name": "resnet18", "encoder_weights": "imagenet"})
    {'encoder_name': 'resnet18'}
    """
    places = [str(settings.get(name, "")) for name in ("encoder", "encoder_name")]
    if elsewhere := next((place for place in places if set(place) & set(":/\\")), None):
        raise ProtocolError(f"The encoder {elsewhere!r} is not timm's own, and would be fetched; choose another.")
    inner = settings.get("encoder_settings")
    kept = {name: value for name, value in settings.items() if name not in FETCHING}
    return kept | {"encoder_settings": without_fetching(inner)} if isinstance(inner, dict) else kept


def joined(outputs: Tensor) -> Tensor:
    """The logit "is it there", ``[N, 1, H, W]``, from all that a network gives; CoANet's connections have their say."""
    return coanet.joined(outputs)
