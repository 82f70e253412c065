"""What a report is made of: sections of texts, grids and drawings, all plain text, for Markdown and a page alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from tdsr_leaderboard.figures.svg import Drawing


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Verdict:
    """What came out: a word, and the counts behind it."""

    word: str
    counted: str
    kind: str = "verdict"


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        heads: of its columns.
        rows: of texts, as many as there are heads.
        left: how many of the first columns are names, the others are numbers or words.
        notes: for each row what stands small below its first cell on the page.
        links: for each row the section that its first cell leads to.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    notes: Sequence[str] = ()
    links: Sequence[str] = ()
    kind: str = "grid"


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption."""

    drawing: Drawing
    kind: str = "figure"


Block = Text | Verdict | Grid | Figure


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        slug: its address.
        title: its heading.
        short: how the table of contents calls it.
        blocks: what it holds.
    """

    slug: str
    title: str
    short: str
    blocks: Sequence[Block]
