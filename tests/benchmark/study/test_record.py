"""Records are read as they were written, and what is none is told."""

from pathlib import Path

import pytest
from studies import write_study

from tdsr_bench.errors import DataError
from tdsr_bench.study.record import read_index, read_record, read_study, record_path, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study that is done."""
    return write_study(tmp_path).with_suffix("")


def test_what_was_written_is_read(folder: Path, tmp_path: Path) -> None:
    for record in read_study(folder):
        write_json(tmp_path / "again.json", record)
        assert read_record(tmp_path / "again.json") == record


def test_a_gap_and_a_metric_are_asked_for_alike(folder: Path) -> None:
    record = read_study(folder)[0]
    assert record.measure("image_gap_no_lpips") == record.summary.image_gap_no_lpips.regions
    assert record.measure("grid") == record.regions["grid"]
    assert record.measure("guards") == {}  # a part of the summary that is no gap


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"name": 3}', b"\xff"])
def test_what_is_no_record_is_told_with_how_to_mend_it(folder: Path, content: bytes) -> None:
    name = read_index(folder).runs[0].name
    record_path(folder, name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}\.json: .*make it anew by `tdsr-bench study run`"):
        read_study(folder)


def test_a_folder_without_a_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"index\.json cannot be read"):
        read_study(tmp_path)
