"""A data set: which scenes it has, in which split, and how one of them is read."""

import functools
import pickle
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.align import prepare
from tdsr_bench.data.layout import DataRecord, SceneRecord, read_record
from tdsr_bench.data.lines import read_lines
from tdsr_bench.data.mus2 import (
    Window,
    read_excluded,
    read_frames,
    read_perfect,
    read_reference,
    read_truth,
    scene_folders,
)
from tdsr_bench.data.mus2_record import mus2_record
from tdsr_bench.data.simulate import simulated
from tdsr_bench.data.truth import truth_source
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.files import digest
from tdsr_bench.protocol import BenchmarkProtocol, ManifestSplit, load_protocol
from tdsr_bench.scene import BANDS, SCALE, Scene

SIMULATION_SEED = 0
"""Seed of the simulated arm: the same frames for everybody."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """An arm of a data set on disk; reads one scene at a time.

    To another process it travels by reference, as large for a million scenes as for one: where it lies, and the hash of
    its record, by which a data set that is not the same there is found out.

    Attributes:
        root: its folder.
        arm: real, simulated or wald.
        record: what it says of itself; for MuS2, what the manifest in the package says of it.
        protocol: fixes masks, splits and, for an arm that is simulated from a real one, harmonisation.
        manifest: the split by region of a data set that has no record of its own.
    """

    root: Path
    arm: str
    record: DataRecord
    protocol: BenchmarkProtocol
    manifest: ManifestSplit | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.root.absolute(), self.arm, _named(self.protocol), self._fingerprint)

    @functools.cached_property
    def _fingerprint(self) -> str:
        """Hash of all that is known of the data set without reading a scene."""
        return digest(self.record.model_dump_json(by_alias=True))

    @property
    def name(self) -> str:
        """How results call it."""
        return self.record.name

    @property
    def scenes(self) -> Mapping[str, SceneRecord]:
        """What is known of each scene without reading it."""
        return self.record.scenes

    @property
    def truth_source(self) -> Mapping[str, Any] | None:
        """Where its truth was taken from, by ``truth/osm.json``; None where there is no truth, or of its own only.

        Raises:
            DataError: the record is broken.
        """
        return truth_source(self.root)

    def names(self, split: str) -> list[str]:
        """The scenes of `split` that are not excluded, sorted.

        Raises:
            ProtocolError: there is no such split, or it is empty here.
        """
        if self.manifest:
            regions = self.manifest.regions(split)
            chosen = {name for name, scene in self.scenes.items() if scene.region in regions}
        elif split in ("train", "validation", "test", "all"):
            chosen = {name for name, scene in self.scenes.items() if split in (scene.split, "all")}
        else:
            raise ProtocolError(f"There is no split {split!r} in {self.name}; choose train, validation, test or all.")
        names = sorted(name for name in chosen if self.scenes[name].exclude is None)
        if not names:
            raise ProtocolError(
                f"The split {split!r} of {self.name} at {self.root} has no scene; choose another split."
            )
        return names

    def read(self, name: str, window: Window | None = None) -> Scene:
        """Read a scene, or the `window` of it.

        Raises:
            DataError: a file is missing or broken, or sizes do not fit; the sentence names the scene and the file.
        """
        scene = self._read_stored(name, window)
        if self.arm == self.record.arms[0]:
            return scene
        return simulated(prepare(scene, self.protocol).scene, seed=SIMULATION_SEED)

    def read_unreferenced(self, name: str) -> Scene:
        """Read a scene without its reference: nothing of it is opened, and NaN stands in its place.

        Raises:
            DataError: as `read`.
            ProtocolError: the frames of this arm are made from the reference.
        """
        if self.arm != "real":
            raise ProtocolError(
                f"The frames of the arm {self.arm} are made from the reference, so it cannot go unseen; choose the arm "
                f"real, of data that have it."
            )
        return self._read_stored(name, None, referenced=False)

    def read_perfect(self, scene: Scene) -> NDArray[np.float32] | None:
        """What a perfect instrument sees on the frames' dates, float32 ``[T, 4, H, W]``; None where not known."""
        if self.arm != self.record.arms[0]:
            return None
        return read_perfect(self.root, scene.name, scene.dates)

    def perfect_stamp(self, name: str) -> list[tuple[str, int, int]]:
        """Name, size and time of the files that `read_perfect` reads of the scene `name`."""
        if self.arm != self.record.arms[0]:
            return []
        files = sorted((self.root / "perfect" / name).glob("*.tif"))
        return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]

    def _read_stored(self, name: str, window: Window | None, *, referenced: bool = True) -> Scene:
        record, folder = self.scenes[name], self.root / "image_data" / name
        frames = read_frames(folder, window)
        expected = tuple(SCALE * size for size in frames.images.shape[2:])
        reference, excluded = self._read_reference(name, expected, window) if referenced else _no_reference(expected)
        truth = read_truth(self.root, name, window)
        wrong = next((task for task, mask in truth.items() if mask.shape != expected), None)
        if wrong:
            raise DataError(
                f"{name}: the truth of {wrong} is {truth[wrong].shape}, expected {expected} as its reference."
            )
        return Scene(
            name=name,
            region=record.region,
            strip=record.strip,
            frames=frames.images,
            frames_valid=frames.valid,
            dates=frames.dates,
            reference=reference,
            reference_valid=~excluded,
            reference_date=record.reference_date,
            truth=truth,
            lines=read_lines(self.root, name, frames.transform),
            transform=frames.transform,
            crs=frames.crs,
        )

    def _read_reference(
        self, name: str, expected: tuple[int, ...], window: Window | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The reference and, true, the pixels of it that masks exclude, both ``[4, 3h, 3w]``."""
        reference = read_reference(self.root / "image_data" / name, self.record.reference, window)
        if reference.shape[1:] != expected:
            low = tuple(size // SCALE for size in expected)
            raise DataError(
                f"{name}: the reference is {reference.shape[1:]} pixels, expected {expected}, three times its frames "
                f"({low}); resample one of them."
            )
        return reference, read_excluded(self.root, name, self.protocol.masks, reference.shape[1:], window)


def _no_reference(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """NaN everywhere and all of it excluded: whoever looks at it all the same is found out."""
    full = (len(BANDS), *shape)
    return np.full(full, np.nan, np.float32), np.ones(full, dtype=bool)


def scene_sha256(scene: Scene) -> str:
    """Hash of all of a scene that a score depends on: pixels, dates, place and truth."""
    arrays = [scene.frames, scene.frames_valid, scene.reference, scene.reference_valid]
    arrays += [scene.truth[task] for task in sorted(scene.truth)]
    parts = [np.ascontiguousarray(array).data.cast("B") for array in arrays]
    days = [day.isoformat() for day in (*scene.dates, scene.reference_date)]
    lines = {task: [line.round(6).tolist() for line in lines] for task, lines in scene.lines.items()}
    return digest(*parts, scene.name, scene.region, days, scene.transform, sorted(scene.truth), lines)


def open_dataset(root: Path, protocol: BenchmarkProtocol, arm: str | None = None) -> DataSet:
    """The data set at `root`, by its own record or, where it has none, as MuS2.

    Args:
        root: the folder that holds ``image_data``.
        protocol: see `DataSet`.
        arm: real, simulated or wald; the first that the data set has if None.

    Raises:
        DataError: no scene there, or scenes that neither a record nor the manifest of MuS2 knows.
        ProtocolError: the data set has no such arm.
    """
    folders = scene_folders(root)
    record, manifest = read_record(root), None
    if record is None:
        manifest = protocol.splits["mus2"]
        record = mus2_record(folders, manifest)
    absent = next((name for name in record.scenes if name not in folders), None)
    if absent:
        raise DataError(f"{root}: the scene {absent} stands in tdsr.json and has no folder below image_data.")
    if arm is not None and arm not in record.arms:
        raise ProtocolError(f"{record.name} has no arm {arm!r}; choose {' or '.join(record.arms)}.")
    return DataSet(root, arm or record.arms[0], record, protocol, manifest)


def _named(protocol: BenchmarkProtocol) -> str | bytes:
    """The name of a protocol that is in the package; the content of any other."""
    return protocol.id if protocol == _shipped(protocol.id) else pickle.dumps(protocol)


@functools.cache
def _shipped(name: str) -> BenchmarkProtocol | None:
    try:
        return load_protocol(name)
    except ProtocolError:
        return None


@functools.lru_cache(maxsize=4)
def _reopened(root: Path, arm: str, protocol: str | bytes, fingerprint: str) -> DataSet:
    """The data set that another process holds, opened once in this one.

    Raises:
        DataError: it is not there, or not what it is to the other process.
    """
    if not root.is_dir():
        raise DataError(
            f"{root} is not there on {platform.node()}; every machine that works has to see the data by the same path."
        )
    known = load_protocol(protocol) if isinstance(protocol, str) else pickle.loads(protocol)
    dataset = open_dataset(root, known, arm)
    if dataset._fingerprint != fingerprint:
        raise DataError(
            f"{root} has changed since this run began, or is another data set on {platform.node()}; "
            f"mend that, and run it again."
        )
    return dataset
