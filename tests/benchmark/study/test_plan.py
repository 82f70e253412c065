"""Plans: what they say, what is refused, and the plan of the seed document's tests."""

from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from tdsr_baselines.study.jobs import runs, training_name, trainings
from tdsr_bench.errors import ProtocolError
from tdsr_bench.study.plan import ContrastPlan, NetworkPlan, StudyPlan, load_plan

SEED = Path(__file__).parents[3] / "studies/seed.toml"
NETWORKS, ARMS = ("hat", "rams"), ("simulated", "real", "transfer")
VARIANTS = ("pixel", "roads", "buildings", "both", "hr-free")

CONTRAST = {"says": "{a} and {b}", "measure": "{b}", "plus": ["{a}-x"], "minus": ["y"], "claimed": "more"}


@pytest.fixture(scope="module")
def seed() -> StudyPlan:
    return load_plan(SEED)


def test_the_seeds_grid_is_thirty_runs_and_one_of_tasks_alone_for_each_network(seed: StudyPlan) -> None:
    first = [run for run in runs(seed, SEED.parent) if run.seed == 1 and not run.disturbance]
    grid = {(run.network, run.arm, run.variant) for run in first}
    assert grid >= {(n, a, v) for n in NETWORKS for a in ARMS for v in VARIANTS}
    assert len([cell for cell in grid if cell[2] in VARIANTS]) == 30
    assert {cell for cell in grid if cell[2] == "task-only"} == {(n, "real", "task-only") for n in NETWORKS}
    assert len({run.name for run in runs(seed, SEED.parent)}) == len(runs(seed, SEED.parent))


def test_all_trainings_of_the_seed_are_matched(seed: StudyPlan) -> None:
    """Data of an arm, field of view, pixels, steps: what is tuned from another is the one exception, and all alike."""
    known = [job.configured(Path("start") if job.start else None) for job in trainings(seed).values()]
    seen = {(c.regime == "hr-free", c.training.batch, c.training.crop, c.training.steps) for c in known}
    assert len(seen) == 2
    assert len({(c.training.precision, c.training.ema, c.training.clip, c.data.name) for c in known}) == 1


def test_pairs_that_answer_a_question_have_three_seeds(seed: StudyPlan) -> None:
    counts = Counter((run.network, run.arm, run.variant) for run in runs(seed, SEED.parent) if not run.disturbance)
    assert all(
        counts[network, arm, variant] == 3 for network in NETWORKS for arm in ARMS for variant in ("pixel", "both")
    )


def test_a_network_can_have_fewer_seeds(seed: StudyPlan) -> None:
    networks = seed.networks | {"rams": seed.networks["rams"].model_copy(update={"seeds": 1})}
    known = runs(seed.model_copy(update={"networks": networks}), SEED.parent)
    assert {run.seed for run in known if run.network == "rams"} == {1}
    assert {run.seed for run in known if run.network == "hat"} == {1, 2, 3}


def test_every_run_that_a_contrast_names_is_in_the_plan(seed: StudyPlan) -> None:
    groups = {run.group for run in runs(seed, SEED.parent)}
    named = {name for question in seed.questions for each in question.expanded() for name in (*each.plus, *each.minus)}
    assert named <= groups


def test_arms_that_train_alike_share_a_training(seed: StudyPlan) -> None:
    assert training_name(seed, "hat", "transfer", "pixel", 1) == "hat-simulated-pixel-1"
    assert training_name(seed, "hat", "transfer", "hr-free", 1) == "hat-transfer-hr-free-1"
    assert training_name(seed, "hat", "real", "hr-free", 1) == "hat-real-hr-free-1"
    jobs = trainings(seed)
    assert jobs["hat-transfer-hr-free-1"].start == "hat-simulated-pixel-1"
    assert jobs["hat-transfer-hr-free-1"].config["data"]["arm"] == "real"
    assert jobs["hat-simulated-hr-free-1"].config["data"]["arm"] == "simulated"


def test_words_in_braces_stand_for_all_combinations() -> None:
    contrast = ContrastPlan(**CONTRAST, each={"a": ("1", "2"), "b": ("psnr", "grid")})
    expanded = [*contrast.expanded()]
    assert [each.says for each in expanded] == ["1 and psnr", "1 and grid", "2 and psnr", "2 and grid"]
    assert [each.measure for each in expanded] == ["psnr", "grid"] * 2
    assert expanded[2].plus == ("2-x",)
    assert all(not each.each for each in expanded)


@pytest.mark.parametrize(("claimed", "within"), [("similar", None), ("more", 0.1)])
def test_a_margin_belongs_to_similar(claimed: str, within: float | None) -> None:
    with pytest.raises(ValidationError, match="`within` belongs to"):
        ContrastPlan(**CONTRAST | {"claimed": claimed, "within": within})


@pytest.mark.parametrize("title", ['x")\nimport os #', "a\\", "two\nlines", ""])
def test_titles_go_into_submissions_and_end_no_text_there(title: str) -> None:
    with pytest.raises(ValidationError, match="title"):
        NetworkPlan(title=title, size="hat-tiny")


def test_there_has_to_be_a_plan(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="There is no plan of a study"):
        load_plan(tmp_path / "plan.toml")
