"""`task train`, `task suitability` and `evaluate --networks` as a user meets them, on a small data set."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import Run
from makers import SceneMaker, content_of

from tdsr_bench.data.layout import (
    DataRecord,
    ReferenceUnit,
    SceneRecord,
    Split,
    new_dataset,
    write_record,
    write_scene,
)
from tdsr_bench.tasks.networks.sets import open_networks

RECIPE = """
name = "small"
[training]
steps = 4
batch = 2
crop = 32
learning_rate = 3e-3
validate_every = 2
patience = 9
"""
NETWORK = """
[[network]]
task = "{task}"
role = "{role}"
name = "{name}"
architecture = "unet"
seed = {seed}
settings = {{ encoder_name = "tu-ghostnet_050", encoder_depth = 3, decoder_channels = [{width}, 8, 8] }}
"""


@pytest.fixture
def data(tmp_path: Path, make_scene: SceneMaker) -> Path:
    """A region to train on, one to validate on, one to test on; what is bright is a road and a building."""
    splits: tuple[Split, ...] = ("train", "validation", "test")
    records = {}
    with new_dataset(tmp_path / "data") as folder:
        for seed, split in enumerate(splits):
            scene = make_scene(name=f"s-{split}", region=split, seed=seed)
            bright = scene.reference[0] > np.percentile(scene.reference[0], 80)
            write_scene(folder, scene.name, replace(content_of(scene), truth={"roads": bright, "buildings": bright}))
            records[scene.name] = SceneRecord(
                region=split, strip=split, split=split, reference_date=scene.reference_date
            )
        record = DataRecord(
            name="three",
            arms=("wald",),
            reference=ReferenceUnit(kind="reflectance", scale=1e-4),
            source="made by a test",
            licence="none",
            scenes=records,
        )
        write_record(folder, record)
    return tmp_path / "data"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    networks = [
        NETWORK.format(task=task, role=role, name=name, seed=seed, width=8 * seed)
        for task in ("roads", "buildings")
        for seed, (role, name) in enumerate((("score", "one"), ("loss", "two")), start=1)
    ]
    path = tmp_path / "small.toml"
    path.write_text(RECIPE + "".join(networks))
    return path


def test_networks_are_trained_judged_and_used(run: Run, data: Path, recipe: Path):
    ran = run("task", "train", data, "--recipe", recipe, "--out", "nets", "--device", "cpu")
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) == 6  # for either task: a network that scores, its twin, one for losses
    known = open_networks(Path("nets"))
    assert known.tasks == ("buildings", "roads")
    before = {file.path.name: file.sha256 for file in known.files}

    again = run("task", "train", data, "--recipe", recipe, "--out", "nets", "--device", "cpu")
    assert again.out == ran.out
    assert {file.path.name: file.sha256 for file in open_networks(Path("nets")).files} == before

    recipe.write_text(recipe.read_text().replace("steps = 4", "steps = 2"))
    other = run("task", "train", data, "--recipe", recipe, "--out", "nets", "--device", "cpu")
    assert other.code == 2
    assert "was trained by another recipe or on other data" in other.err

    judged = run("task", "suitability", data, "--networks", "nets")
    assert judged.code == 0, judged.err
    assert "roads.iou *" in judged.out
    verdict = json.loads(Path(judged.out.splitlines()[-1]).read_text())
    assert Path(judged.out.splitlines()[-1]) == Path("nets/suitability.json")
    assert set(verdict["suits"].values()) == {False}  # one region gives no interval
    assert Path("nets/suitability.png").is_file()

    Path("submission.py").write_text(
        "from tdsr_bench.interpolation import enlarge\nfrom tdsr_bench.submission import Submission\n"
        'submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))\n'
    )
    scored = run("evaluate", "submission.py", "--data", data, "--networks", "nets", "--json")
    assert scored.code == 0, scored.err
    card = json.loads(scored.out)
    assert card["summary"]["task_gap"]["value"] is None
    assert "told the reference from its frames" in card["summary"]["task_gap"]["missing"][0]
    assert card["summary"]["tasks"]["roads.iou"]["method"] is not None
    assert len(card["networks"]["score"]) == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--recipe", "nothing"], "There is no recipe 'nothing'"),
        (["--task", "rivers"], "has no such network"),
        (["--device", "nonsense"], "torch finds no device 'nonsense'"),
        (["--fold", "fold-30T"], "There is no split"),
    ],
)
def test_mistakes_in_training_end_with_a_sentence(run: Run, data: Path, recipe: Path, words: list[str], sentence: str):
    ran = run("task", "train", data, *(["--recipe", recipe] if "--recipe" not in words else []), *words)
    assert ran.code == 2
    assert sentence in ran.err
    assert "Traceback" not in ran.err


def test_data_without_truth_cannot_be_trained_on(run: Run, data: Path, recipe: Path):
    for path in (data / "truth").rglob("roads.png"):
        path.unlink()
    ran = run("task", "train", data, "--recipe", recipe, "--task", "roads")
    assert ran.code == 2
    assert "has truth of roads; make it by `tdsr-bench data osm-masks`" in ran.err


def test_networks_that_are_not_there_are_named_before_anything_is_predicted(run: Run, data: Path):
    Path("submission.py").write_text(
        "from tdsr_bench.submission import Submission\nsubmission = Submission('x', 'sisr', lambda view: 1 / 0)\n"
    )
    ran = run("evaluate", "submission.py", "--data", data, "--networks", "nowhere")
    assert ran.code == 2
    assert "nowhere holds no task network that scores" in ran.err
    ran = run("task", "suitability", data)
    assert ran.code == 2
    assert "No task networks are known for three" in ran.err
