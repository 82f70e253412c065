"""The embedded data set: a synthetic landscape in twelve regions, seen by Sentinel-2 and by a WorldView-2-like sensor.

What its radiometry, shifts and noise are measured on is in docs/decisions/0003-mini-radiometry.md.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape import STYLES, Landscape, make_landscape, render, sun
from tdsr_bench.data.landscape.materials import palette
from tdsr_bench.data.landscape.style import Style
from tdsr_bench.data.layout import (
    DataRecord,
    ReferenceUnit,
    SceneContent,
    SceneRecord,
    Split,
    new_dataset,
    write_record,
    write_scene,
)
from tdsr_bench.data.making import how_made
from tdsr_bench.data.mini_sensors import (
    REFERENCE_MTF,
    Acquisition,
    cover,
    draw_acquisitions,
    draw_offset,
    draw_reference_day,
    frame,
    see,
    stretch,
    unrest,
)
from tdsr_bench.data.simulate import SNR, SNR_REFLECTANCE, scene_generator
from tdsr_bench.errors import DataError
from tdsr_bench.georeference import Affine6
from tdsr_bench.orphans import end_with_parent
from tdsr_bench.scene import SCALE

MINI_VERSION = "2"
"""Raised with every change that alters a byte of the data set."""

LOWRES_SIZE = 128
"""Sentinel-2 pixels on each side of a scene."""

CRS = "EPSG:32631"

SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("suburb", "market-town", "large-fields", "industry", "inner-city"),
    "validation": ("river-valley", "tower-blocks", "outskirts"),
    "test": ("city-grid", "old-town", "small-fields", "forest-edge", "coast", "dry-land"),
}
"""The regions of each split."""

SCENES_PER_REGION: dict[Split, int] = {"train": 4, "validation": 2, "test": 2}

_METRES = 10.0
_SENTINEL2_HOUR, _REFERENCE_HOUR = 10.6, 11.1
"""Local solar time of the passes."""


def make_mini(
    root: Path, *, seed: int = 0, workers: int = 2, progress: Callable[[int, int], None] | None = None
) -> None:
    """Make the whole data set at `root`: 38 scenes, the same to the byte for one `MINI_VERSION` and `seed`.

    `workers` processes share the scenes; `progress` is told how many scenes are done, of how many.

    Raises:
        DataError: there is something at `root` already.
    """
    with new_dataset(root) as folder:
        names = scene_names()
        records: dict[str, SceneRecord] = {}
        for name, record in _made(folder, list(names), seed, workers):
            records[name] = record
            if progress:
                progress(len(records), len(names))
        write_record(folder, _record({name: records[name] for name in names}, seed))


def scene_names() -> dict[str, tuple[Split, str]]:
    """Every scene's name with its split and region."""
    regions = list(STYLES)
    return {
        f"mini_r{regions.index(region) + 1:02d}_s{number}": (split, region)
        for split, members in SPLITS.items()
        for region in members
        for number in range(1, SCENES_PER_REGION[split] + 1)
    }


def make_scene(name: str, *, seed: int, size: int = LOWRES_SIZE) -> tuple[SceneContent, SceneRecord]:
    """The pixels and the record of one scene, `size` Sentinel-2 pixels wide; what follows depends on nothing else."""
    split, region = scene_names()[name]
    rng = scene_generator(name, seed=seed)
    style = STYLES[region]
    landscape = make_landscape(style, size=size * _METRES, rng=rng)
    acquisitions = draw_acquisitions(style, rng)
    changed = acquisitions[len(acquisitions) // 4].day
    frames, valid, perfect = _observe(landscape, acquisitions, changed, style, rng)
    day, offset = draw_reference_day(style, rng), draw_offset(rng)
    reference, limits = stretch(see(_look(landscape, day, style), offset), rng)
    transform = _transform(name, style)
    content = SceneContent(
        frames=frames,
        frames_valid=valid,
        dates=tuple(acquisition.day for acquisition in acquisitions),
        reference=reference,
        transform=transform,
        crs=CRS,
        truth={"buildings": cover(landscape.building_mask, offset), "roads": cover(landscape.road_mask, offset)},
        vectors=_vectors(landscape, offset, transform, size * _METRES),
        perfect=perfect if split == "test" else None,
    )
    made = {
        "frames": [_told(acquisition, mask) for acquisition, mask in zip(acquisitions, valid, strict=True)],
        "reference": {"offset_hr_px": _rounded(offset), "stretched_from": limits, "mtf": REFERENCE_MTF},
        "changed_on": changed.isoformat(),
        "changed_buildings": sum(building.fresh or building.gone for building in landscape.buildings),
    }
    record = SceneRecord(region=region, strip=f"{region}-1", split=split, reference_date=day, made=made)
    return content, record


def _observe(
    landscape: Landscape, acquisitions: list[Acquisition], changed: date, style: Style, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Frames, their masks, and what a perfect instrument sees on the same days."""
    frames, masks, views = [], [], []
    for acquisition in acquisitions:
        light = sun(acquisition.day, latitude=style.latitude, hour=_SENTINEL2_HOUR)
        canvas = landscape.before if acquisition.day < changed else landscape.after
        table = palette(
            landscape.parcels, acquisition.day, dry=style.dry, wet=acquisition.wet,
            high_water=acquisition.high_water, reference=False,
        )  # fmt: skip
        view = see(render(canvas, table * np.array(acquisition.gain, np.float32), light), acquisition.shift)
        view *= unrest(view.shape[-1], rng)
        image, valid = frame(view, acquisition, light, rng)
        frames.append(image)
        masks.append(valid)
        views.append(view)
    return np.stack(frames), np.stack(masks), np.stack(views)


def _look(landscape: Landscape, day: date, style: Style) -> list[NDArray[np.float32]]:
    """The fine map on the day of the reference."""
    table = palette(landscape.parcels, day, dry=style.dry, wet=0.3, high_water=False, reference=True)
    return render(landscape.before, table, sun(day, latitude=style.latitude, hour=_REFERENCE_HOUR))


def _transform(name: str, style: Style) -> Affine6:
    """The grid of a scene: regions lie 20 km apart, scenes of one 4 km."""
    region, scene = int(name[6:8]), int(name[10:])
    north = round(style.latitude * 11_085) * 10.0 - 4_000 * scene
    return (_METRES, 0.0, 340_000.0 + 20_000 * region, 0.0, -_METRES, north)


def _vectors(landscape: Landscape, offset: tuple[float, float], transform: Affine6, size: float) -> dict[str, str]:
    """Outlines of buildings and centre-lines of roads as the reference shows them, in map coordinates."""
    import shapely

    moved = np.array([offset[1], offset[0]]) * _METRES / SCALE
    standing = [building for building in landscape.buildings if not building.fresh]
    heights = [{"height_m": round(building.height, 1)} for building in standing]
    outlines = shapely.polygons(_strung(shapely.linearrings, [building.outline + moved for building in standing]))
    classes = [{"class": road.kind, "width_m": round(road.width, 2)} for road in landscape.roads]
    lines = _strung(shapely.linestrings, [road.points + moved for road in landscape.roads])
    return {
        "buildings": _collection(outlines, heights, transform, size),
        "roads": _collection(lines, classes, transform, size),
    }


def _strung(make: Callable[..., Any], chains: list[NDArray[np.float64]]) -> Any:
    """Shapely geometries of point chains of different length, all at once."""
    owners = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
    return make(np.concatenate(chains), indices=owners)


def _collection(shapes: Any, properties: list[dict[str, Any]], transform: Affine6, size: float) -> str:
    """What of `shapes`, in metres from the scene's corner, lies in the scene, as GeoJSON in map coordinates."""
    import shapely

    inside = shapely.intersection(shapes, shapely.box(0, 0, size, size))
    parts, owners = shapely.get_parts(inside, return_index=True)
    same = ~shapely.is_empty(parts) & (shapely.get_dimensions(parts) == shapely.get_dimensions(shapes[0]))
    corner = np.array([transform[2], transform[5]])
    on_map = shapely.transform(parts[same], lambda points: np.round(points * [1, -1] + corner, 2))
    features = ", ".join(
        f'{{"type": "Feature", "properties": {json.dumps(properties[owner])}, "geometry": {geometry}}}'
        for geometry, owner in zip(shapely.to_geojson(on_map), owners[same], strict=True)
    )
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:" + CRS.replace(":", "::")}}
    return f'{{"type": "FeatureCollection", "crs": {json.dumps(crs)}, "features": [{features}]}}'


def _told(acquisition: Acquisition, valid: NDArray[np.bool_]) -> dict[str, Any]:
    """What a scene's record says about a frame."""
    return {
        "date": acquisition.day.isoformat(),
        "shift_hr_px": _rounded(acquisition.shift),
        "gain": _rounded(acquisition.gain),
        "haze": _rounded(acquisition.haze, 5),
        "wet": round(acquisition.wet, 3),
        "high_water": acquisition.high_water,
        "clear_share": round(float(valid.mean()), 4),
    }


def _rounded(values: tuple[float, ...], digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


def _record(scenes: dict[str, SceneRecord], seed: int) -> DataRecord:
    snr = {"ratio": SNR, "at_reflectance": SNR_REFLECTANCE}
    return DataRecord(
        name="mini",
        version=MINI_VERSION,
        arms=("real", "simulated"),
        reference=ReferenceUnit(kind="stretched"),
        source="synthetic, made by tdsr-bench",
        licence="CC0-1.0",
        made=how_made("data mini", seed=seed, snr=snr, truth="more than half of a pixel covered"),
        scenes=scenes,
    )


def _made(folder: Path, names: list[str], seed: int, workers: int) -> Iterator[tuple[str, SceneRecord]]:
    """Every scene, as it is finished, made here or by several processes."""
    if workers <= 1:
        for name in names:
            yield _make_and_write(folder, name, seed)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
        jobs = [pool.submit(_make_and_write, folder, name, seed) for name in names]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BrokenProcessPool:
            raise DataError(
                f"A process that made scenes of mini for {folder.parent} was ended from outside, perhaps for want of "
                f"memory; free some and run the same command again."
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _make_and_write(folder: Path, name: str, seed: int) -> tuple[str, SceneRecord]:
    """One job: a scene's pixels are made and written; only its record travels back."""
    with _one_thread():
        content, record = make_scene(name, seed=seed)
    write_scene(folder, name, content)
    return name, record


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV keeps to one thread, so that processes do not crowd the cores."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
