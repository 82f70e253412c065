"""Valid files, from which mutations start."""

import functools
import io
import json
import tempfile
import warnings
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.errors import NotGeoreferencedWarning

from tdsr_bench.card import card_text
from tdsr_bench.data.grid import Grid
from tdsr_bench.protocol import load_protocol

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"

TRANSFORM = Affine(10 / 3, 0, 600_000, 0, -10 / 3, 4_600_000)
UTM = "EPSG:32631"
GRID = Grid(UTM, tuple(TRANSFORM)[:6], 60, 60)
BOX = (4.199, 41.540, 4.2025, 41.5435)
"""About where `GRID` lies, in degrees."""


def a_card(name: str = "mine") -> dict[str, Any]:
    """A card of the leaderboard, of three scenes of three regions and of what gaps are made of."""
    made: dict[str, Any] = json.loads((CARDS / "bicubic.json").read_text())
    keys = {*load_protocol("tdsr-v1").gap.image, "consistency", "roads.iou", "buildings.iou"}
    regions = made["data"]["regions"][:3]
    for rows in ("rows", "reference_rows"):
        first = {region: min(row["scene"] for row in made[rows] if row["group"] == region) for region in regions}
        made[rows] = [row for row in made[rows] if row["scene"] in first.values() and row["key"] in keys]
    made["data"] |= {"regions": regions, "scenes": [*first.values()]}
    made["submission"] |= {"name": name, "sha256": name}
    return made


def card_bytes(name: str = "other") -> bytes:
    """The card as a file."""
    from tdsr_bench.card import ResultCard

    return card_text(ResultCard.model_validate(a_card(name))).encode()


@functools.cache
def raster(
    ending: str, *, bands: int = 1, size: int = 24, dtype: str = "uint16", crs: str | None = UTM, pixel: float = 10.0,
    **options: Any,
) -> bytes:  # fmt: skip
    """A small raster, as the bytes of its file; GDAL writes it."""
    drivers = {".tif": "GTiff", ".jp2": "JP2OpenJPEG", ".png": "PNG"}
    image = np.random.default_rng(0).integers(100, 200 if dtype == "uint8" else 3000, (bands, size, size))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        path = Path(folder, "a" + ending)
        place = {} if crs is None else {"crs": crs, "transform": Affine(pixel, 0, 600_000, 0, -pixel, 4_600_000)}
        with rasterio.open(
            path, "w", driver=drivers[ending], width=size, height=size, count=bands, dtype=dtype, **place, **options
        ) as file:
            file.write(image.astype(dtype))
        return path.read_bytes()


TIFFS: dict[str, dict[str, Any]] = {
    "strips": {"crs": None},
    "strips, deflate": {"compress": "deflate", "predictor": 2},
    "tiles, LZW": {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "lzw"},
    "tiles, ZSTD, by pixel": {
        "tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "zstd", "bands": 4, "interleave": "pixel",
    },
    "floats, BigTIFF": {"dtype": "float32", "BIGTIFF": "YES", "bands": 4},
    "JPEG": {"dtype": "uint8", "compress": "jpeg", "bands": 3, "photometric": "ycbcr"},
}  # fmt: skip
"""Kinds of TIFF, with what makes them."""


def prediction(ending: str) -> bytes:
    """An image of the shape that is expected, stored."""
    image = np.random.default_rng(0).uniform(0, 1, (4, 12, 12)).astype(np.float32)
    if ending == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, image)
        return buffer.getvalue()
    if ending == ".safetensors":
        from safetensors.numpy import save

        return save({"sr": image, "mask": image[0]}, metadata={"key": "x"})
    return raster(".tif", bands=4, size=12, dtype="float32")


def sheet() -> bytes:
    """A sheet of pictures."""
    from tdsr_bench.tasks.sheet import COLUMNS, TILE, Block, write_sheet

    picture = np.random.default_rng(0).integers(0, 255, (2 * TILE, len(COLUMNS) * TILE, 3)).astype(np.uint8)
    return _written("a.webp", lambda path: write_sheet(path, "mine", {"s1": Block(("roads",), picture)}))


def record() -> dict[str, Any]:
    """A data set's record."""
    about = {"region": "r", "strip": "t", "split": "test", "reference_date": "2014-02-01", "exclude": None, "made": {}}
    return {
        "schema": 1, "name": "tiny", "version": "1", "arms": ["wald", "simulated"],
        "reference": {"kind": "reflectance", "scale": 1e-4}, "source": "a test", "licence": "none",
        "made": {"command": "x", "seed": 0}, "scenes": {"a": about, "b": about | {"region": "q", "exclude": "twin"}},
    }  # fmt: skip


TRUTH = {
    "schema": 1, "source": "OpenStreetMap", "licence": "ODbL-1.0", "attribution": "x", "rule": "y",
    "origins": {
        "k": {"name": "a.pbf", "sha256": "ab", "snapshot": "2020-01-01", "snapshot_from": "z", "road_widths": 1},
    },
    "scenes": {"s": {"roads": {"origin": "k", "features": 3, "shift_hr_px": [0.5, -0.5]}}},
}  # fmt: skip

VERDICT = {
    "schema_version": 1, "data": {"name": "mini", "regions": ["a"]}, "networks": ["ab", "cd"],
    "suits": {"roads.iou": True}, "table": [{"key": "roads.iou", "reference": 0.8}],
}  # fmt: skip


def geojson(kind: str = "LineString", *, degrees: bool = False, **properties: Any) -> dict[str, Any]:
    """A few lines or squares on `GRID`."""
    features = []
    for index in range(3):
        x, y, size = 600_020.0 + 40 * index, 4_599_980.0 - 30 * index, 30.0
        if degrees:
            x, y, size = BOX[0] + 0.0005 * (index + 1), BOX[1] + 0.0005 * (index + 1), 0.0003
        ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
        coordinates = ring if kind == "LineString" else [ring]
        about = {"width": 6.0, "lanes": 2, "highway": "primary", "building": "yes"} | properties
        features.append(
            {"type": "Feature", "properties": about, "geometry": {"type": kind, "coordinates": coordinates}}
        )
    crs = {} if degrees else {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}}
    return {"type": "FeatureCollection", **crs, "features": features}


def geopackage() -> bytes:
    """The squares as GeoPackage."""
    import pyogrio.raw
    import shapely

    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in geojson("Polygon")["features"]]

    def write(path: Path) -> None:
        columns = [np.array([6.0] * 3)]
        pyogrio.raw.write(path, np.array(shapely.to_wkb(shapes)), columns, ["width"], geometry_type="Polygon",
                          crs=UTM, driver="GPKG")  # fmt: skip

    return _written("a.gpkg", write)


def osm(ending: str) -> bytes:
    """A map of two roads and a house."""
    from osm_files import Map

    west, south, *_ = BOX
    found = Map()
    found.way([(west + 0.001, south + 0.001), (west + 0.003, south + 0.001)], highway="primary", lanes="2")
    found.way([(west + 0.001, south + 0.002), (west + 0.003, south + 0.002)], highway="service", bridge="yes")
    corners = [(0.0, 0.0), (0.0002, 0.0), (0.0002, 0.0002), (0.0, 0.0002), (0.0, 0.0)]
    found.way([(west + 0.0015 + x, south + 0.0015 + y) for x, y in corners], building="house")
    return _written(f"a{ending}", lambda path: found.write(path))


@functools.cache
def task_network() -> bytes:
    """A small CoANet."""
    from tdsr_bench.scene import BANDS
    from tdsr_bench.tasks.networks.architectures import build_network
    from tdsr_bench.tasks.networks.network import TaskNetwork
    from tdsr_bench.tasks.networks.record import NetworkRecord
    from tdsr_bench.tasks.networks.weights import save_network

    stages = {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1], "stem_type": "deep", "stem_width": 4}
    settings = {"encoder": "resnet18", "pool": False, "widths": [8, 8, 4, 4], "encoder_settings": stages}
    about = NetworkRecord(
        task="roads", role="score", name="one", input="hr", architecture="coanet", settings=settings, bands=BANDS,
        mean=(0.1,) * 4, sd=(0.1,) * 4, threshold=0.5,
    )  # fmt: skip
    network = TaskNetwork(build_network("coanet", bands=4, settings=settings).eval(), about)
    return _written(about.file_name, lambda path: save_network(path.parent, network))


@functools.cache
def checkpoint() -> bytes:
    """A small RAMS."""
    from trainings import RAMS

    from tdsr_baselines.checkpoints import CheckpointRecord, save_checkpoint

    about = CheckpointRecord(
        name="x", size="rams-tiny", frames=3, order="protocol", residual="bicubic", settings=RAMS["settings"],
        mean=(0.1,) * 4, sd=(0.1,) * 4,
    )  # fmt: skip
    return _written("a.safetensors", lambda path: save_checkpoint(path, about.build(), about))


def a_fit() -> Any:
    """A training of a task network that has just begun."""
    import torch

    from tdsr_bench.training.fit import Fit

    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    return Fit(module, optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer))


def a_state() -> Any:
    """A training of a network of super-resolution that has just begun."""
    import torch

    from tdsr_baselines.balance import make_balancer
    from tdsr_baselines.training.state import TrainingState

    module: Any = torch.nn.Linear(3, 2)
    balancer = make_balancer("fixed", weights=(1.0,), seed=0)
    return TrainingState(module, module, torch.optim.Adam(module.parameters()), balancer)


def fit_checkpoint() -> bytes:
    """What a training of a task network goes on from."""
    from tdsr_bench.resume_file import write_resume
    from tdsr_bench.training.fit import _packed

    return _written("a.pt", lambda path: write_resume(path, _packed(a_fit(), "key")))


def training_checkpoint() -> bytes:
    """What a training of a network of super-resolution goes on from."""
    from tdsr_baselines.training.state import save_state

    return _written("last.pt", lambda path: save_state(path, a_state(), "key"))


def scene(root: Path) -> None:
    """The smallest scene that can be read, and its data set's record."""
    from tdsr_bench.data.layout import SceneContent, write_scene

    rng = np.random.default_rng(0)
    days = tuple(date(2020, 1, 15) + timedelta(days=index) for index in range(2))
    content = SceneContent(
        frames=rng.uniform(0.05, 0.3, (2, 4, 40, 40)).astype(np.float32),
        frames_valid=np.ones((2, 40, 40), dtype=bool),
        dates=days,
        reference=rng.integers(500, 3000, (4, 120, 120)).astype(np.uint16),
        transform=(10.0, 0.0, 600_000.0, 0.0, -10.0, 4_600_000.0),
        crs=UTM,
    )
    for name in ("a", "b"):
        write_scene(root, name, content)
    (root / "tdsr.json").write_text(json.dumps(record()))


def _written(name: str, write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, name))
        return next(Path(folder).iterdir()).read_bytes()


def header(content: bytes) -> dict[str, Any]:
    """The header of a file of safetensors."""
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def with_header(content: bytes, new: bytes) -> bytes:
    """The file with another header."""
    return len(new).to_bytes(8, "little") + new + content[8 + int.from_bytes(content[:8], "little") :]


def network_record(content: bytes) -> dict[str, Any]:
    """What the file of a network says of it."""
    (text,) = header(content)["__metadata__"].values()
    return json.loads(text)


def with_record(content: bytes, new: bytes) -> bytes:
    """The file with another record."""
    about = header(content)
    (key,) = about["__metadata__"]
    about["__metadata__"] = {key: new.decode()}
    return with_header(content, json.dumps(about).encode())
