"""Which engines there are, and what travels to them."""

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import cv2
import pytest
import torch

from tdsr_bench.card import SubmissionPart
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.layout import DataRecord, SceneRecord, read_record, write_record
from tdsr_bench.engine import SerialExecutor, completed, open_engine
from tdsr_bench.engine.elsewhere import at_site, this_site
from tdsr_bench.engine.slurm_jobs import read_asked
from tdsr_bench.errors import DataError, UserError
from tdsr_bench.evaluate import Job
from tdsr_bench.predict import FromFolder
from tdsr_bench.protocol import BenchmarkProtocol


@pytest.mark.parametrize("name", ["threads", "", "serial:2", "Process:2"])
def test_an_unknown_engine_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(UserError, match=r"choose serial, process:N for N processes, dask:tcp:.*, or slurm:PARTITION"):
        open_engine(name)


@pytest.mark.parametrize(("engine", "module"), [("dask:tcp://127.0.0.1:1", "distributed"), ("slurm", "submitit")])
def test_what_is_not_installed_is_named(engine: str, module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install 'tdsr-bench\[{engine[:4].rstrip(':')}"):
        open_engine(engine)


def many_scenes(root: Path, count: int) -> Path:
    """A data set that says it has many scenes; their folders are empty."""
    scenes = {
        f"scene-{n:05d}": SceneRecord(region=f"region-{n // 20}", strip="a", reference_date=date(2020, 1, 1))
        for n in range(count)
    }
    for name in scenes:
        (root / "image_data" / name).mkdir(parents=True)
    write_record(root, DataRecord(name="many", arms=("wald",), source="a test", licence="none", scenes=scenes))
    return root


def task_bytes(root: Path, protocol: BenchmarkProtocol) -> int:
    about = SubmissionPart(name="x", track="sisr", sha256=None, training_data="none", parameters=None)
    job = Job(open_dataset(root, protocol), "test", about, FromFolder(Path("/predictions")))
    return len(pickle.dumps((job, "scene-00000")))


def test_a_task_is_as_small_for_many_scenes_as_for_few(tmp_path: Path, protocol: BenchmarkProtocol):
    few, many = (task_bytes(many_scenes(tmp_path / f"{count:04d}", count), protocol) for count in (2, 1000))
    assert few == many < 2000


def test_a_data_set_is_the_same_in_another_process(tiny: Path, protocol: BenchmarkProtocol):
    dataset = open_dataset(tiny, protocol)
    there = pickle.loads(pickle.dumps(dataset))
    assert (there.root, there.arm, there.record, there.protocol) == (tiny, "wald", dataset.record, protocol)
    assert pickle.loads(pickle.dumps(dataset)) is there  # opened once a process


def test_a_protocol_of_ones_own_travels_with_its_content(tiny: Path, protocol: BenchmarkProtocol):
    odd = protocol.model_copy(update={"masks": ("clouds",)})
    assert odd.sha256 == protocol.sha256  # so that the hash alone would not do
    there = pickle.loads(pickle.dumps(open_dataset(tiny, odd)))
    assert there.protocol == odd != protocol


def test_another_arm_travels_as_such(protocol: BenchmarkProtocol, tmp_path: Path):
    root = many_scenes(tmp_path / "both", 1)
    record = read_record(root)
    assert record is not None
    write_record(root, record.model_copy(update={"arms": ("real", "simulated")}))
    dataset = replace(open_dataset(root, protocol), arm="simulated")
    assert pickle.loads(pickle.dumps(dataset)).arm == "simulated"


def test_a_data_set_that_differs_there_is_refused(tmp_path: Path, protocol: BenchmarkProtocol):
    root = many_scenes(tmp_path / "changing", 2)
    task = pickle.dumps(open_dataset(root, protocol))
    record = read_record(root)
    assert record is not None
    write_record(root, record.model_copy(update={"version": "2"}))
    with pytest.raises(DataError, match="has changed since this run began, or is another data set on"):
        pickle.loads(task)
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="every machine that works has to see the data by the same path"):
        pickle.loads(task)


def test_work_for_another_site_finds_its_folder_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = replace(this_site(), folder=tmp_path, variables={"TDSR_BENCH_ALEXNET": "/weights"})
    monkeypatch.setenv("TDSR_BENCH_KEYNET", "/of/this/machine")
    before = Path.cwd()
    seen = at_site(site, lambda: (Path.cwd(), dict(os.environ)), (), {})
    assert seen[0] == tmp_path
    assert seen[1]["TDSR_BENCH_ALEXNET"] == "/weights"
    assert "TDSR_BENCH_KEYNET" not in seen[1]
    assert Path.cwd() == before
    assert os.environ["TDSR_BENCH_KEYNET"] == "/of/this/machine"


def test_a_machine_that_differs_does_not_work(tmp_path: Path):
    site = this_site()
    with pytest.raises(UserError, match=r"does not see .*/nowhere, where the run was started"):
        at_site(replace(site, folder=tmp_path / "nowhere"), print, (), {})
    old = replace(site, code="0", versions={**site.versions, "numpy": "1.0"})
    with pytest.raises(UserError, match=r"runs other code .* \(numpy .* for 1.0\), so its numbers could differ"):
        at_site(old, print, (), {})


@pytest.mark.parametrize("asked", ["cpu?cpu=2", "cpu?cpus=0", "cpu?cpus=two", "cpu memory=3", "?"])
def test_what_a_job_asks_for_has_to_be_readable(asked: str):
    with pytest.raises(UserError, match="say slurm:PARTITION, or with numbers"):
        read_asked(asked)


def test_what_a_job_asks_for():
    assert read_asked("")[0] == ""
    partition, asks = read_asked("cpu,long?cpus=4&gpus=1")
    assert (partition, asks["cpus"], asks["gpus"], asks["minutes"]) == ("cpu,long", 4, 1, 120)


def threads_of(libraries: dict[str, Callable[[], int]], name: str) -> int:
    return libraries[name]()


def test_a_job_takes_one_core_and_gives_the_others_back():
    """Sums depend on the number of threads, so that by more of them other digits came out."""
    libraries = {"torch": torch.get_num_threads, "opencv": cv2.getNumThreads}
    before = {name: count() for name, count in libraries.items()}
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    try:
        done = {
            name: future.result()
            for name, future in completed(SerialExecutor(), threads_of, libraries, list(libraries))
        }
        assert done == {"torch": 1, "opencv": 1}
        assert {name: count() for name, count in libraries.items()} == {"torch": 2, "opencv": 2}
    finally:
        torch.set_num_threads(before["torch"])
        cv2.setNumThreads(before["opencv"])
