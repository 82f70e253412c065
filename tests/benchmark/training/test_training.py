"""Training: what a batch holds, that a network learns, that a stopped run goes on as if it had not been stopped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.tasks.networks.record import read_network_record
from tdsr_bench.tasks.networks.weights import load_network
from tdsr_bench.training.batches import draw_batch, statistics
from tdsr_bench.training.losses import cross_entropy, dice_loss, segmentation_loss
from tdsr_bench.training.recipe import RECIPES, Augmentation, Entry, Recipe, Training, load_recipe
from tdsr_bench.training.scenes import TrainingScene
from tdsr_bench.training.train import Lesson, best_threshold, lessons, resume_path, train_network

UNET = {"encoder_name": "tu-ghostnet_050", "encoder_depth": 3, "decoder_channels": [16, 8, 8]}
ENTRY = Entry(task="buildings", role="score", name="unet", architecture="unet", seed=3, settings=UNET)
SHORT = Training(steps=6, batch=2, crop=32, learning_rate=3e-3, validate_every=2, patience=9)


def recipe(training: Training = SHORT) -> Recipe:
    return Recipe(name="test", training=training, network=(ENTRY,))


def town(seed: int, *, size: int = 64, images: int = 1) -> TrainingScene:
    """Bright squares on dark ground; the squares are the truth."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((size, size), bool)
    for _ in range(10):
        row, column = rng.integers(0, size - 8, 2)
        truth[row : row + 7, column : column + 7] = True
    ground = 0.1 + 0.08 * truth + rng.normal(0, 0.01, (images, 4, size, size))
    weight = np.ones((images, size, size), bool)
    return TrainingScene(f"town-{seed}", f"region-{seed}", ground.astype(np.float32), weight, truth, str(seed))


@pytest.fixture
def towns() -> list[TrainingScene]:
    return [town(seed) for seed in range(3)]


def test_a_batch_depends_on_its_seed_and_step_alone(towns: list[TrainingScene]):
    known = statistics(towns)
    one, again, later = (draw_batch(towns, SHORT, known, seed=1, step=step) for step in (4, 4, 5))
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], later[0])
    assert one[0].shape == (2, 4, 32, 32)
    assert one[1].shape == one[2].shape == (2, 1, 32, 32)


def test_a_crop_and_its_truth_are_turned_alike(towns: list[TrainingScene]):
    """Without jitter, what is bright is what is true, in every crop."""
    plain = SHORT.model_copy(update={"augmentation": Augmentation(gain=0, offset=0, noise=0), "batch": 16})
    known = statistics(towns)
    images, truth, _ = draw_batch(towns, plain, known, seed=1, step=0)
    reflectance = images[:, :1] * known[1][0] + known[0][0]
    assert ((reflectance > 0.14) == truth.bool()).float().mean() > 0.999


def test_statistics_leave_out_what_does_not_count():
    scene = town(0)
    scene.images[..., :8] = 100.0
    scene.weight[..., :8] = False
    mean, sd = statistics([scene])
    expected = scene.images[0][:, :, 8:].reshape(4, -1)
    assert mean == pytest.approx(expected.mean(axis=1), rel=1e-5)
    assert sd == pytest.approx(expected.std(axis=1), rel=1e-3)


def test_a_scene_smaller_than_a_crop_is_refused():
    scenes = [town(0, size=24)]
    with pytest.raises(DataError, match="smaller than a crop of 32"):
        draw_batch(scenes, SHORT, statistics(scenes), seed=0, step=0)


def test_losses_by_hand():
    logits, truth = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    everywhere = torch.ones_like(truth)
    assert cross_entropy(logits, truth, everywhere) == pytest.approx(np.log(2))
    # half of everything is found: overlap 0.5, sum 2, truth 1, each smoothed by one
    assert dice_loss(logits, truth, everywhere) == pytest.approx(1 - (2 * 0.5 + 1) / (2 + 1 + 1))
    right = 50 * (2 * truth - 1)
    assert segmentation_loss(right, truth, everywhere) == pytest.approx(0.0, abs=1e-6)
    one = torch.zeros_like(truth)
    one[..., 0, 0] = 1
    assert cross_entropy(-right, truth, one) == pytest.approx(50)
    assert segmentation_loss(right, 1 - truth, torch.zeros_like(truth)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
def test_a_network_learns_and_its_record_says_how(tmp_path: Path, towns: list[TrainingScene]):
    longer = SHORT.model_copy(update={"steps": 60, "validate_every": 20, "batch": 4})
    path = train_network(Lesson(ENTRY, "hr"), recipe(longer), towns, [town(9)], tmp_path, data={"name": "towns"})
    network = load_network(path)
    threshold, iou = best_threshold(network, [town(9)])
    assert iou > 0.7
    record = network.record
    assert record.threshold == threshold
    assert record.training["validation"]["iou"] == pytest.approx(iou, abs=1e-4)
    assert record.training["seed"] == 3
    assert record.training["recipe"]["steps"] == 60
    assert record.training["data"] == {"name": "towns"}
    assert not list((tmp_path / ".training").iterdir())


class KilledError(Exception):
    pass


def killed_at(step: int) -> Callable[[int, int, str], None]:
    def told(done: int, *_: object) -> None:
        if done == step:
            raise KilledError

    return told


@pytest.mark.parametrize("step", [3, 4])
def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path, towns: list[TrainingScene], step: int):
    lesson, data = Lesson(ENTRY, "hr"), {"name": "towns"}
    whole = train_network(lesson, recipe(), towns, towns[:1], tmp_path / "whole", data=data)
    with pytest.raises(KilledError):
        train_network(lesson, recipe(), towns, towns[:1], tmp_path / "cut", data=data, told=killed_at(step))
    assert not (tmp_path / "cut" / lesson.file_name).exists()
    steps: list[int] = []
    again = train_network(
        lesson, recipe(), towns, towns[:1], tmp_path / "cut", data=data, told=lambda done, *_: steps.append(done)
    )
    assert steps[0] == 2 * (step // 2) + 1
    assert again.read_bytes() == whole.read_bytes()


def test_a_checkpoint_of_other_data_is_not_gone_on_from(tmp_path: Path, towns: list[TrainingScene]):
    lesson = Lesson(ENTRY, "hr")
    with pytest.raises(KilledError):
        train_network(lesson, recipe(), towns, towns[:1], tmp_path, data={"name": "a"}, told=killed_at(4))
    steps: list[int] = []
    told = lambda done, *_: steps.append(done)  # noqa: E731
    train_network(lesson, recipe(), towns, towns[:1], tmp_path, data={"name": "b"}, told=told)
    assert steps[0] == 1


def test_training_stops_early_where_nothing_gets_better(tmp_path: Path, towns: list[TrainingScene]):
    still = SHORT.model_copy(update={"steps": 40, "learning_rate": 1e-12, "patience": 2})
    path = train_network(Lesson(ENTRY, "hr"), recipe(still), towns, towns[:1], tmp_path, data={})
    assert read_network_record(path).training["steps"] < 40


def test_the_recipes_of_the_package_hold_what_the_protocol_asks_for():
    for name in RECIPES:
        known = load_recipe(name)
        for task in ("roads", "buildings"):
            roles = [entry.role for entry in known.networks if entry.task == task]
            assert (roles.count("score"), roles.count("loss")) == (3, 1)
        assert any(entry.architecture == "coanet" for entry in known.networks if entry.task == "roads")
        todo = lessons(known)
        assert len(todo) == 14
        assert not [lesson for lesson in todo if lesson.source == "lr" and lesson.entry.role == "loss"]


def test_lessons_can_be_chosen():
    known = load_recipe("mini")
    chosen = lessons(known, tasks=("roads",), role="score", source="lr")
    assert str(chosen[0]) == "roads score coanet, lr"
    assert len(chosen) == 3
    with pytest.raises(ProtocolError, match="has networks for buildings, roads"):
        lessons(known, tasks=("rivers",))


TOML = """
name = "mine"
[training]
steps = 5
batch = 2
crop = 32
learning_rate = 1e-3
validate_every = 5
patience = 1
[[network]]
task = "roads"
role = "score"
name = "one"
architecture = "unet"
seed = 1
[[network]]
task = "roads"
role = "loss"
name = "two"
architecture = "linknet"
seed = 2
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps = 5\n", "", "training.steps: Field required"),
        ("seed = 2", "seed = 1", "two networks for roads have the same seed"),
        ('"linknet"', '"unet"', "two networks for roads have the same architecture"),
        ('"two"', '"one"', "two networks for roads have the same name"),
        ("steps = 5", "steps = = 5", "Invalid value"),
        ("steps = 5", "step = 5", "training.step"),
    ],
)
def test_a_recipe_that_is_not_whole_is_refused(tmp_path: Path, old: str, new: str, sentence: str):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    assert load_recipe(str(path)).networks[1].name == "two"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(ProtocolError, match=sentence):
        load_recipe(str(path))


def test_a_recipe_that_is_not_there_is_refused():
    with pytest.raises(ProtocolError, match="choose mini or mus2, or name a TOML file"):
        load_recipe("nothing")


def test_a_damaged_file_to_go_on_from_is_told_and_once_removed_the_network_is_trained(
    tmp_path: Path, towns: list[TrainingScene]
):
    lesson, data = Lesson(ENTRY, "hr"), {"name": "towns"}
    with pytest.raises(KilledError):
        train_network(lesson, recipe(), towns, towns[:1], tmp_path, data=data, told=killed_at(4))
    path = resume_path(tmp_path, lesson)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"hr.safetensors.ckpt cannot be read .* remove it, and the network is trained"):
        train_network(lesson, recipe(), towns, towns[:1], tmp_path, data=data)
    path.unlink()
    assert train_network(lesson, recipe(), towns, towns[:1], tmp_path, data=data).is_file()
    assert not path.exists()
