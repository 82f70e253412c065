"""Whether a card holds: what is found when something in it, or beside it, is changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Run

from tdsr_bench.card import read_card, write_card
from tdsr_bench.verify import verify

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"
SUBMISSION = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))
"""


@pytest.fixture
def card(run: Run, tmp_path: Path, write_data) -> Path:
    """A card with its predictions; the data set lies where its name is not known."""
    path = tmp_path / "submission" / "submission.py"
    path.parent.mkdir()
    path.write_text(SUBMISSION)
    ran = run("evaluate", path, "--data", write_data())
    return Path(ran.out.splitlines()[-1])


def states(text: str) -> dict[str, str]:
    """What a table of checks says."""
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    return {what: state for what, state, *_ in cells if what}


def test_a_card_holds_with_all_that_it_names(run: Run, card: Path, tmp_path: Path):
    ran = run(
        "verify",
        card,
        "--data",
        tmp_path / "tiny",
        "--submission",
        tmp_path / "submission" / "submission.py",
        "--rescore",
    )
    assert ran.code == 0, ran.err
    assert set(states(ran.out).values()) == {"holds"}
    assert len(states(ran.out)) == 7


def test_what_is_not_here_is_not_checked(run: Run, card: Path):
    ran = run("verify", card.parent)
    assert ran.code == 0
    found = states(ran.out)
    assert found["data"] == found["scenes of the split"] == found["submission"] == "not checked"
    assert found["protocol"] == found["summary follows from rows"] == "holds"


def change(card: Path, alter: Any) -> None:
    content = json.loads(card.read_text())
    alter(content)
    card.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("alter", "what"),
    [
        (lambda c: c["summary"]["image_gap_no_lpips"].update(value=0.9), "summary follows from rows"),
        (lambda c: c["summary"]["guards"].update(consistency_ratio=0.1), "summary follows from rows"),
        (lambda c: c["rows"][0].update(value=0.0), "summary follows from rows"),
        (lambda c: c["rows"].pop(0), "summary follows from rows"),
        (lambda c: c["references"]["bicubic"]["image_gap_no_lpips"].update(value=0.5), "summary follows from rows"),
        (lambda c: c["protocol"].update(sha256="0" * 64), "protocol"),
        (lambda c: c["data"].update(fingerprint="0" * 64), "data"),
        (lambda c: c["data"].update(scenes=c["data"]["scenes"][1:]), "scenes of the split"),
        (lambda c: c["networks"].update(score=[{"sha256": "0" * 64}]), "scoring networks"),
        (lambda c: c["submission"].update(sha256="0" * 64), "submission"),
    ],
)
def test_a_card_that_was_changed_does_not_hold(run: Run, card: Path, tmp_path: Path, alter: Any, what: str):
    change(card, alter)
    words = ("--data", tmp_path / "tiny", "--submission", tmp_path / "submission" / "submission.py")
    ran = run("verify", card, *words)
    assert ran.code == 2
    assert states(ran.out)[what] == "differs"
    assert f"does not hold: {what}" in ran.err or what in ran.err


def test_another_prediction_is_found_by_scoring_again(run: Run, card: Path, tmp_path: Path):
    import numpy as np
    from safetensors.numpy import load_file, save_file

    kept = card.parent / "predictions" / "scene-0-0.safetensors"
    image = load_file(kept)["sr"]
    save_file({"sr": (image * np.float32(1.01)).astype(np.float32)}, kept)
    ran = run("verify", card, "--data", tmp_path / "tiny", "--rescore")
    assert ran.code == 2
    assert states(ran.out)["rows, scored again"] == "differs"


def test_scoring_again_says_what_it_lacks(run: Run, card: Path, tmp_path: Path):
    assert "needs the data set tiny" in run("verify", card, "--rescore").err
    write_card(tmp_path / "alone" / "card.json", read_card(card))
    ran = run("verify", tmp_path / "alone", "--data", tmp_path / "tiny", "--rescore")
    assert (ran.code, "needs a folder of predictions" in ran.err) == (2, True)


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.json")), ids=lambda path: path.stem)
def test_every_accepted_card_follows_from_its_rows(path: Path):
    checks = {check.what: check for check in verify(read_card(path), dataset=None)}
    assert checks["protocol"].state == "holds", checks["protocol"].found
    assert checks["summary follows from rows"].state == "holds", checks["summary follows from rows"].found
