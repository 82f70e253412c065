"""Ways of balancing an image loss and a task loss, compared by short trainings that differ in nothing else."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tdsr_baselines.analysis.figures import COLOURS, save_figure, styled
from tdsr_baselines.analysis.subjects import spread_over_regions
from tdsr_baselines.analysis.tables import Findings, Row, Value, mean_of, number
from tdsr_baselines.balance import BALANCERS
from tdsr_baselines.checkpoints import load_checkpoint
from tdsr_baselines.losses.base import Surroundings
from tdsr_baselines.training.config import TrainingConfig
from tdsr_baselines.training.material import Progress
from tdsr_baselines.training.run import train
from tdsr_baselines.training.validation import open_validation
from tdsr_bench.data.dataset import DataSet
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.tasks.networks.sets import NetworkSet

IMAGE_ALONE, TASK_ALONE, BY_HAND = "image alone", "task alone", "by hand"
"""Controls: either loss by itself, and fixed weights as in the package's trainings."""

CONTROLS = (IMAGE_ALONE, TASK_ALONE, BY_HAND)

HAND_WEIGHTS = {"charbonnier": 10.0, "task-mask": 0.3}

TINY: Mapping[str, Any] = {
    "size": "hat-tiny",
    "settings": {"depths": [2], "num_heads": [2], "embed_dim": 24, "squeeze_factor": 4, "num_feat": 24},
}
"""A HAT of a few ten thousand parameters, so that a method takes a minute on a processor."""

BY_SPANS, SPANS = ("dwa", "gradnorm"), 10
"""Ways that compare spans of steps, each a tenth of a training here: their own are as long as all of it."""

LOG_EVERY = 5

CAPTION = (
    "gaps on the validation split: 0 is bicubic, 1 the reference; task gap by the network that the loss looks through, "
    "and by those that score; losses: mean of the last quarter of the steps; weights: the task's over the image's, "
    "there; cosine: between the two gradients, mean of all that were logged, and how often it was negative"
)


@dataclass(frozen=True)
class Contest:
    """What all trainings share.

    Attributes:
        task: of the task loss.
        steps: of each training.
        batch, crop: see `tdsr_baselines.training.config.Training`.
        rate: of Adam.
        seed: of first weights and crops.
        train_scenes, validation_scenes: how many of each split; None for all.
        network: as in a configuration.
    """

    task: str = "roads"
    steps: int = 60
    batch: int = 4
    crop: int = 24
    rate: float = 2e-3
    seed: int = 1
    train_scenes: int | None = 8
    validation_scenes: int | None = 3
    network: Mapping[str, Any] = field(default_factory=lambda: TINY)


def methods_named(words: Sequence[str]) -> list[str]:
    """The ways of balancing called so, after the controls; all of them for no word.

    Raises:
        ProtocolError: there is none of that name.
    """
    known = (*CONTROLS, *BALANCERS)
    unknown = next((word for word in words if word not in known), None)
    if unknown is not None:
        raise ProtocolError(f"There is no way to balance losses called {unknown!r}; choose of {', '.join(known)}.")
    return [name for name in known if name in words or not words]


def config_of(method: str, contest: Contest, dataset: DataSet, networks: Path | None) -> TrainingConfig:
    """The training of one way of balancing. Both losses begin with weight 1, so that it has to find its own."""
    weights = HAND_WEIGHTS if method == BY_HAND else {}
    image = {"kind": "charbonnier", "weight": weights.get("charbonnier", 1.0)}
    task = {"kind": "task-mask", "task": contest.task, "weight": weights.get("task-mask", 1.0)}
    losses = {IMAGE_ALONE: (image,), TASK_ALONE: (task,)}.get(method, (image, task))
    regime = {IMAGE_ALONE: "pixel", TASK_ALONE: "task-only"}.get(method, "task")
    span = {"epoch": max(1, contest.steps // SPANS)} if method in BY_SPANS else {}
    steps = {
        "steps": contest.steps,
        "batch": contest.batch,
        "crop": contest.crop,
        "learning_rate": contest.rate,
        "warmup": min(10, contest.steps // 4),
        "ema": 0.9,
        "validate_every": contest.steps,
        "log_every": min(LOG_EVERY, contest.steps),
        "cosines_every": 1,
        "sheet_every": 0,
    }
    return TrainingConfig.model_validate(
        {
            "name": method.replace(" ", "-"),
            "regime": regime,
            "seed": contest.seed,
            "data": {"name": dataset.name, "arm": dataset.arm},
            "network": dict(contest.network),
            "training": steps,
            "loss": losses,
            "balancing": {"method": method if method in BALANCERS else "fixed"} | span,
            "networks": networks,
        }
    )


def fewer_scenes(dataset: DataSet, counts: Mapping[str, int | None]) -> DataSet:
    """The same with up to so many scenes of each split, of each region in turn; all for None, of other splits none."""
    kept = {name for split, count in counts.items() for name in spread_over_regions(dataset, split, count)}
    scenes = {name: record for name, record in dataset.scenes.items() if name in kept}
    return replace(dataset, record=dataset.record.model_copy(update={"scenes": scenes}))


def balance(
    dataset: DataSet,
    methods: Sequence[str],
    contest: Contest,
    networks: NetworkSet,
    folder: Path,
    *,
    device: str = "cpu",
    progress: Progress,
) -> Findings:
    """Train once for each of `methods`, in folders below `folder`, and look at what each came to.

    What is finished there is not trained again; what was stopped goes on.

    Raises:
        ProtocolError: there is no network to look through, or what `methods_named` raises.
        DataError: a folder holds a training of other settings; or a scene cannot be read.
        TrainingError: a loss became NaN.
    """
    counts = {"train": contest.train_scenes, "validation": contest.validation_scenes}
    fewer = fewer_scenes(dataset, counts)
    made = {}
    for method in methods:
        config = config_of(method, contest, dataset, networks.folder)
        made[method] = train(config, fewer, folder / config.name, device=device, progress=progress)
    judged = judge(fewer, made, contest, networks)
    rows: list[Row] = [
        {"method": method, "folder": path.parent.name, **line}
        for method, path in made.items()
        for line in _log(path.parent / "train.csv", contest)
    ]
    summary = [_line(method, judged[method], [r for r in rows if r["method"] == method], contest) for method in made]
    return Findings(rows, summary, CAPTION)


def judge(
    dataset: DataSet, made: Mapping[str, Path], contest: Contest, networks: NetworkSet
) -> dict[str, dict[str, float]]:
    """The gaps of each checkpoint on the validation split, by the losses' network and by those that score."""
    names = dataset.names("validation")
    losing = [Surroundings(networks).network(contest.task)]
    scoring = [pair.network.load() for pair in networks.scoring(contest.task)]
    found: dict[str, dict[str, float]] = {method: {} for method in made}
    for key, watching in (("task gap, loss network", losing), ("task gap, scoring networks", scoring)):
        validation = open_validation(dataset, names, several=False, networks=watching)
        for method, path in made.items():
            checkpoint = load_checkpoint(path)
            order = checkpoint.record.order
            values = validation.look(checkpoint.module, size=checkpoint.record.size, order=order).values
            found[method] |= {key: values.get("task_gap_by_loss_networks", float("nan"))}
            found[method] |= {name: values[name] for name in ("image_gap", "grid")}
    return found


def _log(path: Path, contest: Contest) -> list[Row]:
    """The lines of a training's log, the two losses, their weights and the cosine under names that all have."""
    names = {
        "charbonnier": "image loss",
        f"{contest.task} mask": "task loss",
        "weight of charbonnier": "image weight",
        f"weight of {contest.task} mask": "task weight",
        f"cosine of charbonnier and {contest.task} mask": "cosine",
        "gradient": "gradient",
    }
    if not path.is_file():
        raise DataError(f"{path} is not there though its training is finished; remove that folder to train anew.")
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {"step": int(row["step"])} | {name: float(row[key]) for key, name in names.items() if _is_known(row, key)}
            for row in csv.DictReader(file)
        ]


def _is_known(row: Mapping[str, str], key: str) -> bool:
    return row.get(key, "") not in ("", "nan")  # of a step whose cosine was not asked for


def _line(method: str, judged: Mapping[str, float], rows: Sequence[Row], contest: Contest) -> Row:
    last = [row for row in rows if isinstance(row["step"], int) and row["step"] > 0.75 * contest.steps] or rows[-1:]
    cosines = [value for row in rows if (value := number(row, "cosine")) is not None]
    weights = [mean_of(last, f"{which} weight") for which in ("task", "image")]
    line: dict[str, Value] = {"method": method, "image gap": judged["image_gap"]}
    line |= {key: judged[key] for key in ("task gap, loss network", "task gap, scoring networks", "grid")}
    line |= {key: mean_of(last, key) for key in ("image loss", "task loss")}
    line["weights"] = weights[0] / weights[1] if weights[0] is not None and weights[1] else None
    line["cosine"] = float(np.mean(cosines)) if cosines else None
    line["negative"] = float(np.mean([value < 0 for value in cosines])) if cosines else None
    return line


def draw(path: Path, findings: Findings) -> None:
    """Image gap against task gap of each way, by networks that no loss looks through; and the cosines on the way."""
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(8.4, 3.4), layout="constrained")
        plane, course = figure.subplots(1, 2)
        for line, colour in zip(findings.summary, _colours(), strict=False):
            x, y = line["image gap"], line["task gap, scoring networks"]
            plane.plot([x], [y], "s" if line["method"] in CONTROLS else "o", color=colour)
            plane.annotate(str(line["method"]), (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
        plane.set(xlabel="image gap", ylabel="task gap by networks that score")
        for method, colour in zip(dict.fromkeys(row["method"] for row in findings.rows), _colours(), strict=False):
            known = [row for row in findings.rows if row["method"] == method and isinstance(row.get("cosine"), float)]
            course.plot([row["step"] for row in known], [row["cosine"] for row in known], color=colour, linewidth=1)
        course.axhline(0, color="black", linewidth=0.5)
        course.set(xlabel="step", ylabel="cosine between the gradients", ylim=(-1, 1))
        save_figure(path, figure)


def _colours() -> list[str]:
    return [*COLOURS, "#1b2631", "#7b241c", "#0e6251"]
