"""From networks and truth to a card: zero, one, what has no truth, cheap tricks, panels, folds and verdicts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import SceneMaker, content_of
from networks import PIXEL, pixel_module, write_pixel_networks

from tdsr_bench.card import ResultCard, SubmissionPart
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.layout import DataRecord, ReferenceUnit, SceneRecord, new_dataset, write_record, write_scene
from tdsr_bench.engine import SerialExecutor
from tdsr_bench.errors import DataError
from tdsr_bench.evaluate import evaluate
from tdsr_bench.predict import Prediction
from tdsr_bench.protocol import BenchmarkProtocol, TaskRules, load_protocol
from tdsr_bench.scene import LowResView
from tdsr_bench.scene_score import Job
from tdsr_bench.suitability import suitability, verdict
from tdsr_bench.suitability_figure import draw_suitability
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES
from tdsr_bench.tasks.networks.sets import open_networks
from tdsr_bench.tasks.verdict import read_verdict, write_verdict

BRIGHT = 0.075
"""In B02 of the made-up landscape, about the 80th percentile."""


@pytest.fixture(scope="session")
def protocol() -> BenchmarkProtocol:
    """The protocol with one measure a task; the others have tests of their own."""
    rules = TaskRules(gap=("iou",), measures={"iou": {}})
    return load_protocol("tdsr-v1").model_copy(update={"tasks": {"roads": rules, "buildings": rules}})


@pytest.fixture(autouse=True)
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path, make_scene: SceneMaker) -> Path:
    """Three regions with two scenes each, whose truth is what is bright; one scene has none of it."""
    records = {}
    with new_dataset(tmp_path / "data") as folder:
        for region in range(3):
            for index in range(2):
                name = f"scene-{region}-{index}"
                scene = make_scene(name=name, region=f"region-{region}", seed=10 * region + index, noise=0.0005)
                bright = scene.reference[0] >= BRIGHT
                empty = (region, index) == (2, 1)
                truth = {"roads": bright & (not empty), "buildings": bright}
                write_scene(folder, name, replace(content_of(scene), truth=truth))
                records[name] = SceneRecord(region=scene.region, strip=scene.strip, reference_date=scene.reference_date)
        record = DataRecord(
            name="bright",
            arms=("wald",),
            reference=ReferenceUnit(kind="reflectance", scale=1e-4),
            source="made by a test",
            licence="none",
            scenes=records,
        )
        write_record(folder, record)
    return tmp_path / "data"


@pytest.fixture
def networks(tmp_path: Path, root: Path, protocol: BenchmarkProtocol) -> Path:
    """Networks that look for what is bright, with a verdict that lets both tasks count."""
    folder = write_pixel_networks(tmp_path / "networks", bright=BRIGHT)
    known = open_networks(folder)
    lines = suitability(open_dataset(root, protocol), "test", known)
    write_verdict(folder, verdict(open_dataset(root, protocol), "test", known, lines))
    return folder


class Made:
    """Images made from the reference: what a cheat would like to have."""

    def __init__(self, root: Path, protocol: BenchmarkProtocol, change: Callable[[LowResView, np.ndarray], np.ndarray]):
        self.dataset, self.change = open_dataset(root, protocol), change

    def image(self, view: LowResView, scene: str) -> Prediction:
        return Prediction(self.change(view, self.dataset.read(scene).reference).astype(np.float32))


Score = Callable[..., ResultCard]


@pytest.fixture
def score(root: Path, networks: Path, protocol: BenchmarkProtocol) -> Score:
    def run(change: Callable[[LowResView, np.ndarray], np.ndarray], **options: object) -> ResultCard:
        about = SubmissionPart(name="x", track="sisr", sha256=None, training_data="none", parameters=None)
        known = {"networks": networks} | options
        job = Job(open_dataset(root, protocol), "test", about, Made(root, protocol, change), **known)
        return evaluate(job, SerialExecutor())

    return run


def bicubic(view: LowResView, _: np.ndarray) -> np.ndarray:
    from tdsr_bench.interpolation import enlarge

    return enlarge(view.frames[0], "bicubic")


def test_bicubic_is_zero_and_the_reference_is_one(score: Score):
    card = score(bicubic)
    assert card.summary is not None
    assert card.summary.task_gap.value is not None
    assert card.summary.task_gap.value <= 1e-6
    assert card.summary.task_gap_against_bicubic is not None
    assert card.summary.task_gap_against_bicubic.value == pytest.approx(0.0, abs=1e-6)
    assert card.references["reference itself"]["task_gap"].value == pytest.approx(1.0, abs=1e-6)
    both = card.summary.image_gap_no_lpips.value, card.summary.task_gap.value
    assert card.summary.combined_gap_no_lpips.value == pytest.approx(sum(both) / 2, abs=1e-9)
    assert len(card.networks["score"]) == 8


def test_a_task_shows_what_bounds_it(score: Score):
    part = score(lambda _, reference: reference).summary.tasks["buildings.iou"]
    assert part.bicubic < part.method == pytest.approx(part.reference, abs=1e-3)
    assert part.in_gap
    assert part.gap == pytest.approx(1.0, abs=0.01)
    assert 0 < part.frame_trained < part.reference


def test_a_scene_without_truth_says_so_and_counts_for_nobody(score: Score):
    card = score(bicubic)
    empty = [row for row in card.rows if row["scene"] == "scene-2-1" and row["key"].startswith("roads.")]
    assert empty
    assert all(row["value"] is None for row in empty)
    assert {row["reason"] for row in empty} == {"no roads among the valid pixels of this scene's truth"}
    assert card.summary.task_gap.value is not None


def worse(view: LowResView, reference: np.ndarray, how: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    image = bicubic(view, reference)
    if how == "noise":
        return image + rng.normal(0, 0.05, image.shape)
    if how == "constant":
        return np.broadcast_to(image.mean(axis=(1, 2), keepdims=True), image.shape)
    return image[:, ::-1, ::-1]  # another place


@pytest.mark.parametrize("how", ["noise", "constant", "wrong place"])
def test_what_is_worse_than_bicubic_scores_below_it(score: Score, how: str):
    summary = score(lambda view, reference: worse(view, reference, how)).summary
    assert summary.task_gap_against_bicubic.value < 0
    assert summary.combined_gap_no_lpips.raw < 0
    assert not summary.guards.ranked


def test_a_painted_mask_is_not_ranked(score: Score):
    """The true mask as an image: the task is solved, the guards see what was done."""
    summary = score(lambda _, reference: 0.05 + 0.1 * np.broadcast_to(reference[:1] >= BRIGHT, reference.shape)).summary
    assert summary.tasks["buildings.iou"].gap > 0.9
    assert not summary.guards.ranked
    assert any("consistency" in reason for reason in summary.guards.reasons)


def test_without_networks_the_gap_is_missing_and_says_why(score: Score):
    summary = score(bicubic, networks=None).summary
    assert summary.task_gap.value is None
    assert "task train" in summary.task_gap.missing[0]
    assert summary.combined_gap_no_lpips.value is None
    assert not summary.tasks


def test_without_a_verdict_no_task_counts(score: Score, networks: Path):
    (networks / "suitability.json").unlink()
    summary = score(bicubic).summary
    assert summary.task_gap.value is None
    assert "task suitability" in summary.task_gap.missing[0]
    assert summary.tasks["roads.iou"].method is not None


def test_a_verdict_on_other_networks_does_not_count(score: Score, networks: Path):
    content = json.loads((networks / "suitability.json").read_text())
    content["networks"][0] = "0" * 64
    (networks / "suitability.json").write_text(json.dumps(content))
    assert "no verdict on the networks" in score(bicubic).summary.task_gap.missing[0]


def test_a_task_that_does_not_suit_does_not_count(score: Score, networks: Path):
    content = json.loads((networks / "suitability.json").read_text())
    content["suits"]["roads.iou"] = False
    (networks / "suitability.json").write_text(json.dumps(content))
    summary = score(bicubic).summary
    assert summary.task_gap.value == pytest.approx(summary.tasks["buildings.iou"].gap, abs=1e-9)
    assert not summary.tasks["roads.iou"].in_gap


def test_a_broken_verdict_is_refused(networks: Path):
    (networks / "suitability.json").write_text("{")
    with pytest.raises(DataError, match="is broken"):
        read_verdict(networks)


def test_other_networks_are_other_rows(score: Score, tmp_path: Path):
    """What is kept of the table's own methods follows the networks."""
    first = score(bicubic)
    other = write_pixel_networks(tmp_path / "other", bright=BRIGHT * 1.1)
    second = score(bicubic, networks=other)
    pick = lambda card: [r["value"] for r in card.reference_rows if r["key"] == "buildings.iou"]  # noqa: E731
    assert pick(first) != pick(second)


def test_panels_show_each_scene_and_task_that_has_truth(score: Score, tmp_path: Path):
    score(bicubic, panels=tmp_path / "panels")
    names = sorted(path.name for path in (tmp_path / "panels").iterdir())
    assert len(names) == 11  # six scenes, two tasks, one of them without truth
    assert "scene-2-1-roads.png" not in names
    assert (tmp_path / "panels" / names[0]).stat().st_size > 20_000


def test_suitability_sees_that_the_reference_is_better(root: Path, networks: Path, protocol: BenchmarkProtocol):
    lines = {line.key: line for line in suitability(open_dataset(root, protocol), "test", open_networks(networks))}
    line = lines["buildings.iou"]
    assert line.suits
    assert line.in_gap
    assert line.kept == 1.0
    assert line.over_bicubic.ci95 is not None
    assert line.over_bicubic.ci95[0] > 0
    assert line.means["reference"] > line.means["bicubic"] > line.means["frame"] - 0.1
    assert line.means["reference, adapted"] == pytest.approx(line.means["reference"])  # no batch norm in these
    assert line.effect > 1


def test_blind_networks_do_not_suit(root: Path, tmp_path: Path, protocol: BenchmarkProtocol):
    """Networks that find everything everywhere cannot tell one image from another."""
    blind = open_networks(write_pixel_networks(tmp_path / "blind", bright=-10.0))
    dataset = open_dataset(root, protocol)
    lines = suitability(dataset, "test", blind)
    assert not any(line.suits for line in lines)
    assert set(verdict(dataset, "test", blind, lines).suits.values()) == {False}


def test_the_figure_of_a_study(root: Path, networks: Path, protocol: BenchmarkProtocol, tmp_path: Path):
    lines = suitability(open_dataset(root, protocol), "test", open_networks(networks))
    draw_suitability(tmp_path / "s.png", lines, title="test")
    assert (tmp_path / "s.png").stat().st_size > 10_000
