"""`data import-vhr`: a very-high-resolution image and vectors become a data set of the `simulated` arm."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.grid import MAX_SIZE, tiles
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
from tdsr_bench.data.making import (
    Progress,
    check_area,
    check_name,
    date_in_name,
    how_made,
    lowres_valid,
    stepper,
)
from tdsr_bench.data.simulate import SPREAD_DAYS, SimulatedStack, scene_generator, simulate_frames
from tdsr_bench.data.vectors import Shapes, rasterise, read_buildings, read_roads, to_geojson
from tdsr_bench.data.vhr import HighResImage, read_vhr
from tdsr_bench.errors import DataError
from tdsr_bench.scene import BANDS, SCALE

METRES = 10.0 / SCALE
"""Ground size of a high-resolution pixel."""

STAND_IN_DATE = date(2020, 7, 1)
"""The date of an image that says none: simulated frames have no season, so that nothing hangs on it."""

LEAST_VALID = 0.1
"""A tile of which less has data is left out."""

MOST_FRAMES = 100


@dataclass(frozen=True)
class _Settings:
    """What every tile is made with."""

    frames: int
    seed: int
    day: date


def import_vhr(
    image: Path,
    out: Path,
    *,
    name: str,
    buildings: Path | None = None,
    roads: Path | None = None,
    frames: int = 9,
    seed: int = 0,
    metres: float = METRES,
    date: date | None = None,
    band_order: str | None = None,
    licence: str = "that of the image and the vectors",
    max_size: int = MAX_SIZE,
    progress: Progress | None = None,
) -> DataRecord:
    """Make a `simulated` data set at `out` from one image of very high resolution, with truth from vectors.

    The image is averaged onto a grid of `metres` (`read_vhr`) and is the reference; Sentinel-2 frames are made from it
    by the sensor model (`simulate_frames`); buildings and roads become masks on the reference's grid and GeoJSON beside
    them. An image larger than `max_size` is cut into tiles, all of one region and of the split `test`.

    Args:
        image: 1 to 8 bands, see `read_vhr`.
        out: a folder that does not exist yet, or is empty.
        name: of the data set, its region and its scene.
        buildings: polygons, anything that pyogrio reads, see `read_buildings`.
        roads: centre lines or polygons, see `read_roads`.
        frames: how many, at least 1.
        seed: of everything that is drawn; a tile's frames depend on it and on the tile's name alone.
        metres: of a reference's pixel.
        date: of the image; if None that in the file's name, else a stand-in.
        band_order: see `read_vhr`.
        licence: goes into the record.
        max_size: the longest side of a tile in high-resolution pixels, a multiple of 3.
        progress: is told of each step.

    Raises:
        DataError: a file that cannot be read, no coordinate system, vectors that lie elsewhere, bands that are not
            known, an image that is too coarse or too small.
    """
    check_name(name)
    if not 1 <= frames <= MOST_FRAMES:
        raise DataError(f"{frames} frames cannot be made, expected 1 to {MOST_FRAMES}; choose another number.")
    high = read_vhr(image, metres=metres, band_order=band_order)
    check_area(high.grid, where=str(image))
    shapes = _read_shapes(high, buildings, roads)
    day = date or date_in_name(image.stem)
    settings = _Settings(frames, seed, day or STAND_IN_DATE)
    parts = list(tiles(high.grid, most=max_size))
    step = stepper(progress, len(parts))
    with new_dataset(out) as root:
        scenes: dict[str, SceneRecord] = {}
        for suffix, rows, columns in parts:
            if high.valid[rows, columns].mean() >= LEAST_VALID:
                content, stack = _content(name + suffix, high, rows, columns, shapes, settings)
                write_scene(root, name + suffix, content)
                scenes[name + suffix] = _scene_record(name, stack, settings)
            step()
        if not scenes:
            raise DataError(
                f"{image} is almost empty: no tile has data in {LEAST_VALID:.0%} of its pixels; take another."
            )
        made = _how_made(high, settings, metres=metres, dated=day is not None)
        record = _record(name, (image, buildings, roads), licence, made, scenes)
        write_record(root, record)
    return record


def _read_shapes(high: HighResImage, buildings: Path | None, roads: Path | None) -> dict[str, Shapes]:
    shapes = {}
    if buildings:
        shapes["buildings"] = read_buildings(buildings, high.grid)
    if roads:
        shapes["roads"] = read_roads(roads, high.grid)
    return shapes


def _content(
    scene: str, high: HighResImage, rows: slice, columns: slice, shapes: dict[str, Shapes], settings: _Settings
) -> tuple[SceneContent, SimulatedStack]:
    grid = high.grid.part(rows, columns)
    reference, valid = high.reflectance[:, rows, columns], high.valid[rows, columns]
    stack = simulate_frames(
        reference,
        frames=settings.frames,
        rng=scene_generator(scene, seed=settings.seed),
        start=settings.day - timedelta(days=SPREAD_DAYS // 2),
    )
    content = SceneContent(
        frames=stack.frames,
        frames_valid=np.stack([lowres_valid(valid, skirt=2)] * settings.frames),
        dates=stack.dates,
        reference=to_digital(reference),
        transform=grid.lowres_transform,
        crs=grid.crs,
        excluded=_excluded(valid),
        truth={task: rasterise(those, grid) for task, those in shapes.items()},
        vectors={task: to_geojson(those, grid) for task, those in shapes.items()},
    )
    return content, stack


def _excluded(valid: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    return {} if valid.all() else {"nodata": np.stack([~valid] * len(BANDS))}


def _scene_record(region: str, stack: SimulatedStack, settings: _Settings) -> SceneRecord:
    return SceneRecord(
        region=region, strip=region, split="test", reference_date=settings.day, made={"simulated": dict(stack.made)}
    )


def _how_made(high: HighResImage, settings: _Settings, *, metres: float, dated: bool) -> dict[str, Any]:
    notes = list(high.made["notes"])
    if not dated:
        notes.append(f"the date {settings.day} is a stand-in, because the image says none")
    made = {**high.made, "notes": notes}
    return how_made("import-vhr", seed=settings.seed, frames=settings.frames, metres=metres, image=made)


def _record(
    name: str, files: tuple[Path | None, ...], licence: str, made: dict[str, Any], scenes: dict[str, SceneRecord]
) -> DataRecord:
    return DataRecord(
        name=name,
        arms=("simulated",),
        reference=ReferenceUnit(kind="reflectance", scale=REFLECTANCE_SCALE),
        source=" with ".join(path.name for path in files if path),
        licence=licence,
        made=made,
        scenes=scenes,
    )
