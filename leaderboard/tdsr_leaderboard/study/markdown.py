"""The report as Markdown."""

from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from tdsr_leaderboard.markdown import escaped
from tdsr_leaderboard.study.blocks import Section

LONGEST = 1000
"""Characters of a text of the plan or of a record."""


def report_markdown(title: str, plan: str, sections: Sequence[Section], figures: Mapping[str, str]) -> str:
    """The report.

    Args:
        title: of the study.
        plan: the name of its file.
        sections: see `content`.
        figures: for each key of a drawing the path of its file, from where the report lies.
    """
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["md"] = lambda text: escaped(text, LONGEST)
    return environment.get_template("study.md.j2").render(title=title, plan=plan, sections=sections, figures=figures)
