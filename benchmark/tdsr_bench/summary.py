"""From rows to what a card says in short: gaps, guards, means."""

from collections.abc import Sequence
from dataclasses import asdict

from tdsr_bench.card import GapPart, GuardsPart, MetricPart, SummaryPart
from tdsr_bench.gap import image_gap, metric_mean, ratio_of_means
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.references import BICUBIC, MEDIAN
from tdsr_bench.rows import ScoreRow, by_method

TASKS_MISSING = "no task network scores this data set yet"


def summarise(protocol: BenchmarkProtocol, rows: Sequence[ScoreRow], references: Sequence[ScoreRow]) -> SummaryPart:
    """The summary of a method's `rows`, measured against the rows of the methods that every table shows."""
    methods = by_method(references)
    zero = methods[BICUBIC]
    image, image_no_lpips = image_gaps(protocol, rows, zero)
    no_task = GapPart(value=None, missing=(TASKS_MISSING,))
    return SummaryPart(
        image_gap=image,
        task_gap=no_task,
        combined_gap=no_task,
        image_gap_no_lpips=image_no_lpips,
        combined_gap_no_lpips=no_task,
        image_gap_no_lpips_against_median=image_gaps(protocol, rows, methods[MEDIAN])[1],
        guards=_guards(protocol, image_no_lpips, ratio_of_means(rows, zero, "consistency")),
        metrics={key: _metric(protocol, rows, zero, key) for key in dict.fromkeys(row.key for row in rows)},
    )


def reference_gaps(protocol: BenchmarkProtocol, references: Sequence[ScoreRow]) -> dict[str, dict[str, GapPart]]:
    """The image gaps of the methods that every table shows."""
    methods = by_method(references)
    gaps = {str(method): image_gaps(protocol, rows, methods[BICUBIC]) for method, rows in methods.items()}
    return {method: {"image_gap": whole, "image_gap_no_lpips": part} for method, (whole, part) in gaps.items()}


def image_gaps(
    protocol: BenchmarkProtocol, rows: Sequence[ScoreRow], zero: Sequence[ScoreRow]
) -> tuple[GapPart, GapPart]:
    """The image gap, and the one without the metrics whose weights may be missing."""
    always = [key for key in protocol.gap.image if key not in protocol.gap.weights_missing]
    return _image_gap(protocol, rows, zero, protocol.gap.image), _image_gap(protocol, rows, zero, always)


def _image_gap(
    protocol: BenchmarkProtocol, rows: Sequence[ScoreRow], zero: Sequence[ScoreRow], keys: Sequence[str]
) -> GapPart:
    estimate = image_gap(
        rows,
        zero,
        keys,
        clip=protocol.gap.clip,
        confidence=protocol.interval.confidence,
        least_regions=protocol.interval.least_regions,
    )
    return GapPart(**asdict(estimate))


def _guards(protocol: BenchmarkProtocol, gap: GapPart, consistency: float | None) -> GuardsPart:
    least, most = protocol.guards.least_image_gap, protocol.guards.most_consistency_ratio
    reasons = []
    if gap.raw is not None and gap.raw < least:
        reasons.append(f"image gap {gap.raw:.3f} is under {least:g}")
    if consistency is not None and consistency > most:
        reasons.append(f"consistency is {consistency:.2f} times bicubic's, over {most:g}")
    return GuardsPart(ranked=not reasons, reasons=tuple(reasons), consistency_ratio=consistency)


def _metric(protocol: BenchmarkProtocol, rows: Sequence[ScoreRow], zero: Sequence[ScoreRow], key: str) -> MetricPart:
    own = [row for row in rows if row.key == key]
    mean = metric_mean(own, key, confidence=protocol.interval.confidence, least_regions=protocol.interval.least_regions)
    if mean is None:
        return MetricPart(mean=None, n=0, reason=own[0].reason)
    gap = _image_gap(protocol, own, zero, [key]).raw if key in protocol.gap.image else None
    return MetricPart(
        mean=mean.value, ci95=mean.ci95, gap=gap, n=len({row.scene for row in own if row.value is not None})
    )
