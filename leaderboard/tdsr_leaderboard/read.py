"""Cards from a folder, sorted into the tables in which they may stand side by side."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tdsr_bench.card import ResultCard, read_card
from tdsr_bench.errors import CardError


@dataclass(frozen=True, order=True)
class Section:
    """What cards have to share to be compared: the protocol, the pixels and the scoring networks, to the byte."""

    data: str
    arm: str
    split: str
    protocol: str
    protocol_sha256: str
    fingerprint: str
    networks: tuple[str, ...]


def read_cards(folder: Path) -> list[ResultCard]:
    """Every card below `folder`, in the order of the paths.

    Raises:
        CardError: there is none, or one of them cannot be read.
    """
    paths = [path for path in sorted(folder.rglob("*.json")) if _is_card(path)]
    if not paths:
        raise CardError(f"There is no card below {folder}; make one by `tdsr-bench evaluate`, or name another --cards.")
    return [read_card(path) for path in paths]


def sections(cards: Iterable[ResultCard]) -> dict[Section, list[ResultCard]]:
    """Cards by what they share, sorted by data set and arm; of two cards of one submission, the later counts."""
    found: dict[Section, dict[tuple[str, str, str | None], ResultCard]] = {}
    for card in cards:
        about = card.submission
        found.setdefault(section_of(card), {})[about.name, about.track, about.sha256] = card
    return {section: list(found[section].values()) for section in sorted(found)}


def section_of(card: ResultCard) -> Section:
    """The section that a card belongs to."""
    return Section(
        data=card.data.name,
        arm=card.data.arm,
        split=card.data.split,
        protocol=card.protocol.id,
        protocol_sha256=card.protocol.sha256,
        fingerprint=card.data.fingerprint,
        networks=tuple(sorted(network["sha256"] for network in card.networks.get("score", []))),
    )


def _is_card(path: Path) -> bool:
    """A card, by its first key: other JSON files may lie beside it."""
    if path.name.startswith("."):
        return False
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return True  # broken: let the reader say so
    return isinstance(content, dict) and "schema" in content and "submission" in content
