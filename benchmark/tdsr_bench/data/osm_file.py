"""OpenStreetMap from a file: ``.osm.pbf`` and ``.osm``, and GeoJSON, GeoPackage or what else GDAL reads."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tdsr_bench.data.grid import Bounds
from tdsr_bench.data.osm_features import TASKS, Features
from tdsr_bench.data.osm_snapshot import snapshot_day
from tdsr_bench.data.osm_tags import ROAD_WIDTHS, TAG_COLUMNS, TAG_NAMES, read_tags
from tdsr_bench.data.truth import TruthOrigin
from tdsr_bench.data.vectors import DEGREES, brought_to, check_vectors, first_line, read_layer, reboxed
from tdsr_bench.errors import DataError
from tdsr_bench.files import digest

MARGIN_DEGREES = 0.002
"""How far around a scene is read, over 100 m up to 60 degrees north: more than a scene's shift."""

OSM_LAYERS = {"lines": "highway IS NOT NULL", "multipolygons": "building IS NOT NULL"}
"""What is read of OpenStreetMap's own formats: GDAL's names of their layers, and of these the features wanted.

Closed ways are polygons in GDAL where they are buildings, and lines where they are roads: roundabouts.
"""


@dataclass(frozen=True)
class OsmFile:
    """A file of OpenStreetMap, and the day of its map where the user says it."""

    path: Path
    day: date | None = None

    @cached_property
    def sha256(self) -> str:
        """Of the file.

        Raises:
            DataError: it is not there.
        """
        if not self.path.is_file():
            raise DataError(f"{self.path} is not there, or no file; name one of OpenStreetMap by --osm.")
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def key(self) -> str:
        """Changes with everything that masks depend on."""
        return digest(self.sha256, ROAD_WIDTHS, self.day)[:16]

    def load(self, boxes: Mapping[str, Bounds]) -> "FileMap":
        """The features around `boxes`, in degrees, of all scenes; the file is read once a layer.

        Raises:
            DataError: the file cannot be read, says no coordinate system or no tags, has nothing at any of `boxes`, or
                states another day than the user.
        """
        origin = self._origin()
        layers = [_Layer.of(self.path, name) for name in _layer_names(self.path)]
        read = [layer.read(self.path, boxes) for layer in layers if layer.columns]
        if not read:
            raise DataError(
                f"{self.path} has no layer of lines or polygons with a column highway, building or other_tags, "
                f"expected the tags of OpenStreetMap; export it with them."
            )
        features = _joined(read)
        tasks = tuple(task for task, find in TASKS.items() if len(find(features).outlines))
        extent = _around([layer.extent for layer in layers if layer.extent])
        if not tasks:
            raise DataError(
                f"{self.path} has no road and no building on any scene: it covers {_told(extent)}, the scenes lie in "
                f"{_told(_around(list(boxes.values())))} (west, south, east, north); take a map of there."
            )
        return FileMap(origin, tasks, features, boxes, extent, declared=_is_osm(self.path))

    def _origin(self) -> TruthOrigin:
        sha256 = self.sha256
        stated, where = snapshot_day(self.path)
        if stated and self.day and stated != self.day:
            raise DataError(
                f"{self.path} is of {stated} by {where}, and --date says {self.day}; leave --date away, or take the "
                f"file of that day."
            )
        if self.day and not stated:
            where = "--date"
        return TruthOrigin(
            name=self.path.name,
            sha256=sha256,
            snapshot=stated or self.day,
            snapshot_from=where,
            road_widths=ROAD_WIDTHS,
        )


@dataclass(frozen=True, eq=False)
class FileMap:
    """What a file holds around the scenes.

    Attributes:
        origin: what is recorded of it.
        tasks: those that it holds anything of.
        features: all that it holds around the scenes.
        boxes: of the scenes, in degrees.
        extent: what it covers, in degrees; None where it does not say.
        declared: whether the file itself says its extent, which features may then not leave.
    """

    origin: TruthOrigin
    tasks: tuple[str, ...]
    features: Features
    boxes: Mapping[str, Bounds]
    extent: Bounds | None
    declared: bool

    def covers(self, scene: str) -> bool:
        """Whether nothing at the place of `scene` means that nothing is there."""
        import shapely

        box = shapely.box(*self.boxes[scene])
        if self.extent is None:
            return bool(shapely.intersects(self.features.shapes, box).any())
        extent = shapely.box(*self.extent)
        return bool(extent.covers(box) if self.declared else extent.intersects(box))

    def near(self, scene: str) -> Features:
        """The features around `scene`."""
        import shapely

        return self.features.chosen(shapely.intersects(self.features.shapes, _grown(self.boxes[scene])))


@dataclass(frozen=True)
class _Layer:
    """A layer of a file: its name, coordinate system, extent in degrees, and those of its columns that hold tags."""

    name: str
    crs: str
    extent: Bounds | None
    columns: list[str]

    @classmethod
    def of(cls, path: Path, name: str) -> "_Layer":
        from pyogrio import read_info
        from pyogrio.errors import DataLayerError, DataSourceError

        try:
            info = read_info(path.absolute(), layer=name, force_total_bounds=not _is_osm(path))
        except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
            raise _unreadable(path, error) from None
        if not info["crs"]:
            raise DataError(
                f"{path}: its layer {name} says no coordinate system, expected one (a .prj file, for shapefiles); "
                f"assign its own."
            )
        bounds = info["total_bounds"]  # of an empty layer None, or not finite
        known = bounds is not None and np.isfinite(bounds).all()
        extent = reboxed(bounds, info["crs"], DEGREES, where=str(path)) if known else None
        fields = set(info["fields"])
        return cls(name, info["crs"], extent, [column for column in (*TAG_NAMES, *TAG_COLUMNS) if column in fields])

    def read(self, path: Path, boxes: Mapping[str, Bounds]) -> Features:
        """Its features around `boxes`."""
        options: dict[str, Any] = {"where": OSM_LAYERS[self.name]} if _is_osm(path) else {}
        places = _places(boxes, self.crs)
        _, shapes, found = read_layer(path, layer=self.name, columns=self.columns, mask=places, **options)
        there = np.array([shape is not None for shape in shapes], dtype=bool)
        rows = ({name: column[index] for name, column in found.items()} for index in np.flatnonzero(there))
        return Features(brought_to(shapes[there], self.crs, DEGREES, where=str(path)), [read_tags(row) for row in rows])


def _joined(parts: Sequence[Features]) -> Features:
    shapes = np.concatenate([part.shapes for part in parts])
    return Features(shapes, [tags for part in parts for tags in part.tags])


def _layer_names(path: Path) -> list[str]:
    from pyogrio import list_layers
    from pyogrio.errors import DataLayerError, DataSourceError

    check_vectors(path)
    try:
        layers = list_layers(path.absolute())
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    if _is_osm(path):
        return list(OSM_LAYERS)
    return [str(name) for name, kind in layers if kind is not None and "Point" not in kind]


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read as vectors ({first_line(error)}); expected .osm.pbf, .osm, GeoJSON or GeoPackage."
    )


def _is_osm(path: Path) -> bool:
    return path.suffix.lower() in (".osm", ".pbf")


def _places(boxes: Mapping[str, Bounds], crs: str) -> Any:
    """What covers all of `boxes` and their margins, in `crs`."""
    import shapely

    around = (reboxed(_grown(box).bounds, DEGREES, crs, where="the scenes") for box in boxes.values())
    return shapely.union_all([shapely.box(*box) for box in around])


def _grown(box: Bounds) -> Any:
    import shapely

    west, south, east, north = box
    return shapely.box(west - MARGIN_DEGREES, south - MARGIN_DEGREES, east + MARGIN_DEGREES, north + MARGIN_DEGREES)


def _around(boxes: list[Bounds]) -> Bounds | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _told(box: Bounds | None) -> str:
    return "a place that it does not say" if box is None else ", ".join(f"{edge:.4f}" for edge in box)
