"""Tables on standard output."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tdsr_bench.card import GAP_TITLES
from tdsr_bench.printable import plain

if TYPE_CHECKING:
    from tdsr_bench.card import GapPart, ResultCard
    from tdsr_bench.compare import Comparison, Line
    from tdsr_bench.inference import Estimate
    from tdsr_bench.suitability import SuitabilityLine
    from tdsr_bench.verify import Check
    from tdsr_leaderboard.board import Board

output = Console(width=None if sys.stdout.isatty() else 140)


def print_card(card: "ResultCard") -> None:
    """The card's gaps among the methods that every table shows, then its metrics."""
    if card.summary and card.summary.balanced_no_lpips:
        output.print(_official_table(card))
        return
    output.print(_gap_table(card))
    if card.summary:
        if card.summary.tasks:
            output.print(_task_table(card))
        output.print(_metric_table(card))
        for reason in card.summary.guards.reasons:
            output.print(f"[yellow]not ranked:[/] {plain(reason)}")
        for missing in dict.fromkeys((*card.summary.image_gap.missing, *card.summary.combined_gap.missing)):
            output.print(f"[dim]not in the gaps: {plain(missing)}[/]", highlight=False)
        _print_scenes_only(card)


def _print_scenes_only(card: "ResultCard") -> None:
    """What a bootstrap of scenes says, with its label, where each region has several."""
    from tdsr_bench.scene_bootstrap import SCENES_ONLY
    from tdsr_bench.summary import scenes_only

    ends = [f"{GAP_TITLES[key]} {low:+.3f} to {high:+.3f}" for key, (low, high) in scenes_only(card).items()]
    if ends:
        output.print(f"[dim]{SCENES_ONLY} By a bootstrap: {', '.join(ends)}.[/]", highlight=False)


def _official_table(card: "ResultCard") -> Table:
    """Means over scenes and bands of `mus2-official`, for each mask and method."""
    assert card.summary is not None
    table = Table(title=f"{plain(card.data.name)}: mus2-official, {len(card.data.scenes)} scenes, mean over four bands")
    keys = ("cPSNR", "cSSIM", "LPIPS")
    for heading in ("mask", "method", *keys, "balanced", "balanced without LPIPS"):
        table.add_column(heading)
    rows = [*card.reference_rows, *({**row, "method": card.submission.name} for row in card.rows)]
    for mask, method in sorted({(row["mask"], row["method"]) for row in rows}):
        means = [_mean([row["value"] for row in rows if _is(row, mask, method, key)]) for key in keys]
        scores = [
            _mean([bands[mask] for bands in (score or {}).get(method, {}).values()])
            for score in (card.summary.balanced, card.summary.balanced_no_lpips)
        ]
        style = "bold green" if method == card.submission.name else ""
        table.add_row(plain(mask), plain(method), *means, *scores, style=style)
    return table


def _is(row: Mapping[str, object], mask: str, method: str, key: str) -> bool:
    return (row["mask"], row["method"], row["key"]) == (mask, method, key)


def _mean(values: Sequence[float | None]) -> str:
    from tdsr_bench.rows import mean_of_all

    mean = mean_of_all(values)
    return "—" if mean is None else f"{mean:.4f}"


def _gap_table(card: "ResultCard") -> Table:
    data, regions = card.data, len(card.data.regions)
    title = (
        f"{plain(f'{data.name}, {data.arm}, {data.split}')}: {len(data.scenes)} scenes, {regions} independent regions"
    )
    interval = "95 % interval over regions" if regions > 2 else "no interval under 3 regions"
    table = Table(title=title, caption=f"share of the gap from the zero (0) to the reference (1); {interval}")
    lines = [(name, "", gaps, "") for name, gaps in card.references.items()]
    if card.summary:
        about, summary = card.submission, card.summary
        lines.append((about.name, about.track, {key: getattr(summary, key) for key in GAP_TITLES}, "bold green"))
    shown = [key for key in GAP_TITLES if any(key in gaps and gaps[key].value is not None for _, _, gaps, _ in lines)]
    for heading in ("method", "track", *(GAP_TITLES[key].replace(" without", "\nwithout") for key in shown)):
        table.add_column(heading)
    for name, track, gaps, style in sorted(lines, key=lambda line: -_rank(line[2], shown)):
        table.add_row(plain(name), track, *(str(gaps[key]) if key in gaps else "—" for key in shown), style=style)
    return table


def _rank(gaps: "Mapping[str, GapPart]", shown: Sequence[str]) -> float:
    values = [gaps[key].raw for key in shown if key in gaps]
    return next((value for value in values if value is not None), float("-inf"))


def _task_table(card: "ResultCard") -> Table:
    """What the networks find in the method's image, and in the images that bound it."""
    assert card.summary is not None
    table = Table(title="tasks: means over regions", caption="* part of the task gap")
    headings = ("bicubic", "bicubic, networks\ntrained on frames", "reference", "gap", "gap from\nbicubic alone")
    for heading in ("measure", plain(card.submission.name), *headings):
        table.add_column(heading)
    for key, part in card.summary.tasks.items():
        means = (part.method, part.bicubic, part.frame_trained, part.reference)
        gaps = (part.gap, part.gap_against_bicubic)
        texts = ["—" if mean is None else f"{mean:.3f}" for mean in means]
        texts += ["—" if gap is None else f"{gap:+.3f}" for gap in gaps]
        table.add_row(plain(f"{key} *" if part.in_gap else key), *texts)
    return table


def _metric_table(card: "ResultCard") -> Table:
    from tdsr_bench.metrics import find_metric
    from tdsr_bench.tasks import PAIR_TASKS

    assert card.summary is not None
    table = Table(title=f"{plain(card.submission.name)}: means over regions")
    for heading in ("metric", "mean", "95 % interval", "unit", "gap", "better"):
        table.add_column(heading)
    for key, part in card.summary.metrics.items():
        if key in card.summary.tasks:
            continue
        pair_task = any(key == measure.key for task in PAIR_TASKS for measure in task.measures)
        metric = None if pair_task else find_metric(key)
        better = {True: "higher", False: "lower", None: ""}[metric.higher_is_better if metric else True]
        unit = metric.unit if metric and metric.unit != "1" else ""
        mean = "—" if part.mean is None else f"{part.mean:.4g}"
        interval = "" if part.ci95 is None else f"{part.ci95[0]:.4g} to {part.ci95[1]:.4g}"
        gap = "" if part.gap is None else f"{part.gap:+.3f}"
        table.add_row(plain(key), mean, interval, unit, gap, better)
    return table


def suitability_table(lines: "Sequence[SuitabilityLine]", title: str) -> Table:
    """Means over regions of what the networks find in each image, and the verdict."""
    from tdsr_bench.references import FRAME_TRAINED
    from tdsr_bench.suitability import ADAPTED, BICUBIC, FRAME, HIGHRES

    seen = {FRAME: "frame", BICUBIC: "bicubic", FRAME_TRAINED: "trained\non frames", HIGHRES: "reference"}
    table = Table(title=plain(title), caption="after a slash: batch-norm statistics adapted; * part of the task gap")
    differences = ("reference less\nbicubic", "reference less\ntrained on frames")
    for heading in ("measure", *seen.values(), *differences, "effect", "order\nkept", "suits"):
        table.add_column(heading)
    for line in lines:
        means = [
            " / ".join(f"{line.means[name]:.3f}" for name in (method, method + ADAPTED) if name in line.means)
            for method in seen
        ]
        over = [_estimate(estimate) for estimate in (line.over_bicubic, line.over_twins)]
        effect = "—" if line.effect is None else f"{line.effect:.1f}"
        name = f"{line.key} *" if line.in_gap else line.key
        table.add_row(plain(name), *means, *over, effect, f"{line.kept:.0%}", "yes" if line.suits else "no")
    return table


def _estimate(estimate: "Estimate") -> str:
    interval = f"\n[{estimate.ci95[0]:+.3f}, {estimate.ci95[1]:+.3f}]" if estimate.ci95 else ""
    return f"{estimate.value:+.3f}{interval}"


def comparison_tables(comparison: "Comparison") -> "list[Table]":
    """The gaps, then the metrics, of two results."""
    from tdsr_bench.inference import in_words

    counted = in_words(max(comparison.scenes, comparison.regions), comparison.regions, 3)
    title = f"{comparison.first} less {comparison.second}: {counted}"
    caption = (
        "? without correction for the number of metrics (Holm) only; p is with it; drivers: the scenes that make most"
    )
    return [_lines_table(title, comparison.gaps), _lines_table("metrics", comparison.metrics, caption)]


def _lines_table(title: str, lines: "Sequence[Line]", caption: str | None = None) -> Table:
    table = Table(title=plain(title), caption=caption)
    for heading in ("", "first", "second", "difference", "p", "better", "drivers"):
        table.add_column(heading)
    for line in lines:
        p = "—" if line.result.p_holm is None else f"{line.result.p_holm:.2g}"
        drivers = ", ".join(f"{scene} {value:+.2g}" for scene, value in line.drivers)
        numbers = (f"{line.first:.4g}", f"{line.second:.4g}", _difference(line.result.difference))
        table.add_row(plain(line.title), *numbers, p, _better(line), plain(drivers))
    return table


def _better(line: "Line") -> str:
    """The verdict in words; with a question mark where it does not stand after correction."""
    if line.verdict not in ("first", "second"):
        return line.verdict
    which = line.verdict if line.higher_is_better is not None else f"{line.verdict} is higher"
    return which if line.result.told_apart else f"{which}?"


def _difference(estimate: "Estimate") -> str:
    ends = "" if estimate.ci95 is None else f" [{estimate.ci95[0]:+.3g}, {estimate.ci95[1]:+.3g}]"
    return f"{estimate.value:+.3g}{ends}"


def comparison_json(comparison: "Comparison") -> str:
    """The same for scripts."""
    import json
    from dataclasses import asdict

    content = asdict(comparison)
    for part in ("gaps", "metrics"):
        for line, found in zip(getattr(comparison, part), content[part], strict=True):
            found["verdict"] = line.verdict
    return json.dumps(content, indent=1, allow_nan=False)


def checks_table(name: str, checks: "Sequence[Check]") -> Table:
    """What was looked at in a card, and how it came out."""
    table = Table(title=f"the card of {plain(name)}")
    for heading in ("what", "state", "found"):
        table.add_column(heading)
    colours = {"holds": "green", "differs": "red", "not checked": "dim"}
    for check in checks:
        table.add_row(plain(check.what), f"[{colours[check.state]}]{check.state}[/]", plain(check.found))
    return table


def contrast_table(board: "Board") -> Table:
    """One frame against many, as a leaderboard shows it."""
    table = Table(
        title=f"one frame against many: {board.certainty}", caption="multi-image less what it is held against"
    )
    for heading in ("multi-image", "less", *(GAP_TITLES[name] for name in board.columns), "p", "verdict"):
        table.add_column(heading)
    for contrast in board.contrasts:
        results = [contrast.results[name] for name in board.columns]
        p = "—" if results[0].p_holm is None else f"{results[0].p_holm:.2g}"
        verdict = (
            "too few regions" if results[0].p is None else "told apart" if results[0].told_apart else "not told apart"
        )
        names = (plain(contrast.misr.label), plain(contrast.other.label))
        table.add_row(*names, *(_estimate(result.difference) for result in results), p, verdict)
    return table
