"""From rows to what a card says in short: gaps, guards, means."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from tdsr_bench.card import GapPart, GuardsPart, MetricPart, ResultCard, SummaryPart, TaskPart
from tdsr_bench.errors import CardError
from tdsr_bench.gap import combined_gap, image_gap, metric_mean, ratio_of_means, task_gap
from tdsr_bench.inference import Estimate
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol
from tdsr_bench.references import BICUBIC, FRAME_TRAINED, MEDIAN, REFERENCE
from tdsr_bench.rows import ScoreRow, by_method
from tdsr_bench.scene_bootstrap import SceneSums, image_sums, scene_bootstrap, task_sums
from tdsr_bench.tasks.verdict import CountingTasks


@dataclass(frozen=True)
class Summariser:
    """Makes gaps of rows, by a protocol and the rows of the methods that every table shows.

    Attributes:
        protocol: says what a gap is made of.
        references: rows of those methods, by method.
        tasks: which tasks count.
    """

    protocol: BenchmarkProtocol
    references: Mapping[str | None, Sequence[ScoreRow]]
    tasks: CountingTasks

    def summary(self, rows: Sequence[ScoreRow]) -> SummaryPart:
        """The summary of a method's `rows`."""
        gaps = self.gaps(rows)
        zero = self.references[BICUBIC]
        guards = self._guards(gaps["image_gap_no_lpips"], ratio_of_means(rows, zero, "consistency"))
        return SummaryPart(
            image_gap=gaps["image_gap"],
            task_gap=gaps["task_gap"],
            combined_gap=gaps["combined_gap"],
            image_gap_no_lpips=gaps["image_gap_no_lpips"],
            combined_gap_no_lpips=gaps["combined_gap_no_lpips"],
            image_gap_no_lpips_against_median=_part(self._image(rows, MEDIAN, self._always)),
            task_gap_against_bicubic=_part(self._task(rows, (BICUBIC,))),
            guards=guards,
            metrics={key: self._metric(rows, key) for key in dict.fromkeys(row.key for row in rows)},
            tasks={key: self._task_part(rows, key) for key in dict.fromkeys(row.key for row in rows if row.network)},
        )

    def gaps(self, rows: Sequence[ScoreRow]) -> dict[str, GapPart]:
        """The gaps that rank, of any method's rows."""
        whole, always = (self._image(rows, BICUBIC, keys) for keys in (self.protocol.gap.image, self._always))
        task = self._task(rows, (BICUBIC, FRAME_TRAINED))
        return {
            "image_gap": _part(whole),
            "task_gap": _part(task),
            "combined_gap": _part(self._combined(whole, task)),
            "image_gap_no_lpips": _part(always),
            "combined_gap_no_lpips": _part(self._combined(always, task)),
        }

    def reference_gaps(self) -> dict[str, dict[str, GapPart]]:
        """The gaps of the methods that every table shows."""
        return {str(method): self.gaps(own) for method, own in self.references.items()}

    @property
    def _always(self) -> tuple[str, ...]:
        """The image metrics whose weights cannot be missing."""
        gap = self.protocol.gap
        return tuple(key for key in gap.image if key not in gap.weights_missing)

    def _image(self, rows: Sequence[ScoreRow], zero: str, keys: Sequence[str]) -> Estimate:
        interval = self.protocol.interval
        return image_gap(
            rows,
            self.references[zero],
            keys,
            clip=self.protocol.gap.clip,
            confidence=interval.confidence,
            least_regions=interval.least_regions,
        )

    def _task(
        self, rows: Sequence[ScoreRow], zeros: Sequence[str], tasks: Mapping[str, Sequence[str]] | None = None
    ) -> Estimate:
        if self.tasks.missing:
            return Estimate(None, missing=self.tasks.missing)
        interval = self.protocol.interval
        return task_gap(
            rows,
            [self.references[zero] for zero in zeros],
            self.references[REFERENCE],
            tasks or self.tasks.keys,
            clip=self.protocol.gap.clip,
            confidence=interval.confidence,
            least_regions=interval.least_regions,
        )

    def _combined(self, image: Estimate, task: Estimate) -> Estimate:
        interval = self.protocol.interval
        return combined_gap(image, task, confidence=interval.confidence, least_regions=interval.least_regions)

    def _guards(self, gap: GapPart, consistency: float | None) -> GuardsPart:
        least, most = self.protocol.guards.least_image_gap, self.protocol.guards.most_consistency_ratio
        reasons = []
        if gap.raw is not None and gap.raw < least:
            reasons.append(f"image gap {gap.raw:.3f} is under {least:g}")
        if consistency is not None and consistency > most:
            reasons.append(f"consistency is {consistency:.2f} times bicubic's, over {most:g}")
        return GuardsPart(ranked=not reasons, reasons=tuple(reasons), consistency_ratio=consistency)

    def _metric(self, rows: Sequence[ScoreRow], key: str) -> MetricPart:
        own = [row for row in rows if row.key == key]
        mean = self._mean(own, key)
        if mean is None:
            return MetricPart(mean=None, n=0, reason=own[0].reason)
        gap = self._image(own, BICUBIC, [key]).raw if key in self.protocol.gap.image else None
        return MetricPart(
            mean=mean.value, ci95=mean.ci95, gap=gap, n=len({row.scene for row in own if row.value is not None})
        )

    def _task_part(self, rows: Sequence[ScoreRow], key: str) -> TaskPart:
        """A task's measure beside what it is for those methods that bound it."""
        methods = {"method": rows, "bicubic": self.references[BICUBIC]}
        methods |= {"frame_trained": self.references[FRAME_TRAINED], "reference": self.references[REFERENCE]}
        means = {name: self._mean(values, key) for name, values in methods.items()}
        one = {key: (key,)}
        return TaskPart(
            **{name: mean.value if mean else None for name, mean in means.items()},
            gap=self._task(rows, (BICUBIC, FRAME_TRAINED), one).raw,
            gap_against_bicubic=self._task(rows, (BICUBIC,), one).raw,
            in_gap=any(key in keys for keys in self.tasks.keys.values()),
        )

    def _mean(self, rows: Sequence[ScoreRow], key: str) -> Estimate | None:
        interval = self.protocol.interval
        return metric_mean(rows, key, confidence=interval.confidence, least_regions=interval.least_regions)


@contextmanager
def fitting(*names: str) -> Iterator[None]:
    """Statistics of rows that are somebody else's: in here, what does not fit becomes a `CardError`.

    Args:
        names: of the submissions whose cards they are from.

    Raises:
        CardError: a row is not there that another needs, or its value is beyond what can be reckoned with.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise CardError(
            f"The rows of {' or '.join(names)} do not fit each other, or those of the references ({error}); make the "
            f"card again by `tdsr-bench evaluate`."
        ) from None


def card_rows(card: ResultCard) -> tuple[list[ScoreRow], list[ScoreRow]]:
    """The rows of a card of `tdsr-v1`, its own and its references'.

    Raises:
        CardError: a row is not what rows are.
    """
    try:
        return [ScoreRow(**row) for row in card.rows], [ScoreRow(**row) for row in card.reference_rows]
    except TypeError as error:
        raise CardError(f"A row of {card.submission.name}'s card is not what rows are ({error}).") from None


def card_tasks(card: ResultCard) -> CountingTasks:
    """Which tasks counted when `card` was made."""
    if card.summary is None:
        return CountingTasks({}, ("the result is incomplete",))
    keys: dict[str, tuple[str, ...]] = {}
    for key in sorted(key for key, part in card.summary.tasks.items() if part.in_gap):
        keys[key.partition(".")[0]] = (*keys.get(key.partition(".")[0], ()), key)
    return CountingTasks(keys, () if keys else card.summary.task_gap.missing)


def scenes_only(card: ResultCard, *, seed: int = 0) -> dict[str, tuple[float, float]]:
    """For each gap without LPIPS that `card` has, its interval by the bootstrap of scenes.

    It stands with `tdsr_bench.scene_bootstrap.SCENES_ONLY`. Gaps that it cannot be given of are left out.

    Raises:
        CardError: see `card_rows` and `fitting`.
    """
    if card.summary is None:
        return {}
    protocol = load_protocol(card.protocol.id)
    own, references = card_rows(card)
    known, tasks = by_method(references), card_tasks(card)
    always = [key for key in protocol.gap.image if key not in protocol.gap.weights_missing]
    with fitting(card.submission.name):
        parts: dict[str, tuple[SceneSums, ...]] = {"image_gap_no_lpips": (image_sums(own, known[BICUBIC], always),)}
        if tasks.keys and card.summary.task_gap.value is not None:
            sums = task_sums(own, [known[BICUBIC], known[FRAME_TRAINED]], known[REFERENCE], tasks.keys)
            parts |= {"task_gap": (sums,), "combined_gap_no_lpips": (*parts["image_gap_no_lpips"], sums)}
    found: dict[str, tuple[float, float]] = {}
    for key, gaps in parts.items():
        rng = np.random.default_rng(seed)
        ends = scene_bootstrap(*gaps, clip=protocol.gap.clip, confidence=protocol.interval.confidence, rng=rng)
        found |= {key: ends} if ends else {}
    return found


def summariser(protocol: BenchmarkProtocol, references: Sequence[ScoreRow], tasks: CountingTasks) -> Summariser:
    """What makes gaps out of rows, given the rows of the methods that every table shows."""
    return Summariser(protocol, by_method(references), tasks)


def _part(estimate: Estimate) -> GapPart:
    return GapPart(**asdict(estimate))
