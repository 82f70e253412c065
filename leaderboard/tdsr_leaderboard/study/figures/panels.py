"""Pictures in the manner of the seed document's figures: how a scene looks, and what is found in it, for each arm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tdsr_bench.files import slug
from tdsr_bench.study.record import RunRecord
from tdsr_bench.tasks.colours import LEGEND
from tdsr_bench.tasks.sheet import COLUMNS, IMAGE, Picture, Sheet
from tdsr_leaderboard.figures.style import SMALL, short
from tdsr_leaderboard.figures.svg import Drawing, wrapped
from tdsr_leaderboard.figures.tiles import BETWEEN, SIDE, best_within, picture_uri, readable_sheet
from tdsr_leaderboard.study.figures.look import prefix_of
from tdsr_leaderboard.study.runs import Study

TITLE = "How it looks"
LARGEST = 195_000
"""Bytes of a drawing."""

LEFT, TOP, BOTTOM, APART = 84, 24, 24, 22
"""Pixels: of the margins, and between the arms."""

FRAME, _, METHOD, REFERENCE = COLUMNS


@dataclass(frozen=True)
class Arm:
    """An arm with the sheets of its variants, from left to right."""

    title: str
    sheets: tuple[Sheet, ...]


def draw_all(study: Study) -> Iterator[Drawing]:
    """A drawing for each scene that the plan wants and that the sheets of all its arms show."""
    panels = study.plan.panels
    if panels is None:
        return
    arms = [arm for arm in (_arm(study, name) for name in panels.arms) if arm]
    if not arms:
        return
    shown = [sheet.record.scenes for arm in arms for sheet in arm.sheets]
    scenes = [scene for scene in shown[0] if all(scene in one for one in shown)]
    for scene in scenes if panels.scenes is None else [scene for scene in panels.scenes if scene in scenes]:
        found = draw(study, arms, scene)
        if found:
            yield found


def draw(study: Study, arms: Sequence[Arm], scene: str) -> Drawing | None:
    """The drawing of a scene; None where it would be too large."""
    key, title = f"scene-{slug(scene)}", f"{TITLE}: {short(scene)}"
    caption = _caption(study, scene, arms)
    svg = best_within(LARGEST, partial(_svg, study, arms, scene, key, title, caption))
    return Drawing(key, title, caption, svg) if svg else None


def _arm(study: Study, arm: str) -> Arm | None:
    """The sheets of the first seeds; None where one is missing or cannot be read."""
    panels = study.plan.panels
    assert panels is not None
    sheets = []
    for variant in panels.variants:
        runs = study.groups.get(f"{panels.network}-{arm}-{variant}", [])
        sheet = _sheet(study.folder, runs[0]) if runs else None
        if sheet is None:
            return None
        sheets.append(sheet)
    return Arm(study.arm_title(arm), tuple(sheets))


def _sheet(folder: Path, run: RunRecord) -> Sheet | None:
    """The sheet of a run, which lies in the study's folder: a record is somebody else's file."""
    if run.sheet is None:
        return None
    path = (folder / run.sheet).resolve()
    return readable_sheet(path) if path.is_relative_to(folder.resolve()) else None


def _rows(arms: Sequence[Arm]) -> list[str]:
    """The image, and the tasks that all sheets show."""
    shown = [sheet.record.rows for arm in arms for sheet in arm.sheets]
    return [IMAGE, *(row for row in shown[0] if row != IMAGE and all(row in rows for rows in shown))]


def _svg(study: Study, arms: Sequence[Arm], scene: str, key: str, title: str, caption: str, quality: int) -> str:
    rows, heads = _rows(arms), _heads(study)
    block = len(rows) * (SIDE + BETWEEN) - BETWEEN
    tops = [TOP + index * (block + APART) for index in range(len(arms))]
    down = [[top + index * (SIDE + BETWEEN) for index in range(len(rows))] for top in tops]
    across = [LEFT + index * (SIDE + BETWEEN) for index in range(len(heads))]
    height, width = tops[-1] + block + BOTTOM, across[-1] + SIDE + 2
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    body = environment.get_template("study_panels.svg.j2").render(
        heads=[(x + SIDE / 2, short(name, 27)) for x, name in zip(across, heads, strict=True)],
        sides=[
            (y + SIDE / 2, short(arm.title, 12), short(row, 12))
            for arm, places in zip(arms, down, strict=True)
            for y, row in zip(places, rows, strict=True)
        ],
        tiles=[
            (x, y, SIDE, picture_uri(picture, quality))
            for arm, places in zip(arms, down, strict=True)
            for y, row in zip(places, rows, strict=True)
            for x, picture in zip(across, _tiles(arm, scene, row), strict=True)
        ],
        side=LEFT - 8,
        legend=(LEFT, height - 7, LEGEND.partition(" (")[0]),
        size=SMALL,
    )
    return wrapped(body, prefix_of(study, key), title, caption, width=width, height=height)


def _heads(study: Study) -> list[str]:
    panels = study.plan.panels
    assert panels is not None
    return ["frame, or truth", *(study.plan.variants[name].title for name in panels.variants), "reference"]


def _tiles(arm: Arm, scene: str, row: str) -> Iterator[Picture]:
    """From left to right: the frame, or the truth of a task, each variant, the reference."""
    yield arm.sheets[0].tile(scene, row, FRAME)
    yield from (sheet.tile(scene, row, METHOD) for sheet in arm.sheets)
    yield arm.sheets[0].tile(scene, row, REFERENCE)


def _caption(study: Study, scene: str, arms: Sequence[Arm]) -> str:
    panels = study.plan.panels
    assert panels is not None
    names = " and ".join(short(arm.title) for arm in arms)
    return (
        f"A part of the scene {short(scene)}, {names} frames, by {study.plan.networks[panels.network].title} "
        "(first seed): the images, and what most of the networks that score find in them. It is one place that the "
        "data chose, so it tells how things look and not which is better."
    )
