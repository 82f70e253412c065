"""Whether a network of super-resolution has become the segmenter: how well five numbers a task read its pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from tdsr_baselines.analysis.figures import COLOURS, save_figure, styled
from tdsr_baselines.analysis.subjects import BICUBIC, HR, Method
from tdsr_baselines.analysis.tables import Findings, Row, grouped, mean_of
from tdsr_bench.align import prepare
from tdsr_bench.card import GapPart
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import DataError
from tdsr_bench.inference import holm, p_value, paired_difference
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.references import open_bench
from tdsr_bench.tasks.measures.average_precision import average_precision
from tdsr_bench.tasks.measures.overlap import iou
from tdsr_bench.tasks.scoring import scene_truth
from tdsr_bench.view import show

Pixels = NDArray[np.float64]
Mask = NDArray[np.bool_]

MEASURES = ("iou", "ap")

CAPTION = (
    "a logistic head on the four bands of single pixels, fitted to each method's own images; means over regions; less "
    "HR, less bicubic: paired over regions, 95 % interval, p with Holm's correction over this table"
)


@dataclass(frozen=True, eq=False)
class Head:
    """A linear head: five numbers and where its answer turns to yes.

    Attributes:
        mean, sd: of the bands that it was fitted to, ``[4]``.
        weights: of the standardised bands, then the bias, ``[5]``.
        threshold: the probability with the highest IoU where it was fitted; the same as another bias.
    """

    mean: Pixels
    sd: Pixels
    weights: Pixels
    threshold: float

    def probability(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """At each pixel of ``[4, ...]``, 0 to 1."""
        bands = (np.moveaxis(image, 0, -1) - self.mean) / self.sd
        return np.asarray(expit(bands @ self.weights[:4] + self.weights[4]), dtype=np.float32)


def fit_head(pixels: Pixels, truth: Mask) -> Head:
    """Logistic regression of `truth` ``[n]`` on `pixels` ``[n, 4]``, without a penalty worth the name.

    Raises:
        DataError: the truth is all yes, or all no.
    """
    if truth.all() or not truth.any():
        raise DataError(
            f"The scenes to fit on have {truth.mean():.0%} of true pixels, and a head needs both; fit on another split."
        )
    mean, sd = pixels.mean(axis=0), np.maximum(pixels.std(axis=0), 1e-9)
    inputs = np.column_stack([(pixels - mean) / sd, np.ones(len(pixels))])
    target = truth.astype(np.float64)

    def loss(weights: Pixels) -> tuple[float, Pixels]:
        logits = inputs @ weights
        value = float(np.mean(np.logaddexp(0, logits) - target * logits))
        slope = inputs.T @ (expit(logits) - target) / len(target)
        return value + PENALTY * float(weights @ weights), slope + 2 * PENALTY * weights

    weights = minimize(loss, np.zeros(5), jac=True, method="L-BFGS-B").x
    probability = expit(inputs @ weights)
    return Head(mean, sd, weights, _best_threshold(probability, truth))


PENALTY = 1e-6
"""On the square of weights: enough to end where classes can be told apart without error."""


def _best_threshold(probability: Pixels, truth: Mask) -> float:
    """The threshold with the highest IoU."""
    order = np.argsort(-probability)
    hits = np.cumsum(truth[order])
    overlap = hits / (np.arange(1, len(truth) + 1) + truth.sum() - hits)
    ordered = probability[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # equal probabilities are one step
    return float(ordered[last[np.argmax(overlap[last])]])


@dataclass(frozen=True, eq=False)
class Looked:
    """A scene's images by method, where they are scored, and what is there.

    Attributes:
        name, region: of the scene.
        images: float32 ``[4, H, W]`` on the reference's grid, borders cut, by method.
        truth: bool ``[H, W]`` by task.
        valid: bool ``[H, W]``.
    """

    name: str
    region: str
    images: Mapping[str, NDArray[np.float32]]
    truth: Mapping[str, Mask]
    valid: Mask


def look(dataset: DataSet, name: str, methods: Sequence[Method]) -> Looked:
    """A scene as the protocol aligns it: each image is brought to the reference, and truth is where that is."""
    scene, protocol = dataset.read(name), dataset.protocol
    bench = open_bench(prepare(scene, protocol), protocol)
    pairs: dict[str, AlignedPair] = {HR: bench.perfect_pair()}
    for method in methods:
        view = show(scene, method.track, protocol.frames)
        pairs[method.name] = bench.pair(method.source.image(view, name).sr, view)
    border = protocol.residual_shift.border
    valid = pairs[HR].valid
    images = {HR: pairs[HR].sr, BICUBIC: bench.bicubic[:, border:-border, border:-border]} | {
        key: pair.sr for key, pair in pairs.items()
    }
    truths = {task: scene_truth(bench.prepared.scene, task, valid, border=border).known for task in scene.truth}
    return Looked(
        name, scene.region, images, {key: t.mask for key, t in truths.items() if t}, np.asarray(valid.all(axis=0))
    )


def probe(
    dataset: DataSet,
    to_fit: Sequence[str],
    to_test: Sequence[str],
    methods: Sequence[Method],
    told: Callable[[int, int, str], None] | None = None,
) -> Findings:
    """Fit a head for each method and task on the scenes `to_fit`, and read those `to_test` with it.

    Raises:
        DataError: no scene to fit on has truth, or all of it is one.
    """
    total = len(to_fit) + len(to_test)

    def looks(names: Sequence[str], before: int) -> Iterator[Looked]:
        for done, name in enumerate(names, start=before + 1):
            yield look(dataset, name, methods)
            if told:
                told(done, total, name)

    heads = fit_heads([*looks(to_fit, 0)])
    rows = [row for looked in looks(to_test, len(to_fit)) for row in read(looked, heads)]
    least = dataset.protocol.interval.least_regions
    return Findings(rows, _summary(rows, dataset.protocol.interval.confidence, least), CAPTION)


Heads = Mapping[tuple[str, str], Head]
"""By method and task."""


def fit_heads(looked: Sequence[Looked]) -> Heads:
    """A head for each method and task, on all valid pixels of the scenes that have the task's truth."""
    tasks = dict.fromkeys(task for scene in looked for task in scene.truth)
    if not tasks:
        raise DataError("No scene to fit on has truth of a task; make it by `tdsr-bench data osm-masks`.")
    heads = {}
    for task in tasks:
        known = [scene for scene in looked if task in scene.truth]
        truth = np.concatenate([scene.truth[task][scene.valid] for scene in known])
        for method in known[0].images:
            pixels = np.concatenate([scene.images[method][:, scene.valid] for scene in known], axis=1, dtype=np.float64)
            heads[method, task] = fit_head(pixels.T, truth)
    return heads


def read(looked: Looked, heads: Heads) -> Iterator[Row]:
    """IoU and average precision of each head in a scene."""
    for (method, task), head in heads.items():
        if task not in looked.truth:
            continue
        probability = head.probability(looked.images[method])
        yield {
            "task": task,
            "method": method,
            "scene": looked.name,
            "region": looked.region,
            "iou": iou(probability >= head.threshold, looked.truth[task], looked.valid),
            "ap": average_precision(probability, looked.truth[task], looked.valid),
            "true share": float(looked.truth[task][looked.valid].mean()),
        }


def by_region(rows: Sequence[Row], measure: str) -> dict[str, float]:
    """The mean of each region's scenes, where there is one."""
    means = {str(key[0]): mean_of(own, measure) for key, own in grouped(rows, "region").items()}
    return {region: mean for region, mean in means.items() if mean is not None}


def _summary(rows: Sequence[Row], confidence: float, least: int) -> list[Row]:
    groups = grouped(rows, "task", "method")
    lines: list[dict[str, str | float | None]] = []
    tests: list[tuple[int, str, float | None]] = []
    for (task, method), own in groups.items():
        for measure in MEASURES:
            values = by_region(own, measure)
            line: dict[str, str | float | None] = {"task": str(task), "measure": measure, "method": str(method)}
            line["mean"] = float(np.mean([*values.values()])) if values else None
            for other in (HR, BICUBIC):
                if method in (other, HR):  # HR less bicubic is bicubic less HR, and stands there
                    continue
                found = paired_difference(values, by_region(groups[task, other], measure), confidence=confidence,
                                          least=least)  # fmt: skip
                line[f"less {other}"] = str(GapPart(**vars(found)))
                tests.append((len(lines), f"p, {other}", p_value([*found.regions.values()], least=least)))
            lines.append(line)
    for (place, key, _), adjusted in zip(tests, holm([p for _, _, p in tests]), strict=True):
        lines[place][key] = adjusted
    return list(lines)


def draw(path: Path, findings: Findings) -> None:
    """A panel for each task and measure: a dot for each region and a bar at the mean, methods from the top."""
    from matplotlib.figure import Figure

    methods = [str(key[0]) for key in grouped(findings.rows, "method")]
    panels = [(str(key[0]), measure) for key in grouped(findings.rows, "task") for measure in MEASURES]
    groups = grouped(findings.rows, "task", "method")
    with styled():
        figure = Figure(figsize=(2.6 * len(panels) + 1.4, 0.32 * len(methods) + 1.0), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for panel, (task, measure) in zip(axes, panels, strict=True):
            for place, method in enumerate(methods):
                values = [*by_region(groups.get((task, method), []), measure).values()]
                panel.plot(values, [place] * len(values), "o", color=COLOURS[2], alpha=0.6, markersize=4)
                if values:
                    panel.plot([np.mean(values)], [place], "|", color="black", markersize=14)
            panel.set(
                title=f"{task}, {measure}",
                xlim=(-0.03, 1.03),
                xticks=(0, 0.5, 1),
                yticks=range(len(methods)),
                yticklabels=methods,
            )
        axes[0].invert_yaxis()
        save_figure(path, figure)
