"""`data osm-masks`: road and building masks of a data set's scenes from OpenStreetMap, and their vectors beside them.

The map is laid on the frames' grid by their map coordinates; a scene's reference shows the same content offset by its
registration, so that is where the truth goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tdsr_bench.align import prepare
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.data.grid import Bounds, Grid, grid_of
from tdsr_bench.data.layout import BAND_FOLDERS, truth_files, write_truth
from tdsr_bench.data.making import Progress, stepper
from tdsr_bench.data.mus2 import RASTERS
from tdsr_bench.data.osm_features import TASKS, Features, Shift, on_reference
from tdsr_bench.data.truth import TaskTruth, TruthOrigin, TruthRecord, read_truth_record, write_truth_record
from tdsr_bench.data.vectors import DEGREES, rasterise, reboxed, to_geojson
from tdsr_bench.errors import DataError
from tdsr_bench.files import claimed
from tdsr_bench.georeference import finer
from tdsr_bench.raster import opened
from tdsr_bench.scene import BANDS, SCALE, Scene


class OsmMap(Protocol):
    """What is known of the map around the scenes."""

    @property
    def origin(self) -> TruthOrigin:
        """What is recorded of it."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those that it holds anything of."""

    def covers(self, scene: str) -> bool:
        """Whether nothing at the place of `scene` means that nothing is there."""

    def near(self, scene: str) -> Features:
        """The features around `scene`."""


class OsmSource(Protocol):
    """Where a map comes from."""

    @property
    def key(self) -> str:
        """Changes with everything that masks depend on."""

    def load(self, boxes: Mapping[str, Bounds]) -> OsmMap:
        """The map around `boxes`, in degrees, of all scenes."""


@dataclass(frozen=True)
class OsmReport:
    """What became of each scene.

    Attributes:
        made: the scenes whose truth was made.
        kept: those whose truth was there, of the same source.
        outside: those that the source does not cover.
        failed: those that could not be done, and why.
        absent: the tasks that the source holds nothing of.
    """

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def osm_masks(
    dataset: DataSet, source: OsmSource, *, overwrite: bool = False, progress: Progress | None = None
) -> OsmReport:
    """Make the truth of all scenes of `dataset` from `source`, and record it in ``truth/osm.json``.

    A scene is finished, files and record, before the next one is begun; what is finished from the same source is not
    made again. A scene that cannot be registered, or has no coordinate system, is reported, and the others are made. A
    task of which nothing is in a scene gets an empty mask: it was looked at. A task of which the source holds nothing
    anywhere gets none, nor does a scene that the source does not cover.

    Args:
        dataset: any arm of it; scenes are registered in the first.
        source: a file or a server.
        overwrite: whether truth of another source is replaced, and truth of this one made again.
        progress: is told of each scene.

    Raises:
        DataError: the source cannot be read or lies elsewhere, no scene can be done, or there is other truth.
        UserError: another run is making masks of this data set.
    """
    with claimed(dataset.root, name="truth", what="masks", instead=""):  # a scene's record is read and written again
        return _masks(dataset, source, overwrite=overwrite, progress=progress)


def _masks(dataset: DataSet, source: OsmSource, *, overwrite: bool, progress: Progress | None) -> OsmReport:
    dataset = replace(dataset, arm=dataset.record.arms[0])
    root, record, names = dataset.root, read_truth_record(dataset.root), dataset.names("all")
    kept = [] if overwrite else [name for name in names if _is_done(root, record, name, source.key)]
    boxes, failed = _boxes(root, names)
    if not boxes.keys() - kept:
        return _checked(OsmReport(kept=kept, failed=failed), dataset.name)
    osm = source.load(boxes)  # of scenes that are kept as well: which tasks there are must not depend on what is left
    inside = [name for name in boxes if osm.covers(name)]
    todo = [name for name in inside if name not in kept]
    if not overwrite:
        _check_other_truth(root, record, todo, osm.tasks, source.key)
    made, undone = _make_all(dataset, record, todo, osm, source.key, progress)
    report = OsmReport(
        made=made,
        kept=kept,
        outside=[name for name in boxes if name not in inside],
        failed={**failed, **undone},
        absent=[task for task in TASKS if task not in osm.tasks],
    )
    return _checked(report, dataset.name)


def _make_all(
    dataset: DataSet, record: TruthRecord, names: list[str], osm: OsmMap, key: str, progress: Progress | None
) -> tuple[list[str], dict[str, str]]:
    """Make the truth of the scenes `names`; which are made, and why others are not."""
    made, undone = [], {}
    step = stepper(progress, len(names))
    for name in names:
        try:
            scene = dataset.read(name)
            shift = _shift(dataset, scene)
        except DataError as error:
            undone[name] = str(error)
        else:
            record = _make(dataset.root, record, scene, shift, osm, key)
            made.append(name)
        step()
    return made, undone


def _make(root: Path, record: TruthRecord, scene: Scene, shift: Shift, osm: OsmMap, key: str) -> TruthRecord:
    """Write the truth of `scene`, and give the record with it.

    Old truth goes first and the new record comes before the new files, so that an interruption leaves no files that
    the record says something wrong of.
    """
    features = osm.near(scene.name)
    grid, pixel = _grid(scene), scene.metres_per_pixel
    shapes = {task: on_reference(TASKS[task](features), grid, shift, pixel=pixel) for task in osm.tasks}
    truths = {
        task: TaskTruth(origin=key, features=len(those.outlines), shift_hr_px=(round(shift[0], 4), round(shift[1], 4)))
        for task, those in shapes.items()
    }
    for task in shapes:
        for path in truth_files(root, scene.name, task):
            path.unlink(missing_ok=True)
    record = record.with_scene(scene.name, truths).with_origin(key, osm.origin)
    write_truth_record(root, record)
    for task, those in shapes.items():
        write_truth(root, scene.name, task, rasterise(those, grid), to_geojson(those, grid))
    return record


def _shift(dataset: DataSet, scene: Scene) -> Shift:
    """How far the frames' content lies from the reference's; none where frames are made from a reference on the map."""
    return (0.0, 0.0) if dataset.arm == "simulated" else prepare(scene, dataset.protocol).shift


def _grid(scene: Scene) -> Grid:
    """The high-resolution grid in the frames' map coordinates."""
    assert scene.crs is not None  # scenes without one have no box
    return Grid(scene.crs, finer(scene.transform, SCALE), *scene.reference.shape[1:])


def _boxes(root: Path, names: list[str]) -> tuple[dict[str, Bounds], dict[str, str]]:
    """The place of each of the scenes `names` in degrees, and why others have none."""
    boxes, failed = {}, {}
    for name in names:
        try:
            boxes[name] = _box(root, name)
        except DataError as error:
            failed[name] = str(error)
    return boxes, failed


def _box(root: Path, name: str) -> Bounds:
    folder = root / "image_data" / name / BAND_FOLDERS[BANDS[0]] / "lrs"
    frames = sorted(path for path in folder.glob("*") if path.suffix.lower() in RASTERS)
    if not frames:
        raise DataError(f"{name}: no frame in {folder}; expected its frames there.")
    with opened(frames[0]) as raster:
        if raster.crs is None:
            raise DataError(
                f"{name}: its frames say no coordinate system, expected one to lay the map by; assign it, for "
                f"instance by gdal_edit.py -a_srs."
            )
        grid = grid_of(raster)
    return reboxed(grid.bounds, grid.crs, DEGREES, where=f"{name}, frames")


def _is_done(root: Path, record: TruthRecord, name: str, key: str) -> bool:
    """Whether all truth that the record has of a scene is of the source `key`, and there."""
    mine = [task for task, truth in record.scenes.get(name, {}).items() if truth.origin == key]
    return bool(mine) and all(path.is_file() for task in mine for path in truth_files(root, name, task))


def _check_other_truth(root: Path, record: TruthRecord, names: list[str], tasks: tuple[str, ...], key: str) -> None:
    for name in names:
        for task in tasks:
            truth = record.scenes.get(name, {}).get(task)
            there = any(path.is_file() for path in truth_files(root, name, task))
            if there and (truth is None or truth.origin != key):
                of = record.origins[truth.origin].name if truth else "the data set itself"
                raise DataError(
                    f"{name} has truth of {task} already, from {of}; give --overwrite to replace that of all scenes."
                )


def _checked(report: OsmReport, name: str) -> OsmReport:
    if report.failed and not report.made and not report.kept:
        first = next(iter(report.failed.values()))
        raise DataError(f"No scene of {name} could be given truth; the first of {len(report.failed)}: {first}")
    return report
