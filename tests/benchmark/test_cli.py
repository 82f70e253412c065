"""The command line as a user meets it: what it prints, where, and with which exit code."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import Run

from tdsr_bench.files import claimed
from tdsr_bench.isolation.sandbox import choose_isolation

GOLDEN = Path(__file__).parents[1] / "golden" / "mus2_official_a"
BICUBIC = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))
"""


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "submission" / "submission.py"
    path.parent.mkdir()
    path.write_text(BICUBIC)
    return path


def test_evaluate_prints_a_table_and_the_card_s_path_last(run: Run, submission: Path, write_data):
    ran = run("evaluate", submission, "--data", write_data())
    assert ran.code == 0
    assert "reference itself" in ran.out
    path = Path(ran.out.splitlines()[-1])
    assert path == Path("results/tiny-wald-test/plain/card.json")
    assert json.loads(path.read_text())["submission"]["name"] == "plain"


def test_json_is_all_that_stands_on_standard_output(run: Run, submission: Path, write_data):
    ran = run("evaluate", submission, "--data", write_data(regions=1), "--json")
    assert json.loads(ran.out)["status"] == "complete"
    assert json.loads(ran.out) == json.loads(Path("results/tiny-wald-test/plain/card.json").read_text())


def test_check_passes_a_good_submission(run: Run, submission: Path):
    ran = run("check", submission)
    assert (ran.code, "keeps the contract" in ran.out) == (0, True)


def test_data_info_tells_what_is_there_and_what_is_wrong(run: Run, write_data):
    root = write_data(regions=2)
    next((root / "image_data" / "scene-1-0" / "b2" / "lrs").iterdir()).write_bytes(b"nothing")
    ran = run("data", "info", root)
    assert ran.code == 0
    assert "2 scenes in 2 independent regions" in ran.out
    assert "problem" in ran.out
    assert "cut short" in ran.out.replace("\n", " ")


def test_scores_of_the_mus2_authors_come_out_of_the_command_line(run: Run):
    words = ("--name", "shifted_bicubic", "--track", "sisr", "--data", GOLDEN, "--protocol", "mus2-official")
    ran = run("score", GOLDEN / "sr", *words, "--json")
    card = json.loads(ran.out)
    expected = json.loads((GOLDEN / "expected.json").read_text())
    folders = {"B02": "b2", "B03": "b3", "B04": "b4", "B08": "b8"}
    compared = 0
    for row in (*card["rows"], *card["reference_rows"]):
        if row["key"] == "LPIPS":
            assert row["value"] is None
            assert row["reason"]
            continue
        truth = expected[row["scene"]][folders[row["band"]]][row["mask"]][row.get("method", "shifted_bicubic")]
        assert row["value"] == pytest.approx(truth[row["key"]], abs=1e-6)
        if row["key"].startswith("c"):
            assert row["shift"] == truth["shift"]
        compared += 1
    assert compared == 2 * 4 * 2 * 5 * 4
    assert {row["method"] for row in card["reference_rows"]} == {"Linear", "Bicubic", "Area", "Lanczos"}
    assert card["summary"]["balanced_no_lpips"]["Bicubic"]["B02"]["final"] == pytest.approx(1.0)
    assert card["summary"]["image_gap"]["value"] is None


def test_a_submission_is_scored_by_the_mus2_authors_rules(run: Run, submission: Path):
    ran = run("evaluate", submission, "--data", GOLDEN, "--protocol", "mus2-official", "--json")
    card = json.loads(ran.out)
    assert (ran.code, len(card["data"]["scenes"])) == (0, 2)
    assert all(row["value"] > 10 for row in card["rows"] if row["key"] == "cPSNR")


def test_predictions_of_others_are_scored_without_their_code(run: Run, submission: Path, write_data):
    root = write_data()
    first = run("evaluate", submission, "--data", root, "--json")
    stored = Path("results/tiny-wald-test/plain/predictions")
    second = run("score", stored, "--name", "again", "--track", "sisr", "--data", root, "--json")
    assert json.loads(first.out)["rows"] == json.loads(second.out)["rows"]


def test_a_missing_prediction_is_named_before_anything_is_scored(run: Run, write_data):
    stored = Path("stored")
    stored.mkdir()
    np.save(stored / "scene-0-0.npy", np.zeros((4, 144, 144), dtype=np.float32))
    ran = run("score", stored, "--name", "x", "--track", "sisr", "--data", write_data())
    assert ran.code == 2
    assert "scene-1-0: no prediction in stored (2 of 3 are missing)" in ran.err


def test_an_incomplete_result_exits_with_three(run: Run, submission: Path, write_data):
    plain = 'enlarge(view.frames[0], "bicubic")'
    fails = BICUBIC.replace(plain, f"{plain} if calls.append(1) or calls[1:] else 1 / 0")
    fails = fails.replace("submission =", "calls = []\nsubmission =")
    submission.write_text(fails)
    ran = run("evaluate", submission, "--data", write_data())
    assert ran.code == 3
    assert "no result scene-0-0" in ran.err
    assert json.loads(Path(ran.out.splitlines()[-1]).read_text())["status"] == "incomplete"


def test_the_leaderboard_is_built_from_cards(run: Run, submission: Path, write_data):
    run("evaluate", submission, "--data", write_data())
    ran = run("leaderboard", "build", "--out", "board.md")
    assert ran.code == 0
    assert "| 1 | plain | sisr | 1 | 0 | +0.000" in Path("board.md").read_text()
    assert run("leaderboard", "build").out == Path("board.md").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["evaluate", "nothing.py"], "There is no submission at"),
        (["evaluate", "SUBMISSION", "--data", "nowhere"], "There is no data set 'nowhere'"),
        (["evaluate", "SUBMISSION", "--data", "DATA", "--protocol", "tdsr-v9"], "There is no protocol 'tdsr-v9'"),
        (["evaluate", "SUBMISSION", "--data", "DATA", "--arm", "dreamt"], "has no arm 'dreamt'; choose wald"),
        (["evaluate", "SUBMISSION", "--data", "DATA", "--split", "train"], "has no scene; choose another split"),
        (["evaluate", "SUBMISSION", "--data", "DATA", "--engine", "steam"], "There is no engine 'steam'"),
        (["evaluate", "SUBMISSION", "--data", "DATA", "--protocol", "mus2-official", "--split", "test"], "all scenes"),
        (["evaluate", "SUBMISSION", "--data", "."], "holds no scene"),
        (["score", "nowhere", "--name", "x", "--track", "sisr", "--data", "DATA"], "no folder of predictions"),
        (["score", ".", "--name", "x", "--track", "both", "--data", "DATA"], "'both' is not one of 'sisr', 'misr'"),
        (["data", "import-s2", "."], "no Sentinel-2 acquisition"),
        (["leaderboard", "build", "--cards", "."], "There is no card below"),
        (["compare", "a.json", "b.json"], "There is no card at a.json"),
        (["verify", "nowhere"], "There is no card at nowhere"),
        (["analyse", "frames", "nothing.py", "--data", "DATA"], "There is no submission at"),
    ],
)
def test_mistakes_end_with_one_sentence_and_exit_code_two(
    run: Run, submission: Path, write_data, words: list[str], sentence: str
):
    root = write_data(regions=1)
    names = {"SUBMISSION": submission, "DATA": root}
    ran = run(*(names.get(word, word) for word in words))
    assert ran.code == 2
    assert sentence.lower() in " ".join(ran.err.replace("│", " ").split()).lower()
    assert "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    "command",
    [
        "evaluate",
        "score",
        "check",
        "compare",
        "verify",
        "analyse frames",
        "data import-s2",
        "data import-vhr",
        "leaderboard build",
    ],
)
def test_every_command_has_help_with_an_example(run: Run, command: str):
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert f"tdsr-bench {command}" in ran.out


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from tdsr_bench.cli import main; sys.argv = ['tdsr-bench', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'rasterio', 'scipy', 'pandas', 'matplotlib', 'cv2'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


STATEFUL = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

seen = []

def super_resolve(view):
    seen.append(view)
    return enlarge(view.frames[0], "bicubic") + {change}

submission = Submission("stateful", "sisr", super_resolve)
"""


@pytest.mark.parametrize("isolation", ["auto", "process", "none"])
def test_a_submission_runs_under_each_isolation_to_the_same_numbers(
    run: Run, submission: Path, write_data, isolation: str
):
    root = write_data(regions=1)
    ran = run("evaluate", submission, "--data", root, "--isolation", isolation, "--check-order", "--json")
    card = json.loads(ran.out)
    assert card["environment"]["isolation"] == (choose_isolation("auto") if isolation == "auto" else isolation)
    here = run("evaluate", submission, "--data", root, "--isolation", "none", "--out", "here", "--json")
    assert card["rows"] == json.loads(here.out)["rows"]
    assert card["submission"] == json.loads(here.out)["submission"]


@pytest.mark.parametrize("engine", ["serial", "process:2"])
def test_memory_of_earlier_scenes_is_allowed_where_it_does_not_matter(
    run: Run, submission: Path, write_data, engine: str
):
    root = write_data(regions=3)
    submission.write_text(STATEFUL.format(change="0.00001 * len(seen)"))
    assert run("evaluate", submission, "--data", root, "--engine", engine, "--check-order").code == 0


def test_a_result_that_depends_on_the_order_is_refused(run: Run, submission: Path, write_data):
    submission.write_text(STATEFUL.format(change="0.01 * len(seen)"))
    ran = run("evaluate", submission, "--data", write_data(regions=3), "--check-order")
    assert ran.code == 2
    assert "scene-2-0: the image is another one, by up to 0.02 in reflectance, when the scenes come in" in ran.err
    assert not Path("results/tiny-wald-test/stateful/card.json").exists()


def test_limits_of_a_submission_make_the_result_incomplete(run: Run, submission: Path, write_data):
    slow = "    if len(seen) == 2:\n        __import__('time').sleep(600)\n    return"
    submission.write_text(STATEFUL.format(change="0").replace("    return", slow))
    ran = run("evaluate", submission, "--data", write_data(regions=2), "--time-limit", "2")
    assert ran.code == 3
    assert "stateful took more than 2 s and was stopped" in ran.err


def test_where_there_is_no_bubblewrap_a_note_says_so(run: Run, submission: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tdsr_bench.isolation.sandbox.bwrap_problem", lambda: "bwrap is not installed")
    ran = run("check", submission)
    assert ran.code == 0
    assert "isolation: process" in ran.out
    assert "bwrap is not installed" in ran.err
    assert "no security boundary" in ran.err
    assert run("check", submission, "--isolation", "bwrap").code == 2


def test_what_others_code_sees_of_this_machine_can_be_widened(run: Run, submission: Path, tmp_path: Path):
    weights = tmp_path / "weights.txt"
    weights.write_text("1")
    submission.write_text(f"open({str(weights)!r}).close()\n{BICUBIC}")
    assert run("check", submission, "--readable", weights).code == 0
    refused = run("check", submission)
    assert refused.code == (2 if choose_isolation("auto") == "bwrap" else 0)
    assert "--readable PATH" in refused.err or refused.code == 0


def test_two_evaluations_do_not_write_into_one_folder(run: Run, submission: Path, write_data):
    root = write_data(regions=1)
    with claimed(Path("results/tiny-wald-test/plain")):
        ran = run("evaluate", submission, "--data", root)
    assert ran.code == 2
    assert "Another run is writing a result at results/tiny-wald-test/plain; wait for it" in ran.err
    assert run("evaluate", submission, "--data", root).code == 0
