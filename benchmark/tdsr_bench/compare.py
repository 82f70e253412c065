"""Two results side by side: what differs, how surely, and which scenes make the difference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from tdsr_bench.card import GAP_TITLES, GapPart, ResultCard
from tdsr_bench.errors import CardError
from tdsr_bench.gap import region_means, scene_means
from tdsr_bench.inference import PairedResult, holm, pair_matrix
from tdsr_bench.metrics import find_metric
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol
from tdsr_bench.rows import ScoreRow
from tdsr_bench.summary import Summariser, card_rows, card_tasks, fitting, summariser

DRIVERS = 2
"""How many scenes are named for a difference."""

Verdict = Literal["first", "second", "not told apart", "too few regions"]
"""Which of two is better, or that nobody can tell."""


@dataclass(frozen=True)
class Line:
    """A gap or a metric of both results.

    Attributes:
        key: as cards call it.
        title: as tables call it.
        unit: "1" where it has none.
        first, second: means over regions.
        result: first - second, paired over regions; of metrics, p is adjusted for all metrics.
        higher_is_better: None where neither end is better.
        drivers: the scenes that make most of the difference, with theirs.
    """

    key: str
    title: str
    unit: str
    first: float
    second: float
    result: PairedResult
    higher_is_better: bool | None
    drivers: tuple[tuple[str, float], ...]

    @property
    def verdict(self) -> Verdict:
        """Which of both is better, or, where there is no better, higher; if the data tell.

        By the difference's own interval: whether that stands after correction is `PairedResult.told_apart`.
        """
        value = self.result.difference.value
        if self.result.p is None or value is None:
            return "too few regions"
        if not self.result.before_correction:
            return "not told apart"
        return "first" if (value > 0) == (self.higher_is_better is not False) else "second"


@dataclass(frozen=True)
class Comparison:
    """Two results on the same pixels.

    Attributes:
        first, second: the names.
        scenes, regions: how many both have.
        gaps: the gaps that both have.
        metrics: the metrics and measures of tasks that both have.
    """

    first: str
    second: str
    scenes: int
    regions: int
    gaps: tuple[Line, ...]
    metrics: tuple[Line, ...]


def compare(first: ResultCard, second: ResultCard) -> Comparison:
    """The paired differences of two results, first less second.

    Raises:
        CardError: they may not stand side by side, or one of them is incomplete or of an older protocol.
    """
    refuse_apart(first, second)
    protocol = load_protocol(first.protocol.id)
    if first.protocol.sha256 != protocol.sha256:
        raise CardError(
            f"Both cards are of another version of {protocol.id} ({first.protocol.sha256[:8]}) than the one installed "
            f"({protocol.sha256[:8]}); make them again by `tdsr-bench evaluate`."
        )
    names = _two_names(first, second)
    own, references = card_rows(first)
    others, _ = card_rows(second)
    summarise = summariser(protocol, references, card_tasks(first))
    with fitting(*names):
        return Comparison(
            *names,
            scenes=len(first.data.scenes),
            regions=len(first.data.regions),
            gaps=tuple(_gap_lines(first, second, names, (own, others), summarise)),
            metrics=tuple(_adjusted([*_metric_lines(own, others, names, protocol)])),
        )


def refuse_apart(first: ResultCard, second: ResultCard) -> None:
    """Refuse two cards that do not share protocol, pixels and scoring networks.

    Raises:
        CardError: they do not, or one is incomplete or not of `tdsr-v1`; the sentence says what differs.
    """
    for card in (first, second):
        if card.summary is None:
            raise CardError(
                f"The result of {card.submission.name} is incomplete ({len(card.failed)} scenes failed), so there is "
                f"nothing to compare; mend the submission, and run it again."
            )
        if card.summary.balanced_no_lpips is not None:
            raise CardError(f"{card.submission.name} is a result of {card.protocol.id}; compare those of tdsr-v1.")
    different = [what for what, one, other in _shared(first, second) if one != other]
    if different:
        names = f"{first.submission.name} and {second.submission.name}"
        raise CardError(
            f"{names} differ in {' and '.join(different)}, so their numbers may not be compared; score both alike."
        )


def _shared(first: ResultCard, second: ResultCard) -> Iterator[tuple[str, object, object]]:
    """What has to be the same, in words, with what it is in both."""
    yield "protocol", first.protocol.sha256, second.protocol.sha256
    places = [(card.data.name, card.data.arm, card.data.split) for card in (first, second)]
    yield f"data ({'/'.join(places[0])}, {'/'.join(places[1])})", places[0], places[1]
    if places[0] == places[1]:
        yield "pixels (fingerprint)", first.data.fingerprint, second.data.fingerprint
    hashes = [sorted(network["sha256"] for network in card.networks.get("score", [])) for card in (first, second)]
    yield "scoring networks", hashes[0], hashes[1]


def _two_names(first: ResultCard, second: ResultCard) -> tuple[str, str]:
    one, other = first.submission.name, second.submission.name
    return (one, other) if one != other else (f"{one} (first)", f"{other} (second)")


def _gap_lines(
    first: ResultCard,
    second: ResultCard,
    names: tuple[str, str],
    rows: tuple[Sequence[ScoreRow], Sequence[ScoreRow]],
    summarise: Summariser,
) -> Iterator[Line]:
    first_scenes, second_scenes = (_scene_gaps(own, summarise) for own in rows)
    for key, title in GAP_TITLES.items():
        one, other = (getattr(card.summary, key) for card in (first, second))
        if one.value is None or other.value is None:
            continue
        mine = {scene: gaps[key].raw for scene, gaps in first_scenes.items()}
        theirs = {scene: gaps[key].raw for scene, gaps in second_scenes.items()}
        result = _paired(names, one.regions, other.regions, summarise.protocol)
        yield Line(key, title, "1", one.value, other.value, result, True, _drivers(mine, theirs, result))


def _scene_gaps(rows: Sequence[ScoreRow], summarise: Summariser) -> dict[str, dict[str, GapPart]]:
    """The gaps of each scene by itself."""
    found = {}
    for scene in dict.fromkeys(row.scene for row in rows):
        references = {
            method: [row for row in own if row.scene == scene] for method, own in summarise.references.items()
        }
        alone = replace(summarise, references=references)
        found[scene] = alone.gaps([row for row in rows if row.scene == scene])
    return found


def _metric_lines(
    first: Sequence[ScoreRow], second: Sequence[ScoreRow], names: tuple[str, str], protocol: BenchmarkProtocol
) -> Iterator[Line]:
    groups = {row.scene: row.group for row in first}
    for key, unit in {row.key: row.unit for row in first}.items():
        one, other = scene_means(first, key), scene_means(second, key)
        common = [scene for scene in one if scene in other]
        if not common:
            continue
        mine, theirs = (region_means({scene: part[scene] for scene in common}, groups) for part in (one, other))
        result = _paired(names, mine, theirs, protocol)
        means = fmean(mine.values()), fmean(theirs.values())
        yield Line(key, key, unit, means[0], means[1], result, _direction(key), _drivers(one, other, result))


def _direction(key: str) -> bool | None:
    """Whether higher is better; measures of tasks, whose keys have a dot, are all so."""
    return True if "." in key and not key.startswith("iqa:") else find_metric(key).higher_is_better


def _paired(
    names: tuple[str, str], first: Mapping[str, float], second: Mapping[str, float], protocol: BenchmarkProtocol
) -> PairedResult:
    named = dict(zip(names, (first, second), strict=True))
    rules = protocol.interval
    return pair_matrix(named, confidence=rules.confidence, least=rules.least_regions)[0]


def _adjusted(lines: Sequence[Line]) -> list[Line]:
    """The same, p-values adjusted for all of them."""
    adjusted = holm([line.result.p for line in lines])
    return [replace(line, result=replace(line.result, p_holm=p)) for line, p in zip(lines, adjusted, strict=True)]


def _drivers(
    first: Mapping[str, float | None], second: Mapping[str, float | None], result: PairedResult
) -> tuple[tuple[str, float], ...]:
    """The scenes whose own difference has the sign of the whole and is the largest."""
    value = result.difference.value or 0.0
    own = [
        (scene, one - other)
        for scene, one in first.items()
        if one is not None and (other := second.get(scene)) is not None
    ]
    with_it = [(scene, difference) for scene, difference in own if difference * value > 0]
    return tuple(sorted(with_it, key=lambda item: -abs(item[1]))[:DRIVERS])
