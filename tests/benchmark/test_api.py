"""The Python API: what the command line does, in a few lines."""

from pathlib import Path

import pytest

from tdsr_bench.api import evaluate, plot, read_card, score
from tdsr_bench.errors import SubmissionError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import Track
from tdsr_bench.submission import Submission

PLAIN = Submission("plain", Track.SISR, lambda view: enlarge(view.frames[0], "bicubic"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_submission_that_is_no_file_is_scored_and_kept(write_data):
    card = evaluate(PLAIN, write_data(), quiet=True)
    assert card.summary is not None
    assert card.summary.image_gap_no_lpips.value == pytest.approx(0, abs=1e-6)
    assert (card.submission.sha256, card.submission.frames) == (None, 1)
    kept = Path("results/tiny-wald-test/plain")
    assert read_card(kept / "card.json") == card
    assert len(list((kept / "predictions").iterdir())) == 3


def test_other_processes_ask_for_a_file():
    with pytest.raises(SubmissionError, match="plain is no file"):
        evaluate(PLAIN, engine="process:2")


def test_kept_images_are_scored_to_the_same_rows(write_data):
    root = write_data()
    card = evaluate(PLAIN, data=root, out="there", quiet=True)
    again = score("there/tiny-wald-test/plain/predictions", name="again", track="sisr", data=root, quiet=True)
    assert again.rows == card.rows
    with pytest.raises(SubmissionError, match="no folder of predictions"):
        score("nowhere", name="x", track="sisr")


def test_a_card_is_a_table_of_pandas(write_data):
    card = evaluate(PLAIN, write_data(regions=1), quiet=True)
    assert repr(card) == str(card) == f"<ResultCard of 'plain' on tiny/wald/test: —, {len(card.rows)} rows>"
    frame = card.to_frame()
    assert list(frame.columns) == ["method", "scene", "group", "key", "band", "value", "unit", "network", "reason"]
    assert len(frame) == len(card.rows) + len(card.reference_rows)
    assert set(card.to_frame(references=False)["method"]) == {"plain"}
    means = frame.groupby(["method", "key"])["value"].mean()
    assert means["reference itself", "cssim"] == pytest.approx(0, abs=1e-6)


def test_cards_are_plotted_together(write_data):
    root = write_data()
    cards = [evaluate(PLAIN, root, quiet=True), score(_predictions(), name="b", track="misr", data=root, quiet=True)]
    figure = plot(cards)
    texts = [text.get_text() for axis in figure.axes for text in axis.get_yticklabels()]
    assert {"plain", "b"} <= set(texts)


def _predictions() -> Path:
    return Path("results/tiny-wald-test/plain/predictions")
