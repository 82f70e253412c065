"""Networks and trainings under way: safetensors, torch's files, TensorFlow's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzz import samples
from fuzz.conftest import Fuzz
from fuzz.mutations import NO_FILES, ODD, Mutated, mutated_bytes, mutated_json
from fuzz.reading import Child
from hypothesis import given

TASK, CHECKPOINT = samples.task_network(), samples.checkpoint()
FIT, TRAINING = samples.fit_checkpoint(), samples.training_checkpoint()

VALID = {
    ("task network", "a.safetensors"): TASK,
    ("checkpoint", "a.safetensors"): CHECKPOINT,
    ("resume fit", "a.pt"): FIT,
    ("resume training", "a.pt"): TRAINING,
}


@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str, name: str):
    path = tmp_path / name
    path.write_bytes(VALID[reader, name])
    assert child.read(reader, path) == "read"


@given(mutated=mutated_bytes(TASK))
def test_task_network(fuzz: Fuzz, mutated: Mutated):
    fuzz("task network", "a.safetensors", mutated)


@given(mutated=mutated_bytes(CHECKPOINT))
def test_checkpoint(fuzz: Fuzz, mutated: Mutated):
    fuzz("checkpoint", "a.safetensors", mutated)


@given(mutated=mutated_json(samples.header(CHECKPOINT)))
def test_header_of_a_checkpoint(fuzz: Fuzz, mutated: Mutated):
    fuzz("checkpoint", "a.safetensors", Mutated(mutated.fault, samples.with_header(CHECKPOINT, mutated.content)))


@given(mutated=mutated_json(samples.network_record(CHECKPOINT)))
def test_record_of_a_checkpoint(fuzz: Fuzz, mutated: Mutated):
    fuzz("checkpoint", "a.safetensors", Mutated(mutated.fault, samples.with_record(CHECKPOINT, mutated.content)))


@given(mutated=mutated_json(samples.network_record(TASK)))
def test_record_of_a_task_network(fuzz: Fuzz, mutated: Mutated):
    fuzz("task network", "a.safetensors", Mutated(mutated.fault, samples.with_record(TASK, mutated.content)))


@given(mutated=mutated_bytes(FIT))
def test_training_of_a_task_network(fuzz: Fuzz, mutated: Mutated):
    fuzz("resume fit", "a.pt", mutated)


@given(mutated=mutated_bytes(TRAINING))
def test_training_of_a_network_of_super_resolution(fuzz: Fuzz, mutated: Mutated):
    fuzz("resume training", "a.pt", mutated)


@pytest.mark.parametrize("what", [what for what in ODD if what not in ("not there", "a folder")])
@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, name: str, what: str):
    path = place(f"x/{name}")
    ODD[what](path)
    begun_anew = reader.startswith("resume") and what in NO_FILES
    assert child.read(reader, path, how=what) == ("read" if begun_anew else "refused")


@pytest.mark.parametrize("settings", [{"filters": 100_000}, {"blocks": 10**9}, {"filters": 2**62}, {"blocks": 10**30}])
def test_a_record_cannot_ask_for_a_network_larger_than_its_weights(child: Child, tmp_path: Path, settings: object):
    content = samples.checkpoint()
    record = samples.network_record(content) | {"settings": {"filters": 4, "blocks": 1} | settings}
    (tmp_path / "a.safetensors").write_bytes(samples.with_record(content, json.dumps(record).encode()))
    child.told("checkpoint", tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "settings",
    [
        {"window_size": 5000},
        {"depths": [10**9], "num_heads": [1]},
        {"embed_dim": 10**6},
        {"num_feat": 10**9},
        {"overlap_ratio": 1e6},
    ],
)
def test_nor_can_one_of_hat(child: Child, tmp_path: Path, settings: object):
    content = samples.checkpoint()
    record = samples.network_record(content) | {"size": "hat-tiny", "frames": 1, "settings": settings}
    (tmp_path / "a.safetensors").write_bytes(samples.with_record(content, json.dumps(record).encode()))
    child.told("checkpoint", tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": {"encoder": "hf_hub:somebody/network"}}, "would be fetched"),
        ({"architecture": "unet", "settings": {"encoder_name": "tu-hf_hub:somebody/network"}}, "would be fetched"),
        ({"settings": {"encoder_settings": {"pretrained": True}}}, "does not hold the weights"),
        ({"settings": {"encoder_settings": {"checkpoint_path": "/dev/zero"}}}, "does not hold the weights"),
        ({"architecture": "unet", "settings": {"encoder_weights": "imagenet"}}, "does not hold the weights"),
        ({"settings": {"encoder_settings": ["pretrained"]}}, "cannot be built"),
    ],
)
def test_the_record_of_a_network_cannot_have_weights_fetched(
    child: Child, tmp_path: Path, change: dict[str, Any], said: str
):
    content = samples.task_network()
    settings = {"encoder": "resnet18"} if "architecture" not in change else {"encoder_name": "resnet18"}
    record = samples.network_record(content) | change | {"settings": settings | change["settings"]}
    (tmp_path / "a.safetensors").write_bytes(samples.with_record(content, json.dumps(record).encode()))
    assert said in child.told("task network", tmp_path / "a.safetensors")
