"""The report of a study, written."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tdsr_bench.files import write_atomically
from tdsr_leaderboard.figures.svg import Drawing, standalone
from tdsr_leaderboard.study.answers import Answer, answers
from tdsr_leaderboard.study.blocks import Section
from tdsr_leaderboard.study.content import sections
from tdsr_leaderboard.study.figures import figures
from tdsr_leaderboard.study.markdown import report_markdown
from tdsr_leaderboard.study.page import report_page
from tdsr_leaderboard.study.runs import Study, load_study


@dataclass(frozen=True)
class Report:
    """All that is said of a study.

    Attributes:
        study: with its records.
        answers: to its questions.
        drawings: its figures.
        sections: what Markdown and page show.
    """

    study: Study
    answers: Sequence[Answer]
    drawings: Sequence[Drawing]
    sections: Sequence[Section]


def make_report(plan: Path, folder: Path) -> Report:
    """The report of the study of the file `plan` whose records lie in `folder`.

    Raises:
        ProtocolError: the plan is not there or not complete.
        DataError: nothing was run yet, or a record is broken.
    """
    study = load_study(plan, folder)
    answered = answers(study)
    drawn = figures(study, answered)
    return Report(study, answered, drawn, sections(study, answered, drawn))


def write_report(report: Report, plan: Path, *, out: Path, html: Path, folder: Path) -> list[Path]:
    """Write figures, Markdown and page; the paths, the page's last.

    Args:
        report: what is written.
        plan: the plan's file, whose name the report says.
        out: the Markdown.
        html: the page.
        folder: of the figures.
    """
    paths = {drawing.key: folder / f"{drawing.key}.svg" for drawing in report.drawings}
    for drawing in report.drawings:
        write_atomically(paths[drawing.key], standalone(drawing).encode())
    title, named = report.study.plan.title, plan.name
    links = {key: Path(os.path.relpath(path, out.parent)).as_posix() for key, path in paths.items()}
    write_atomically(out, report_markdown(title, named, report.sections, links).encode())
    write_atomically(html, report_page(title, named, report.sections).encode())
    return [*paths.values(), out, html]
