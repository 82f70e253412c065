"""The submissions that come with the repository obey the contract, from any working directory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from makers import scene_of
from numpy.typing import NDArray

from tdsr_baselines.checkpoints import read_checkpoint_record
from tdsr_baselines.training.config import TrainingConfig, load_config
from tdsr_bench.align import prepare
from tdsr_bench.card import read_card
from tdsr_bench.data.mini import SPLITS, make_scene
from tdsr_bench.files import slug
from tdsr_bench.interpolation import enlarge
from tdsr_bench.metrics.detail import detail_error
from tdsr_bench.protocol import load_protocol
from tdsr_bench.references import open_bench
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission, load_submission
from tdsr_bench.view import show

FOLDERS = {path.parent.name: path for path in (Path(__file__).parents[2] / "submissions").glob("*/submission.py")}
CLASSICAL = {
    "nearest": Track.SISR,
    "bilinear": Track.SISR,
    "bicubic": Track.SISR,
    "lanczos": Track.SISR,
    "back-projection": Track.SISR,
    "mean": Track.MISR,
    "median": Track.MISR,
    "shift-and-add": Track.MISR,
}
TRAINED = {
    "hat-tiny-pixel": ("pixel", Track.SISR),
    "hat-tiny-task": ("task", Track.SISR),
    "rams-tiny-pixel": ("pixel", Track.MISR),
    "rams-tiny-one-frame": ("pixel", Track.SISR),
    "rams-tiny-task": ("task", Track.MISR),
    "rams-tiny-hr-free": ("hr-free", Track.MISR),
    "rams-tiny-tuned": ("hr-free", Track.MISR),
}
"""Of each submission of a trained network, its regime and its track."""

ViewOf = Callable[..., LowResView]


@pytest.fixture(params=sorted(CLASSICAL))
def folder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def submission(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submission:
    monkeypatch.chdir(tmp_path)
    return load_submission(FOLDERS[folder]).submission


def frames_for(submission: Submission) -> int:
    return 1 if submission.track is Track.SISR else 5


def test_what_a_table_says_of_it(folder: str, submission: Submission):
    assert submission.track is CLASSICAL[folder]
    assert submission.training_data == "none"
    assert submission.parameters == 0
    assert len(FOLDERS[folder].read_text().splitlines()) <= 25


def test_names_differ():
    assert FOLDERS.keys() == CLASSICAL.keys() | TRAINED.keys()
    names = [load_submission(path).submission.name for path in FOLDERS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_its_card_was_made_by_what_lies_here(folder: str):
    """To the byte, comments and all; after a change of the submission its card has to be made anew."""
    loaded = load_submission(FOLDERS[folder])
    cards = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"
    card = read_card(cards / f"{slug(loaded.submission.name)}.json")
    assert (card.submission.name, card.submission.sha256) == (loaded.submission.name, loaded.sha256)


@pytest.mark.parametrize("folder", TRAINED)
def test_what_a_trained_one_says_of_itself(folder: str):
    weights = FOLDERS[folder].with_name("weights.safetensors")
    regime, track = TRAINED[folder]
    submission = load_submission(FOLDERS[folder]).submission
    about = read_checkpoint_record(weights).training
    assert submission.track is track
    assert submission.parameters > 100_000
    assert submission.training_data.endswith(f"({regime})")
    assert len(FOLDERS[folder].read_text().splitlines()) <= 20
    assert weights.stat().st_size < 3e6
    assert about["finished"]
    assert (about["config"]["name"], about["regime"]) == (folder, regime)
    assert TrainingConfig.model_validate(about["config"]) == load_config(folder)
    assert not set(about["data"]["train"]) & set(SPLITS["test"])


@pytest.mark.parametrize("folder", TRAINED)
def test_a_trained_one_improves_on_the_frame(folder: str):
    """On one test scene, small: closer to the reference in detail than bicubic."""
    content, record = make_scene("mini_r08_s1", seed=0, size=64)
    scene = scene_of("scene", content, record)
    protocol = load_protocol("tdsr-v1")
    submission = load_submission(FOLDERS[folder]).submission
    bench = open_bench(prepare(scene, protocol), protocol)
    view = show(scene, submission.track, protocol.frames)
    pair = bench.pair(submission.super_resolve(view), view)
    errors = [
        detail_error(image, reference, valid, sigma=3.0)
        for images in (pair.sr, pair.bicubic)
        for image, reference, valid in zip(images, pair.reference, pair.valid, strict=True)
    ]
    assert np.mean(errors[:4]) < 0.9 * np.mean(errors[4:])


def test_shape_type_and_finiteness(submission: Submission, view_of: ViewOf, rng: np.random.Generator):
    shape = (frames_for(submission), 4, 24, 31)
    view = view_of(rng.random(shape), rng.random((shape[0], 24, 31)) < 0.8)
    sr = submission.super_resolve(view)
    assert sr.shape == view.output_shape
    assert sr.dtype == np.float32
    assert np.isfinite(sr).all()


def test_a_constant_stays_constant(submission: Submission, view_of: ViewOf):
    level = np.array([0.02, 0.1, 0.3, 1.2])[:, None, None]
    frames = np.broadcast_to(level, (frames_for(submission), 4, 24, 31))
    assert submission.super_resolve(view_of(frames)) == pytest.approx(np.broadcast_to(level, (4, 72, 93)), abs=1e-5)


def test_radiometry_scales_with_the_frames(submission: Submission, view_of: ViewOf, rng: np.random.Generator):
    frames = rng.random((frames_for(submission), 4, 24, 31))
    one, other = (submission.super_resolve(view_of(each)) for each in (frames, 0.5 * frames + 0.2))
    assert other == pytest.approx(0.5 * one + 0.2, abs=1e-4)


def test_the_frames_are_left_as_they_were(submission: Submission, view_of: ViewOf, rng: np.random.Generator):
    view = view_of(rng.random((frames_for(submission), 4, 24, 31)))
    before: NDArray[np.float32] = view.frames.copy()
    view.frames.setflags(write=False)
    submission.super_resolve(view)
    assert np.array_equal(view.frames, before)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_single_frame_methods_enlarge_clouds_as_they_are(method: str, view_of: ViewOf, rng: np.random.Generator):
    frames = rng.random((1, 4, 24, 31), dtype=np.float32)
    view = view_of(frames, np.zeros((1, 24, 31), dtype=bool))
    sr = load_submission(FOLDERS[method]).submission.super_resolve(view)
    assert np.array_equal(sr, enlarge(frames[0], method))
