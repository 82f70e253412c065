"""What a stopped training goes on from: as it was written, or refused."""

from pathlib import Path

import pytest
import torch

from tdsr_bench.errors import DataError
from tdsr_bench.resume_file import read_resume, write_resume

CONTENT = {"key": "k", "weights": {"a": torch.arange(2000.0)}, "steps": [1, 2], "best": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_resume(tmp_path / "last.ckpt", CONTENT)
    return tmp_path / "last.ckpt"


def test_what_was_written_is_read(path: Path):
    found = read_resume(path, mend="remove it")
    assert found is not None
    assert torch.equal(found["weights"]["a"], CONTENT["weights"]["a"])
    assert {**found, "weights": 0} == {**CONTENT, "weights": 0}
    assert read_resume(path.with_name("other"), mend="remove it") is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_file_that_is_cut_short_is_refused(path: Path, share: float):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"last.ckpt cannot be read .*cut short or damaged; remove it\.$"):
        read_resume(path, mend="remove it")


def test_one_flipped_bit_is_found(path: Path):
    """torch itself reads such a file, and would go on with another number."""
    content = bytearray(path.read_bytes())
    where = content.index(torch.tensor([1000.0]).numpy().tobytes())
    content[where] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["weights"]["a"][1000] != 1000.0
    with pytest.raises(DataError, match=r"last.ckpt cannot be read \(BadZipFile\)"):
        read_resume(path, mend="remove it")


def test_a_file_of_something_else_is_refused(path: Path):
    torch.save([1, 2], path)
    with pytest.raises(DataError, match=r"last.ckpt cannot be read \(TypeError\)"):
        read_resume(path, mend="remove it")
