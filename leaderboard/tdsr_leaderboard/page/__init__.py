"""The leaderboard as one HTML page that stands alone: no request to any host, nothing of a card is taken for code."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tdsr_bench.card import GAP_TITLES
from tdsr_bench.tasks.colours import LEGEND as COLOURS
from tdsr_bench.tasks.sheet import COLUMNS, IMAGE
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.svg import Drawing
from tdsr_leaderboard.flags import LEGEND
from tdsr_leaderboard.matched import Contrast
from tdsr_leaderboard.page import rows
from tdsr_leaderboard.page.data import board_data, json_text
from tdsr_leaderboard.page.rows import Column, Line
from tdsr_leaderboard.page.sheets import sheets
from tdsr_leaderboard.read import Entry, Section

TEMPLATES = "templates"

MOST_CONTRASTS = 100
"""Rows of one frame against many; where many methods share their training, there is one for each two of them."""

_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_STYLE = re.compile(r"""\sstyle="([^"]*)\"""")


@dataclass(frozen=True)
class Part:
    """A board as the template wants it.

    Attributes:
        slug, name: its address, and what its tab says.
        board: the board.
        lines, columns: its table.
        figures: its figures, each with its element.
    """

    slug: str
    name: str
    board: Board
    lines: list[Line]
    columns: list[Column]
    figures: list[tuple[Drawing, Markup]]

    @property
    def flag_kinds(self) -> list[str]:
        """The flags that somebody has, the gravest first."""
        found = {kind for line in self.lines for kind, _, _ in line.chips}
        return [kind for kind in LEGEND if kind in found]

    @property
    def contrasts(self) -> Sequence[Contrast]:
        """Those that the page shows; a card's comparison knows the others too."""
        return self.board.contrasts[:MOST_CONTRASTS]

    def slug_of(self, entry: Entry) -> str:
        """The address of an entry's line, "" if it has none."""
        return next((line.slug for line in self.lines if line.card and line.label == entry.label), "")


def leaderboard_page(
    boards: Sequence[Board],
    official: Mapping[Section, Sequence[Entry]],
    figures: Mapping[Section, Sequence[Drawing]],
) -> str:
    """The page of all `boards`.

    Args:
        boards: the tables of `tdsr-v1`.
        official: the tables by the MuS2 authors' own evaluation.
        figures: those of each board, by its section: two boards can have one title.
    """
    style, script = style_sheet("page.css"), _asset("page.js")
    sections = [*(board.section for board in boards), *official]
    addresses = [*zip(rows.board_slugs(sections), rows.section_names(sections), strict=True)]
    parts = [_part(board, *own, figures) for board, own in zip(boards, addresses, strict=False)]
    lines = (rows.official_lines(entries) for entries in official.values())
    own_tables = zip(addresses[len(parts) :], official, lines, strict=True)
    shown = {
        "policy": content_policy(style, script),
        "style": Markup(style),
        "script": Markup(script),
        "data": Markup(json_text(_data(parts))),
        "parts": parts,
        "official": [(*own, section, found) for own, section, found in own_tables],
        "titles": GAP_TITLES,
        "legend": LEGEND,
        "texts": rows,
    }
    return _templates().get_template("page.html.j2").render(shown)


def style_sheet(name: str) -> str:
    """The style sheet of a page, after what all pages share."""
    return _asset("base.css") + _asset(name)


def content_policy(style: str, script: str) -> str:
    """The policy that lets the browser run this script and this style sheet, show pictures of the page, and no more."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        f"base-uri 'none'; form-action 'none'"
    )


def plain_svg(svg: str) -> Markup:
    """An SVG element whose styles are attributes: the page's policy has no style that stands in a tag.

    >>> plain_svg('<svg><path style="fill: none; stroke: red"/></svg>')
    Markup('<svg><path fill="none" stroke="red"/></svg>')
    """
    return Markup(_TAG.sub(lambda tag: _STYLE.sub(lambda style: _attributes(style[1]), tag[0]), svg))


def _attributes(style: str) -> str:
    pairs = (part.partition(":") for part in style.split(";") if ":" in part)
    found = {name.strip(): value.strip() for name, _, value in pairs}
    return "".join(f' {name}="{value}"' for name, value in found.items())


def _part(board: Board, slug: str, name: str, figures: Mapping[Section, Sequence[Drawing]]) -> Part:
    shown = rows.lines(board)
    drawn = [(figure, plain_svg(figure.svg)) for figure in figures.get(board.section, ())]
    return Part(slug, name, board, shown, rows.columns(board, shown), drawn)


def _data(parts: Sequence[Part]) -> dict[str, Any]:
    pictures = sheets([part.lines for part in parts])
    told = {part.slug: board_data(part.board, part.lines, own) for part, own in zip(parts, pictures, strict=True)}
    return {"boards": told, "sheet": _sheet_legend() if any(pictures) else None}


def _sheet_legend() -> dict[str, Any]:
    """How every sheet is laid out, and what its colours mean."""
    return {"columns": COLUMNS, "image": IMAGE, "legend": COLOURS}


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tdsr_leaderboard", TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _asset(name: str) -> str:
    return (files("tdsr_leaderboard") / TEMPLATES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
