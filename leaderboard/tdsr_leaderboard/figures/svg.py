"""From a figure of matplotlib to SVG for light and dark pages, alone or many of them in one page."""

import re
import warnings
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from io import StringIO
from typing import TYPE_CHECKING

from tdsr_leaderboard.board import Board
from tdsr_leaderboard.figures.style import INK, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = "system-ui, sans-serif"

LIGHT, DARK = "#1f2328", "#e6edf3"
"""The colour of text in a file that stands alone, on a light and on a dark page."""

_TAG = re.compile(r"<[^>]+>")  # text and attributes hold no bare > or <
_TEXT = re.compile(r">[^<]+<")
_STYLE = re.compile(r" style=\"([^\"]*)\"")
_STILL = re.compile(r" transform=\"rotate\(-?0 [^)]*\)\"")


@dataclass(frozen=True)
class Drawing:
    """A figure of a board.

    Attributes:
        key: what its file is called, without the ending.
        title: what it shows.
        caption: what is seen, of how many independent regions, and what the intervals are; plain text.
        svg: the whole element; it holds no style sheet, and no id that another drawing has.
    """

    key: str
    title: str
    caption: str
    svg: str


def drawing(board: Board, figure: "Figure", *, key: str, title: str, caption: str) -> Drawing:
    """The drawing of a figure of a board that was made within `style.styled`."""
    return drawn(figure, prefix=id_prefix(board, key), key=key, title=title, caption=caption)


def drawn(figure: "Figure", *, prefix: str, key: str, title: str, caption: str) -> Drawing:
    """The drawing of a figure that was made within `style.styled`; its ids begin with `prefix`."""
    content = StringIO()
    with styled(salt=key), warnings.catch_warnings():
        # text stays text, so it does not matter what the font that measures it lacks
        warnings.filterwarnings("ignore", r"Glyph .* missing", UserWarning)
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    width, height = figure.get_size_inches() * 72
    body = _body(content.getvalue(), prefix)
    return Drawing(key, title, caption, wrapped(body, prefix, title, caption, width=width, height=height))


def id_prefix(board: Board, key: str) -> str:
    """What the ids of a drawing begin with: no other drawing's do, of this board or of another."""
    return f"{key}-{sha256(repr(board.section).encode()).hexdigest()[:6]}-"


def wrapped(body: str, prefix: str, title: str, caption: str, *, width: float, height: float) -> str:
    """The SVG element of `body`, with what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img" aria-labelledby="{prefix}title {prefix}desc" font-family="{FONTS}" fill="currentColor">'
        f'<title id="{prefix}title">{escape(title)}</title><desc id="{prefix}desc">{escape(caption)}</desc>'
        f'<g stroke-linejoin="round">{body}</g></svg>\n'
    )


def standalone(figure: Drawing) -> str:
    """The text of a file that shows the drawing by itself, on a light or a dark page."""
    style = f":root{{color:{LIGHT}}}@media (prefers-color-scheme: dark){{:root{{color:{DARK}}}}}"
    root, rest = figure.svg.split(">", maxsplit=1)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}><style>{style}</style>{rest}'


def _body(text: str, prefix: str) -> str:
    """What matplotlib drew, without its own style sheet, metadata and names; attributes in place of styles.

    Pages that forbid styles within their elements can hold it so.
    """
    inner = text[text.index('<g id="figure_1">') : text.rindex("</svg>")]
    packed = re.sub(r">\s+<", "><", inner.strip())
    quoted = _TEXT.sub(lambda part: part[0].replace('"', "&quot;"), packed)
    return _TAG.sub(lambda tag: _tag(tag[0], prefix), quoted)


def _tag(tag: str, prefix: str) -> str:
    if tag.startswith("<g "):
        tag = re.sub(r' id="[^"]*"', "", tag)  # nothing refers to groups
    tag = _STILL.sub("", tag.replace("\n", " "))
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", tag)
    return _STYLE.sub(_attributes, tag).replace(INK, "currentColor")


def _attributes(style: re.Match[str]) -> str:
    """A style as attributes; the font is that of the whole."""
    parts = (part.split(":", maxsplit=1) for part in style[1].split(";") if part.strip())
    found = {name.strip(): value.strip() for name, value in parts}
    return "".join(f' {name}="{value}"' for name, value in found.items() if name != "font-family")
