"""Fixtures of scenes and of data sets on disk."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, Run
from makers import SceneMaker, content_of

from tdsr_bench.cli import main
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


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tdsr-bench", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        return Ran(code, *capsys.readouterr())

    return call
