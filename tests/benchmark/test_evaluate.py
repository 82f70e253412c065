"""From a submission to a card, on small data sets; what a card holds, and what it does when a scene fails."""

import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tdsr_bench.card import ResultCard, SubmissionPart, card_text, read_card, write_card
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.mus2 import read_raster
from tdsr_bench.engine import SerialExecutor, open_engine
from tdsr_bench.errors import CardError, DataError, SubmissionError
from tdsr_bench.evaluate import evaluate
from tdsr_bench.interpolation import enlarge
from tdsr_bench.predict import FromFolder, FromSubmission
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Track
from tdsr_bench.scene_score import Job
from tdsr_bench.submission import load_submission
from tdsr_bench.view import show

BICUBIC = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))
"""

Evaluate = Callable[..., ResultCard]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(write_data) -> Path:
    return write_data(regions=3)


@pytest.fixture
def score(tmp_path: Path, root: Path, protocol: BenchmarkProtocol) -> Evaluate:
    """Evaluates a submission given as text."""

    def run(text: str = BICUBIC, engine: Executor | None = None, **changes: object) -> ResultCard:
        path = tmp_path / "submission.py"
        path.write_text(text)
        loaded = load_submission(path)
        about = SubmissionPart(
            name=loaded.submission.name,
            track=loaded.submission.track.value,
            sha256=loaded.sha256,
            training_data="none",
            parameters=0,
        )
        dataset = open_dataset(root, protocol.model_copy(update=changes))
        source = FromSubmission(path, loaded.sha256, tmp_path / "kept")
        return evaluate(Job(dataset, "test", about, source), engine or SerialExecutor())

    return run


def test_bicubic_has_gap_zero_and_the_reference_one(score: Evaluate):
    card = score()
    assert card.status == "complete"
    assert card.summary is not None
    assert card.summary.image_gap_no_lpips.value == pytest.approx(0.0, abs=1e-6)
    assert card.references["bicubic"]["image_gap_no_lpips"].value == pytest.approx(0.0, abs=1e-6)
    assert card.references["reference itself"]["image_gap_no_lpips"].value == pytest.approx(1.0, abs=1e-6)
    assert card.summary.guards.consistency_ratio == pytest.approx(1.0, abs=1e-6)
    assert card.summary.guards.ranked


def test_what_is_missing_is_null_and_named(score: Evaluate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tdsr_bench.metrics.lpips.trunk_file", lambda: None)
    summary = score().summary
    assert summary is not None
    assert summary.image_gap.value is None
    assert "AlexNet" in summary.image_gap.missing[0]
    assert summary.task_gap.value is summary.combined_gap.value is None
    assert summary.combined_gap.missing
    assert summary.metrics["lpips"].mean is None
    assert summary.metrics["lpips"].reason


def test_a_card_is_whole_and_can_be_read_again(score: Evaluate, tmp_path: Path):
    card = score()
    write_card(tmp_path / "card.json", card)
    assert read_card(tmp_path / "card.json") == card
    content = json.loads((tmp_path / "card.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    expected = "schema status protocol data submission networks environment summary timing rows"
    assert set(expected.split()) <= set(content)
    assert set(content["rows"][0]) == {"scene", "group", "key", "band", "value", "unit"}
    assert content["data"]["regions"] == ["region-0", "region-1", "region-2"]
    gap = content["summary"]["image_gap_no_lpips"]
    assert set(gap) == {"value", "ci95", "regions", "raw", "missing"}
    assert len(gap["ci95"]) == 2
    assert content["environment"]["package"]


def test_a_second_run_only_scores_and_gives_the_same_rows(score: Evaluate):
    first, second = score(), score()
    assert (first.timing["kept"], second.timing["kept"]) == (0, 3)
    assert first.rows == second.rows
    assert first.data.fingerprint == second.data.fingerprint


def test_what_is_kept_of_other_methods_follows_the_perfect_images(score: Evaluate, root: Path):
    """A data set that comes to know perfect images shows their rows, though frames and reference are the same."""
    import rasterio

    assert "perfect single image" not in score().references
    for scene in (root / "image_data").iterdir():
        for frame in (scene / "b2" / "lrs").iterdir():
            path = root / "perfect" / scene.name / f"{frame.name[11:19]}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            options = {"driver": "GTiff", "width": 144, "height": 144, "count": 4, "dtype": "uint16"}
            with rasterio.open(path, "w", transform=rasterio.Affine(3, 0, 0, 0, -3, 0), **options) as raster:
                bands = [read_raster(scene / "hr_resized" / f"mul_band_{n}.tiff")[0] for n in (1, 2, 4, 6)]
                raster.write(np.stack(bands))
    perfect = score().references["perfect single image"]["image_gap_no_lpips"]
    assert perfect.value is not None
    assert perfect.value > 0.9


def test_processes_give_the_same_rows_as_one(score: Evaluate):
    serial = score()
    with open_engine("process:2") as engine:
        parallel = score(engine=engine)
    assert parallel.rows == serial.rows
    assert parallel.reference_rows == serial.reference_rows


def test_tiling_inside_a_method_does_not_matter(score: Evaluate):
    """The same pixels score the same, however they were made."""
    tiled = BICUBIC.replace(
        'lambda view: enlarge(view.frames[0], "bicubic")',
        "tiled",
    ).replace(
        "submission =",
        """
import numpy as np

def tiled(view):
    frame, (_, height, width) = view.frames[0], view.frames[0].shape
    answer = np.empty(view.output_shape, dtype=np.float32)
    for row in range(0, height, 16):
        for column in range(0, width, 16):
            top, left = max(0, row - 4), max(0, column - 4)
            tile = enlarge(frame[:, top : row + 20, left : column + 20], "bicubic")
            part = tile[:, 3 * (row - top) :, 3 * (column - left) :][:, :48, :48]
            answer[:, 3 * row : 3 * row + 48, 3 * column : 3 * column + 48] = part
    return answer

submission =""",
    )
    values = [[row["value"] for row in card.rows] for card in (score(), score(tiled))]
    assert values[0] == pytest.approx(values[1], abs=1e-6, nan_ok=True)


def changed(expression: str) -> str:
    """Bicubic `x`, changed."""
    plain = 'enlarge(view.frames[0], "bicubic")'
    return BICUBIC.replace(plain, f"(lambda x: {expression})({plain})")


def test_a_gain_is_seen_and_an_offset_is_reported(score: Evaluate):
    plain, gained, lifted = score(), score(changed("x * x.dtype.type(1.3)")), score(changed("x + x.dtype.type(0.05)"))
    assert plain.summary
    assert gained.summary
    assert lifted.summary
    gain, offset = (plain.summary.metrics[key].mean for key in ("gain", "offset"))
    assert not gained.summary.guards.ranked
    assert "consistency" in gained.summary.guards.reasons[0]
    assert gained.summary.metrics["gain"].mean == pytest.approx(1.3 * gain, rel=0.01)
    assert lifted.summary.image_gap_no_lpips.raw == pytest.approx(0.0, abs=0.02)
    assert lifted.summary.metrics["offset"].mean == pytest.approx(offset + 0.05, abs=0.003)


@pytest.mark.parametrize("pixels", [0.3, 1.5, 3.0])
def test_a_shift_is_undone_and_reported_in_metres(score: Evaluate, pixels: float):
    text = changed(f"fourier_shift(x, ({pixels}, 0.0))").replace(
        "from tdsr_bench.sub", "from tdsr_bench.sensor import fourier_shift\nfrom tdsr_bench.sub"
    )
    card = score(text)
    assert card.summary is not None
    assert card.summary.image_gap_no_lpips.value == pytest.approx(0.0, abs=0.03)
    assert card.summary.metrics["geolocation"].mean == pytest.approx(pixels * 10 / 3, abs=0.5)


FAILS_ONCE = BICUBIC.replace('enlarge(view.frames[0], "bicubic")', "once(view)").replace(
    "submission =",
    """
calls = []

def once(view):
    calls.append(1)
    if len(calls) == 2:
        raise RuntimeError("out of luck")
    return enlarge(view.frames[0], "bicubic")

submission =""",
)


def test_a_failed_scene_makes_the_result_incomplete(score: Evaluate):
    card = score(FAILS_ONCE)
    assert card.status == "incomplete"
    assert list(card.failed) == ["scene-1-0"]
    assert "scene-1-0: plain raised RuntimeError: out of luck (submission.py, line" in card.failed["scene-1-0"]
    assert card.summary is None
    assert card.data.scenes == ("scene-0-0", "scene-2-0")
    assert card.data.fingerprint == score().data.fingerprint  # so that it stands beside whole results


def test_a_submission_that_always_fails_is_an_error(score: Evaluate):
    with pytest.raises(SubmissionError, match=r"scene-\d-0: plain raised ZeroDivisionError"):
        score(changed("1 / 0"))


def test_a_broken_scene_is_an_error_and_loses_no_prediction(score: Evaluate, root: Path, tmp_path: Path):
    path = next((root / "image_data" / "scene-2-0" / "b4" / "lrs").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut short"):
        score()
    assert len(list((tmp_path / "kept").glob("*.safetensors"))) == 2
    path.write_bytes(whole)
    assert score().timing["kept"] == 2


def test_noise_is_not_ranked(score: Evaluate):
    noise = changed("x + numpy.random.default_rng(0).normal(0, 0.1, x.shape).astype('float32')")
    card = score("import numpy\n" + noise)
    assert card.summary is not None
    assert not card.summary.guards.ranked
    assert any("image gap" in reason for reason in card.summary.guards.reasons)
    assert any("consistency" in reason for reason in card.summary.guards.reasons)


def test_stored_predictions_score_as_the_submission_does(
    score: Evaluate, root: Path, tmp_path: Path, protocol: BenchmarkProtocol
):
    card, dataset, folder = score(), open_dataset(root, protocol), tmp_path / "stored"
    folder.mkdir()
    for name in dataset.names("test"):
        view = show(dataset.read(name), Track.SISR, protocol.frames)
        np.save(folder / f"{name}.npy", enlarge(view.frames[0], "bicubic"))
    about = SubmissionPart(name="x", track="sisr", sha256=None, training_data="none", parameters=None)
    stored = evaluate(Job(dataset, "test", about, FromFolder(folder)), SerialExecutor())
    assert stored.rows == card.rows


def test_too_few_regions_give_no_interval(write_data, tmp_path: Path, protocol: BenchmarkProtocol):
    root = write_data(regions=2, name="two")
    (tmp_path / "s.py").write_text(BICUBIC)
    sha256 = load_submission(tmp_path / "s.py").sha256
    about = SubmissionPart(name="x", track="sisr", sha256=None, training_data="none", parameters=None)
    source = FromSubmission(tmp_path / "s.py", sha256, tmp_path / "kept")
    job = Job(open_dataset(root, protocol), "test", about, source)
    summary = evaluate(job, SerialExecutor()).summary
    assert summary is not None
    assert summary.image_gap_no_lpips.ci95 is None
    assert list(summary.image_gap_no_lpips.regions) == ["region-0", "region-1"]


def test_the_simulated_arm_is_the_same_for_everybody(write_data, protocol: BenchmarkProtocol):
    root = write_data(regions=1, name="both")
    record = json.loads((root / "tdsr.json").read_text())
    (root / "tdsr.json").write_text(json.dumps(record | {"arms": ["real", "simulated"]}))
    one, two = (open_dataset(root, protocol, "simulated").read("scene-0-0") for _ in range(2))
    real = open_dataset(root, protocol, "real").read("scene-0-0")
    assert np.array_equal(one.frames, two.frames)
    assert one.frames.shape != real.frames.shape or not np.array_equal(one.frames, real.frames)
    assert one.frames_valid.all()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON, or is cut short"),
        ("[]", "of card schema None, expected 1"),
        ('{"schema": 7}', "of card schema 7, expected 1"),
        ('{"schema": 1}', "status: Field required"),
    ],
)
def test_bad_cards_are_refused_in_a_sentence(tmp_path: Path, content: str, sentence: str):
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(CardError, match=sentence):
        read_card(tmp_path / "card.json")


def test_nan_never_stands_in_a_card(score: Evaluate):
    card = score()
    broken = card.model_copy(update={"rows": ({**card.rows[0], "value": float("nan")},)})
    assert json.loads(card_text(broken))["rows"][0]["value"] is None


@pytest.fixture
def job(tmp_path: Path, root: Path, protocol: BenchmarkProtocol) -> Callable[..., Job]:
    """A job that keeps its scores, of images that lie in a folder."""
    dataset = open_dataset(root, protocol)
    for name in dataset.names("test"):
        view = show(dataset.read(name), Track.SISR, protocol.frames)
        np.save(tmp_path / f"{name}.npy", enlarge(view.frames[0], "bicubic"))
    about = SubmissionPart(name="x", track="sisr", sha256=None, training_data="none", parameters=0)
    made = Job(dataset, "test", about, FromFolder(tmp_path), kept=tmp_path / "scores")
    return lambda **changes: replace(made, **changes)


def never(*_: object) -> None:
    raise AssertionError("measured again")


def test_scores_are_kept_for_the_next_run(job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch):
    first = evaluate(job(), SerialExecutor())
    monkeypatch.setattr("tdsr_bench.scene_score.prepare", never)
    second = evaluate(job(), SerialExecutor())
    assert second.rows == first.rows
    assert second.reference_rows == first.reference_rows
    assert second.timing["score_s"] == first.timing["score_s"]
    with pytest.raises(AssertionError, match="measured again"):
        evaluate(job(kept=None), SerialExecutor())


def test_what_a_sheet_shows_is_kept_too(job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    evaluate(job(), SerialExecutor())
    drawn = job(sheet=tmp_path / "sheet.webp")
    evaluate(drawn, SerialExecutor())
    first = (tmp_path / "sheet.webp").read_bytes()
    (tmp_path / "sheet.webp").unlink()
    monkeypatch.setattr("tdsr_bench.scene_score.prepare", never)
    evaluate(drawn, SerialExecutor())
    assert (tmp_path / "sheet.webp").read_bytes() == first


@pytest.mark.parametrize("change", ["image", "protocol", "metrics", "code"])
def test_a_kept_score_is_not_taken_once_anything_has_changed(
    job: Callable[..., Job], tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
):
    evaluate(job(), SerialExecutor())
    changed = job()
    if change == "image":
        path = tmp_path / f"{changed.dataset.names('test')[1]}.npy"
        np.save(path, np.load(path) * np.float32(1.01))
    elif change == "protocol":
        other = changed.protocol.model_copy(update={"default_split": "all"})
        changed = job(dataset=replace(changed.dataset, protocol=other))
    elif change == "metrics":
        changed = job(extra_metrics=("iqa:psnr",))
    else:
        monkeypatch.setattr("tdsr_bench.scene_score.code_sha256", lambda: "another")
    monkeypatch.setattr("tdsr_bench.scene_score.prepare", never)
    with pytest.raises(AssertionError, match="measured again"):
        evaluate(changed, SerialExecutor())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"key": 1}', b"\xff\xfe"])
def test_a_broken_kept_score_is_made_anew(job: Callable[..., Job], tmp_path: Path, content: bytes):
    first = evaluate(job(), SerialExecutor())
    files = [*(tmp_path / "scores").iterdir(), *(tmp_path / "cache" / "references").iterdir()]
    for path in files:
        path.write_bytes(content)
    assert len(files) == 6
    assert evaluate(job(), SerialExecutor()).rows == first.rows


def test_a_card_says_where_foreign_code_ran(score: Evaluate, job: Callable[..., Job]):
    assert score().environment["isolation"] == "none"
    assert evaluate(job(), SerialExecutor()).environment["isolation"] is None
