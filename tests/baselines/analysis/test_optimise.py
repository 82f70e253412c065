"""Pixels optimised under a loss: what arrives at the target, and what only pleases a network."""

from pathlib import Path

import numpy as np
import pytest
from commands import Run
from makers import TASKS

from tdsr_baselines.analysis import optimise as module
from tdsr_baselines.analysis.canvas import BY_LOSS, watchers
from tdsr_baselines.analysis.optimise import Descent, Gallery, optimise_all
from tdsr_baselines.analysis.recipes import recipes
from tdsr_baselines.analysis.subjects import Subject
from tdsr_baselines.analysis.tables import Row
from tdsr_baselines.losses.base import Surroundings
from tdsr_baselines.losses.pixel import L1
from tdsr_baselines.losses.task import TaskMask
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.tasks.networks.sets import open_networks

DESCENT = Descent(steps=150, rate=0.1, size=48)


@pytest.fixture
def gallery(subject: Subject, networks: Path, tmp_path: Path) -> Gallery:
    known = open_networks(networks)
    chosen = {"l1": (L1(),), "mask": (TaskMask(task="roads"),)}
    return optimise_all([subject], chosen, Surroundings(known), watchers(known, TASKS), DESCENT, tmp_path / "kept")


def course(gallery: Gallery, name: str, start: str) -> list[Row]:
    return [row for row in gallery.findings.rows if (row["losses"], row["start"]) == (name, start)]


def apart(gallery: Gallery, name: str) -> float:
    return next(row["apart"] for row in gallery.findings.summary if row["losses"] == name and row["apart"] is not None)


def test_l1_arrives_at_its_target_from_everywhere(gallery: Gallery):
    course_ = course(gallery, "l1", "grey")
    assert [row["step"] for row in course_] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 150]
    assert course_[-1]["psnr"] > course_[0]["psnr"] + 15
    assert apart(gallery, "l1") < 0.1


def test_a_mask_is_found_in_an_image_that_is_none(gallery: Gallery):
    """The network looks at blue alone: whatever the other bands are, it is content."""
    first, last = course(gallery, "mask", "noise")[0], course(gallery, "mask", "noise")[-1]
    assert last[f"roads by {BY_LOSS}"] > 0.95 > 0.6 > first[f"roads by {BY_LOSS}"]
    assert last["psnr"] < first["psnr"] + 3
    assert apart(gallery, "mask") > 0.5


def test_what_no_loss_asks_for_stays(gallery: Gallery):
    (scene,) = gallery.canvases
    ground = gallery.canvases[scene]
    painted = gallery.paintings[scene, "mask", "noise"].image
    np.testing.assert_allclose(painted[1:], ground.begun("noise", DESCENT.seed)[1:], atol=1e-5)


def test_what_is_kept_is_not_painted_again(
    gallery: Gallery, subject: Subject, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def painted(*_: object) -> None:
        raise AssertionError("painted anew")

    monkeypatch.setattr(module, "_paint", painted)
    known = open_networks(networks)
    about = (Surroundings(known), watchers(known, TASKS))
    again = optimise_all([subject], {"l1": (L1(),)}, *about, DESCENT, tmp_path / "kept")
    assert course(again, "l1", "grey") == course(gallery, "l1", "grey")
    with pytest.raises(AssertionError, match="painted anew"):
        optimise_all([subject], {"l1": (L1(weight=2.0),)}, *about, DESCENT, tmp_path / "kept")


def test_recipes_without_networks_look_at_images_alone():
    assert list(recipes((), ())) == ["charbonnier", "ssim", "consistency"]
    assert "features" not in recipes(TASKS, ())
    assert {"masks", "charbonnier + masks", "consistency + masks"} <= recipes(TASKS, TASKS).keys()


def test_the_command_writes_tables_and_figures(run: Run, data: DataSet, networks: Path):
    words = ("analyse", "optimise-input", "--data", data.root, "--networks", networks, "--scenes", 1, "--size", 48,
             "--steps", 2, "--losses", "masks", "--losses", "ssim")  # fmt: skip
    ran = run(*words)
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\nanalyses/optimise-input\n")
    names = {path.name for path in Path("analyses/optimise-input").iterdir()}
    assert {"every-number.csv", "summary.csv", "optimise-input.svg", "optimise-input.png", "paintings"} <= names
    assert len(list(Path("analyses/optimise-input/paintings").iterdir())) == 6
    assert run(*words).out == ran.out
