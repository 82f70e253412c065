"""The published JSON Schema of a card."""

import json
from pathlib import Path

import jsonschema
import pytest

from tdsr_bench.card import SCHEMA, card_schema

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
