"""The contract: what is loaded, what is refused, and what an answer has to be."""

from pathlib import Path

import numpy as np
import pytest

from tdsr_bench.check import check_contract, small_view
from tdsr_bench.errors import DataError, SubmissionError
from tdsr_bench.predict import predict, read_stored, view_sha256
from tdsr_bench.scene import Track
from tdsr_bench.submission import check_answer, load_submission

GOOD = """
import numpy
from tdsr_bench.submission import Submission

def repeat(view):
    return view.frames[0].repeat(3, axis=1).repeat(3, axis=2)

submission = Submission(name="repeat", track="sisr", super_resolve=repeat)
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "submission.py"
    path.write_text(text)
    return path


def answering(expression: str) -> str:
    """A submission whose answer is `expression`, of the right answer `x`."""
    return GOOD.replace("return view", "x = view").replace("\nsubmission", f"    return {expression}\n\nsubmission")


def test_a_good_submission_passes(tmp_path: Path):
    loaded = load_submission(write(tmp_path, GOOD))
    assert loaded.submission.track is Track.SISR
    assert "keeps the contract" in check_contract(loaded)
    assert load_submission(tmp_path).sha256 == loaded.sha256


def test_all_zeros_are_allowed(tmp_path: Path):
    assert "keeps the contract" in check_contract(load_submission(write(tmp_path, answering("x * 0"))))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def broken(:\n", r"submission.py, line 1: .*syntax"),
        ("import no_such_module\n", r"cannot be loaded: ModuleNotFoundError.*line 1"),
        ("x = 1\n", r"has to define `submission = Submission\(.*defines nothing of that name"),
        ("submission = 5\n", r"it defines a int"),
        (GOOD.replace('"sisr"', '"both"'), r"track is 'both', expected sisr or misr"),
        (GOOD.replace('"repeat"', '" "'), r"has no name"),
        (GOOD.replace("super_resolve=repeat", "super_resolve=3"), r"super_resolve has to be a function"),
        (GOOD.replace("super_resolve=repeat", "super_resolve=repeat, files=('w.pt',)"), r"names the file w.pt"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str):
    with pytest.raises(SubmissionError, match=sentence):
        load_submission(write(tmp_path, text))


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("1 / 0", r"raised ZeroDivisionError: division by zero \(submission.py, line 7\)"),
        ("None", r"returned a NoneType, expected a NumPy array of float32 \[4, 72, 96\]"),
        ("x[:3]", r"returned the shape \[3, 72, 96\], expected \[4, 72, 96\]"),
        ("x.astype('float64')", r"returned float64, expected float32"),
        ("x * numpy.float32('nan')", r"27648 values that are NaN or infinite"),
        ("numpy.where(x == x.max(), numpy.float32('inf'), x)", r"values that are NaN or infinite"),
        ("x + numpy.random.rand(*x.shape).astype('float32')", r"two answers for one view"),
    ],
)
def test_bad_answers_are_refused_in_a_sentence(tmp_path: Path, expression: str, sentence: str):
    with pytest.raises(SubmissionError, match=sentence):
        check_contract(load_submission(write(tmp_path, answering(expression))))


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(SubmissionError, match="There is no submission at"):
        load_submission(tmp_path / "nothing.py")


def test_a_prediction_is_kept_until_the_code_changes(tmp_path: Path):
    view, folder = small_view(Track.SISR), tmp_path / "kept"
    first = predict(load_submission(write(tmp_path, GOOD)), view, "scene", folder)
    again = predict(load_submission(write(tmp_path, GOOD)), view, "scene", folder)
    changed = predict(load_submission(write(tmp_path, answering("x + numpy.float32(1)"))), view, "scene", folder)
    assert (first.kept, again.kept, changed.kept) == (False, True, False)
    assert np.array_equal(first.sr, again.sr)
    assert np.array_equal(changed.sr, first.sr + 1)
    assert [path.name for path in folder.iterdir()] == ["scene.safetensors"]


def test_weights_and_neighbours_are_part_of_a_submission(tmp_path: Path):
    text = GOOD.replace("super_resolve=repeat", f"super_resolve=repeat, files=({str(tmp_path / 'w.bin')!r},)")
    (tmp_path / "w.bin").write_bytes(b"1")
    before = load_submission(write(tmp_path, text)).sha256
    (tmp_path / "w.bin").write_bytes(b"2")
    weights = load_submission(write(tmp_path, text)).sha256
    (tmp_path / "helper.py").write_text("y = 1\n")
    assert len({before, weights, load_submission(write(tmp_path, text)).sha256}) == 3


def test_a_half_written_prediction_is_made_anew(tmp_path: Path):
    view, loaded = small_view(Track.SISR), load_submission(write(tmp_path, GOOD))
    predict(loaded, view, "scene", tmp_path / "kept")
    path = tmp_path / "kept" / "scene.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert not predict(loaded, view, "scene", tmp_path / "kept").kept


def test_a_view_hash_sees_every_part():
    view = small_view(Track.MISR)
    assert view_sha256(view) == view_sha256(small_view(Track.MISR))
    assert view_sha256(view) != view_sha256(small_view(Track.SISR))


@pytest.mark.parametrize("ending", [".npy", ".tif", ".safetensors"])
def test_stored_predictions_are_read(tmp_path: Path, rng: np.random.Generator, ending: str):
    sr = rng.random((4, 12, 15), dtype=np.float32)
    path = tmp_path / f"scene{ending}"
    if ending == ".npy":
        np.save(path, sr)
    elif ending == ".safetensors":
        from safetensors.numpy import save_file

        save_file({"sr": sr}, path)
    else:
        import rasterio

        options = {"driver": "GTiff", "width": 15, "height": 12, "count": 4, "dtype": "float32"}
        with rasterio.open(path, "w", transform=rasterio.Affine(10, 0, 0, 0, -10, 0), **options) as raster:
            raster.write(sr)
    assert np.array_equal(read_stored(tmp_path, "scene", (4, 12, 15)).sr, sr)
    with pytest.raises(SubmissionError, match=r"the shape \[4, 12, 15\], expected \[4, 12, 12\]"):
        read_stored(tmp_path, "scene", (4, 12, 12))


def test_broken_and_missing_predictions_are_named(tmp_path: Path):
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"cut.npy cannot be read, or is cut short"):
        read_stored(tmp_path, "cut", (4, 3, 3))
    with pytest.raises(DataError, match="no-such: no prediction in"):
        read_stored(tmp_path, "no-such", (4, 3, 3))


def test_a_pickle_in_disguise_is_not_run(tmp_path: Path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"evil.npy cannot be read"):
        read_stored(tmp_path, "evil", (4, 3, 3))


def test_values_outside_the_unit_are_allowed():
    wild = np.full((4, 3, 3), 7, dtype=np.float32)
    assert check_answer(wild, (4, 3, 3), "x").max() == 7
