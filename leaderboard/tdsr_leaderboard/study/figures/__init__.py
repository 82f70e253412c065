"""The figures of a study, as SVG for light and dark pages; one a file."""

from collections.abc import Callable, Iterator

from tdsr_leaderboard.figures.svg import Drawing
from tdsr_leaderboard.study.answers import Answer
from tdsr_leaderboard.study.figures import forest, panels, plane, price, robustness
from tdsr_leaderboard.study.runs import Study

__all__ = ["figures", "forest"]

DRAWN: tuple[Callable[[Study], Drawing | None], ...] = (plane.draw, price.draw, robustness.draw)


def figures(study: Study, answered: list[Answer]) -> list[Drawing]:
    """Those figures that the study has data for, in reading order."""
    return [figure for figure in _all(study, answered) if figure]


def _all(study: Study, answered: list[Answer]) -> Iterator[Drawing | None]:
    for draw in DRAWN:
        yield draw(study)
    yield from (forest.draw(study, answer) for answer in answered)
    yield from panels.draw_all(study)
