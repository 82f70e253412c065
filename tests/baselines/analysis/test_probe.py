"""Linear heads: what they find in images that are painted with the answer, and what in others."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Run
from makers import SceneMaker, write_dataset
from scipy.special import expit

from tdsr_baselines.analysis.probe import Looked, by_region, fit_head, fit_heads, probe, read
from tdsr_baselines.analysis.subjects import Method
from tdsr_baselines.analysis.tables import Row
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.errors import DataError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.predict import FromObject
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission

SIZE = 40


@pytest.fixture
def looked() -> Callable[[int], Looked]:
    """A scene whose truth shows in one of its images only, however little it is brighter there."""

    def made(seed: int) -> Looked:
        rng = np.random.default_rng(seed)
        truth = rng.random((SIZE, SIZE)) < 0.2
        plain = rng.normal(0.1, 0.03, (4, SIZE, SIZE)).astype(np.float32)
        painted = (plain - plain[2] * 0.5).astype(np.float32)
        painted[2] = 0.1 + 0.01 * truth
        images = {"HR": plain, "bicubic": plain, "painted": painted}
        return Looked(f"scene-{seed}", f"region-{seed}", images, {"roads": truth}, np.ones((SIZE, SIZE), dtype=bool))

    return made


def test_a_painted_mask_is_read_and_an_image_is_not(looked: Callable[[int], Looked]):
    heads = fit_heads([looked(0), looked(1)])
    rows = {row["method"]: row for row in read(looked(2), heads)}
    assert rows["painted"]["iou"] > 0.99
    assert rows["painted"]["ap"] > 0.99
    assert rows["HR"]["iou"] < 0.3
    assert rows["HR"]["ap"] < 0.3


def test_the_head_is_that_of_a_regression_whose_numbers_are_known():
    rng = np.random.default_rng(0)
    pixels = rng.normal(0.2, 0.05, (60_000, 4))
    weights, bias = np.array([20.0, -30.0, 0.0, 10.0]), -1.0
    truth = rng.random(60_000) < expit(pixels @ weights + bias)
    head = fit_head(pixels, truth)
    found = head.weights[:4] / head.sd
    np.testing.assert_allclose(found, weights, atol=0.8)
    assert head.weights[4] - found @ head.mean == pytest.approx(bias, abs=0.3)


def test_the_threshold_has_the_highest_overlap():
    rng = np.random.default_rng(1)
    pixels = rng.normal(0.2, 0.05, (500, 4))
    truth = rng.random(500) < expit(40 * (pixels[:, 0] - 0.25))
    head = fit_head(pixels, truth)
    probability = head.probability(pixels.T.astype(np.float32)).ravel()

    def overlap(threshold: float) -> float:
        found = probability >= threshold
        return float((found & truth).sum() / (found | truth).sum())

    assert overlap(head.threshold - 1e-6) == pytest.approx(max(map(overlap, probability)), abs=0.01)


def test_truth_without_both_classes_is_told():
    with pytest.raises(DataError, match="a head needs both"):
        fit_head(np.zeros((4, 4)), np.zeros(4, dtype=bool))


def painter(data: DataSet) -> Callable[[LowResView], np.ndarray]:
    """A method that knows the truth of each scene by its frames, and paints it into the infrared."""
    truth = {}
    for name in data.names("all"):
        scene = data.read(name)
        truth[scene.frames.tobytes()[:1000]] = scene.truth["roads"]

    def super_resolve(view: LowResView) -> np.ndarray:
        image = enlarge(view.frames[0], "bicubic")
        known = next(mask for key, mask in truth.items() if key == view.frames[:1].tobytes()[:1000])
        image[3] = 0.3 - 0.2 * known  # dark where the ground is: it is registered by its look
        return image

    return super_resolve


def test_a_method_that_paints_is_found_out(tmp_path: Path, protocol: BenchmarkProtocol):
    """Truth is what is bright in blue: a line reads it off the reference too, but not off bicubic."""
    root = write_dataset(tmp_path / "tiny", SceneMaker(), regions=5, splits=("train", "validation", *["test"] * 3),
                         arms=("real",), bright=0.09, frames=1)  # fmt: skip
    data = open_dataset(root, protocol)
    submission = Submission("painter", Track.SISR, painter(data))
    method = Method("painter", Track.SISR, FromObject(submission, tmp_path / "images"))
    findings = probe(data, data.names("validation"), data.names("test"), [method])
    assert {row["method"] for row in findings.rows} == {"HR", "bicubic", "painter"}
    line = next(
        row for row in findings.summary if (row["method"], row["task"], row["measure"]) == ("painter", "roads", "iou")
    )
    assert line["mean"] > 0.93
    assert str(line["less bicubic"]).startswith("+")
    means = {
        name: np.mean([*by_region(of(findings.rows, name), "iou").values()]) for name in ("HR", "bicubic", "painter")
    }
    assert means["HR"] > 0.95
    assert means["bicubic"] < means["painter"]


def of(rows: list[Row], method: str) -> list[Row]:
    return [row for row in rows if (row["method"], row["task"]) == (method, "roads")]


def test_the_command_writes_tables_and_a_figure(run: Run, data: DataSet, tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from tdsr_bench.interpolation import enlarge\n"
        "from tdsr_bench.submission import Submission\n"
        "submission = Submission('mine', 'sisr', lambda view: enlarge(view.frames[0], 'lanczos'))\n"
    )
    ran = run("analyse", "probe", path, "--data", data.root, "--isolation", "none")
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\nanalyses/probe\n")
    names = {path.name for path in Path("analyses/probe").iterdir()}
    assert names == {"every-number.csv", "summary.csv", "probe.svg", "images"}
