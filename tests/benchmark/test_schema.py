"""The published JSON Schema of a card."""

import json
from pathlib import Path

import jsonschema
import pytest

from tdsr_bench.card import SCHEMA, card_schema, read_card
from tdsr_leaderboard.markdown import leaderboard_markdown
from tdsr_leaderboard.read import read_cards

REPOSITORY = Path(__file__).parents[2]
PUBLISHED = REPOSITORY / "docs" / "schema" / f"card-{SCHEMA}.json"


def test_the_published_schema_is_that_of_the_code():
    assert json.loads(PUBLISHED.read_text()) == card_schema(), "run docs/make_card_schema.py"


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "leaderboard" / "cards").rglob("*.json")), ids=lambda path: path.stem
)
def test_accepted_cards_fit_the_schema(path: Path):
    jsonschema.validate(json.loads(path.read_text()), json.loads(PUBLISHED.read_text()))


def test_what_is_no_card_does_not():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": 1, "status": "splendid"}, json.loads(PUBLISHED.read_text()))


def test_a_card_of_an_earlier_make_is_read(tmp_path: Path):
    """Before cards said how many frames and what training; what they lack is unknown."""
    content = json.loads((REPOSITORY / "leaderboard" / "cards" / "mini-real-test" / "rams-tiny-pixel.json").read_text())
    for name in ("frames", "training", "control_of"):
        del content["submission"][name]
    (tmp_path / "card.json").write_text(json.dumps(content))
    card = read_card(tmp_path / "card.json")
    assert (card.submission.frames, card.submission.training, card.submission.control_of) == (None, None, None)
    assert "| 1 | RAMS-tiny pixel | misr | — | 132,341 |" in leaderboard_markdown(read_cards(tmp_path))
