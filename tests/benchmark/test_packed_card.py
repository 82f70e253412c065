"""Cards that gzip packed are the same cards; what is no gzip, or unpacks without end, is refused."""

import gzip
from pathlib import Path

import pytest

from tdsr_bench.card import read_card, write_card
from tdsr_bench.errors import CardError
from tdsr_bench.foreign import LARGEST
from tdsr_leaderboard.read import read_cards

CARD = Path(__file__).parents[2] / "leaderboard/cards/mini-real-test/bicubic.json"


def test_a_packed_card_is_the_same_card_a_fifth_as_large_at_most(tmp_path: Path) -> None:
    card, packed = read_card(CARD), tmp_path / "bicubic.json.gz"
    write_card(packed, card)
    assert read_card(packed) == card
    assert packed.stat().st_size < CARD.stat().st_size / 5
    first = packed.read_bytes()
    write_card(packed, card)
    assert packed.read_bytes() == first  # no time of day in it


def test_packed_cards_are_read_with_the_others_and_have_their_pictures(tmp_path: Path) -> None:
    write_card(tmp_path / "bicubic.json.gz", read_card(CARD))
    (tmp_path / "bicubic.webp").write_bytes(b"pictures")
    (entry,) = read_cards(tmp_path)
    assert entry.label == "bicubic"
    assert entry.sheet == tmp_path / "bicubic.webp"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "is no gzip"),
        (gzip.compress(b"{}")[:-4], "is cut short"),
        (gzip.compress(bytes(LARGEST + 1)), "unpacks to more than"),
    ],
    ids=["no gzip", "cut short", "without end"],
)
def test_what_is_no_gzip_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json.gz"
    path.write_bytes(content)
    with pytest.raises(CardError, match=told):
        read_card(path)
    with pytest.raises(CardError, match=told):
        read_cards(tmp_path)
