"""Every reader of somebody else's files, as a function of a path: each answers, or raises a `UserError`."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SHAPE = (4, 12, 12)
"""Of the predictions that are read."""


def _card(path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from tdsr_bench.card import card_text, read_card
    from tdsr_bench.cli import show

    card = read_card(path)
    card_text(card), repr(card), card.to_frame()
    text = StringIO()
    show.output = Console(file=text, width=140)
    show.print_card(card)
    _plain(text.getvalue())


def _board(path: Path) -> None:
    from tdsr_leaderboard.markdown import leaderboard_markdown
    from tdsr_leaderboard.read import read_cards

    _plain(leaderboard_markdown(read_cards(path.parent)))


def _page(path: Path) -> None:
    from tdsr_leaderboard.publish import publish
    from tdsr_leaderboard.read import read_cards

    publish(read_cards(path.parent), html=path.parent / "out" / "page.html", figures=path.parent / "out")


def _compare(path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from tdsr_bench.card import read_card
    from tdsr_bench.cli.show import comparison_json, comparison_tables
    from tdsr_bench.compare import compare

    found = compare(read_card(path), read_card(path.parent / "other" / "card.json"))
    comparison_json(found)
    text = StringIO()
    for table in comparison_tables(found):
        Console(file=text, width=140).print(table)
    _plain(text.getvalue())


def _verify(path: Path) -> None:
    from tdsr_bench.card import read_card
    from tdsr_bench.verify import verify

    [*verify(read_card(path), dataset=None)]


def _sheet(path: Path) -> None:
    from tdsr_bench.tasks.sheet import read_sheet

    sheet = read_sheet(path)
    for scene in sheet.record.scenes:
        for row in sheet.record.rows:
            assert sheet.tile(scene, row, "method").shape == (sheet.record.tile, sheet.record.tile, 3)


def _protocol(path: Path) -> None:
    from tdsr_bench.protocol import parse_protocol

    parse_protocol(path.read_bytes(), "The protocol x")


def _manifest(path: Path) -> None:
    from tdsr_bench.protocol import parse_manifest

    parse_manifest(path.read_bytes(), path.name)


def _config(path: Path) -> None:
    from tdsr_baselines.training.config import load_config

    assert load_config(str(path)).sha256


def _recipe(path: Path) -> None:
    from tdsr_bench.training.recipe import load_recipe

    recipe = load_recipe(str(path))
    [recipe.sha256(entry) for entry in recipe.networks]


def _record(path: Path) -> None:
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.protocol import load_protocol

    dataset = open_dataset(path.parent, load_protocol("tdsr-v1"))
    dataset.names("all"), dataset.record.model_dump_json()


def _inspect(path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.data.inspect import inspect
    from tdsr_bench.protocol import load_protocol

    text = StringIO()
    for part in inspect(open_dataset(path.parent, load_protocol("tdsr-v1"))):
        Console(file=text, width=140).print(part)
    _plain(text.getvalue())


def _truth(path: Path) -> None:
    from tdsr_bench.data.truth import read_truth_record, truth_source

    read_truth_record(path.parents[1]), truth_source(path.parents[1])


def _verdict(path: Path) -> None:
    from tdsr_bench.tasks.verdict import read_verdict

    read_verdict(path.parent)


def _lines(path: Path) -> None:
    from fuzz.samples import GRID

    from tdsr_bench.data.lines import read_lines
    from tdsr_bench.tasks.measures.road_graph import network_from_lines

    for lines in read_lines(path.parents[2], path.parent.name, GRID.lowres_transform).values():
        network_from_lines(lines, shape=(GRID.height, GRID.width), metres_per_pixel=10 / 3, spur_m=10.0)


def _raster(path: Path) -> None:
    from tdsr_bench.data.mus2 import read_raster

    read_raster(path)


def _frames(path: Path) -> None:
    from tdsr_bench.data.mus2 import read_frames

    read_frames(path.parents[2])


def _vhr(path: Path) -> None:
    from tdsr_bench.data.vhr import read_vhr

    read_vhr(path, metres=10 / 3)


def _import_vhr(path: Path) -> None:
    import shutil

    from tdsr_bench.data.import_vhr import import_vhr

    shutil.rmtree(path.parent / "out", ignore_errors=True)
    import_vhr(path, path.parent / "out", name="x", frames=1)


def _import_s2(path: Path) -> None:
    import shutil

    from tdsr_bench.data.import_s2 import import_s2

    shutil.rmtree(path.parent / "out", ignore_errors=True)
    import_s2(path.parent, path.parent / "out", name="x")


def _product(path: Path) -> None:
    from tdsr_bench.data.acquisition import read_reflectance
    from tdsr_bench.data.sentinel2 import find_acquisitions

    for acquisition in find_acquisitions(path.parents[1]):
        read_reflectance(acquisition, acquisition.grid)


def _stored(path: Path) -> None:
    from tdsr_bench.predict import check_answer
    from tdsr_bench.stored import read_array

    check_answer(read_array(path, SHAPE), SHAPE, str(path))


def _task_network(path: Path) -> None:
    from tdsr_bench.tasks.networks.weights import load_network

    load_network(path)


def _checkpoint(path: Path) -> None:
    from tdsr_baselines.checkpoints import load_checkpoint

    load_checkpoint(path)


def _hat(path: Path) -> None:
    from tdsr_baselines.networks.hat import load_official

    load_official(path)


def _rams(path: Path) -> None:
    from tdsr_baselines.networks.rams_tensorflow import load_published

    load_published(path)


def _keynet(path: Path) -> None:
    from tdsr_bench.tasks.keynet import _read_weights

    _read_weights(path)


def _resume_fit(path: Path) -> None:
    from fuzz.samples import a_fit

    from tdsr_bench.training.fit import _resume

    _resume(a_fit(), path, "key")


def _resume_training(path: Path) -> None:
    from fuzz.samples import a_state

    from tdsr_baselines.training.state import resume_state

    resume_state(path, a_state(), "key")


def _buildings(path: Path) -> None:
    from fuzz.samples import GRID

    from tdsr_bench.data.vectors import rasterise, read_buildings, to_geojson

    shapes = read_buildings(path, GRID)
    rasterise(shapes, GRID), to_geojson(shapes, GRID)


def _roads(path: Path) -> None:
    from fuzz.samples import GRID

    from tdsr_bench.data.vectors import rasterise, read_roads, to_geojson

    shapes = read_roads(path, GRID)
    rasterise(shapes, GRID), to_geojson(shapes, GRID)


def _map(path: Path) -> None:
    from fuzz.samples import BOX

    from tdsr_bench.data.osm_features import TASKS
    from tdsr_bench.data.osm_file import OsmFile

    found = OsmFile(path).load({"scene": BOX})
    features = found.near("scene")
    for find in TASKS.values():
        find(features)
    found.covers("scene")


def _plain(text: str) -> None:
    """Refuse what would steer a terminal."""
    steering = [letter for letter in text if not (letter.isprintable() or letter in "\n")]
    assert not steering, f"{steering[:5]!r} would go to the terminal"


READERS: Mapping[str, Callable[[Path], None]] = {
    name.removeprefix("_").replace("_", " "): function
    for name, function in dict(globals()).items()
    if name.startswith("_") and callable(function) and name not in ("_plain",) and not name.startswith("__")
}
"""By name."""

HEAVY: Mapping[str, Sequence[str]] = {
    "card": ("pandas", "rich.console", "tdsr_bench.cli.show", "tdsr_bench.summary"),
    "board": ("tdsr_leaderboard.markdown", "tdsr_leaderboard.read"),
    "compare": ("tdsr_bench.compare", "tdsr_bench.cli.show"),
    "config": ("tdsr_baselines.training.config",),
    "recipe": ("tdsr_bench.training.recipe",),
    "roads": ("pyogrio", "rasterio.features", "rasterio.warp", "shapely"),
    "map": ("pyogrio", "rasterio.warp", "tdsr_bench.data.osm_file"),
    "lines": ("scipy.spatial", "skimage.morphology", "tdsr_bench.tasks.measures.road_graph"),
    "import vhr": ("tdsr_bench.data.import_vhr", "tdsr_bench.data.vhr", "rasterio.warp", "rasterio.features"),
    "import s2": ("tdsr_bench.data.import_s2", "rasterio.vrt"),
    "stored": ("tdsr_bench.predict", "rasterio", "safetensors.numpy"),
    "task network": ("timm", "tdsr_bench.tasks.networks.weights"),
    "checkpoint": ("tdsr_baselines.checkpoints",),
    "resume fit": ("tdsr_bench.training.fit", "torch._dynamo"),
    "resume training": ("tdsr_baselines.training.state", "tdsr_baselines.balance", "torch._dynamo"),
    "raster": ("rasterio", "tdsr_bench.data.mus2"),
    "vhr": ("tdsr_bench.data.vhr", "rasterio.warp"),
}
"""Modules that readers import when they are first used: what they take is not the file's."""


def warm(reader: str) -> None:
    """Import what `reader` needs."""
    for name in HEAVY.get("roads" if reader == "buildings" else reader, ()):
        importlib.import_module(name)
