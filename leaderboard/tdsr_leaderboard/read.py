"""Cards from a folder, sorted into the tables in which they may stand side by side."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic_core import from_json

from tdsr_bench.card import PACKED, ResultCard, read_card
from tdsr_bench.errors import CardError, DataError
from tdsr_bench.foreign import read_bytes

SHORT = 8
"""How many digits of a hash tell two cards of one name apart."""


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


@dataclass(frozen=True)
class Entry:
    """A card of a table.

    Attributes:
        card: the card.
        label: how the table calls it: its name, with a part of its hash where another card has that name as well.
        path: its file; None where it came from elsewhere, or was pooled of several.
    """

    card: ResultCard
    label: str
    path: Path | None = None

    @property
    def sheet(self) -> Path | None:
        """The file of its pictures, see `tdsr_bench.tasks.sheet`; None where there is none."""
        beside = self.path.with_name(f"{self.path.name.partition('.json')[0]}.webp") if self.path else None
        return beside if beside and beside.is_file() else None


def read_cards(folder: Path) -> list[Entry]:
    """Every card below `folder`, packed ones too, in the order of the paths.

    Raises:
        CardError: there is none, or some of them cannot be read; the sentence names each of these.
    """
    entries, broken = [], []
    for path in sorted([*folder.rglob("*.json"), *folder.rglob(f"*.json{PACKED}")]):
        try:
            card = read_card(path)
            entries.append(Entry(card, card.submission.name, path))
        except CardError as error:
            if _is_card(path):
                broken.append(str(error))
    if broken:
        raise CardError("\n".join(broken))
    if not entries:
        raise CardError(f"There is no card below {folder}; make one by `tdsr-bench evaluate`, or name another --cards.")
    return entries


def entries_of(cards: Iterable[ResultCard]) -> list[Entry]:
    """Entries of cards that do not come from files."""
    return [Entry(card, card.submission.name) for card in cards]


def sections(entries: Iterable[Entry]) -> dict[Section, list[Entry]]:
    """Entries by what they share, sorted by data set and arm.

    The four leave-one-region-out folds of a method become one entry. Of two cards of one submission the later counts;
    two submissions of one name are both there, told apart by their hashes.
    """
    found: dict[Section, dict[tuple[str, str, str | None], Entry]] = {}
    for entry in _with_pooled(entries):
        about = entry.card.submission
        found.setdefault(section_of(entry.card), {})[about.name, about.track, about.sha256] = entry
    return {section: _labelled([*found[section].values()]) for section in sorted(found)}


def only_section(entries: Iterable[Entry]) -> tuple[Section, list[Entry]]:
    """The section that all entries belong to.

    Raises:
        CardError: there is none, or they belong to several.
    """
    found = sections(entries)
    if not found:
        raise CardError("There is no card to show.")
    if len(found) > 1:
        places = ", ".join(f"{s.data}/{s.arm}/{s.split} by {s.protocol} ({s.fingerprint[:SHORT]})" for s in found)
        raise CardError(f"These cards may not stand side by side; they are of {places}. Show those of one at a time.")
    return next(iter(found.items()))


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


def _with_pooled(entries: Iterable[Entry]) -> list[Entry]:
    known = list(entries)
    if not any(entry.card.data.fold for entry in known):
        return known
    from tdsr_leaderboard.pool import pooled  # works summaries out anew, and takes seconds to import

    return [*known, *entries_of(pooled([entry.card for entry in known]))]


def _labelled(entries: Sequence[Entry]) -> list[Entry]:
    names = Counter(entry.label for entry in entries)
    return [entry if names[entry.label] == 1 else replace(entry, label=_distinct(entry)) for entry in entries]


def _distinct(entry: Entry) -> str:
    about = entry.card.submission
    told = about.sha256[:SHORT] if about.sha256 else "images only"
    return f"{entry.label} ({told}, {about.track})"


def _is_card(path: Path) -> bool:
    """A card, or a file that is no JSON, which the reader has to name; other JSON files may lie beside cards."""
    if path.name.startswith("."):
        return False
    if path.suffix == PACKED:
        return True
    try:
        content = from_json(read_bytes(path))
    except (ValueError, DataError):
        return True
    return isinstance(content, dict) and "schema" in content and "submission" in content
