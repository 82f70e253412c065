"""`data import-s2`: a folder of Sentinel-2 L2A acquisitions becomes a data set of the `wald` arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.acquisition import Acquisition, read_classes, read_reflectance
from tdsr_bench.data.clouds import clear_by_brightness, clear_by_classes
from tdsr_bench.data.grid import MAX_SIZE, Bounds, Grid, clip_to, tiles
from tdsr_bench.data.layout import (
    REFLECTANCE_SCALE,
    DataRecord,
    ReferenceUnit,
    SceneContent,
    SceneRecord,
    new_dataset,
    to_digital,
    write_record,
    write_scene,
)
from tdsr_bench.data.making import Progress, Step, check_area, check_name, how_made, lowres_valid, stepper
from tdsr_bench.data.sentinel2 import find_acquisitions
from tdsr_bench.errors import DataError
from tdsr_bench.georeference import metres_per_pixel
from tdsr_bench.scene import BANDS
from tdsr_bench.sensor import observe

LEAST_CLEAR = 0.1
"""A date of which less is clear is left out."""

EQUALLY_CLEAR = 0.01
"""Dates whose clear shares are within this of the clearest's are its equals when the reference is chosen."""

METRES = (5.0, 15.0)
"""Ground size of a pixel that the bands of 10 m may have after a user's own resampling."""


@dataclass(frozen=True, eq=False)
class _Stack:
    """All acquisitions on one tile: reflectance ``[T, 4, H, W]``, and masks ``[T, H, W]``."""

    images: NDArray[np.float32]
    has_data: NDArray[np.bool_]
    clear: NDArray[np.bool_]


def import_s2(
    folder: Path,
    out: Path,
    *,
    name: str,
    bbox: Bounds | None = None,
    reference_date: date | None = None,
    licence: str = "that of the acquisitions",
    max_size: int = MAX_SIZE,
    progress: Progress | None = None,
) -> DataRecord:
    """Make a `wald` data set at `out` from the acquisitions in `folder` (see `find_acquisitions`).

    By Wald's protocol everything is one step coarser than in reality: a held-back native date is the reference, the
    other dates, degraded 3 times by the sensor model, are the frames, and these dates as they were are what a perfect
    instrument sees. Dates of other grids are resampled onto the reference's, which itself stays as it is.

    The reference is the date named, or the clearest; among dates within `EQUALLY_CLEAR` of the clearest it is the one
    whose season is nearest to the other dates' (smallest mean distance in day of year), then the earliest. Clouds are
    found by the scene classification where an acquisition has one, and by `clear_by_brightness` otherwise. A frame's
    pixel is clear where its 3 x 3 native pixels and those of its eight neighbours are.

    An area larger than `max_size` is cut into tiles. One time series is one independent region, however many tiles it
    has: no interval can be drawn from it. All tiles are in the split `test`. One tile of all dates is held in memory:
    about 62 MB a date for the largest tile.

    Args:
        folder: the acquisitions.
        out: a folder that does not exist yet, or is empty.
        name: of the data set, its region and its scene.
        bbox: west, south, east, north in degrees; everything if None.
        reference_date: of the acquisition to be held back; chosen if None.
        licence: goes into the record.
        max_size: the longest side of a tile in native pixels, a multiple of 3.
        progress: is told of each acquisition read.

    Raises:
        DataError: fewer than two usable acquisitions, a file that cannot be read, a name without a date, a missing
            band, a bounding box outside, or clouds everywhere.
    """
    check_name(name)
    acquisitions = find_acquisitions(folder)
    if len(acquisitions) < 2:
        raise DataError(
            f"{folder} holds one acquisition only ({acquisitions[0].path.name}), expected at least two: one is held "
            f"back as the reference; add dates."
        )
    named = _named(acquisitions, reference_date, folder)
    area = _area(named or acquisitions[0], bbox)
    step = stepper(progress, 2 * len(acquisitions) * len(list(tiles(area, most=max_size))))
    shares = _clear_shares(acquisitions, area, max_size, step)
    usable = _usable(shares, folder)
    reference = named or _best_reference(acquisitions, shares, usable)
    if reference.day not in usable:
        raise DataError(
            f"{reference.path.name} is clear in {shares[reference.day]:.0%} of the area, too little for a reference; "
            f"name another date: {', '.join(str(day) for day in usable)}."
        )
    area = _area(reference, bbox)
    with new_dataset(out) as root:
        scenes: dict[str, SceneRecord] = {}
        for suffix, rows, columns in tiles(area, most=max_size):
            part = area.part(rows, columns)
            stack = _read_stack(acquisitions, part, step)
            content = _content(acquisitions, stack, part, reference, usable)
            if content:
                write_scene(root, name + suffix, content)
                scenes[name + suffix] = _scene_record(name, content, reference, shares)
        if not scenes:
            raise DataError(
                f"{folder}: no tile is clear on {reference.day} and another date; name another reference date."
            )
        record = _record(name, folder, licence, acquisitions, shares, bbox, scenes)
        write_record(root, record)
    return record


def _named(acquisitions: Sequence[Acquisition], day: date | None, folder: Path) -> Acquisition | None:
    if day is None:
        return None
    found = next((acquisition for acquisition in acquisitions if acquisition.day == day), None)
    if found is None:
        days = ", ".join(str(acquisition.day) for acquisition in acquisitions)
        raise DataError(f"{folder} has no acquisition of {day}; choose the reference from {days}.")
    return found


def _area(acquisition: Acquisition, bbox: Bounds | None) -> Grid:
    least, most = METRES
    metres = metres_per_pixel(acquisition.grid.transform, acquisition.grid.crs)
    if not least <= metres <= most:
        raise DataError(f"{acquisition.path} has pixels of {metres:.3g} m, expected the 10 m bands; export it at 10 m.")
    area = clip_to(acquisition.grid, bbox, where=str(acquisition.path))
    check_area(area, where=str(acquisition.path))
    return area


def _clear_shares(acquisitions: Sequence[Acquisition], area: Grid, max_size: int, step: Step) -> dict[date, float]:
    """How much of the area is clear on each date."""
    clear, pixels = np.zeros(len(acquisitions)), 0
    for _, rows, columns in tiles(area, most=max_size):
        masks = _read_clear(acquisitions, area.part(rows, columns), step)
        clear += masks.sum(axis=(1, 2))
        pixels += masks[0].size
    return {acquisition.day: float(share) for acquisition, share in zip(acquisitions, clear / pixels, strict=True)}


def _read_clear(acquisitions: Sequence[Acquisition], grid: Grid, step: Step) -> NDArray[np.bool_]:
    if not all(acquisition.classes for acquisition in acquisitions):
        return _read_stack(acquisitions, grid, step).clear
    masks = []
    for acquisition in acquisitions:  # the classes alone say it, and are a hundredth of the bytes
        masks.append(clear_by_classes(read_classes(acquisition, grid)))
        step()
    return np.stack(masks)


def _read_stack(acquisitions: Sequence[Acquisition], grid: Grid, step: Step) -> _Stack:
    images = np.empty((len(acquisitions), len(BANDS), grid.height, grid.width), dtype=np.float32)
    has_data = np.empty((len(acquisitions), grid.height, grid.width), dtype=bool)
    for index, acquisition in enumerate(acquisitions):
        images[index], has_data[index] = read_reflectance(acquisition, grid)
        step()
    clear = has_data.copy()
    if not all(acquisition.classes for acquisition in acquisitions):
        clear = clear_by_brightness(images, has_data)
    for index, acquisition in enumerate(acquisitions):
        if acquisition.classes:
            clear[index] = has_data[index] & clear_by_classes(read_classes(acquisition, grid))
    return _Stack(images, has_data, clear)


def _usable(shares: Mapping[date, float], folder: Path) -> list[date]:
    usable = [day for day, share in shares.items() if share >= LEAST_CLEAR]
    if not usable:
        raise DataError(f"{folder}: all {len(shares)} dates are clouded or empty over the area; add clear dates.")
    if len(usable) == 1:
        raise DataError(
            f"{folder}: only {usable[0]} of {len(shares)} dates is clear in over {LEAST_CLEAR:.0%} of the area, "
            f"expected at least two; add clear dates."
        )
    return usable


def _best_reference(
    acquisitions: Sequence[Acquisition], shares: Mapping[date, float], usable: Sequence[date]
) -> Acquisition:
    clearest = max(shares[day] for day in usable)
    equals = [day for day in usable if shares[day] >= clearest - EQUALLY_CLEAR]
    best = min(equals, key=lambda day: (sum(_season_distance(day, other) for other in usable), day))
    return next(acquisition for acquisition in acquisitions if acquisition.day == best)


def _season_distance(one: date, other: date) -> int:
    days = abs(one.timetuple().tm_yday - other.timetuple().tm_yday)
    return min(days, 365 - days)


def _content(
    acquisitions: Sequence[Acquisition], stack: _Stack, grid: Grid, reference: Acquisition, usable: Sequence[date]
) -> SceneContent | None:
    """What is to be written of a tile; None where its reference or all of its frames are clouded."""
    held_back = acquisitions.index(reference)
    valid = lowres_valid(stack.clear, skirt=1)
    chosen = [
        index
        for index, acquisition in enumerate(acquisitions)
        if index != held_back and acquisition.day in usable and valid[index].mean() >= LEAST_CLEAR
    ]
    if not chosen or stack.clear[held_back].mean() < LEAST_CLEAR:
        return None
    return SceneContent(
        frames=np.stack([observe(stack.images[index]) for index in chosen]),
        frames_valid=valid[chosen],
        dates=tuple(acquisitions[index].day for index in chosen),
        reference=to_digital(stack.images[held_back]),
        transform=grid.lowres_transform,
        crs=grid.crs,
        excluded=_excluded(stack.has_data[held_back], stack.clear[held_back]),
        perfect=stack.images[chosen],
    )


def _excluded(has_data: NDArray[np.bool_], clear: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    masks = {"cloud": has_data & ~clear, "nodata": ~has_data}
    return {kind: np.stack([mask] * len(BANDS)) for kind, mask in masks.items() if mask.any()}


def _scene_record(
    region: str, content: SceneContent, reference: Acquisition, shares: Mapping[date, float]
) -> SceneRecord:
    left_out = [str(day) for day in shares if day not in content.dates and day != reference.day]
    return SceneRecord(
        region=region,
        strip=f"{region}_{reference.day:%Y%m%d}",
        split="test",
        reference_date=reference.day,
        made={"reference": reference.path.name, "dates_left_out": left_out},
    )


def _record(
    name: str,
    folder: Path,
    licence: str,
    acquisitions: Sequence[Acquisition],
    shares: Mapping[date, float],
    bbox: Bounds | None,
    scenes: dict[str, SceneRecord],
) -> DataRecord:
    return DataRecord(
        name=name,
        arms=("wald",),
        reference=ReferenceUnit(kind="reflectance", scale=REFLECTANCE_SCALE),
        source=f"Sentinel-2 L2A acquisitions in {folder.resolve().name}; contains modified Copernicus Sentinel data",
        licence=licence,
        made=how_made(
            "import-s2",
            bbox=bbox,
            clear_share={str(day): round(share, 4) for day, share in shares.items()},
            clouds={str(one.day): "scene classification" if one.classes else "brightness rule" for one in acquisitions},
        ),
        scenes=scenes,
    )
