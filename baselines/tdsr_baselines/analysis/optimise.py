"""How ill-posed a loss is: the pixels themselves optimised under it, from several starts, against one target."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tdsr_baselines.analysis.canvas import BY_LOSS, BY_SCORE, STARTS, Canvas, Watchers, canvas, measured
from tdsr_baselines.analysis.recipes import Recipe, summed
from tdsr_baselines.analysis.subjects import Image, Subject
from tdsr_baselines.analysis.tables import Findings, Row, Value, grouped, mean_of
from tdsr_baselines.losses.base import LossFunction, Surroundings
from tdsr_bench.files import digest, write_atomically

CAPTION = (
    "means over scenes at the last step; loss left: of what it was at the start; PSNR: dB to the reference, range 0.5; "
    "IoU: seen by the network of the loss / by the networks that score, which no loss looks through; apart: RMS "
    "difference of what came of the starts, in standard deviations of the reference: 0 where the loss alone decides"
)


@dataclass(frozen=True)
class Descent:
    """How pixels are optimised.

    Attributes:
        steps: of Adam.
        rate: of its first step, in standard deviations of a band; it falls to 0 along a cosine.
        size: high-resolution pixels on a side of the window, in the middle of a scene.
        seed: of the noise.
        starts: of `STARTS`.
    """

    steps: int = 200
    rate: float = 0.05
    size: int = 96
    seed: int = 0
    starts: tuple[str, ...] = STARTS

    @property
    def looks(self) -> list[int]:
        """The steps after which is measured: 0, then each twice the one before, and the last."""
        doubled = [2**power for power in range(self.steps.bit_length()) if 2**power < self.steps]
        return [0, *doubled, self.steps]


def optimise(
    canvas: Canvas, loss: LossFunction, start: Image, descent: Descent, look: Callable[[int, Image, float], None]
) -> Image:
    """The pixels that Adam arrives at under `loss` from `start`, float32 ``[4, H, W]``; `look` is told on the way."""
    mean, sd = (torch.from_numpy(part) for part in (canvas.mean, canvas.sd))
    pixels = ((torch.from_numpy(start) - mean) / sd)[None].requires_grad_()
    adam = torch.optim.Adam([pixels], lr=descent.rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, descent.steps)
    for step in range(descent.steps + 1):
        value = loss(mean + sd * pixels, canvas.batch)
        if step in descent.looks:
            look(step, _painted(mean, sd, pixels), float(value.detach()))
        if step < descent.steps:
            adam.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            adam.step()
            falling.step()
    return _painted(mean, sd, pixels)


def _painted(mean: Tensor, sd: Tensor, pixels: Tensor) -> Image:
    return (mean + sd * pixels.detach())[0].numpy().copy()


@dataclass(frozen=True, eq=False)
class Painting:
    """What came of one recipe from one start in one scene.

    Attributes:
        rows: what was measured on the way.
        image: float32 ``[4, H, W]``.
    """

    rows: Sequence[Row]
    image: Image


@dataclass(frozen=True, eq=False)
class Gallery:
    """All that was painted, and what it was to be.

    Attributes:
        findings: of the analysis.
        paintings: by scene, recipe and start.
        canvases: by scene.
    """

    findings: Findings
    paintings: Mapping[tuple[str, str, str], Painting]
    canvases: Mapping[str, Canvas]


def optimise_all(
    subjects: Sequence[Subject],
    chosen: Mapping[str, Recipe],
    surroundings: Surroundings,
    watching: Watchers,
    descent: Descent,
    folder: Path,
    told: Callable[[int, int, str], None] | None = None,
) -> Gallery:
    """Optimise pixels under each recipe, from each start, in each scene; those kept in `folder` are not done again.

    What is kept is known by the hash of all that made it but the code.
    """
    canvases = {subject.sample.name: canvas(subject, descent.size) for subject in subjects}
    losses = {name: summed(recipe, surroundings) for name, recipe in chosen.items()}
    todo = [(subject, name, start) for subject in subjects for name in chosen for start in descent.starts]
    paintings: dict[tuple[str, str, str], Painting] = {}
    for done, (subject, name, start) in enumerate(todo, start=1):
        sample = subject.sample
        settings = [(loss.kind, loss.model_dump(mode="json")) for loss in cast(Any, chosen[name])]
        key = digest(settings, asdict(replace(descent, starts=())), start, sample.sha256, watching.hashes)
        path = folder / f"{key}.safetensors"
        painting = _kept(path)
        if painting is None:
            painting = _paint(canvases[sample.name], losses[name], start, descent, watching)
            _keep(path, painting)
        about: Row = {"losses": name, "start": start, "scene": sample.name, "region": sample.region}
        paintings[sample.name, name, start] = replace(painting, rows=[{**about, **row} for row in painting.rows])
        if told:
            told(done, len(todo), f"{sample.name}, {name}, {start}")
    rows: list[Row] = [row for painting in paintings.values() for row in painting.rows]
    bounds = [row for subject in subjects for row in _bounds(subject, canvases[subject.sample.name], watching)]
    summary = _summary([*bounds, *rows], paintings, canvases, descent)
    return Gallery(Findings([*bounds, *rows], summary, CAPTION), paintings, canvases)


def _paint(canvas: Canvas, loss: LossFunction, start: str, descent: Descent, watching: Watchers) -> Painting:
    rows: list[Row] = []

    def look(step: int, image: Image, value: float) -> None:
        rows.append({"step": step, "loss": value, **measured(image, canvas, watching)})

    return Painting(rows, optimise(canvas, loss, canvas.begun(start, descent.seed), descent, look))


def _bounds(subject: Subject, canvas: Canvas, watching: Watchers) -> list[Row]:
    """What is seen in the reference and in bicubic as they are."""
    about: Row = {"start": "as it is", "scene": subject.sample.name, "region": subject.sample.region, "step": 0}
    return [{"losses": name, **about, **measured(image, canvas, watching)} for name, image in canvas.images.items()]


def _summary(
    rows: Sequence[Row],
    paintings: Mapping[tuple[str, str, str], Painting],
    canvases: Mapping[str, Canvas],
    descent: Descent,
) -> list[Row]:
    lines: list[Row] = []
    seen = [key for key in dict.fromkeys(key for row in rows for key in row) if " by " in key]
    tasks = list(dict.fromkeys(key.split(" by ")[0] for key in seen))
    for (name, start), own in grouped(rows, "losses", "start").items():
        first, last = ([row for row in own if row["step"] == step] for step in (0, descent.steps))
        last = last or first
        before, after = mean_of(first, "loss"), mean_of(last, "loss")
        line: dict[str, Value] = {"losses": name, "start": start}
        line |= {"loss left": after / before if after is not None and before else None, "psnr": mean_of(last, "psnr")}
        for task in tasks:
            values = [mean_of(last, f"{task} by {who}") for who in (BY_LOSS, BY_SCORE)]
            line[f"{task} IoU"] = " / ".join("—" if value is None else f"{value:.2f}" for value in values)
        line["apart"] = _apart(str(name), paintings, canvases) if start == descent.starts[0] else None
        lines.append(line)
    return lines


def _apart(
    name: str, paintings: Mapping[tuple[str, str, str], Painting], canvases: Mapping[str, Canvas]
) -> float | None:
    """RMS difference between what came of each two starts, over the reference's spread; mean over pairs and scenes."""
    values = []
    for scene, ground in canvases.items():
        ends = [painting.image for (where, what, _), painting in paintings.items() if (where, what) == (scene, name)]
        spread = ground.reference[:, ground.counted].std(axis=1)[:, None]
        for index, a in enumerate(ends):
            values += [float(np.sqrt(np.mean(((a - b)[:, ground.counted] / spread) ** 2))) for b in ends[index + 1 :]]
    return float(np.mean(values)) if values else None


def _kept(path: Path) -> Painting | None:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            image: NDArray[np.float32] = file.get_tensor("image")
            return Painting(json.loads((file.metadata() or {})["rows"]), image)
    except (SafetensorError, KeyError, ValueError):
        return None  # not a file of ours: paint anew


def _keep(path: Path, painting: Painting) -> None:
    from safetensors.numpy import save

    write_atomically(path, save({"image": painting.image}, metadata={"rows": json.dumps(list(painting.rows))}))
