"""All runs in the plane of both gaps, with an arrow from image losses to task-driven ones for each network and arm."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tdsr_bench.card import GAP_TITLES
from tdsr_leaderboard.figures.style import (
    FAINT,
    GREY,
    INK,
    SMALL,
    Known,
    axes_within,
    known,
    new_figure,
    short,
    signed,
    styled,
)
from tdsr_leaderboard.figures.svg import Drawing, drawn
from tdsr_leaderboard.study.figures.look import colour_of, ending, marker_of, prefix_of
from tdsr_leaderboard.study.runs import Study
from tdsr_leaderboard.study.table import Row, tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY, TITLE = "plane", "What task-driven training does to images and tasks"
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM, LEGEND = 760, 430, 58, 14, 196, 46, 12
Limits = tuple[float, float]

REACH = 0.12
"""How far beyond what arrows join the plane goes at most; what lies outside is counted in the caption."""


@dataclass(frozen=True)
class Point:
    """A group of runs, a method or a reference.

    Attributes:
        label: its name.
        network, arm, variant: names in the plan; "" of methods and references.
        image, task: its gaps.
    """

    label: str
    network: str
    arm: str
    variant: str
    image: Known
    task: Known

    @property
    def at(self) -> tuple[float, float]:
        """Image gap and task gap."""
        return self.image.value, self.task.value


def draw(study: Study) -> Drawing | None:
    """The drawing; None where no network has both gaps."""
    points = points_of(study)
    if not any(point.network for point in points):
        return None
    arrows = [*arrows_of(study, points)]
    x, y = limits_of(points, arrows)
    shown = [point for point in points if x[0] < point.at[0] < x[1] and y[0] < point.at[1] < y[1]]
    with styled(KEY):
        figure = _figure(study, shown, arrows, (x, y))
    caption = _caption(study, [point for point in points if point not in shown], arrows)
    return drawn(figure, prefix=prefix_of(study, KEY), key=KEY, title=TITLE, caption=caption)


def points_of(study: Study) -> list[Point]:
    """Each group of undisturbed runs once, and the references of each tested arm."""
    found = []
    for table in tables(study):
        for row in table.rows:
            point = _point(study, row)
            if point:
                found.append(point)
    return found


def arrows_of(study: Study, points: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """From image losses to the fullest task-driven ones, for each network and arm that has both."""
    if study.pixel is None or study.foremost is None:
        return
    known_points: Mapping[tuple[str, str, str], Point] = {(one.network, one.arm, one.variant): one for one in points}
    for network in study.plan.networks:
        for arm in study.plan.arms:
            pair = [known_points.get((network, arm, variant)) for variant in (study.pixel, study.foremost)]
            if pair[0] and pair[1]:
                yield pair[0], pair[1]


def _point(study: Study, row: Row) -> Point | None:
    _, image_key, task_key = study.gaps
    image, task = known(row.gaps.get(image_key)), known(row.gaps.get(task_key))
    if image is None or task is None:
        return None
    first = study.groups[row.group][0] if row.group else None
    trained = first if first and first.network else None
    names = (str(trained.network), trained.arm, str(trained.variant)) if trained else ("", "", "")
    return Point(row.label, *names, image, task)


def limits_of(points: Sequence[Point], arrows: Sequence[tuple[Point, Point]]) -> tuple[Limits, Limits]:
    """From where to where image gap and task gap are shown: what arrows join, and what lies near."""
    trained = [point for point in points if point.network]
    joined = [point for pair in arrows for point in pair] or trained
    return (
        _limits([point.image for point in trained], [point.image for point in joined]),
        _limits([point.task for point in trained], [point.task for point in joined]),
    )


def _figure(
    study: Study,
    points: Sequence[Point],
    arrows: Sequence[tuple[Point, Point]],
    limits: tuple[Limits, Limits],
) -> "Figure":
    figure = new_figure(WIDTH, HEIGHT)
    axes = axes_within(figure, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.set(xlabel=f"{GAP_TITLES[study.gaps[1]]}, better to the right", ylabel="task gap, better upwards")
    axes.axhline(0, color=INK, alpha=0.3, linewidth=0.8)
    axes.axvline(0, color=INK, alpha=0.3, linewidth=0.8)
    ends = {id(point) for pair in arrows for point in pair}
    for point in points:
        _mark(study, axes, point, end=id(point) in ends)
    for start, end in arrows:
        _arrow(axes, start, end, colour_of(study, start.arm))
    _legend(study, axes, points)
    return figure


def _limits(gaps: Sequence[Known], joined: Sequence[Known]) -> Limits:
    """The ends of an axis that holds the means of `joined` with their intervals, and those of `gaps` that are near."""
    ends = [end for gap in joined for end in (gap.value, *(gap.ci95 or ()))]
    low, high = min(ends), max(ends)
    near = [gap.value for gap in gaps if low - REACH < gap.value < high + REACH]
    low, high = min(low, *near), max(high, *near)
    room = 0.06 * (high - low)
    return low - room, high + room


def _mark(study: Study, axes: "Axes", point: Point, *, end: bool) -> None:
    """A run; its intervals where an arrow begins or ends there; filled where tasks drive it."""
    if not point.network:
        axes.plot(*point.at, "x", color=GREY, markersize=4.5, zorder=1)
        return
    colour, marker = colour_of(study, point.arm), marker_of(study, point.network)
    if end:
        for gap, line, across in ((point.image, axes.hlines, point.at[1]), (point.task, axes.vlines, point.at[0])):
            if gap.ci95:
                line(across, *gap.ci95, color=colour, alpha=0.4, linewidth=0.8)
    fill = "none" if point.variant == study.pixel else colour
    alpha = 1 if end else 0.55
    axes.plot(
        *point.at, marker, color=colour, markersize=7.5 if end else 4, markerfacecolor=fill, alpha=alpha, zorder=3
    )


def _arrow(axes: "Axes", start: Point, end: Point, colour: str) -> None:
    axes.annotate(
        "",
        end.at,
        start.at,
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 5, "shrinkB": 5},
        zorder=2,
    )


def _legend(study: Study, axes: "Axes", points: Sequence[Point]) -> None:
    from matplotlib.lines import Line2D

    def mark(label: str, **how: object) -> Line2D:
        return Line2D([], [], label=short(label, 26), **({"linestyle": "", "markersize": 6} | how))  # type: ignore[arg-type]

    plan, there = study.plan, [point for point in points if point.network]
    arms = [arm for arm in plan.arms if any(point.arm == arm for point in there)]
    networks = [network for network in plan.networks if any(point.network == network for point in there)]
    marks = [mark(plan.arms[arm].title, color=colour_of(study, arm), linestyle="-", linewidth=2.5) for arm in arms]
    marks += [mark(plan.networks[name].title, color=INK, marker=marker_of(study, name)) for name in networks]
    hollow = plan.variants[study.pixel].title if study.pixel else ""
    marks += [mark(hollow, color=INK, marker="o", markerfacecolor="none")] if hollow else []
    marks += [mark(plan.variants[study.foremost].title, color=INK, marker="o")] if study.foremost else []
    if any(point.variant not in (study.pixel, study.foremost) for point in there):
        marks.append(mark("another way of training", color=INK, marker="o", markersize=4, alpha=FAINT))
    if len(there) < len(points):
        marks.append(mark("not trained", color=GREY, marker="x", markersize=4.5))
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(1.03, 1), borderaxespad=0, fontsize=SMALL, labelspacing=0.75
    )


def _caption(study: Study, outside: Sequence[Point], arrows: Sequence[tuple[Point, Point]]) -> str:
    led = " An arrow leads from image losses alone to the same network and arm with tasks added." if arrows else ""
    lines = " Thin lines are 95 % intervals." if any(point.task.ci95 for pair in arrows for point in pair) else ""
    return (
        f"Each network's image gap and task gap, means over seeds and regions.{led}{lines}"
        f"{_outside(study, outside)} {ending(study)}"
    )


def _outside(study: Study, points: Sequence[Point]) -> str:
    """What the plane does not show: runs by name and place, the others by number."""
    trained = [point for point in points if point.network]
    named = [f"{point.label}, {study.arm_title(point.arm)} ({', '.join(map(signed, point.at))})" for point in trained]
    rest = len(points) - len(trained)
    named += [f"{rest} of the rows that are not trained"] if rest else []
    return f" Outside (image gap, task gap): {'; '.join(named)}." if named else ""
