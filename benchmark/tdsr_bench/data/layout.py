"""The layout that every data set has on disk: MuS2's, and beside it a record of what MuS2 cannot say.

::

    tdsr.json                                            the record (`DataRecord`); MuS2 itself has none
    image_data/<scene>/b2, b3, b4, b8/lrs/<frame>.jp2    uint16, reflectance x 10000, 0 is no data
    image_data/<scene>/SCL/lrs/<frame>.jp2               uint8, the scene classes of Sentinel-2 L2A
    image_data/<scene>/hr_resized/mul_band_1, 2, 4, 6.tiff   the reference: uint8, or uint16 as the record says
    masks/<kind>_masks/<kind>_masks_b2, ...8/mask_<scene>.png   not zero: excluded
    truth/<scene>/<task>.png, <task>.geojson             not zero: a road, a building; and their outlines
    truth/osm.json                                       where truth was taken from (`tdsr_bench.data.truth`)
    perfect/<scene>/<YYYYMMDD>.tif                       what a perfect instrument sees then, reflectance x 10000

Here are the names, the record and the writer; `tdsr_bench.data.mus2` reads.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tdsr_bench.errors import DataError
from tdsr_bench.files import errors_named, staged, write_atomically
from tdsr_bench.foreign import read_bytes
from tdsr_bench.georeference import Affine6
from tdsr_bench.scene import BANDS

RECORD = "tdsr.json"
BAND_FOLDERS = {"B02": "b2", "B03": "b3", "B04": "b4", "B08": "b8"}
REFERENCE_FILES = {
    "B02": "mul_band_1.tiff",
    "B03": "mul_band_2.tiff",
    "B04": "mul_band_4.tiff",
    "B08": "mul_band_6.tiff",
}
REFLECTANCE_SCALE = 1e-4
"""Reflectance of one digital number of Sentinel-2 L2A."""

SCL_CLEAR, SCL_CLOUD = 7, 9
"""The scene classes that the writer uses: unclassified, cloud of high probability."""

Arm = Literal["real", "simulated", "wald"]
Split = Literal["train", "validation", "test"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SceneRecord(_Frozen):
    """What MuS2's layout cannot say about a scene."""

    region: str
    strip: str
    split: Split = "test"
    reference_date: date
    exclude: str | None = None
    """Why this scene is left out of every score; None where it is not."""
    made: dict[str, Any] = Field(default_factory=dict)
    """How the scene was made: shifts, noise, gains, seeds."""


class ReferenceUnit(_Frozen):
    """Of what unit the reference's digital numbers are."""

    kind: Literal["stretched", "reflectance"] = "stretched"
    scale: float = Field(default=1.0, gt=0, lt=1e6, allow_inf_nan=False)


class DataRecord(_Frozen):
    """What MuS2's layout cannot say about a data set: the content of ``tdsr.json``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    version: str = "1"
    arms: tuple[Arm, ...] = Field(min_length=1)
    reference: ReferenceUnit = ReferenceUnit()
    source: str
    licence: str
    made: dict[str, Any] = Field(default_factory=dict)
    """How the data set was made: command, seed, versions."""
    scenes: dict[str, SceneRecord]


def read_record(root: Path) -> DataRecord | None:
    """The record of the data set at `root`, or None where it has none, as MuS2 itself.

    Raises:
        DataError: the record is no valid JSON, or not of this schema.
    """
    path = root / RECORD
    if not path.exists():
        return None
    try:
        return DataRecord.model_validate_json(read_bytes(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(f"{path}: {where}: {problem['msg']}; mend it, or make the data set anew.") from None


def write_record(root: Path, record: DataRecord) -> None:
    """Write `record` as the ``tdsr.json`` of the data set at `root`."""
    with errors_named(root / RECORD):
        (root / RECORD).write_text(record.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, eq=False)
class SceneContent:
    """All pixels of a scene that is to be written.

    Attributes:
        frames: float32 ``[T, 4, h, w]``, reflectance.
        frames_valid: bool ``[T, h, w]``, false under clouds and where there are no data.
        dates: a different day for each frame.
        reference: uint8 or uint16 ``[4, 3h, 3w]``, in the unit that the data set's record names.
        transform, crs: the low-resolution grid.
        excluded: for each kind of mask, bool ``[4, 3h, 3w]``, true where a pixel is not to count.
        truth: for each task, bool ``[3h, 3w]``.
        vectors: for each task, the same as GeoJSON text in the coordinate system `crs`.
        perfect: float32 ``[T, 4, 3h, 3w]``, reflectance: what a perfect instrument sees on each frame's date.
    """

    frames: NDArray[np.float32]
    frames_valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    reference: NDArray[np.uint8] | NDArray[np.uint16]
    transform: Affine6
    crs: str | None
    excluded: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    truth: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    vectors: Mapping[str, str] = field(default_factory=dict)
    perfect: NDArray[np.float32] | None = None


@contextmanager
def new_dataset(root: Path) -> Iterator[Path]:
    """A folder to write a data set into, which becomes `root` when all of it is there, and leaves nothing otherwise.

    Raises:
        DataError: there is something at `root` already.
    """
    _check_free(root)
    with staged(root) as folder:
        _check_free(root)  # another run may have made it just before
        yield folder


def _check_free(root: Path) -> None:
    if root.exists() and any(root.iterdir()):
        raise DataError(f"{root} is not empty; name another folder with --out, or remove this one first.")


def frame_name(scene: str, day: date) -> str:
    """The file name of a frame that the makers write, without its ending, in the manner of Sentinel-2's products."""
    return f"S2A_MSIL2A_{day:%Y%m%d}T000000_N0000_R000_{scene}"


def write_scene(root: Path, name: str, content: SceneContent) -> None:
    """Write all files of the scene `name` below the data set `root`. The record is not touched."""
    _check(name, content)
    _write_frames(root / "image_data" / name, name, content)
    _write_reference(root / "image_data" / name / "hr_resized", content)
    for kind, excluded in content.excluded.items():
        for band, mask in zip(BANDS, excluded, strict=True):
            folder = root / "masks" / f"{kind}_masks" / f"{kind}_masks_{BAND_FOLDERS[band]}"
            _write_raster(folder / f"mask_{name}.png", mask.astype(np.uint8) * 255)
    for task, mask in content.truth.items():
        _write_raster(truth_files(root, name, task)[0], mask.astype(np.uint8) * 255)
    for task, text in content.vectors.items():
        path = truth_files(root, name, task)[1]
        with errors_named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if content.perfect is not None:
        for day, image in zip(content.dates, content.perfect, strict=True):
            _write_raster(root / "perfect" / name / f"{day:%Y%m%d}.tif", to_digital(image))


def truth_files(root: Path, scene: str, task: str) -> tuple[Path, Path]:
    """The mask of `task` in `scene`, and its vectors."""
    folder = root / "truth" / scene
    return folder / f"{task}.png", folder / f"{task}.geojson"


def write_truth(root: Path, scene: str, task: str, mask: NDArray[np.bool_], vectors: str) -> None:
    """Write the `mask` of `task`, bool ``[3h, 3w]``, and its `vectors`, GeoJSON, into a data set that is in use."""
    image, text = truth_files(root, scene, task)
    write_atomically(text, vectors.encode())
    write_atomically(image, _raster_bytes(image.suffix, mask.astype(np.uint8) * 255, None, None))


def to_digital(reflectance: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Reflectance as Sentinel-2 L2A stores it: uint16, x 10000; 0 means no data, so a dark pixel becomes 1."""
    digital: NDArray[np.uint16] = np.clip(np.rint(reflectance / REFLECTANCE_SCALE), 1, 65535).astype(np.uint16)
    return digital


def _check(name: str, content: SceneContent) -> None:
    frames, bands, height, width = content.frames.shape
    if content.reference.shape != (bands, 3 * height, 3 * width):
        raise DataError(
            f"{name}: the reference is {content.reference.shape}, expected {(bands, 3 * height, 3 * width)}, "
            f"three times its frames on each axis."
        )
    if len(set(content.dates)) != frames:
        raise DataError(f"{name}: {frames} frames need as many different dates, not {len(set(content.dates))}.")


def _write_frames(folder: Path, name: str, content: SceneContent) -> None:
    for day, frame, valid in zip(content.dates, content.frames, content.frames_valid, strict=True):
        stem = frame_name(name, day)
        for band, image in zip(BANDS, to_digital(frame), strict=True):
            _write_raster(folder / BAND_FOLDERS[band] / "lrs" / f"{stem}.jp2", image, content.crs, content.transform)
        classes = np.where(valid, SCL_CLEAR, SCL_CLOUD).astype(np.uint8)
        _write_raster(folder / "SCL" / "lrs" / f"{stem}.jp2", classes, content.crs, content.transform)


def _write_reference(folder: Path, content: SceneContent) -> None:
    for band, image in zip(BANDS, content.reference, strict=True):
        _write_raster(folder / REFERENCE_FILES[band], image)


_CREATION: Mapping[str, Mapping[str, Any]] = {
    ".jp2": {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO"},
    ".tif": {"driver": "GTiff", "compress": "deflate", "predictor": 2},
    ".tiff": {"driver": "GTiff", "compress": "deflate", "predictor": 2},
    ".png": {"driver": "PNG"},
}


def _write_raster(path: Path, image: NDArray[Any], crs: str | None = None, transform: Affine6 | None = None) -> None:
    content = _raster_bytes(path.suffix, image, crs, transform)
    with errors_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _raster_bytes(ending: str, image: NDArray[Any], crs: str | None, transform: Affine6 | None) -> bytes:
    """A raster's file, made in memory: of a full disk GDAL tells in errors of its own, and sometimes nothing at all."""
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    bands = image if image.ndim == 3 else image[None]
    geo = {} if transform is None else {"crs": crs, "transform": rasterio.Affine(*transform)}
    with warnings.catch_warnings(), rasterio.MemoryFile(ext=ending) as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(
            width=bands.shape[2], height=bands.shape[1], count=bands.shape[0], dtype=bands.dtype,
            **_CREATION[ending], **geo,
        ) as raster:  # fmt: skip
            raster.write(bands)
        return bytes(memory.read())
