"""Ways of balancing compared: two steps each, the same for all but the way."""

from pathlib import Path

import pytest
from commands import Run
from trainings import HAT, silent

from tdsr_baselines.analysis import balancing
from tdsr_baselines.analysis.balancing import (
    BY_HAND,
    IMAGE_ALONE,
    TASK_ALONE,
    Contest,
    balance,
    config_of,
    methods_named,
)
from tdsr_baselines.balance import BALANCERS
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks.networks.sets import open_networks

CONTEST = Contest(steps=2, batch=1, crop=16, train_scenes=1, validation_scenes=1, network=HAT)


def test_all_but_the_way_is_the_same(data: DataSet, networks: Path):
    made = [config_of(method, CONTEST, data, networks) for method in BALANCERS]
    assert len({config.model_copy(update={"name": "x", "balancing": made[0].balancing}).sha256 for config in made}) == 1
    assert [config.balancing.method for config in made] == list(BALANCERS)
    assert {loss.weight for loss in made[0].losses} == {1.0}
    controls = {name: config_of(name, CONTEST, data, networks) for name in (IMAGE_ALONE, TASK_ALONE, BY_HAND)}
    assert [loss.weight for loss in controls[BY_HAND].losses] == [10.0, 0.3]
    assert [loss.name for loss in controls[TASK_ALONE].losses] == ["roads mask"]


def test_each_way_is_trained_and_judged(data: DataSet, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    known, methods = open_networks(networks), [IMAGE_ALONE, "fixed", "pcgrad"]
    findings = balance(data, methods, CONTEST, known, tmp_path / "out", progress=silent)
    assert [line["method"] for line in findings.summary] == methods
    fixed = findings.summary[1]
    assert fixed["weights"] == 1
    assert -1 <= fixed["cosine"] <= 1
    assert findings.summary[0]["task loss"] is None
    assert all(isinstance(line["image gap"], float) for line in findings.summary)

    def trained(*_: object) -> None:
        raise AssertionError("trained anew")

    monkeypatch.setattr("tdsr_baselines.training.loop.Loop.run", trained)
    assert balance(data, methods, CONTEST, known, tmp_path / "out", progress=silent) == findings


def test_a_way_that_does_not_exist_is_told():
    with pytest.raises(ProtocolError, match="no way to balance losses called 'luck'"):
        methods_named(["luck"])
    assert methods_named(["uw", "image alone"]) == ["image alone", "uw"]
    assert len(methods_named([])) == len(BALANCERS) + 3


def test_the_command_writes_tables_and_a_figure(
    run: Run, data: DataSet, networks: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(balancing, "TINY", HAT)
    ran = run("analyse", "balance", "--data", data.root, "--networks", networks, "--methods", "fixed,uw", "--steps", 2,
              "--scenes", 1)  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\nanalyses/balance\n")
    names = {path.name for path in Path("analyses/balance").iterdir()}
    assert names == {"every-number.csv", "summary.csv", "balance.svg", "fixed", "uw"}
