"""What was trained takes part in the benchmark as any submission does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from makers import SceneMaker
from trainings import HAT, RAMS

from tdsr_baselines.checkpoints import CheckpointRecord, save_checkpoint
from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.trained import trained_submission
from tdsr_bench.check import check_contract
from tdsr_bench.interpolation import enlarge
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission, load_submission
from tdsr_bench.view import show

CLASSICAL = {"residual": "classical"}
CASES: Mapping[str, Mapping[str, Any]] = {
    "hat": HAT,
    "hat that corrects": {**HAT, **CLASSICAL},
    "rams": RAMS,
    "rams of phases": {**RAMS, **CLASSICAL, "views": "phases"},
}
TRAINING = {"regime": "pixel", "data": {"name": "tiny", "version": "1", "arm": "real", "train": ["a", "b"]}}
CODE = """
from pathlib import Path

from tdsr_baselines.trained import trained_submission

submission = trained_submission(Path(__file__).with_name("weights.safetensors"), name="mine", device="cpu")
"""


def save(path: Path, network: Mapping[str, Any], *, spread: float = 0.01, **changes: Any) -> SrNetwork:
    """A checkpoint whose network was moved a little from its first weights."""
    about = {"name": "mine", "frames": 1, "order": "protocol", "mean": (0.1,) * 4, "sd": (0.05,) * 4}
    record = CheckpointRecord(**{**about, **network, **changes})
    torch.manual_seed(2)
    module = record.build()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    save_checkpoint(path, module, record)
    return module


@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_keeps_the_contract(tmp_path: Path, name: str):
    network = save(tmp_path / "weights.safetensors", CASES[name], training=TRAINING)
    (tmp_path / "submission.py").write_text(CODE)
    loaded = load_submission(tmp_path / "submission.py")
    told = check_contract(loaded)
    track = Track.MISR if "rams" in name else Track.SISR
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert (loaded.submission.track, loaded.submission.parameters) == (track, parameters)
    assert loaded.submission.training_data == "tiny 1, real arm: a, b (pixel)"
    assert f"mine: keeps the contract (isolation: none)\n  track {track}" in told
    assert f"{parameters:,} trained parameters; trained on: tiny 1, real arm: a, b (pixel)" in told
    save(tmp_path / "weights.safetensors", CASES[name], training=TRAINING, spread=0.02)
    assert load_submission(tmp_path / "submission.py").sha256 != loaded.sha256


def test_without_a_word_on_data_none_is_claimed(tmp_path: Path):
    save(tmp_path / "mine.safetensors", HAT)
    assert trained_submission(tmp_path / "mine.safetensors", name="mine", device="cpu").training_data == "not stated"


def submission(tmp_path: Path, network: Mapping[str, Any], **changes: Any) -> Submission:
    save(tmp_path / "mine.safetensors", network, spread=0.0, **changes)
    return trained_submission(tmp_path / "mine.safetensors", name="mine", device="cpu")


def test_it_answers_with_what_its_network_makes_of_the_best_frame(tmp_path: Path, protocol: BenchmarkProtocol):
    """An untrained one, which starts at the enlarged frame, in a scene that takes several tiles."""
    view = show(SceneMaker()(size=288), Track.SISR, protocol.frames)
    answer = submission(tmp_path, HAT).super_resolve(view)
    assert answer.shape == view.output_shape
    assert answer.dtype == np.float32
    assert answer[:, 6:-6, 6:-6] == pytest.approx(enlarge(view.frames[0], "bicubic")[:, 6:-6, 6:-6], abs=1e-4)


def test_frames_are_ordered_as_in_its_training(tmp_path: Path, protocol: BenchmarkProtocol):
    """Of two frames the second is a little clearer: equal by the protocol, and not by their clear share."""
    scene = SceneMaker()(frames=2, noise=0.0)
    scene.frames[1] *= 1.1
    view = show(scene, Track.MISR, protocol.frames)
    view.valid[0, :2, :2] = False
    inner = np.s_[:, 20:-20, 20:-20]
    for order, index in (("protocol", 0), ("clearance", 1)):
        for residual, error in (("bicubic", 1e-3), ("classical", 0.02)):
            network = {**RAMS, "residual": residual, "settings": {**RAMS["settings"], "zero_start": True}}
            answer = submission(tmp_path, network, order=order).super_resolve(view)
            expected = enlarge(view.frames[index], "bicubic")
            assert np.abs(answer - expected)[inner].mean() < error
            assert answer[inner].mean() == pytest.approx(expected[inner].mean(), rel=0.01)
