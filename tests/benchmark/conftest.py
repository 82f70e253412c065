"""Fixtures of scenes and of data sets on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from makers import SceneMaker, content_of

from tdsr_bench.data.layout import DataRecord, ReferenceUnit, SceneRecord, new_dataset, write_record, write_scene
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol


@pytest.fixture(scope="session")
def protocol() -> BenchmarkProtocol:
    return load_protocol("tdsr-v1")


@pytest.fixture
def make_scene() -> SceneMaker:
    return SceneMaker()


WriteData = Callable[..., Path]


@pytest.fixture
def write_data(tmp_path: Path, make_scene: SceneMaker) -> WriteData:
    """Writes scenes of several regions as a data set whose reference is reflectance; returns its folder."""

    def write(*, regions: int = 3, scenes: int = 1, name: str = "tiny", **options: object) -> Path:
        root = tmp_path / name
        records = {}
        with new_dataset(root) as folder:
            for region in range(regions):
                for index in range(scenes):
                    scene = make_scene(
                        name=f"scene-{region}-{index}", region=f"region-{region}", seed=10 * region + index, **options
                    )
                    write_scene(folder, scene.name, content_of(scene))
                    records[scene.name] = SceneRecord(
                        region=scene.region, strip=scene.strip, reference_date=scene.reference_date
                    )
            record = DataRecord(
                name=name,
                arms=("wald",),
                reference=ReferenceUnit(kind="reflectance", scale=1e-4),
                source="made by a test",
                licence="none",
                scenes=records,
            )
            write_record(folder, record)
        return root

    return write
