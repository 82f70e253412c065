"""Writes the JSON Schema of cards to docs/schema: run it after a change of `tdsr_bench.card`."""

import json
from pathlib import Path

from tdsr_bench.card import SCHEMA, card_schema
from tdsr_bench.files import write_atomically

if __name__ == "__main__":
    path = Path(__file__).parent / "schema" / f"card-{SCHEMA}.json"
    write_atomically(path, (json.dumps(card_schema(), indent=1) + "\n").encode())
    print(path)
