"""The one reader: MuS2 as it is published, and every data set that the makers write in its layout."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.layout import BAND_FOLDERS, REFERENCE_FILES, REFLECTANCE_SCALE, ReferenceUnit
from tdsr_bench.errors import DataError
from tdsr_bench.georeference import Affine6, cut
from tdsr_bench.raster import MOST_WHOLE, opened
from tdsr_bench.scene import BANDS, SCALE

RASTERS = (".jp2", ".tif", ".tiff")

SCL_INVALID = (0, 1, 3, 8, 9, 10)
"""Scene classes of Sentinel-2 L2A that are not the ground: no data, saturated, cloud shadow, clouds, cirrus."""

CLOUD_PROBABILITY = 50
"""From this probability on, in per cent, a pixel of the CLD layer counts as cloud; used where there is no SCL."""

BASELINE_WITH_OFFSET = 400
"""From processing baseline 04.00 (January 2022) on, 1000 is added to all digital numbers of L2A."""

_FRAME = re.compile(r"S2[A-D]_MSIL2A_(\d{8})T\d{6}(?:_N(\d{4}))?")
_BAND_SUFFIX = re.compile(r"_(?:B\d[\dA]|SCL|CLD|CLDPRB)?(?:_\d+m)?$", re.IGNORECASE)
_REFERENCE_DATE = re.compile(r"_(\d{2}[A-Z]{3}\d{2})\d{4}-")


@dataclass(frozen=True)
class Window:
    """A part of a scene, in low-resolution pixels."""

    row: int
    column: int
    height: int
    width: int

    def high(self) -> "Window":
        """The same part on the high-resolution grid."""
        return Window(self.row * SCALE, self.column * SCALE, self.height * SCALE, self.width * SCALE)


@dataclass(frozen=True, eq=False)
class Frames:
    """The low-resolution side of a scene: see `tdsr_bench.scene.Scene`."""

    images: NDArray[np.float32]
    valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    transform: Affine6
    crs: str | None


def scene_folders(root: Path) -> dict[str, Path]:
    """The folder of each scene of the data set at `root`, by name.

    Raises:
        DataError: there is no scene.
    """
    parent = root / "image_data"
    folders = {path.name: path for path in sorted(parent.iterdir()) if path.is_dir()} if parent.is_dir() else {}
    if not folders:
        raise DataError(
            f"{root} holds no scene: expected folders below {parent}; name the folder that holds image_data."
        )
    return folders


def reference_date(scene: str) -> date:
    """The day of the WorldView-2 image, from a scene's name such as ``0_31UFT_11JUN031102-2AS_R4C1``.

    Raises:
        DataError: the name holds no such date.
    """
    found = _REFERENCE_DATE.search(scene)
    if found is None:
        raise DataError(
            f"{scene}: no WorldView-2 date in the name (expected ..._11JUN031102-...); say it in tdsr.json."
        )
    return _parsed_day(found[1], "%y%b%d", scene)


def read_frames(folder: Path, window: Window | None = None) -> Frames:
    """All frames of the scene in `folder`, in the order of their dates, as reflectance.

    Raises:
        DataError: no frame, a frame without one of the bands or of another size, or a file that cannot be read.
    """
    bands = {band: _frame_files(folder / BAND_FOLDERS[band] / "lrs") for band in BANDS}
    names = sorted(set().union(*bands.values()), key=lambda name: (_date(name, folder), name))
    if not names:
        raise DataError(f"{folder.name}: no frame below {folder}; expected b2, b3, b4, b8/lrs/*.jp2.")
    for band, files in bands.items():
        absent = next((name for name in names if name not in files), None)
        if absent:
            raise DataError(
                f"{folder.name}: the frame {absent} has no {band} in {folder / BAND_FOLDERS[band] / 'lrs'}; add it, or "
                f"remove the frame's other bands."
            )
    digital = _read_all([bands[band][name] for name in names for band in BANDS], window)
    _same_size(digital, folder.name)
    stack = np.stack([image for image, _, _ in digital]).reshape(len(names), len(BANDS), *digital[0][0].shape)
    valid = _clear(folder, names, stack, window)
    offsets = np.array([_added_offset(name) for name in names], dtype=np.float32)[:, None, None, None]
    _, transform, crs = digital[0]
    return Frames(
        images=(stack - offsets) * np.float32(REFLECTANCE_SCALE),
        valid=valid,
        dates=tuple(_date(name, folder) for name in names),
        transform=transform,
        crs=crs,
    )


def read_reference(folder: Path, unit: ReferenceUnit, window: Window | None = None) -> NDArray[np.float32]:
    """The reference ``[4, H, W]`` of the scene in `folder`: stored numbers times `unit`'s scale.

    Raises:
        DataError: a band is missing or cannot be read, or the bands differ in size.
    """
    paths = [folder / "hr_resized" / REFERENCE_FILES[band] for band in BANDS]
    missing = next((path for path in paths if not path.is_file()), None)
    if missing:
        raise DataError(f"{folder.name}: the reference has no {missing.name}; expected it in {missing.parent}.")
    images = _read_all(paths, window.high() if window else None)
    _same_size(images, f"{folder.name}, reference")
    return np.stack([image for image, _, _ in images]).astype(np.float32) * np.float32(unit.scale)


def read_excluded(
    root: Path, scene: str, kinds: Iterable[str], shape: tuple[int, int], window: Window | None = None
) -> NDArray[np.bool_]:
    """bool ``[4, H, W]``: true where a mask of one of `kinds` excludes a pixel; all false where there are no masks.

    Raises:
        DataError: a mask cannot be read or is not of the reference's `shape`.
    """
    excluded = np.zeros((len(BANDS), *shape), dtype=bool)
    for index, band in enumerate(BANDS):
        for kind in kinds:
            path = mask_file(root / "masks", kind, BAND_FOLDERS[band], scene)
            if path is None:
                continue
            mask, _, _ = read_raster(path, window.high() if window else None)
            if mask.shape != shape:
                raise DataError(f"{scene}: the mask {path} is {mask.shape}, expected {shape} as its reference.")
            excluded[index] |= mask != 0
    return excluded


def read_raster(path: Path, window: Window | None = None) -> tuple[NDArray[Any], Affine6, str | None]:
    """The first band of the raster at `path`, its grid's transform, and its coordinate system as WKT.

    Raises:
        DataError: it cannot be read, is cut short, or is larger than a tile of Sentinel-2.
    """
    from rasterio.windows import Window as RasterWindow

    part = RasterWindow(window.column, window.row, window.width, window.height) if window else None
    with opened(path, most=MOST_WHOLE) as raster:
        a, b, c, d, e, f = tuple(raster.transform)[:6]
        grid = (a, b, c, d, e, f) if window is None else cut((a, b, c, d, e, f), window.row, window.column)
        return raster.read(1, window=part), grid, raster.crs.to_wkt() if raster.crs else None


def read_perfect(root: Path, scene: str, dates: Iterable[date]) -> NDArray[np.float32] | None:
    """What a perfect instrument sees on each of `dates`, float32 ``[T, 4, H, W]`` reflectance; None where not known."""
    paths = [root / "perfect" / scene / f"{day:%Y%m%d}.tif" for day in dates]
    if not all(path.is_file() for path in paths):
        return None
    images = []
    for path in paths:
        with opened(path, most=MOST_WHOLE) as raster:
            images.append(raster.read())
    other = next((image.shape for image in images if image.shape != images[0].shape), None)
    if other:
        raise DataError(f"{scene}: perfect images of {images[0].shape} and of {other}; make the data set anew.")
    return np.stack(images).astype(np.float32) * np.float32(REFLECTANCE_SCALE)


def read_truth(root: Path, scene: str, window: Window | None = None) -> dict[str, NDArray[np.bool_]]:
    """For each task that has truth in this scene, bool ``[H, W]``."""
    files = sorted((root / "truth" / scene).glob("*.png"))
    return {path.stem: read_raster(path, window.high() if window else None)[0] != 0 for path in files}


def _frame_files(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in RASTERS) if folder.is_dir() else []
    return {_BAND_SUFFIX.sub("", path.stem): path for path in files}


def _date(name: str, folder: Path) -> date:
    found = _FRAME.search(name)
    if found is None:
        raise DataError(f"{folder.name}: the frame {name} has no date in its name; expected S2A_MSIL2A_YYYYMMDDT......")
    return _parsed_day(found[1], "%Y%m%d", name)


def _parsed_day(text: str, form: str, name: str) -> date:
    try:
        return datetime.strptime(text, form).date()
    except ValueError:
        raise DataError(f"{name}: {text} in its name is no day; rename it, or remove it.") from None


def _added_offset(name: str) -> float:
    found = _FRAME.search(name)
    return 1000.0 if found and found[2] and int(found[2]) >= BASELINE_WITH_OFFSET else 0.0


def _read_all(paths: list[Path], window: Window | None) -> list[tuple[NDArray[Any], Affine6, str | None]]:
    with ThreadPoolExecutor(2) as pool:  # decoding JPEG 2000 releases the interpreter
        return list(pool.map(lambda path: read_raster(path, window), paths))


def _same_size(images: list[tuple[NDArray[Any], Affine6, str | None]], where: str) -> None:
    first = images[0][0].shape
    other = next((image.shape for image, _, _ in images if image.shape != first), None)
    if other:
        raise DataError(
            f"{where}: images of {first} and of {other} pixels; all have to be of one size, clip them anew."
        )


def _clear(folder: Path, names: list[str], stack: NDArray[np.uint16], window: Window | None) -> NDArray[np.bool_]:
    """Where each frame shows the ground: data in all bands, and no cloud by SCL, else by CLD, else no test."""
    valid: NDArray[np.bool_] = np.asarray((stack != 0).all(axis=1))
    classes = _frame_files(folder / "SCL" / "lrs")
    clouds = {**_frame_files(folder / "CLD" / "60m"), **_frame_files(folder / "CLD" / "20m")}
    if not classes and not clouds:
        return valid
    size = _size(next(iter(_frame_files(folder / BAND_FOLDERS[BANDS[0]] / "lrs").values())))
    for index, name in enumerate(names):
        if name in classes:
            valid[index] &= ~np.isin(_on_grid(classes[name], size, window), SCL_INVALID)
        elif name in clouds:
            valid[index] &= _on_grid(clouds[name], size, window) < CLOUD_PROBABILITY
    return valid


def _size(path: Path) -> tuple[int, int]:
    with opened(path) as raster:
        return raster.height, raster.width


def _on_grid(path: Path, size: tuple[int, int], window: Window | None) -> NDArray[Any]:
    """A layer of another resolution over the same ground as a frame of `size`, by nearest neighbour."""
    layer, _, _ = read_raster(path)
    rows, columns = (np.arange(whole) * have // whole for whole, have in zip(size, layer.shape, strict=True))
    if window:
        rows, columns = rows[window.row :][: window.height], columns[window.column :][: window.width]
    picked: NDArray[Any] = layer[np.ix_(rows, columns)]
    return picked


def mask_file(masks: Path, kind: str, band: str, scene: str) -> Path | None:
    """The mask of a scene: published folders are nested once or twice, and spell the kind in two ways."""
    head, _, tail = kind.partition("_")
    names = [f"{kind}_masks", f"{head}_masks_{tail}"] if tail else [f"{kind}_masks"]
    for name in names:
        for folder in (
            masks / name / f"{name}_{band}",
            masks / name / name / f"{name}_{band}",
            masks / f"{name}_{band}",
        ):
            path = folder / f"mask_{scene}.png"
            if path.is_file():
                return path
    return None
