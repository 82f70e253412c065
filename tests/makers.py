"""Scenes that are made in memory, and what of them a data set is written from."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.layout import (
    Arm,
    DataRecord,
    ReferenceUnit,
    SceneContent,
    SceneRecord,
    Split,
    new_dataset,
    write_record,
    write_scene,
)
from tdsr_bench.scene import Scene
from tdsr_bench.sensor import blur, fourier_shift, observe

TASKS = ("roads", "buildings")

TRANSFORM = (10.0, 0.0, 600000.0, 0.0, -10.0, 4600000.0)


def landscape(rng: np.random.Generator, size: int = 144) -> NDArray[np.float32]:
    """float32 ``[4, size, size]``: patches with sharp edges and texture, reflectance 0.02 to 0.4, bands correlated."""
    ground = np.zeros((size, size))
    for sigma, weight in ((2, 1.0), (6, 2.0), (18, 4.0)):
        noise = blur(rng.normal(0, 1, (size, size)).astype(np.float32), sigma)
        ground += weight * np.sign(noise) * 0.02 + 0.3 * noise * sigma / 18
    ground += rng.normal(0, 0.005, ground.shape)
    ground = (ground - ground.min()) / np.ptp(ground)
    bands = [0.03 + 0.1 * ground, 0.05 + 0.12 * ground, 0.05 + 0.15 * ground, 0.15 + 0.25 * (1 - ground) ** 2]
    return np.stack(bands).astype(np.float32)


@dataclass(frozen=True)
class SceneMaker:
    """Makes scenes whose shift, gain and noise are known."""

    seed: int = 0

    def __call__(
        self,
        *,
        size: int = 144,
        frames: int = 3,
        shift: tuple[float, float] = (0.0, 0.0),
        gain: float = 1.0,
        offset: float = 0.0,
        noise: float = 0.001,
        name: str = "scene",
        region: str = "region",
        seed: int | None = None,
    ) -> Scene:
        rng = np.random.default_rng(self.seed if seed is None else seed)
        high = landscape(rng, size)
        low = observe(fourier_shift(high, shift))
        stack = low + rng.normal(0, noise, (frames, *low.shape)).astype(np.float32)
        return Scene(
            name=name,
            region=region,
            strip=f"{region}-1",
            frames=stack.astype(np.float32),
            frames_valid=np.ones((frames, *low.shape[1:]), dtype=bool),
            dates=tuple(date(2020, 1, 15) + timedelta(days=40 * index) for index in range(frames)),
            reference=((high - offset) / gain).astype(np.float32),
            reference_valid=np.ones(high.shape, dtype=bool),
            reference_date=date(2014, 2, 1),
            truth={},
            lines={},
            transform=TRANSFORM,
            crs="EPSG:32631",
        )


def content_of(scene: Scene) -> SceneContent:
    """The scene as its writer wants it, the reference as uint16 reflectance."""
    return SceneContent(
        frames=scene.frames,
        frames_valid=scene.frames_valid,
        dates=scene.dates,
        reference=np.rint(scene.reference * 1e4).astype(np.uint16),
        transform=scene.transform,
        crs=scene.crs,
    )


def write_dataset(
    root: Path,
    make_scene: SceneMaker,
    *,
    regions: int = 3,
    scenes: int = 1,
    name: str = "tiny",
    arms: tuple[Arm, ...] = ("wald",),
    splits: tuple[Split, ...] = (),
    bright: float | None = None,
    **options: object,
) -> Path:
    """Write scenes of several regions as a data set at `root` whose reference is reflectance.

    Args:
        root: where.
        make_scene: makes each of them.
        regions, scenes: how many, and how many in each.
        name, arms: of the data set.
        splits: of each region in turn; test unless it says otherwise.
        bright: the reflectance in blue from which on a pixel is a road and a building; None for no truth.
        options: of scenes.
    """
    records = {}
    with new_dataset(root) as folder:
        for region in range(regions):
            for index in range(scenes):
                scene = make_scene(
                    name=f"scene-{region}-{index}", region=f"region-{region}", seed=10 * region + index, **options
                )
                things = {} if bright is None else dict.fromkeys(TASKS, scene.reference[0] > bright)
                write_scene(folder, scene.name, replace(content_of(scene), truth=things))
                records[scene.name] = SceneRecord(
                    region=scene.region,
                    strip=scene.strip,
                    split=splits[region] if splits else "test",
                    reference_date=scene.reference_date,
                )
        record = DataRecord(
            name=name,
            arms=arms,
            reference=ReferenceUnit(kind="reflectance", scale=1e-4),
            source="made by a test",
            licence="none",
            scenes=records,
        )
        write_record(folder, record)
    return root


def scene_of(name: str, content: SceneContent, record: SceneRecord) -> Scene:
    """What reading a scene that was just made would give, without truth; the reference in its stored numbers."""
    return Scene(
        name=name,
        region=record.region,
        strip=record.strip,
        frames=content.frames,
        frames_valid=content.frames_valid,
        dates=content.dates,
        reference=content.reference.astype(np.float32),
        reference_valid=np.ones(content.reference.shape, dtype=bool),
        reference_date=record.reference_date,
        truth={},
        lines={},
        transform=content.transform,
        crs=content.crs,
    )
