"""Several processes of this machine, and what is said when one of them is killed."""

from pathlib import Path

import pytest
from engines import KILLED_ONCE, Score, raise_stubborn, same

from tdsr_bench.card import ResultCard
from tdsr_bench.engine import completed, open_engine
from tdsr_bench.errors import UserError


@pytest.mark.slow
def test_two_processes_give_the_same_digits(score: Score, serial: ResultCard):
    assert same(score(lambda: open_engine("process:2")), serial)


def test_a_killed_process_is_told_in_a_sentence_and_what_was_finished_is_kept(
    score: Score, serial: ResultCard, tmp_path: Path
):
    """By the signal that the kernel sends where memory runs out; the next run goes on."""
    (tmp_path / "deadly").touch()
    with pytest.raises(UserError, match="killed, most likely because memory ran out; what was finished is kept"):
        score(lambda: open_engine("process:1"), KILLED_ONCE, tmp_path)
    card = score(text=KILLED_ONCE, folder=tmp_path)
    assert card.rows == serial.rows


@pytest.mark.parametrize("name", ["process", "process:0", "process:x"])
def test_a_number_of_processes_is_needed(name: str):
    with pytest.raises(UserError, match="say process:2"):
        open_engine(name)


def test_an_exception_that_does_not_travel_is_told_in_words_and_breaks_no_pool():
    with open_engine("process:1") as engine:
        futures = dict(completed(engine, raise_stubborn, "this", ["that", "those"]))
    for name, future in futures.items():
        with pytest.raises(RuntimeError, match=rf"{name}: StubbornError, which cannot be pickled:(.|\n)*this {name}"):
            future.result()
