"""Pictures within a drawing: from a sheet that is somebody else's file, as good as its size allows."""

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from tdsr_bench.errors import DataError
from tdsr_bench.tasks.sheet import Picture, Sheet, read_sheet

SIDE, BETWEEN = 136, 4
"""Pixels: of a tile, and between tiles."""

QUALITIES = (82, 70, 55, 40, 25, 10)
"""Of WebP, in turn, until a drawing is small enough."""


def readable_sheet(path: Path) -> Sheet | None:
    """The sheet at `path`; None where it cannot be read."""
    try:
        return read_sheet(path)
    except (DataError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def picture_uri(tile: Picture, quality: int) -> str:
    """A tile as an address that holds it."""
    content = BytesIO()
    Image.fromarray(tile).save(content, "webp", quality=quality, method=4)
    return f"data:image/webp;base64,{b64encode(content.getvalue()).decode()}"


def best_within(largest: int, svg_at: Callable[[int], str]) -> str | None:
    """The drawing with the highest quality of its pictures that has fewer than `largest` bytes; None where none has."""
    drawings = map(svg_at, QUALITIES)
    return next((svg for svg in drawings if len(svg.encode()) < largest), None)
