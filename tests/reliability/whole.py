"""Whether every file that has its final name is whole."""

import csv
import json
import warnings
from pathlib import Path

import torch
from PIL import Image
from safetensors import safe_open

UNFINISHED = ".unfinished"


def check_whole(folder: Path) -> None:
    """Open every file below `folder` as what its name says it is, and read all of it; unfinished ones say so."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and not any(part.endswith(UNFINISHED) for part in inside):
            try:
                _check(path)
            except Exception as error:
                raise AssertionError(f"{path} is not whole") from error


def _check(path: Path) -> None:
    if path.name.startswith("events.out"):
        return  # an event may be torn: TensorBoard leaves that out, which `test_kills` sees
    match path.suffix:
        case ".json" | ".geojson":
            json.loads(path.read_bytes())
        case ".safetensors":
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118
                    file.get_tensor(name)
        case ".ckpt":
            torch.load(path, map_location="cpu", weights_only=True)
        case ".csv":
            _check_table(path)
        case ".png" | ".webp":
            with Image.open(path) as image:
                image.load()
        case ".tif" | ".tiff" | ".jp2":
            _check_raster(path)
        case ".lock" | ".toml" | ".py" | ".osm" | "":
            pass
        case _:
            raise AssertionError(f"there is no check of {path.name}")


def _check_table(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [*csv.reader(file)]
    assert all(len(row) == len(rows[0]) for row in rows)
    steps = [row[0] for row in rows]
    assert len(set(steps)) == len(steps)


def _check_raster(path: Path) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as raster:
            raster.read()
