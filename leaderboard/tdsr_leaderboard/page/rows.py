"""What a table of the page shows, worked out to the last character, so that the template only places it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from tdsr_bench.card import GAP_TITLES, GapPart, ResultCard
from tdsr_bench.files import slug
from tdsr_bench.inference import PairedResult
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.flags import LEGEND
from tdsr_leaderboard.official import official_rows
from tdsr_leaderboard.ranking import Standing
from tdsr_leaderboard.read import SHORT, Entry, Section

NOTHING, MINUS = "—", "\N{MINUS SIGN}"
"""What stands where there is no value, and before a negative one."""

LOWEST, HIGHEST = -0.5, 1.1
"""How far the axis of a column goes at most: far below 0 only those differ that are no use. Beyond is an arrow."""

AXIS, MARGIN, DOT = 150, 6, 3.5
"""Length of a column's axis, what is free at its ends, and the radius of a value's dot, in pixels."""

LONGEST_SLUG = 60

LARGEST = 1e4
"""From here on a gap is written with an exponent: no method has one, a card that says so must not break the table."""

NO_TEST, NOT_APART, BEFORE, APART = VERDICTS = (
    "not tested",
    "not told apart",
    "only before correction",
    "told apart",
)
"""What the data can say of two methods; nothing is tested under three regions."""


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Attributes:
        kind: "method", "control", or "reference" for those that every table shows.
        slug: its part of the address.
        label: how the table calls it.
        rank: see `Standing`.
        flags, reasons: see `Standing`.
        gaps: by column.
        card: None for a reference.
        sheet: the file of its pictures.
    """

    kind: str
    slug: str
    label: str
    rank: int | None
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    gaps: dict[str, GapPart]
    card: ResultCard | None
    sheet: Path | None

    @property
    def track(self) -> str:
        """The track, "" for a reference."""
        return self.card.submission.track if self.card else ""

    @property
    def frames(self) -> int | None:
        """How many frames it uses at most, where that is known; the single-image track is shown one."""
        about = self.card.submission if self.card else None
        return (about.frames or (1 if about.track == "sisr" else None)) if about else None

    @property
    def parameters(self) -> int | None:
        """How many there are."""
        return self.card.submission.parameters if self.card else None

    @property
    def trained_on(self) -> str:
        """In words."""
        return self.card.submission.training_data if self.card else ""

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """For each flag its kind, its text, and what it means."""
        return [(kind, flag, LEGEND[kind]) for flag in self.flags for kind in LEGEND if flag.startswith(kind)]

    @property
    def search(self) -> str:
        """What a search looks through."""
        return " ".join((self.label, self.trained_on, *self.flags, *self.reasons)).casefold()


@dataclass(frozen=True)
class Mark:
    """How a value is drawn on its column's axis, as paths of SVG: two for each of hundreds of rows, and no more.

    Attributes:
        back: where 0 is, and a bar from there to the value.
        front: the interval and a dot; an arrow where the value is outside of the axis.
    """

    back: str
    front: str


@dataclass(frozen=True)
class Column:
    """A gap that the table shows, and its axis."""

    key: str
    title: str
    low: float
    high: float

    def place(self, value: float) -> float:
        """Where `value` lies, in pixels."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return round(MARGIN + (AXIS - 2 * MARGIN) * share, 1)

    def mark(self, gap: GapPart | None) -> Mark | None:
        """How the `gap` is drawn."""
        value = gap.value if gap else None
        if gap is None or value is None or not isfinite(value):
            return None
        zero, at = self.place(0), self.place(value)
        left, right = min(zero, at), max(zero, at)
        back = f"M{zero} 0h1V10h-1zM{left} 2H{right}V8H{left}z"  # all go round the same way, or they cut holes
        if value < self.low or value > self.high:
            return Mark(back, "M1 5l6-4v8z" if value < self.low else f"M{AXIS - 1} 5l-6-4v8z")
        ends = [self.place(end) for end in gap.ci95] if gap.ci95 else []
        reach = f"M{ends[0]} 4H{ends[1]}v2H{ends[0]}z" if ends else ""
        return Mark(back, f"{reach}M{at - DOT:.1f} 5a{DOT} {DOT} 0 1 1 {2 * DOT} 0a{DOT} {DOT} 0 1 1 -{2 * DOT} 0")


def lines(board: Board) -> list[Line]:
    """Ranked methods, the others, controls, and the references from the best down; each with a slug of its own."""
    taken: set[str] = set()
    placed = [("method", place) for place in board.places] + [("control", place) for place in board.controls]
    found = [_line(kind, place, unique(address(place.label), taken)) for kind, place in placed]
    return found + [
        Line("reference", unique(f"ref-{address(name)}", taken), name, None, (), (), dict(gaps), None, None)
        for name, gaps in board.references_ordered
    ]


def columns(board: Board, shown: Sequence[Line]) -> list[Column]:
    """The columns of gaps, each with an axis that holds 0, 1 and nearly all of its values."""
    return [_column(key, [line.gaps[key] for line in shown if key in line.gaps]) for key in board.columns]


def address(text: str) -> str:
    """A part of an address.

    >>> address("RAMS-tiny  pixel (2e, 'new')")
    'rams-tiny-pixel-2e-new'
    """
    return slug(text[:LONGEST_SLUG])


def unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or that with a number where it is `taken`; takes it."""
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    taken.add(found)
    return found


def signed(value: float | None, digits: int = 3) -> str:
    """A number with its sign, as a reader of tables wants it.

    >>> signed(0.31416), signed(-0.5), signed(None)
    ('+0.314', '−0.500', '—')
    """
    if value is None or not isfinite(value):
        return NOTHING
    text = f"{value:+.{digits}f}" if abs(value) < LARGEST else f"{value:+.2e}"
    return text.replace("-", MINUS)


def interval_text(ends: tuple[float, float] | None) -> str:
    """An interval, "" where there is none."""
    return f"[{signed(ends[0])}, {signed(ends[1])}]" if ends else ""


def difference_text(result: PairedResult) -> str:
    """A paired difference with its interval."""
    return f"{signed(result.difference.value)} {interval_text(result.difference.ci95)}".strip()


def p_text(result: PairedResult) -> str:
    """The adjusted p-value."""
    if result.p_holm is None:
        return NOTHING
    return "< 0.001" if result.p_holm < 0.001 else f"{result.p_holm:.3f}"


def verdict(result: PairedResult) -> str:
    """What the data say of two methods, one of `VERDICTS`."""
    if result.p_holm is None:
        return NO_TEST
    if result.told_apart:
        return APART
    return BEFORE if result.before_correction else NOT_APART


def pairs_text(board: Board) -> str:
    """How many pairs of ranked methods the data tell apart; "" where nothing was tested."""
    tested = [pair for pair in board.pairs if pair.p_holm is not None]
    if not tested:
        return ""
    apart = sum(pair.told_apart for pair in tested)
    before = sum(pair.before_correction and not pair.told_apart for pair in tested)
    more = f"; {before} more would be without the correction for {len(tested)} tests" if before else ""
    among = f"the {board.tested} best" if board.tested < len(board.ranked) else "ranked"
    return f"{apart} of {len(tested)} pairs of {among} methods are told apart (Holm, 5 %){more}."


def board_slugs(sections: Sequence[Section]) -> list[str]:
    """An address for each section; the same data by another protocol, or of other pixels, get a number."""
    taken: set[str] = set()
    return [unique(address(f"{section.data}-{section.arm}-{section.split}"), taken) for section in sections]


def section_names(sections: Sequence[Section]) -> list[str]:
    """What the tabs call sections: data, arm and split, and what tells those of the same apart."""
    plain = [f"{section.data}, {section.arm}, {section.split}" for section in sections]
    return [
        name if plain.count(name) == 1 else f"{name} ({section.protocol} {hashes(section)})"
        for name, section in zip(plain, sections, strict=True)
    ]


def hashes(section: Section) -> str:
    """The beginnings of the hashes of protocol and pixels."""
    return f"{section.protocol_sha256[:SHORT]}/{section.fingerprint[:SHORT]}"


@dataclass(frozen=True)
class OfficialLine:
    """A method's balanced scores by one mask, means over bands."""

    mask: str
    method: str
    track: str
    whole: str
    no_lpips: str


def official_lines(entries: Sequence[Entry]) -> list[OfficialLine]:
    """The table of the MuS2 authors' evaluation, by mask, the best (the lowest) first; interpolations once."""
    return [
        OfficialLine(mask, method, track, *(_four_digits(value) for value in scores))
        for mask, method, track, *scores in official_rows(entries)
    ]


def _four_digits(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _line(kind: str, place: Standing, name: str) -> Line:
    card = place.card
    gaps = {key: gap for key in GAP_TITLES if card.summary and (gap := getattr(card.summary, key)) is not None}
    return Line(kind, name, place.label, place.rank, place.flags, place.reasons, gaps, card, place.entry.sheet)


def _column(key: str, gaps: Sequence[GapPart]) -> Column:
    ends = [end for gap in gaps if gap.value is not None for end in (gap.value, *(gap.ci95 or ())) if isfinite(end)]
    low, high = min([-0.1, *ends]), max([1.0, *ends])
    return Column(key, GAP_TITLES[key], max(LOWEST, low), min(HIGHEST, high))
