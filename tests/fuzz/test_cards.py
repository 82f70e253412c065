"""Cards of others, alone, in a leaderboard and beside another card; and the sheets of pictures beside them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import samples
from fuzz.conftest import Fuzz
from fuzz.mutations import ODD, Mutated, mutated_bytes, mutated_json
from fuzz.reading import Child
from hypothesis import given

CARD, SHEET = samples.a_card(), samples.sheet()


@pytest.fixture
def other(tmp_path: Path) -> None:
    """A card that nothing is wrong with."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "card.json").write_bytes(samples.card_bytes())


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize("reader", ["card", "board", "compare"])
def test_the_card_that_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str):
    path = tmp_path / "card.json"
    path.write_bytes(samples.card_bytes("mine"))
    assert child.read(reader, path) == "read"


@given(mutated=mutated_json(CARD))
def test_card(fuzz: Fuzz, mutated: Mutated):
    fuzz("card", "card.json", mutated)


@given(mutated=mutated_json(CARD))
def test_board(fuzz: Fuzz, mutated: Mutated):
    fuzz("board", "cards/card.json", mutated)


@pytest.mark.usefixtures("other")
@given(mutated=mutated_json(CARD))
def test_comparison(fuzz: Fuzz, mutated: Mutated):
    fuzz("compare", "card.json", mutated)


@given(mutated=mutated_json(CARD))
def test_verification(fuzz: Fuzz, mutated: Mutated):
    fuzz("verify", "card.json", mutated)


@given(mutated=mutated_bytes(samples.card_bytes("mine")))
def test_card_of_bytes(fuzz: Fuzz, mutated: Mutated):
    fuzz("card", "card.json", mutated)


@given(mutated=mutated_bytes(SHEET))
def test_sheet(fuzz: Fuzz, mutated: Mutated):
    fuzz("sheet", "a.webp", mutated)


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize(("reader", "name"), [("card", "x/card.json"), ("board", "x/card.json"), ("sheet", "x/a.webp")])
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, name: str, what: str):
    path = place(name)
    ODD[what](path)
    assert child.read(reader, path, how=what) == "refused"
