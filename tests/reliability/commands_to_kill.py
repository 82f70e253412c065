"""Every command that writes much, on data so small that it takes a second or two, and what it makes."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from makers import TRANSFORM, SceneMaker, write_dataset
from osm_files import to_geojson
from rasterio import Affine
from rasterio.warp import transform
from reliability.killing import Case, Command
from trainings import BRIGHT, PIXEL_TOML

from tdsr_bench.data.vectors import DEGREES

SUBMISSION = """
from tdsr_bench.interpolation import enlarge
from tdsr_bench.submission import Submission

submission = Submission("plain", "sisr", lambda view: enlarge(view.frames[0], "bicubic"))
"""

TRAINING = (
    PIXEL_TOML.format(name="mine")
    + """
[training]
steps = 12
batch = 2
crop = 16
validate_every = 3
log_every = 1
sheet_every = 2
ema = 0.9

[balancing]
method = "gradnorm"

[[loss]]
kind = "detail"

[[loss]]
kind = "ssim"
weight = 0.5
"""
)

RECIPE = """
name = "small"

[training]
steps = 8
batch = 2
crop = 32
learning_rate = 3e-3
validate_every = 2
patience = 9

[[network]]
task = "buildings"
role = "score"
name = "unet"
architecture = "unet"
seed = 3
settings = { encoder_name = "tu-ghostnet_050", encoder_depth = 3, decoder_channels = [16, 8, 8] }
"""

SMALL_MINI = """
import functools
from tdsr_bench.data import mini

mini.make_scene = functools.partial(mini.make_scene, size=24)
names = dict([*mini.scene_names().items()][:3])
mini.scene_names = lambda: names
mini.make_mini = functools.partial(mini.make_mini, workers=1)
"""
"""Three scenes, as large as a postage stamp, in one process."""


def write_sources(folder: Path) -> Path:
    """Write into `folder` all that the commands read."""
    maker = SceneMaker()
    write_dataset(folder / "scored", maker, regions=2)
    parts = {"regions": 2, "splits": ("train", "validation"), "arms": ("real",), "bright": BRIGHT}
    write_dataset(folder / "trained", maker, **parts)
    (folder / "submission").mkdir()
    (folder / "submission" / "submission.py").write_text(SUBMISSION)
    (folder / "mine.toml").write_text(TRAINING)
    (folder / "recipe.toml").write_text(RECIPE)
    rng = np.random.default_rng(0)
    for day in ("2021-01-10", "2021-06-20", "2021-07-05"):
        _write_image(folder / "acquisitions" / f"place_{day}.tif", rng.integers(500, 1500, (4, 96, 96)), pixel=10)
    _write_image(folder / "town.tif", rng.integers(1, 2000, (4, 240, 240)), pixel=10 / 3)
    (folder / "map.geojson").write_text(_map())
    return folder


def cases(sources: Path) -> Mapping[str, Case]:
    """The commands, on what `write_sources` wrote."""
    data = sources / "trained"
    return {
        "evaluate": Case(
            lambda folder: Command(
                ["evaluate", sources / "submission" / "submission.py", "--data", sources / "scored", "--out", "out"],
                folder,
                {"TDSR_BENCH_CACHE": str(folder / "cache")},
            ),
            scores,
        ),
        "train": Case(
            lambda folder: Command(
                ["train", sources / "mine.toml", "--data", data, "--device", "cpu", "--out", "run"], folder
            ),
            trained,
        ),
        "task train": Case(
            lambda folder: Command(
                ["task", "train", data, "--recipe", sources / "recipe.toml", "--device", "cpu", "--out", "nets"], folder
            ),
            files,
        ),
        "data mini": Case(
            lambda folder: Command(["data", "mini", "--out", "out"], folder, before=SMALL_MINI), files, once=True
        ),
        "data import-s2": Case(
            lambda folder: Command(["data", "import-s2", sources / "acquisitions", "--out", "out"], folder),
            files,
            once=True,
        ),
        "data import-vhr": Case(
            lambda folder: Command(["data", "import-vhr", sources / "town.tif", "--out", "out"], folder),
            files,
            once=True,
        ),
        "data osm-masks": Case(lambda folder: _masks(sources, folder), files),
    }


def files(folder: Path) -> dict[str, bytes]:
    """All files below `folder`, to the byte, but those that are locked or not finished."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not {".lock", ".unfinished"} & _endings(name)}


def _endings(name: str) -> set[str]:
    return {Path(part).suffix or part for part in Path(name).parts}


def scores(folder: Path) -> dict[str, Any]:
    """All of a result but times, and the state of this repository; predictions without the time that each took."""
    from safetensors.numpy import load_file

    found: dict[str, Any] = {}
    for path in sorted((folder / "out").rglob("*")):
        name = str(path.relative_to(folder))
        if path.name == "card.json":
            card = json.loads(path.read_bytes())
            found[name] = {key: value for key, value in card.items() if key not in ("timing", "environment")}
        elif path.suffix == ".safetensors":
            found[name] = load_file(path)["sr"].tobytes()
        elif path.parent.name == "scores":
            found[name] = json.loads(path.read_bytes()) | {"scoring_seconds": None}
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def trained(folder: Path) -> dict[str, Any]:
    """All files of a training to the byte, but the time that it took; every scalar of TensorBoard."""
    from safetensors import safe_open

    found: dict[str, Any] = {
        name: content for name, content in files(folder).items() if "tensorboard" not in name and "safetens" not in name
    }
    path = folder / "run" / "mine.safetensors"
    with safe_open(path, framework="numpy") as file:
        record = json.loads(file.metadata()["sr_network"])
        found["weights"] = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
    for name in ("seconds", "environment"):
        record["training"].pop(name)
    return {**found, "record": record, "scalars": _scalars(folder / "run" / "tensorboard")}


def _scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows, however many files a training that was stopped has."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _masks(sources: Path, folder: Path) -> Command:
    folder.mkdir(parents=True)
    shutil.copytree(sources / "scored", folder / "data")
    return Command(["data", "osm-masks", "data", "--osm", sources / "map.geojson"], folder)


def _write_image(path: Path, numbers: Any, *, pixel: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = numbers.shape
    grid = Affine(pixel, 0, TRANSFORM[2], 0, -pixel, TRANSFORM[5])
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype="uint16", crs="EPSG:32631",
        transform=grid,
    ) as raster:  # fmt: skip
        raster.write(numbers.astype(np.uint16))


def _map() -> str:
    """A street and a house on the scenes that `write_dataset` writes."""

    def degrees(points: Any) -> Any:
        x, y = (points * [TRANSFORM[0] / 3, TRANSFORM[4] / 3] + [TRANSFORM[2], TRANSFORM[5]]).T
        return np.array(transform("EPSG:32631", DEGREES, x, y)).T

    street, house = shapely.LineString([(-50, 20.5), (200, 20.5)]), shapely.box(9, 50, 39, 80)
    things = ((street, {"highway": "residential", "width": "10"}), (house, {"building": "yes"}))
    return to_geojson([(shapely.transform(shape, degrees), tags) for shape, tags in things])
