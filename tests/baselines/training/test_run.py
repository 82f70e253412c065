"""Whole trainings: every regime to its checkpoint, what stands in it, what is chosen, what is refused."""

import csv
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import pixel_network
from PIL import Image
from torch import Tensor
from trainings import BRIGHT, CONSISTENCY, HAT, L1, MASK, RAMS, config, silent, weights

from tdsr_baselines.checkpoints import CheckpointRecord, load_checkpoint, save_checkpoint
from tdsr_baselines.losses import pixel
from tdsr_baselines.losses.base import Batch
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.loop import RESUME
from tdsr_baselines.training.run import train
from tdsr_baselines.training.validation import Scores, Validation, open_validation
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.errors import DataError, ProtocolError, TrainingError
from tdsr_bench.inference import Estimate
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.tasks.networks.sets import open_networks
from tdsr_bench.tasks.networks.weights import save_network

OpenData = Callable[..., DataSet]


def go(known: TrainingConfig, data: DataSet, folder: Path, **options: Any) -> Path:
    return train(known, data, folder, device="cpu", **{"progress": silent, **options})


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Path]:
    """Makes a checkpoint to start from."""

    def made(network: Mapping[str, Any] = HAT, **changes: Any) -> Path:
        about = {name: network[name] for name in ("size", "residual", "settings")}
        about |= {"frames": network.get("frames", 1), "name": "start", "order": "protocol"}
        torch.manual_seed(7)
        record = CheckpointRecord(**about, **{"mean": (0.1,) * 4, "sd": (0.05,) * 4, **changes})
        save_checkpoint(tmp_path / "start.safetensors", record.build(), record)
        return tmp_path / "start.safetensors"

    return made


REGIMES: Mapping[str, Mapping[str, Any]] = {
    "pixel": {"network": RAMS, "loss": (L1, {"kind": "ssim"})},
    "task": {"loss": (L1, MASK), "balancing": {"method": "uw"}},
    "finetune": {"loss": (L1, MASK)},
    "task-only": {"loss": (MASK, {"kind": "task-mask", "task": "buildings"})},
    "hr-free": {"loss": (CONSISTENCY, MASK)},
    "transfer": {"network": RAMS, "loss": (L1,), "data": {"arm": "simulated"}},
}


@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_leads_to_a_checkpoint_that_tells_where_it_comes_from(
    open_data: OpenData, networks: Path, tmp_path: Path, start: Callable[..., Path], regime: str
):
    options = {"network": HAT, "data": {}, **REGIMES[regime]}
    data = open_data(arm=options["data"].get("arm"))
    if regime in ("finetune", "hr-free"):
        options["network"] = {**options["network"], "start": start()}
    known = config(regime=regime, networks=networks, seed=5, **options)
    told: list[tuple[int, int]] = []
    path = go(known, data, tmp_path / "run", progress=lambda what, done, total, *_: told.append((what, done, total)))

    assert path == tmp_path / "run" / "tiny.safetensors"
    assert [done for what, done, _ in told if what == "tiny"] == [1, 2, 3, 4]
    assert not (path.parent / RESUME).exists()
    record = load_checkpoint(path).record
    assert (record.name, record.size) == ("tiny", options["network"]["size"])
    about = record.training
    assert about["regime"] == regime
    assert TrainingConfig.model_validate(about["config"]).sha256 == known.sha256
    assert (about["steps"], about["finished"], about["environment"]["seed"]) == (4, True, 5)
    assert "git" in about["environment"]
    assert about["best_step"] in (2, 4)
    assert (about["data"]["name"], about["data"]["arm"]) == ("tiny", data.arm)
    assert (about["data"]["train"], about["data"]["validation"]) == (["region-0"], ["region-1"])
    assert len(about["data"]["fingerprint"]) == 64
    tasks = {loss["task"] for loss in options["loss"] if "task" in loss}
    known_hashes = {task: open_networks(networks).losing(task)[0].sha256 for task in tasks}
    assert about["data"]["loss_networks"] == known_hashes
    assert (about["started_from"] is not None) == (regime in ("finetune", "hr-free"))

    steps = lines(path.parent / "train.csv")
    assert [row["step"] for row in steps] == ["1", "2", "3", "4"]
    assert all(math.isfinite(float(row[loss.name])) for row in steps for loss in known.losses)
    looks = lines(path.parent / "validation.csv")
    assert [row["step"] for row in looks] == ["2", "4"]
    best = max(looks, key=lambda row: float(row["score"]))
    assert int(best["step"]) == about["best_step"]
    for name, value in about["validation"].items():
        assert float(best[name]) == pytest.approx(value, abs=1e-4)
    by_losses = {loss.name for loss in known.losses}
    expected = by_losses if regime == "hr-free" else {"image_gap", "cssim", "detail", "consistency_ratio", "grid"}
    assert expected <= about["validation"].keys()
    assert ("task_gap_by_loss_networks" in about["validation"]) == (bool(tasks) and regime != "hr-free")


@pytest.mark.parametrize(
    ("network", "changes", "least"),
    [
        (RAMS, {"residual": "none"}, -1.0),
        (RAMS, {"residual": "classical", "views": "phases"}, 0.05),
        (HAT, {"residual": "classical"}, 0.02),
    ],
)
def test_what_is_known_without_learning_is_what_training_begins_with(
    data: DataSet, tmp_path: Path, network: Mapping[str, Any], changes: dict[str, Any], least: float
):
    path = go(config({**network, **changes}, training={"steps": 1}), data, tmp_path / "run")
    record = load_checkpoint(path).record
    assert changes.items() <= record.model_dump().items()
    assert float(lines(tmp_path / "run" / "validation.csv")[0]["image_gap"]) >= least


def test_training_lowers_what_is_minimised(data: DataSet, tmp_path: Path):
    training = {"steps": 30, "validate_every": 30, "learning_rate": 5e-3, "ema": 0.0}
    go(config(loss=({"kind": "detail"},), training=training), data, tmp_path / "run")
    losses = [float(row["detail"]) for row in lines(tmp_path / "run" / "train.csv")]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert float(lines(tmp_path / "run" / "validation.csv")[0]["image_gap"]) > 0.05


def test_what_was_validated_is_what_the_file_holds(data: DataSet, tmp_path: Path):
    path = go(config(training={"learning_rate": 5e-3}), data, tmp_path / "run")
    found = load_checkpoint(path)
    validation = open_validation(data, data.names("validation"), several=False, networks=[])
    scores = validation.look(found.module, size="hat-tiny", order="protocol")
    logged = lines(path.parent / "validation.csv")[found.record.training["best_step"] // 2 - 1]
    assert {"score": scores.score, **scores.values}.keys() == logged.keys() - {"step"}
    for name, value in scores.values.items():
        assert float(logged[name]) == pytest.approx(value, rel=1e-5)
    for name, value in found.record.training["validation"].items():
        assert value == pytest.approx(scores.values[name], abs=5.1e-5)


def test_what_is_kept_is_the_moving_average(data: DataSet, tmp_path: Path):
    averaged, plain = (go(config(training={"ema": ema}), data, tmp_path / str(ema)) for ema in (0.9, 0.0))
    steps = [[row["l1"] for row in lines(path.parent / "train.csv")] for path in (averaged, plain)]
    assert steps[0] == steps[1]
    assert not same(averaged, plain)


def test_what_networks_draw_differs_from_step_to_step_and_not_from_run_to_run(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    drawn: list[float] = []

    def loss(sr: Tensor, _batch: Batch) -> Tensor:
        drawn.append(torch.rand(()).item())
        return sr.mean().square()

    monkeypatch.setattr(pixel.L1, "build", lambda *_: loss)
    for name in ("one", "again"):
        torch.rand(3)
        go(config(training={"validate_every": 4}), data, tmp_path / name)
    assert drawn[:4] == drawn[4:]
    assert len(set(drawn)) == 4


def test_the_same_training_gives_the_same_weights_and_another_seed_others(data: DataSet, tmp_path: Path):
    short = {"steps": 2, "validate_every": 2}
    one, again = (go(config(RAMS, training=short), data, tmp_path / name) for name in ("one", "again"))
    assert same(one, again)
    assert not same(one, go(config(RAMS, training=short, seed=1), data, tmp_path / "other"))


def test_a_finished_training_is_not_done_again(data: DataSet, tmp_path: Path):
    path = go(config(), data, tmp_path / "run")
    before = path.stat().st_mtime_ns
    told: list[str] = []
    again = go(config(), data, tmp_path / "run", progress=lambda what, *_: told.append(what))
    assert again == path
    assert path.stat().st_mtime_ns == before
    assert "tiny" not in told


def test_a_folder_holds_one_training(data: DataSet, tmp_path: Path, open_data: OpenData):
    folder = tmp_path / "run"
    path = go(config(), data, folder)
    other = config(seed=1)
    with pytest.raises(DataError, match="was trained by another configuration or on other data; name another folder"):
        go(other, data, folder)
    with pytest.raises(DataError, match="was trained by another configuration or on other data"):
        go(config(), open_data(noise=0.002), folder)
    assert load_checkpoint(path).record.training["environment"]["seed"] == 0
    with pytest.raises(DataError, match=r"holds tiny.safetensors, of another name than second; name another folder"):
        go(config(name="second"), data, folder)
    assert go(other, data, folder, overwrite=True) == path
    assert load_checkpoint(path).record.training["environment"]["seed"] == 1
    assert [row["step"] for row in lines(folder / "train.csv")] == ["1", "2", "3", "4"]


def test_other_data_and_other_networks_make_another_training(
    data: DataSet, networks: Path, tmp_path: Path, protocol: BenchmarkProtocol
):
    known = config(regime="task", loss=(L1, MASK), networks=networks)
    go(known, data, tmp_path / "run")
    shutil.copytree(data.root, tmp_path / "elsewhere")
    go(known, open_dataset(tmp_path / "elsewhere", protocol), tmp_path / "run")  # the same data in another place
    save_network(networks, pixel_network("roads", "three", bright=BRIGHT + 0.01, role="loss"))
    with pytest.raises(DataError, match="another configuration or on other data"):
        go(known, data, tmp_path / "run")


def test_without_references_a_training_gives_the_same_whether_they_are_there_or_not(
    open_data: OpenData, networks: Path, tmp_path: Path, start: Callable[..., Path]
):
    known = config({**HAT, "start": start()}, regime="hr-free", loss=(CONSISTENCY, MASK), networks=networks)
    data = open_data()
    seen = go(known, data, tmp_path / "seen")
    for folder in data.root.glob("image_data/*/hr_resized"):
        shutil.rmtree(folder)
    shutil.rmtree(data.root / "masks", ignore_errors=True)
    assert not [*data.root.rglob("*.tiff")]
    unseen = go(known, data, tmp_path / "unseen")
    assert same(seen, unseen)
    assert not same(unseen, start())
    logs = [(path.parent / "validation.csv").read_text() for path in (seen, unseen)]
    assert logs[0] == logs[1]


def test_without_references_an_arm_that_is_made_from_them_is_refused(
    open_data: OpenData, networks: Path, tmp_path: Path, start: Callable[..., Path]
):
    known = config({**HAT, "start": start()}, regime="hr-free", loss=(CONSISTENCY, MASK), networks=networks)
    with pytest.raises(ProtocolError, match="The frames of the arm wald are made from the reference"):
        go(known, open_data(arms=("wald",)), tmp_path / "run")


def test_fewer_frames_than_a_network_takes_are_counted(open_data: OpenData, tmp_path: Path):
    path = go(config({**RAMS, "frames": 5}, training={"steps": 1}), open_data(frames=2), tmp_path / "run")
    found = load_checkpoint(path)
    assert found.record.frames == found.module.frames == 5
    assert found.record.training["data"]["repeated_frames"] == 1


def test_truth_that_a_loss_needs_and_that_is_not_there_is_told(open_data: OpenData, networks: Path, tmp_path: Path):
    known = config(regime="task", loss=(L1, MASK), networks=networks)
    with pytest.raises(DataError, match="has truth of roads, which the losses of this training need"):
        go(known, open_data(bright=None), tmp_path / "run")


def test_networks_that_a_loss_needs_and_that_are_not_there_are_told(data: DataSet, tmp_path: Path):
    with pytest.raises(
        ProtocolError, match="A loss of roads needs a network of the set `loss`, and the package has no"
    ):
        go(config(regime="task", loss=(L1, MASK)), data, tmp_path / "run")


@pytest.mark.parametrize(
    ("network", "changes", "sentence"),
    [
        (RAMS, {}, "holds rams-tiny with 3 frames, expected hat-tiny with 1"),
        (HAT, {"settings": {**HAT["settings"], "embed_dim": 32}}, "was built with the settings .*'embed_dim': 32"),
        (HAT, {"residual": "none"}, "has residual = 'none', expected 'bicubic'"),
    ],
)
def test_a_start_of_another_network_is_refused(
    data: DataSet,
    networks: Path,
    tmp_path: Path,
    start: Callable[..., Path],
    network: Mapping[str, Any],
    changes: dict[str, Any],
    sentence: str,
):
    path = start({**network, **changes})
    known = config({**HAT, "start": path}, regime="finetune", loss=(L1, MASK), networks=networks)
    with pytest.raises(DataError, match=sentence):
        go(known, data, tmp_path / "run")


def test_a_start_that_cannot_be_read_is_refused(
    data: DataSet, networks: Path, tmp_path: Path, start: Callable[..., Path]
):
    path = start()
    known = config({**HAT, "start": path}, regime="finetune", loss=(L1, MASK), networks=networks)
    for content in (path.read_bytes()[:3000], b"no checkpoint", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"start.safetensors is no safetensors file, or cut short"):
            go(known, data, tmp_path / "run")
    path.unlink()
    with pytest.raises(DataError, match=r"There is no checkpoint at .*start.safetensors to start from; train it first"):
        go(known, data, tmp_path / "run")
    other = known.network.model_copy(update={"start": save_network(tmp_path, pixel_network("roads"))})
    with pytest.raises(DataError, match="says nothing of a network of super-resolution"):
        go(known.model_copy(update={"network": other}), data, tmp_path / "run")


def test_a_start_has_its_say_and_another_start_is_another_training(
    data: DataSet, networks: Path, tmp_path: Path, start: Callable[..., Path]
):
    path = start(mean=(0.3,) * 4)
    known = config({**HAT, "start": path}, regime="finetune", loss=(L1, MASK), networks=networks)
    found = load_checkpoint(go(known, data, tmp_path / "run"))
    assert found.record.mean == found.module.mean == (0.3,) * 4
    start(mean=(0.2,) * 4)
    with pytest.raises(DataError, match="was trained by another configuration or on other data"):
        go(known, data, tmp_path / "run")


def test_a_batch_that_cannot_be_shared_is_refused(data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ProtocolError, match="A batch of 2 crops cannot be shared by 3 processes; choose a multiple"):
        go(config(), data, tmp_path / "run")


def broken_from(monkeypatch: pytest.MonkeyPatch, call: int, value: float) -> None:
    """From that call on, the loss l1 is `value`."""
    calls = iter(range(1, 1000))

    def build(_self: pixel.L1, _surroundings: object) -> Callable[[Tensor, Batch], Tensor]:
        return lambda sr, _batch: sr.mean().square() * (value if next(calls) >= call else 1.0)

    monkeypatch.setattr(pixel.L1, "build", build)


def test_a_loss_that_is_not_finite_stops_the_training_and_costs_nothing(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken_from(monkeypatch, 3, math.nan)
    sentence = (
        r"tiny: the loss 'l1' is NaN or infinite at step 3, and training stopped; the checkpoint .*tiny.safetensors is "
        r"the best look before it. Lower"
    )
    with pytest.raises(TrainingError, match=sentence):
        go(config(), data, tmp_path / "run")
    found = load_checkpoint(tmp_path / "run" / "tiny.safetensors")
    assert (found.record.training["steps"], found.record.training["finished"]) == (2, False)
    monkeypatch.undo()
    assert load_checkpoint(go(config(), data, tmp_path / "run")).record.training["finished"]


def test_a_loss_that_is_not_finite_at_once_leaves_no_checkpoint(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken_from(monkeypatch, 1, math.nan)
    with pytest.raises(TrainingError, match="at step 1, and training stopped; no look was made before it"):
        go(config(), data, tmp_path / "run")
    assert not (tmp_path / "run" / "tiny.safetensors").exists()


def scored(monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> None:
    """Looks find these scores, in turn."""
    found = iter(scores)
    monkeypatch.setattr(Validation, "look", lambda *_, **__: Scores(next(found), {"image_gap": 0.5}))


@pytest.mark.parametrize(
    ("scores", "best"),
    [((0.1, 0.3, 0.2), 2), ((math.nan, 0.1, math.nan), 2), ((math.nan, math.nan, math.nan), 3)],
)
def test_the_best_look_is_kept(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: tuple[float, ...], best: int
):
    path = tmp_path / "run" / "tiny.safetensors"
    after: dict[int, dict[str, Tensor]] = {}

    def keep(what: str, done: int, *_: object) -> None:
        if what == "tiny":
            after[done] = weights(path)

    scored(monkeypatch, [*scores])
    go(config(RAMS, training={"steps": 3, "validate_every": 1, "ema": 0.0}), data, tmp_path / "run", progress=keep)
    about = load_checkpoint(path).record.training
    assert (about["best_step"], about["steps"], about["finished"]) == (best, 3, True)
    moved = [any(not torch.equal(after[step][name], value) for name, value in weights(path).items()) for step in after]
    assert moved == [step < best for step in (1, 2, 3)]


def test_where_the_reference_is_of_no_use_to_a_task_the_image_alone_chooses(
    data: DataSet, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tdsr_baselines.training.validation.task_gap", lambda *_, **__: Estimate(None))
    go(config(regime="task", loss=(L1, MASK), networks=networks), data, tmp_path / "run")
    for row in lines(tmp_path / "run" / "validation.csv"):
        assert row["score"] == row["image_gap"]
        assert row["task_gap_by_loss_networks"] == "nan"


def test_a_sheet_shows_images_of_validation(open_data: OpenData, tmp_path: Path):
    data = open_data(regions=3, splits=("train", "validation", "validation"))
    go(config(RAMS, training={"sheet_every": 2}), data, tmp_path / "run")
    sheets = sorted((tmp_path / "run" / "sheets").iterdir())
    assert [path.name for path in sheets] == ["step-000004.png"]
    with Image.open(sheets[0]) as sheet:
        assert sheet.size == (4 * 120 + 3 * 4, 2 * 120 + 4)  # four images of each of two scenes, without the border
        assert len(sheet.getcolors(1 << 20)) > 1000


def test_angles_between_gradients_are_measured_every_so_often(data: DataSet, networks: Path, tmp_path: Path):
    known = config(regime="task", loss=(L1, MASK), networks=networks, training={"cosines_every": 2})
    go(known, data, tmp_path / "run")
    angles = [float(row["cosine of l1 and roads mask"]) for row in lines(tmp_path / "run" / "train.csv")]
    assert [math.isnan(angle) for angle in angles] == [True, False, True, False]
    assert all(-1 <= angle <= 1 for angle in angles[1::2])


def test_measuring_angles_changes_nothing(data: DataSet, networks: Path, tmp_path: Path):
    paths = [
        go(
            config(regime="task", loss=(L1, MASK), networks=networks, training={"cosines_every": every}),
            data,
            tmp_path / str(every),
        )
        for every in (0, 1)
    ]
    assert same(*paths)
