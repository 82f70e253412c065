"""Tables of what disturbances cost methods."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from tdsr_bench.card import GAP_TITLES, GapPart
from tdsr_bench.printable import plain

if TYPE_CHECKING:
    from tdsr_leaderboard.robustness import Loss, LossDifference, Undergone


def losses_table(methods: "Sequence[Undergone]", rows: "Sequence[Loss]", scores: Sequence[str]) -> Table:
    """The gaps of each method, undisturbed and under each disturbance, and what is lost."""
    from tdsr_bench.inference import in_words
    from tdsr_leaderboard.ranking import LEAST_REGIONS, gap_of

    data = methods[0].plain.card.data
    regions = len(data.regions)
    table = Table(
        title=f"robustness: {in_words(max(len(data.scenes), regions), regions, LEAST_REGIONS)}",
        caption="the gap when disturbed, then that less the undisturbed one; p with Holm's correction over a column",
    )
    for heading in ("method", "disturbance", *(GAP_TITLES[score] for score in scores)):
        table.add_column(heading)
    for method in methods:
        label = method.plain.label
        undisturbed = (gap_of(method.plain.card, score) for score in scores)
        table.add_section()
        table.add_row(plain(label), "none", *("—" if gap is None else str(gap) for gap in undisturbed))
        for row in (row for row in rows if row.method == label):
            table.add_row("", row.disturbance, *(_cell(row, score) for score in scores))
    return table


def differences_table(rows: "Sequence[LossDifference]", scores: Sequence[str]) -> Table:
    """Which methods lose less than the first one."""
    table = Table(
        title=f"loss less that of {plain(rows[0].first)}",
        caption="positive: loses less; p with Holm's correction over a column",
    )
    for heading in ("disturbance", "method", *(GAP_TITLES[score] for score in scores)):
        table.add_column(heading)
    for row in rows:
        table.add_row(row.disturbance, plain(row.method), *(_change(row, score) for score in scores))
    return table


def _cell(row: "Loss", score: str) -> str:
    gap = row.gaps.get(score)
    return "—" if gap is None else f"{gap.value:+.3f}\n{_change(row, score)}"


def _change(row: "Loss | LossDifference", score: str) -> str:
    """The difference with its interval; then p, and whether more may be lost than a clipped gap can show."""
    result = row.results.get(score)
    if result is None or result.difference.value is None:
        return "—"
    if set(result.difference.regions.values()) == {0.0}:
        return "nothing changes"
    floored = row.floored[score]
    p = "" if result.p_holm is None else f"p {result.p_holm:.2g}"
    at_floor = f"{floored} of {len(result.difference.regions)} clipped" if floored else ""
    below = ", ".join(filter(None, (p, at_floor)))
    return str(GapPart(**vars(result.difference))) + (f"\n{below}" if below else "")
