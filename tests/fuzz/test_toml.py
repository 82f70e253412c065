"""Protocols, configurations of trainings, recipes and manifests."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from fuzz.conftest import Fuzz
from fuzz.mutations import ODD, Mutated, mutated_bytes, mutated_lines
from fuzz.reading import Child
from hypothesis import given

from tdsr_baselines.training.config import shipped_configs
from tdsr_bench.protocol import protocol_file

CONFIG = shipped_configs()["rams-tiny-task"]
RECIPE = resources.files("tdsr_bench.training").joinpath("recipes", "mini.toml").read_bytes()
PROTOCOL = protocol_file("tdsr-v1")
MANIFEST = next(
    file for file in resources.files("tdsr_bench").joinpath("splits").iterdir() if file.name.endswith(".csv")
).read_bytes()

VALID = {"config": CONFIG, "recipe": RECIPE, "protocol": PROTOCOL, "manifest": MANIFEST}


@pytest.mark.parametrize("reader", VALID)
def test_what_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str):
    path = tmp_path / "a.toml"
    path.write_bytes(VALID[reader])
    assert child.read(reader, path) == "read"


@given(mutated=mutated_lines(CONFIG.decode()))
def test_configuration(fuzz: Fuzz, mutated: Mutated):
    fuzz("config", "a.toml", mutated)


@given(mutated=mutated_bytes(CONFIG))
def test_configuration_of_bytes(fuzz: Fuzz, mutated: Mutated):
    fuzz("config", "a.toml", mutated)


@given(mutated=mutated_lines(RECIPE.decode()))
def test_recipe(fuzz: Fuzz, mutated: Mutated):
    fuzz("recipe", "a.toml", mutated)


@given(mutated=mutated_lines(PROTOCOL.decode()))
def test_protocol(fuzz: Fuzz, mutated: Mutated):
    fuzz("protocol", "a.toml", mutated)


@given(mutated=mutated_bytes(PROTOCOL))
def test_protocol_of_bytes(fuzz: Fuzz, mutated: Mutated):
    fuzz("protocol", "a.toml", mutated)


@given(mutated=mutated_lines(MANIFEST.decode(), mark=","))
def test_manifest(fuzz: Fuzz, mutated: Mutated):
    fuzz("manifest", "a.csv", mutated)


@given(mutated=mutated_bytes(MANIFEST))
def test_manifest_of_bytes(fuzz: Fuzz, mutated: Mutated):
    fuzz("manifest", "a.csv", mutated)


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("reader", ["config", "recipe"])
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, what: str):
    path = place("x/a.toml")
    ODD[what](path)
    assert child.read(reader, path, how=what) == "refused"
