"""The report as one HTML page that stands alone: no request to any host, no script, for light and dark."""

import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tdsr_leaderboard.page import content_policy, plain_svg, style_sheet
from tdsr_leaderboard.study.answers import WORDS
from tdsr_leaderboard.study.blocks import Section
from tdsr_leaderboard.study.words import MINUS, NOTHING

NUMERIC = re.compile(rf"[-+<\d{NOTHING}{MINUS}]|$")
"""How a cell begins that holds a number, or nothing."""


def report_page(title: str, plan: str, sections: Sequence[Section]) -> str:
    """The page.

    Args:
        title: of the study.
        plan: the name of its file.
        sections: see `content`.
    """
    style = style_sheet("study.css")
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["svg"] = plain_svg
    environment.filters["verdict"] = verdict_of
    environment.filters["numeric"] = lambda cell: NUMERIC.match(cell) is not None
    return environment.get_template("study.html.j2").render(
        title=title, plan=plan, sections=sections, style=Markup(style), policy=content_policy(style, "")
    )


def verdict_of(cell: str) -> str:
    """The class of a cell that begins with a verdict; "" of another.

    >>> verdict_of("not told apart: 2 regions"), verdict_of("roads")
    ('not-told-apart', '')
    """
    word = cell.partition(":")[0]
    return word.replace(" ", "-") if word in WORDS else ""
