"""Configurations: every mistake is told before anything is read."""

from pathlib import Path

import pytest
from trainings import CONSISTENCY, HAT, L1, MASK, config

from tdsr_baselines.networks import SIZES
from tdsr_baselines.training.config import TrainingConfig, load_config, shipped_configs
from tdsr_bench.errors import ProtocolError
from tdsr_bench.toml_file import read_toml

WHOLE = """
name = "mine"
regime = "task"
seed = 3
[data]
arm = "real"
[network]
size = "hat-tiny"
[training]
steps = 5
crop = 16
validate_every = 5
[training.augmentation]
turn = false
[balancing]
method = "gradnorm"
[[loss]]
kind = "l1"
weight = 2.0
[[loss]]
kind = "task-mask"
task = "roads"
"""


def read(text: str) -> TrainingConfig:
    return read_toml(text.encode(), TrainingConfig, "The configuration")


def test_a_whole_configuration_says_what_it_says():
    known = read(WHOLE)
    assert (known.name, known.regime, known.seed, known.data.arm) == ("mine", "task", 3, "real")
    assert (known.training.steps, known.training.crop, known.training.augmentation.turn) == (5, 16, False)
    assert known.balancing.method == "gradnorm"
    assert [(loss.name, loss.weight) for loss in known.losses] == [("l1", 2.0), ("roads mask", 1.0)]
    assert (known.needs_reference, known.mask_tasks, known.task_driven) == (True, ("roads",), ("roads",))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("seed =", "sead =", "there is no sead; the nearest is 'seed'"),
        ("regime =", "regimes =", "there is no regimes; the nearest is 'regime'"),
        ("[data]", "[date]", "there is no date; the nearest is 'data'"),
        ("arm =", "arms =", "there is no data.arms; the nearest is 'arm'"),
        ("[network]", "[netwrok]", "there is no netwrok; the nearest is 'network"),
        ("size =", "sise =", "there is no network.sise; the nearest is 'size'"),
        ("steps =", "stepz =", "there is no training.stepz; the nearest is 'steps'"),
        ("crop =", "crops =", "there is no training.crops; the nearest is 'crop'"),
        ("[training.augmentation]", "[training.augmentations]", "no training.augmentations; the nearest is 'augment"),
        ("turn =", "turns =", "there is no training.augmentation.turns; the nearest is 'turn'"),
        ("[balancing]", "[balance]", "there is no balance; the nearest is 'balancing'"),
        ("method =", "methode =", "there is no balancing.methode; the nearest is 'method'"),
        ('[[loss]]\nkind = "l1"', '[[losses]]\nkind = "l1"', "there is no losses; the nearest is 'loss'"),
        ("weight =", "wieght =", "there is no loss.0.l1.wieght; the nearest is 'weight'"),
        ("task = ", "taks = ", "there is no loss.1.task-mask.taks; the nearest is 'task'"),
        ('kind = "l1"', 'knid = "l1"', "loss.0 has no `kind`"),
    ],
)
def test_every_misspelt_key_is_told_with_the_nearest(old: str, new: str, sentence: str):
    assert WHOLE.count(old) == 1
    with pytest.raises(ProtocolError) as told:
        read(WHOLE.replace(old, new))
    assert sentence in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"l1"', '"ll1"', "loss.0 has no kind 'll1'; the nearest is 'l1' or 'cl1'"),
        ('"hat-tiny"', '"hat-tinny"', "network.size: there is no network 'hat-tinny'; the nearest is 'hat-tiny'"),
        ('"gradnorm"', '"gradnrom"', "balancing.method: there is no way to balance losses called 'gradnrom'; the near"),
        ('regime = "task"', 'regime = "taks"', "regime: input should be 'pixel', 'task', 'finetune'"),
        ('task = "roads"', 'task = "rivers"', "task: input should be 'roads' or 'buildings', not 'rivers'"),
        ('name = "mine"', 'name = "My Own"', "name: string should match pattern"),
        ("steps = 5", "steps = 0", "training.steps: input should be greater than 0, not 0"),
        ("steps = 5\n", "", "training.steps: field required"),
        ('kind = "task-mask"\ntask = "roads"', 'kind = "l1"', "the loss 'l1' stands twice"),
    ],
)
def test_a_value_that_cannot_be_is_told(old: str, new: str, sentence: str):
    assert WHOLE.count(old) == 1
    with pytest.raises(ProtocolError) as told:
        read(WHOLE.replace(old, new))
    assert sentence.lower() in str(told.value).lower()


STARTED = {**HAT, "start": "start.safetensors"}
FEATURE = {"kind": "task-feature", "task": "roads"}
REAL, SIMULATED = {"arm": "real"}, {"arm": "simulated"}
GOOD = {
    "pixel": {"loss": (L1, CONSISTENCY)},
    "task": {"loss": (L1, MASK)},
    "finetune": {"loss": (L1, MASK), "network": STARTED},
    "task-only": {"loss": (MASK, FEATURE)},
    "hr-free": {"loss": (MASK, CONSISTENCY), "network": STARTED, "data": REAL},
    "transfer": {"loss": (L1, MASK), "data": SIMULATED},
}


@pytest.mark.parametrize("regime", GOOD)
def test_a_training_that_is_its_regime_is_taken(regime: str):
    assert config(regime=regime, **GOOD[regime]).regime == regime


def test_without_an_arm_a_training_without_references_may_be_the_data_set_s_own():
    assert config(regime="hr-free", **{**GOOD["hr-free"], "data": {}}).data.arm is None
    assert config(regime="hr-free", **{**GOOD["hr-free"], "data": SIMULATED}).data.arm == "simulated"


@pytest.mark.parametrize(
    ("regime", "changes", "sentence"),
    [
        ("pixel", {"loss": (L1, MASK)}, "no loss of a task"),
        ("pixel", {"loss": (CONSISTENCY,)}, "a loss of the image"),
        ("task", {"loss": (MASK,)}, "a loss of the image; without, it is `task-only`"),
        ("task", {"loss": (L1,)}, "a loss of a task"),
        ("task", {"network": STARTED}, "no start; with one, it is `finetune`"),
        ("finetune", {"network": HAT}, "a checkpoint to start from: network.start"),
        ("finetune", {"loss": (L1,)}, "a loss of a task"),
        ("task-only", {"loss": (MASK, L1)}, "losses of tasks alone"),
        ("task-only", {"loss": (MASK, CONSISTENCY)}, "losses of tasks alone"),
        ("hr-free", {"loss": (MASK, CONSISTENCY, L1)}, "losses that need no high-resolution reference"),
        ("hr-free", {"loss": (FEATURE, CONSISTENCY)}, "losses that need no high-resolution reference"),
        ("hr-free", {"loss": (MASK,)}, "the loss `consistency`"),
        ("hr-free", {"loss": (CONSISTENCY,)}, "a loss of a task"),
        ("hr-free", {"network": HAT}, "a checkpoint to start from: network.start"),
        ("hr-free", {"data": {"arm": "wald"}}, "the arm `real`"),
        ("transfer", {"data": REAL}, "the arm `simulated`"),
        ("transfer", {"data": {}}, "the arm `simulated`"),
    ],
)
def test_what_is_not_its_regime_is_refused(regime: str, changes: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match="Value error") as told:
        config(regime=regime, **{**GOOD[regime], **changes})
    assert f"the regime {regime!r} asks for {sentence}" in str(told.value)


def test_the_hash_is_of_what_decides_and_not_of_where_files_lie(tmp_path: Path):
    def sha256(**changes: object) -> str:
        return config(**{"name": "one", "regime": "finetune", **GOOD["finetune"], **changes}).sha256

    known = sha256()
    assert sha256(name="two") == known
    assert sha256(networks=tmp_path) == known
    assert sha256(data={"name": "elsewhere"}) == known
    assert sha256(network={**HAT, "start": "elsewhere/start.safetensors"}) == known
    others = [
        sha256(seed=1),
        sha256(data={"arm": "real"}),
        sha256(training={"crop": 24}),
        sha256(training={"augmentation": {"gain": 0.1}}),
        sha256(balancing={"method": "uw"}),
        sha256(loss=(L1, {**MASK, "reach": 1})),
        sha256(loss=({**L1, "weight": 2}, MASK)),
        sha256(network={**STARTED, "paper_faithful": True}),
    ]
    assert len({known, *others}) == 1 + len(others)


def test_a_split_of_a_fold_is_called_by_both():
    assert config(data={"fold": "fold-30T"}).data.split("validation") == "fold-30T/validation"
    assert config().data.split("train") == "train"


def test_a_configuration_is_found_in_a_file(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE)
    assert load_config(str(path)) == read(WHOLE)
    with pytest.raises(ProtocolError, match=r"There is no configuration at .*none.toml; name a TOML file"):
        load_config(str(tmp_path / "none.toml"))
    with pytest.raises(ProtocolError, match="There is no configuration 'none'; name a TOML file, or one of the pack"):
        load_config("none")


def test_every_configuration_of_the_package_is_whole_and_called_as_its_file():
    for name in shipped_configs():
        assert load_config(name).name == name


def test_small_networks_are_shown_the_same_field_of_view_as_often():
    """Otherwise one would seem better for having seen more; those that begin from a checkpoint see less, all alike."""
    small = [known for known in map(load_config, shipped_configs()) if "tiny" in known.name]
    small = [known for known in small if known.name != "rams-tiny-tuned"]  # as long as the study's own
    for goes_on in (False, True):
        trainings = {known.name: known.training for known in small if (known.network.start is not None) == goes_on}
        seen = {name: (known.crop, known.steps * known.batch) for name, known in trainings.items()}
        assert len(set(seen.values())) <= 1, seen
    assert len({known.training.crop for known in small}) <= 1
    assert {known.network.size for known in small} <= {name for name in SIZES if name.endswith("-tiny")}
