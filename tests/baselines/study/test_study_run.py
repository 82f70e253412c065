"""Studies from plan to records: what is done once, what again, what fails alone."""

from pathlib import Path

import pytest
from commands import Run

from tdsr_baselines.checkpoints import read_checkpoint_record
from tdsr_baselines.study.watch import last_step
from tdsr_bench.card import read_card
from tdsr_bench.study.record import read_index, read_study

TRAININGS = {"rams-simulated-pixel-1", "rams-simulated-pixel-2", "rams-real-pixel-1", "rams-real-pixel-2",
             "rams-real-hr-free-1", "rams-transfer-hr-free-1"}  # fmt: skip
"""Arms that are trained alike share a training; what is tuned on the frames of the test does not."""

RUNS = ["bicubic-simulated", "bicubic-real",
        "rams-simulated-pixel-1", "rams-real-pixel-1", "rams-transfer-pixel-1",
        "rams-real-hr-free-1", "rams-transfer-hr-free-1",
        "rams-simulated-pixel-2", "rams-real-pixel-2", "rams-transfer-pixel-2",
        "bicubic-real@noise", "rams-real-pixel-1@noise"]  # fmt: skip


@pytest.fixture
def done(run: Run, plan: Path) -> Path:
    """The folder of a study that was run to its end."""
    ran = run("study", "run", plan, "--isolation", "none")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == str(plan.with_suffix(""))
    return plan.with_suffix("")


def names(folder: Path) -> set[str]:
    return {path.name.rpartition("-")[0] for path in (folder / "trainings").iterdir()}


def touched(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix in (".safetensors", ".json")}


@pytest.mark.slow
def test_a_study_is_done_once(run: Run, plan: Path, done: Path) -> None:
    records = read_study(done)
    assert names(done) == TRAININGS
    assert [record.name for record in records] == RUNS
    known = {record.name: record for record in records}
    _shared(known)
    _tuned(known, done)
    _kept(known, done)
    _disturbed(known)
    before = touched(done / "records") | touched(done / "trainings")
    ran = run("study", "run", plan, "--isolation", "none")
    assert (ran.code, "Nothing is left to do." in ran.out) == (0, True)
    assert touched(done / "records") | touched(done / "trainings") == before


def _shared(known) -> None:
    """Transfer is the network of the simulated arm on real frames."""
    one, other = known["rams-simulated-pixel-1"], known["rams-transfer-pixel-1"]
    assert one.training.checkpoint == other.training.checkpoint
    assert (one.data["arm"], other.data["arm"]) == ("simulated", "real")
    assert one.summary != other.summary


def _tuned(known, folder: Path) -> None:
    tuned = known["rams-transfer-hr-free-1"].training
    record = read_checkpoint_record(folder / tuned.checkpoint).training
    assert tuned.start == "rams-simulated-pixel-1"
    assert record["started_from"]["file"] == "rams-simulated-pixel-1.safetensors"
    assert (record["data"]["arm"], tuned.steps) == ("real", 1)


def _kept(known, folder: Path) -> None:
    """Cards of first seeds, whose values the record repeats."""
    assert {name for name, record in known.items() if record.card} == {name for name in RUNS if "@" not in name
                                                                       and not name.endswith("-2")}  # fmt: skip
    record = known["rams-real-pixel-1"]
    card = read_card(folder / record.card)
    assert card.summary == record.summary
    assert record.measure("image_gap_no_lpips") == card.summary.image_gap_no_lpips.regions
    grid = [row for row in card.rows if row["key"] == "grid" and row["group"] == "region-2"]
    assert record.measure("grid")["region-2"] == pytest.approx(sum(row["value"] for row in grid) / len(grid))
    assert record.measure("no such thing") == {}


def _disturbed(known) -> None:
    noisy, clean = known["bicubic-real@noise"], known["bicubic-real"]
    assert (noisy.disturbance, noisy.group, noisy.card) == ("noise", "bicubic-real@noise", None)
    assert noisy.summary.metrics["psnr"].mean < clean.summary.metrics["psnr"].mean


@pytest.mark.slow
def test_what_changes_is_done_again_and_nothing_else(run: Run, plan: Path, done: Path) -> None:
    before = touched(done / "records") | touched(done / "trainings")
    plan.write_text(plan.read_text().replace("training = { steps = 1 }", "training = { steps = 2 }"))
    ran = run("study", "run", plan, "--dry-run")
    todo = [line.split("│")[1].strip() for line in ran.out.splitlines() if "to be done" in line]
    expected = ["rams-real-hr-free-1", "rams-transfer-hr-free-1"]
    assert todo == [*(f"train {name}" for name in expected), *expected]
    assert run("study", "run", plan, "--isolation", "none").code == 0
    after = touched(done / "records") | touched(done / "trainings")
    changed = {path.name.partition(".")[0] for path in after if after[path] != before.get(path)}
    assert changed == set(expected)


@pytest.mark.slow
def test_what_fails_is_told_and_the_others_go_on(run: Run, plan: Path) -> None:
    """The method raises; a training diverges, and with it all that needs it; the rest is done."""
    method = plan.parent / "methods/bicubic/submission.py"
    method.write_text(method.read_text().replace("return enlarge", 'raise RuntimeError("no idea")\n    return enlarge'))
    wrong = 'arms = ["real", "transfer"]\ntraining = { steps = 1, learning_rate = 1e38, clip = 0 }'
    plan.write_text(
        plan.read_text()
        .replace("seeds = 2", "seeds = 1")
        .replace('arms = ["real", "transfer"]\ntraining = { steps = 1 }', wrong.replace("steps = 1", "steps = 3"))
    )
    ran = run("study", "run", plan, "--isolation", "none")
    assert ran.code == 3
    index = {entry.name: entry for entry in read_index(plan.with_suffix("")).runs}
    assert "no idea" in index["bicubic-real"].reason
    assert index["rams-real-pixel-1"].status == "done"
    assert index["rams-real-hr-free-1"].status == "failed"
    assert "it needs train rams-real-hr-free-1, which failed" in index["rams-real-hr-free-1"].reason
    assert {record.name for record in read_study(plan.with_suffix(""))} >= {
        "rams-real-pixel-1",
        "rams-transfer-pixel-1",
    }


@pytest.mark.slow
def test_a_part_of_a_study_brings_only_what_it_needs(run: Run, plan: Path) -> None:
    ran = run("study", "run", plan, "--only", "rams-transfer-hr*", "--dry-run")
    todo = [line.split("│")[1].strip() for line in ran.out.splitlines() if "to be done" in line]
    assert todo == ["train rams-simulated-pixel-1", "train rams-transfer-hr-free-1", "rams-transfer-hr-free-1"]
    ran = run("study", "run", plan, "--only", "hat-*")
    assert (ran.code, "is called hat-*; the first is bicubic-simulated" in ran.err) == (2, True)


def test_plans_that_do_not_fit_are_refused_before_anything_is_done(run: Run, plan: Path) -> None:
    text = plan.read_text()
    for old, new, told in (
        ('losses = ["image"]', 'losses = ["imago"]', "names 'imago'; the nearest is 'image'"),
        ('"noise"', '"nois"', "names 'nois'; the nearest is 'noise'"),
        ('regime = "hr-free"', 'regime = "task-only"', "rams-real-hr-free-1 cannot be configured"),
        (
            "methods/bicubic/submission.py",
            "methods/bicubic/submision.py",
            "names the submission methods/bicubic/submision.py, which is not there",
        ),
        ('claimed = "more"', 'claimed = "similar"', "`within` belongs to"),
        ("steps = 2\n", "stepps = 2\n", "stepps"),
    ):
        plan.write_text(text.replace(old, new, 1))
        ran = run("study", "run", plan)
        assert ran.code == 2, new
        assert told in ran.err
    assert not (plan.with_suffix("") / "records").exists()


def test_the_step_of_a_log_is_that_of_its_last_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "train.csv"
    assert last_step(log) == 0
    log.write_text("step,l1\n1,0.5\n10,0.4\n")
    assert last_step(log) == 10
    log.write_text("step,l1\n" + "".join(f"{step},{0.1:.200f}\n" for step in range(100)))
    assert last_step(log) == 99
