"""A protocol is data: one TOML file a version, checked here and hashed into every result."""

import csv
import hashlib
from dataclasses import astuple, dataclass
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from tdsr_bench.errors import ProtocolError
from tdsr_bench.scene import BANDS
from tdsr_bench.sensor import mtf_sigma
from tdsr_bench.toml_file import read_toml

PROTOCOLS = ("tdsr-v1", "mus2-official")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Frames(_Frozen):
    """Which frames a method is given."""

    most: int
    equal_valid_share: float


class Harmonisation(_Frozen):
    """How the reference's digital numbers become reflectance; see `tdsr_bench.harmonise.harmonise`."""

    iterations: int = 10
    trim: float = 3.0
    least_correlation: float = 0.3


class SceneShift(_Frozen):
    """How the reference is registered to the frames; see `tdsr_bench.registration.scene_shift`."""

    radius: int = 6
    highpass_sigma: float = 4.0
    least_correlation: float = 0.3


class ResidualShift(_Frozen):
    """How a method's image is registered to the reference; see `tdsr_bench.registration.ShiftTarget`."""

    radius: int = 3
    highpass_sigma: float = 3.0
    padding: int = 24
    border: int = 12


class BackProjection(_Frozen):
    """The row "back-projected bicubic"; see `tdsr_bench.interpolation.back_project`."""

    iterations: int


class Gap(_Frozen):
    """What the score is made of."""

    image: tuple[str, ...]
    weights_missing: tuple[str, ...]
    clip: float


class TaskRules(_Frozen):
    """How a task is measured, and what of that its gap is made of."""

    gap: tuple[str, ...]
    measures: dict[str, dict[str, Any]]


class Suitability(_Frozen):
    """When a task counts; see `tdsr_bench.suitability`."""

    split: str
    least_order_kept: float


class Guards(_Frozen):
    """When a result is not ranked."""

    least_image_gap: float
    most_consistency_ratio: float


class Interval(_Frozen):
    """How uncertainty is stated."""

    confidence: float
    least_regions: int


class Fold(_Frozen):
    """The regions that a fold is trained and validated on; it is tested on its own."""

    validation: str
    train: tuple[str, ...]


class ManifestSplit(_Frozen):
    """The split of a data set that carries no record of its own."""

    manifest: str
    sha256: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    folds: dict[str, Fold]

    def regions(self, split: str) -> tuple[str, ...]:
        """The regions of `split`: train, validation, test, all, or of a fold such as fold-30T.

        A fold by itself is its test part; fold-30T/train and fold-30T/validation are the others.

        Raises:
            ProtocolError: there is no such split.
        """
        if split == "all":
            return tuple(self.folds)
        if split in ("train", "validation", "test"):
            chosen: tuple[str, ...] = getattr(self, split)
            return chosen
        fold, _, part = split.removeprefix("fold-").partition("/")
        if split.startswith("fold-") and fold in self.folds and part in ("", "train", "validation"):
            return {"": (fold,), "train": self.folds[fold].train, "validation": (self.folds[fold].validation,)}[part]
        known = ", ".join(["train", "validation", "test", "all", *(f"fold-{name}" for name in self.folds)])
        raise ProtocolError(f"There is no split {split!r}; choose one of {known}.")


class BenchmarkProtocol(_Frozen):
    """All that fixes a score of `tdsr-v1` and its successors."""

    id: str
    version: str
    title: str
    default_split: str
    masks: tuple[str, ...]
    mtf: dict[str, float]
    frames: Frames
    harmonisation: Harmonisation
    scene_shift: SceneShift
    residual_shift: ResidualShift
    back_projection: BackProjection
    gap: Gap
    guards: Guards
    interval: Interval
    metrics: dict[str, dict[str, Any]]
    tasks: dict[str, TaskRules]
    pair_tasks: dict[str, dict[str, Any]]
    suitability: Suitability
    splits: dict[str, ManifestSplit]
    sha256: str

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The Gaussian sigma of D_b for each band, in high-resolution pixels."""
        return tuple(mtf_sigma(self.mtf[band]) for band in BANDS)


def load_protocol(name: str) -> BenchmarkProtocol:
    """The protocol called `name`, from the package's own file.

    Raises:
        ProtocolError: there is none of that name.
    """
    return parse_protocol(protocol_file(name), f"The protocol {name}")


def parse_protocol(content: bytes, who: str) -> BenchmarkProtocol:
    """The protocol that the `content` of a file is; `who` names it in errors.

    Raises:
        ProtocolError: it is no TOML, or not a whole protocol.
    """
    return read_toml(content, BenchmarkProtocol, who, sha256=hashlib.sha256(content).hexdigest())


def protocol_file(name: str) -> bytes:
    """The bytes of the protocol's file.

    Raises:
        ProtocolError: there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ProtocolError(f"There is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}.")
    return resources.files("tdsr_bench").joinpath("protocols", f"{name}.toml").read_bytes()


def protocol_sha256(name: str) -> str:
    """The hash of the protocol's file, by which results are known.

    Raises:
        ProtocolError: there is none of that name.
    """
    return hashlib.sha256(protocol_file(name)).hexdigest()


@dataclass(frozen=True)
class ManifestRow:
    """A scene of the published data set, as the manifest in the package tells it."""

    scene: str
    tile: str
    strip: str
    region: str
    duplicate_of: str
    fold: str


def read_manifest(split: ManifestSplit) -> dict[str, ManifestRow]:
    """The manifest that `split` names, by scene.

    Raises:
        ProtocolError: the file is not the one whose hash stands in the protocol.
    """
    content = resources.files("tdsr_bench").joinpath("splits", split.manifest).read_bytes()
    if hashlib.sha256(content).hexdigest() != split.sha256:
        raise ProtocolError(
            f"splits/{split.manifest} is not the file that the protocol names; install tdsr-bench anew."
        )
    return parse_manifest(content, split.manifest)


def parse_manifest(content: bytes, who: str) -> dict[str, ManifestRow]:
    """The manifest that the `content` of a file is, by scene; `who` names it in errors.

    Raises:
        ProtocolError: it is no table of `ManifestRow`.
    """
    try:
        rows = [ManifestRow(**row) for row in csv.DictReader(content.decode().splitlines(), strict=True)]
    except (UnicodeDecodeError, csv.Error, TypeError) as error:
        raise ProtocolError(f"splits/{who} is no table of scenes ({error}); install tdsr-bench anew.") from None
    if not all(value is not None for row in rows for value in astuple(row)):
        raise ProtocolError(f"splits/{who} has a line that is cut short; install tdsr-bench anew.")
    return {row.scene: row for row in rows}
