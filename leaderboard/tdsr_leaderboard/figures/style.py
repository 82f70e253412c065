"""What all figures share: colours, marks, and how names and numbers are written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from tdsr_bench.card import GapPart
from tdsr_bench.inference import Estimate
from tdsr_leaderboard.board import Board

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the reader's own text colour, which matplotlib has no word for; see `svg`."""

BLUE, GREEN, VERMILLION, PINK, GREY = "#0173b2", "#029e73", "#d55e00", "#cc78bc", "#949494"
"""Those colours of seaborn's "colorblind" that are three times as light, or as dark, as white and as #0d1117."""

SERIES = ((VERMILLION, "D"), (GREEN, "s"), (PINK, "^"), (BLUE, "o"))
"""Colour and marker of each of a few multi-image methods."""

FAINT = 0.65
"""Opacity of text that stands back."""

SIZE, SMALL = 11, 9.5
"""Sizes of text, in pixels."""

NAMED = 20
"""How many methods are called by their names; the others of a long table are small marks."""

LARGEST = 1e3
"""No gap is larger; a card that says so is not drawn."""

STYLE: dict[str, object] = {
    "figure.dpi": 72,  # so that all lengths are pixels of the SVG
    "font.family": "DejaVu Sans",  # comes with matplotlib: text is measured alike everywhere, and never too narrow
    "font.size": SIZE,
    "text.parse_math": False,  # a name may hold dollars
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
}


@dataclass(frozen=True)
class TrackStyle:
    """How the methods of a track are drawn."""

    title: str
    colour: str
    marker: str


TRACKS = {
    "sisr": TrackStyle("single-image (SISR)", BLUE, "o"),
    "misr": TrackStyle("multi-image (MISR)", VERMILLION, "D"),
}


@contextmanager
def styled(salt: str = "") -> Iterator[None]:
    """Matplotlib's own defaults, whatever the reader has set, and `STYLE` above them; the reader's come back.

    Args:
        salt: what names of parts of an SVG are made with, so that they are the same each time.
    """
    from matplotlib import style

    with style.context(["default", STYLE | {"svg.hashsalt": salt}]):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72))


def axes_within(
    figure: "Figure", left: float, top: float, width: float, height: float, *, share: "Axes | None" = None
) -> "Axes":
    """Axes at a place given in pixels from the top left corner; `share` is what they share x with."""
    whole, tall = figure.get_size_inches() * 72
    return figure.add_axes((left / whole, 1 - (top + height) / tall, width / whole, height / tall), sharex=share)


def columns(text: str) -> int:
    """How many columns of a fixed pitch `text` takes; ideographs take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def text_width(text: str, size: float = SIZE) -> float:
    """How wide `text` is at most, in pixels, in most fonts without serifs."""
    return 0.6 * size * columns(text)


def short(text: str, most: int = 30) -> str:
    """A name on one line, without control characters, of `most` columns at most.

    >>> short("a very long name", 9)
    'a very l…'
    """
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if columns(plain) <= most:
        return plain
    kept = ""
    for letter in plain:
        if columns(kept + letter) >= most:
            break
        kept += letter
    return kept.rstrip() + "…"


def signed(value: float) -> str:
    """A difference with its sign and two decimals, without the zero before the point.

    >>> signed(0.083), signed(-1.5)
    ('+.08', '−1.50')
    """
    text = f"{value:+.2f}"
    return (text.replace("0.", ".", 1) if abs(float(text)) < 1 else text).replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Known:
    """A gap, or a difference, that can be drawn."""

    value: float
    ci95: tuple[float, float] | None
    regions: Mapping[str, float]


def known(gap: GapPart | Estimate | None) -> Known | None:
    """What can be drawn of a gap; None where it has no value, or one that is none."""
    if gap is None or gap.value is None:
        return None
    numbers = (gap.value, *(gap.ci95 or ()), *gap.regions.values())
    whole = all(isfinite(number) and abs(number) <= LARGEST for number in numbers)
    return Known(gap.value, gap.ci95, gap.regions) if whole else None


def image_column(board: Board) -> str:
    """The image gap that the score is made of, or is: every ranked method has it."""
    return board.score.replace("combined", "image")


def counted(board: Board) -> str:
    """The sentence on regions and intervals that ends a caption."""
    return f"{board.certainty}."
