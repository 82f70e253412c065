"""What the page's script is told, so that it can open a card: compact, rounded, everything once."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from statistics import fmean
from typing import Any, TypeGuard

from tdsr_bench.card import GAP_TITLES, GapPart, ResultCard
from tdsr_bench.inference import PairedResult
from tdsr_leaderboard.board import Board
from tdsr_leaderboard.page.rows import VERDICTS, Line, verdict

DIGITS = 4
"""Significant digits of every number; the intervals here are a hundred times wider than what is lost."""

LONGEST = 1_000
"""Characters of a text of a card that is no name; what is longer is cut."""

EXTRA_GAPS = {
    "image_gap_no_lpips_against_median": "image gap without LPIPS, from the median of bicubics",
    "task_gap_against_bicubic": "task gap, from bicubic alone",
}

GROUPS = {"gap": "image, in the gap", "image": "image, beside the gap"}
"""What the choice of metrics calls those of no task."""

ENVIRONMENT = ("package", "git", "dirty", "python", "torch", "device", "seed", "libraries")

SceneMeans = dict[str, dict[str, float]]
"""For each key and scene, the mean over bands and networks."""


@dataclass
class Shared:
    """Texts and records that many cards have, told once; cards say where they stand."""

    values: list[Any] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, value: Any) -> int:
        """Where `value` stands."""
        known = json.dumps(value, sort_keys=True, default=str)
        if known not in self.places:
            self.places[known] = len(self.values)
            self.values.append(json.loads(known))
        return self.places[known]


@dataclass(frozen=True)
class Ground:
    """What the cards of a board have in common.

    Attributes:
        first: the best complete card; of what all cards have, its part is told.
        scenes: in the order of columns of values.
        region: of each scene.
        regions: in the order of a gap's values.
        keys: the metrics, in the order of the cards.
        shared: see `Shared`.
    """

    first: ResultCard
    scenes: tuple[str, ...]
    region: Mapping[str, str]
    regions: tuple[str, ...]
    keys: tuple[str, ...]
    shared: Shared


def board_data(board: Board, shown: Sequence[Line], sheets: Mapping[str, Any]) -> dict[str, Any]:
    """All that opening a card of `board` needs.

    Args:
        board: the board.
        shown: its lines.
        sheets: of lines, by slug; see `tdsr_leaderboard.page.sheets`.
    """
    means = _all_means(board, shown)
    ground = _ground(board, shown, means)
    places = {line.label: place for place, line in enumerate(shown) if line.card}
    return {
        "score": board.score,
        "gaps": GAP_TITLES | EXTRA_GAPS,
        "regions": ground.regions,
        "scenes": ground.scenes,
        "sceneRegions": [ground.region.get(scene, "") for scene in ground.scenes],
        "keys": [key_data(key, ground.first) for key in ground.keys],
        "protocol": ground.first.protocol.model_dump(include={"id", "version", "sha256"}),
        "data": _data_part(ground.first),
        "lines": [_line(line, means[line.slug], ground) | {"sheet": sheets.get(line.slug)} for line in shown],
        "tested": board.tested,
        "pairs": _pairs(board.pairs, [line.label for line in shown if line.rank and line.rank <= board.tested]),
        "contrasts": {
            "first": [places.get(contrast.misr.label) for contrast in board.contrasts],
            "second": [places.get(contrast.other.label) for contrast in board.contrasts],
            **_tests(contrast.results[board.score] for contrast in board.contrasts),
        },
        "verdicts": VERDICTS,
        "shared": ground.shared.values,
    }


def json_text(data: object) -> str:
    """`data` as JSON that nothing in HTML can end early: no ``<``, ``>``, ``&``, no line separator."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number that fits a float; cards of others hold anything."""
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, int | float)):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def short(value: object, digits: int = DIGITS) -> float | int | None:
    """A number to so many significant digits; None for anything else.

    >>> short(0.123456), short(2.0), short(float("nan")), short("1")
    (0.1235, 2, None, None)
    """
    if not is_number(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def scene_means(rows: Iterable[Mapping[str, Any]]) -> SceneMeans:
    """The mean over bands and networks of every key and scene; those without any value are left out."""
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        own = values.setdefault(str(row.get("key")), {})
        value = row.get("value")
        if is_number(value):
            own.setdefault(str(row.get("scene")), []).append(value)
    return {key: {scene: fmean(found) for scene, found in scenes.items()} for key, scenes in values.items()}


def key_data(key: str, card: ResultCard) -> dict[str, Any]:
    """What tables call a metric, its unit, its better end (1 up, -1 down, 0 neither), where it comes from."""
    unit = next((str(row.get("unit")) for row in card.rows if row.get("key") == key), "1")
    title, better, source = _known_keys().get(key, (key[:LONGEST], 0, ""))
    summary = card.summary
    part = summary.metrics.get(key) if summary else None
    task = summary.tasks.get(key) if summary else None
    prefix, dot, _ = key.partition(".")
    group = prefix[:LONGEST] if dot else GROUPS["gap" if key == "lpips" or (part and part.gap is not None) else "image"]
    about = {"title": title, "unit": "" if unit == "1" else unit[:LONGEST], "better": better, "source": source}
    bounds = [short(task.bicubic), short(task.frame_trained), short(task.reference), task.in_gap] if task else None
    return {"key": key[:LONGEST], **about, "group": group, "bounds": bounds}


@cache
def _known_keys() -> dict[str, tuple[str, int, str]]:
    """Title, better end and source of every metric and measure of this version."""
    from tdsr_bench.metrics import METRICS
    from tdsr_bench.tasks import PAIR_TASKS, TASKS

    ends = {True: 1, False: -1, None: 0}
    known = {metric.key: (metric.title, ends[metric.higher_is_better], metric.source) for metric in METRICS}
    for task in TASKS:
        known |= {f"{task.key}.{m.key}": (f"{task.title}: {m.title}", 1, m.source) for m in task.measures}
    for pair_task in PAIR_TASKS:
        known |= {measure.key: (measure.title, 1, measure.source) for measure in pair_task.measures}
    return known


def _all_means(board: Board, shown: Sequence[Line]) -> dict[str, SceneMeans]:
    """Of every line by slug; those of the references come from the first card, as their gaps do."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in board.cards[0].reference_rows:
        rows.setdefault(str(row.get("method")), []).append(row)
    return {line.slug: scene_means(line.card.rows if line.card else rows.get(line.label, [])) for line in shown}


def _ground(board: Board, shown: Sequence[Line], means: Mapping[str, SceneMeans]) -> Ground:
    cards = [line.card for line in shown if line.card]
    region = {str(row.get("scene")): str(row.get("group")) for card in cards for row in card.rows}
    return Ground(
        first=next((card for card in cards if card.summary), board.cards[0]),
        scenes=tuple(sorted({scene for card in cards for scene in card.data.scenes})),
        region=region,
        regions=tuple(sorted({name for card in cards for name in card.data.regions})),
        keys=tuple(dict.fromkeys(key for own in means.values() for key in own)),
        shared=Shared(),
    )


def _data_part(card: ResultCard) -> dict[str, Any]:
    truth = json.dumps(card.data.truth, sort_keys=True) if card.data.truth else ""
    return {"fingerprint": card.data.fingerprint, "strips": len(card.data.strips), "truth": _cut(truth)}


def _line(line: Line, means: SceneMeans, ground: Ground) -> dict[str, Any]:
    """A row of the table with all that opening it shows."""
    values = [[short(means.get(key, {}).get(scene)) for scene in ground.scenes] for key in ground.keys]
    about = {
        "slug": line.slug,
        "label": line.label,
        "kind": line.kind,
        "rank": line.rank,
        "flags": [[text, meaning] for _, text, meaning in line.chips],
        "reasons": [*map(_cut, line.reasons)],
        "gaps": {key: _gap(gap, ground) for key, gap in _gaps(line).items()},
        "values": [own if any(value is not None for value in own) else 0 for own in values],
    }
    if line.card:
        metrics = [_metric(line.card, key, ground) for key in ground.keys]
        return about | {"metrics": metrics} | _card(line.card, line.frames, ground)
    return about | {"metrics": [_reference_metric(means.get(key, {}), ground) for key in ground.keys]}


def _gaps(line: Line) -> dict[str, GapPart]:
    summary = line.card.summary if line.card else None
    extra = {key: gap for key in EXTRA_GAPS if summary and (gap := getattr(summary, key)) is not None}
    return line.gaps | extra


def _gap(gap: GapPart, ground: Ground) -> list[Any]:
    """Value, ends of the interval, mean before clipping, the value of each region, what is missing."""
    ends = [*map(short, gap.ci95)] if gap.ci95 else 0
    regions = [short(gap.regions.get(region)) for region in ground.regions] if gap.regions else 0
    return [short(gap.value), ends, short(gap.raw), regions, _places(gap.missing, ground)]


def _metric(card: ResultCard, key: str, ground: Ground) -> list[Any] | int:
    """Mean, ends of the interval, gap, number of scenes, and the reason where there is no value; 0 for nothing."""
    part = card.summary.metrics.get(key) if card.summary else None
    if card.summary is None or part is None:
        return 0
    task = card.summary.tasks.get(key)
    ends = [*map(short, part.ci95)] if part.ci95 else 0
    found = [short(part.mean), ends, short(task.gap if task else part.gap), part.n]
    return [*found, ground.shared.place(_cut(part.reason))] if part.reason else found


def _reference_metric(means: Mapping[str, float], ground: Ground) -> list[Any] | int:
    """The mean over regions of the mean over scenes, as `tdsr_bench.gap.metric_mean` takes it."""
    regions: dict[str, list[float]] = {}
    for scene, value in means.items():
        regions.setdefault(ground.region.get(scene, ""), []).append(value)
    return [short(fmean(map(fmean, regions.values()))), 0, None, len(means)] if regions else 0


def _card(card: ResultCard, frames: int | None, ground: Ground) -> dict[str, Any]:
    """What only a card has: whose it is, how it was made, what kept it from a rank."""
    about, environment = card.submission, card.environment
    guards = card.summary.guards if card.summary else None
    return {
        "track": about.track,
        "frames": frames,
        "parameters": about.parameters,
        "trainedOn": _cut(about.training_data),
        "training": _plain(about.training or {}),
        "controlOf": about.control_of,
        "sha256": about.sha256,
        "failed": {scene[:LONGEST]: _cut(reason) for scene, reason in card.failed.items()},
        "consistency": short(guards.consistency_ratio) if guards else None,
        "environment": ground.shared.place({key: _plain(environment.get(key)) for key in ENVIRONMENT}),
        "networks": ground.shared.place({task: [*map(_plain, own)] for task, own in card.networks.items()}),
        "seconds": [_mean_time(card, "predict_s"), _mean_time(card, "score_s")],
        "kept": short(card.timing.get("kept")),
    }


def _mean_time(card: ResultCard, key: str) -> float | int | None:
    """Seconds a scene, over the scenes that were timed."""
    times = card.timing.get(key)
    known = [time for time in times.values() if is_number(time)] if isinstance(times, dict) else []
    return short(fmean(known)) if known else None


def _pairs(pairs: Sequence[PairedResult], tested: Sequence[str]) -> dict[str, list[Any]]:
    """Columns with a place for each two lines that were tested, by their labels in the order of the ranks."""
    by_labels = {(pair.first, pair.second): pair for pair in pairs}
    return _tests(by_labels.get(two) for two in combinations(tested, 2))


def _tests(results: Iterable[PairedResult | None]) -> dict[str, list[Any]]:
    """The difference, half its interval, the adjusted p-value, and what the data say, as its place in `VERDICTS`."""
    known = list(results)
    return {
        "value": [short(result.difference.value) if result else None for result in known],
        "reach": [_reach(result.difference.ci95, 3) if result else None for result in known],
        "p": [short(result.p_holm, 2) if result else None for result in known],
        "verdict": [VERDICTS.index(verdict(result)) if result else 0 for result in known],
    }


def _reach(ends: tuple[float, float] | None, digits: int) -> float | int | None:
    return short((ends[1] - ends[0]) / 2, digits) if ends else None


def _places(texts: Iterable[str], ground: Ground) -> list[int]:
    return [ground.shared.place(_cut(text)) for text in texts]


def _plain(value: object) -> object:
    """A value of a record, whatever it is, as a text; a record in it as texts too."""
    if isinstance(value, dict):
        return {_cut(key): _cut(part) for key, part in value.items()}
    return value if value is None or isinstance(value, bool) else _cut(value)


def _cut(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
