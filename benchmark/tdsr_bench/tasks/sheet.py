"""The sheet of a result: a few small pictures of what a method made and what was found in it, in one file.

It lies beside the card, so that a leaderboard can show a method without its predictions. A block of each scene stands
under the last one; a block's rows are the image and each task, its columns are `COLUMNS`. Which scenes, and which part
of them, is decided by the data alone.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.ndimage import uniform_filter

from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import check_file
from tdsr_bench.metrics.base import AlignedPair
from tdsr_bench.tasks.colours import errors, first_frame, to_rgb

if TYPE_CHECKING:
    from tdsr_bench.tasks.scoring import Look  # and with it torch, which readers of sheets do without

TILE = 128
"""High-resolution pixels on a side of what is shown."""

COLUMNS = ("frame", "bicubic", "method", "reference")
"""In a task's row the first column is the truth."""

IMAGE = "image"

SCENES = 2
"""How many scenes a sheet shows."""

QUALITY = 80
DESCRIPTION = 0x010E
"""The tag of EXIF that holds the record."""

LARGEST, LONGEST = 2_000_000, 8192
"""Bytes, and pixels on a side; a sheet is somebody else's file, and no sheet of ours is a tenth as large."""

Picture = NDArray[np.uint8]
Window = tuple[slice, slice]


class SheetRecord(BaseModel):
    """What stands where on a sheet."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    method: str
    scenes: tuple[str, ...]
    rows: tuple[str, ...]
    tile: int = TILE


@dataclass(frozen=True, eq=False)
class Block:
    """The pictures of one scene: uint8 ``[(1 + tasks) x tile, 4 tile, 3]``, and the tasks that it shows."""

    tasks: tuple[str, ...]
    picture: Picture

    def to_json(self) -> dict[str, Any]:
        """To be kept: its picture as a PNG in base64."""
        content = BytesIO()
        Image.fromarray(self.picture).save(content, "png")
        return {"tasks": self.tasks, "png": b64encode(content.getvalue()).decode()}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Block":
        """What `to_json` made.

        Raises:
            ValueError, KeyError, OSError: it is something else.
        """
        with Image.open(BytesIO(b64decode(kept["png"])), formats=["png"]) as image:
            return Block(tuple(kept["tasks"]), np.asarray(image))


@dataclass(frozen=True, eq=False)
class Sheet:
    """A sheet that was read: uint8 ``[scenes x rows x tile, 4 tile, 3]``."""

    record: SheetRecord
    picture: Picture

    def tile(self, scene: str, row: str, column: str) -> Picture:
        """One of its pictures, uint8 ``[tile, tile, 3]``."""
        record = self.record
        down = (record.scenes.index(scene) * len(record.rows) + record.rows.index(row)) * record.tile
        right = COLUMNS.index(column) * record.tile
        return self.picture[down : down + record.tile, right : right + record.tile]


def sheet_scenes(regions: Mapping[str, str]) -> tuple[str, ...]:
    """The scenes that a sheet shows, of all scenes with their `regions`: the first of each of a few regions."""
    first: dict[str, str] = {}
    for scene in sorted(regions):
        first.setdefault(regions[scene], scene)
    chosen = sorted(first)
    places = {len(chosen) * index // SCENES for index in range(SCENES)}
    return tuple(first[chosen[place]] for place in sorted(places))


def draw_block(pair: AlignedPair, looks: "Sequence[Look]") -> Block:
    """The block of one scene: the part of it with the most to find."""
    window = _window(pair, looks)
    images = (first_frame(pair), pair.bicubic, pair.sr, pair.reference)
    rows = [np.hstack([_tile(to_rgb(image)[window]) for image in images])]
    rows += [np.hstack([_tile(picture) for picture in _finds(look, images[1:], window)]) for look in looks]
    return Block(tuple(look.truth.task.key for look in looks), np.vstack(rows))


def write_sheet(path: Path, method: str, blocks: Mapping[str, Block]) -> None:
    """Write the `blocks` of scenes to `path` as WebP, whole or not at all; those with other tasks than the first go."""
    tasks = next(iter(blocks.values())).tasks
    shown = {scene: block.picture for scene, block in blocks.items() if block.tasks == tasks}
    record = SheetRecord(method=method, scenes=tuple(shown), rows=(IMAGE, *tasks))
    image = Image.fromarray(np.vstack([*shown.values()]))
    about = Image.Exif()
    about[DESCRIPTION] = json.dumps(record.model_dump())
    content = BytesIO()
    image.save(content, "webp", quality=QUALITY, method=6, exif=about)
    write_atomically(path, content.getvalue())


def read_sheet(path: Path) -> Sheet:
    """The sheet at `path`.

    Raises:
        DataError: it is no sheet, or its picture is not what its record says.
    """
    check_file(path, most=LARGEST)
    try:
        with Image.open(path, formats=["webp"]) as image:
            record = SheetRecord.model_validate(json.loads(str(image.getexif()[DESCRIPTION])))
            expected = (len(COLUMNS) * record.tile, len(record.scenes) * len(record.rows) * record.tile)
            if image.size != expected or max(expected) > LONGEST:  # before it is unpacked: a small file can be huge
                raise DataError(f"{path} is {image.size} pixels, expected {expected} by what it says of itself.")
            return Sheet(record, np.asarray(image.convert("RGB")))
    except (OSError, KeyError, ValueError, ValidationError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is no sheet of a card ({type(error).__name__}); leave it out.") from None


def _window(pair: AlignedPair, looks: "Sequence[Look]") -> Window:
    """Where most of the truth of all tasks lies, each task counted alike; the middle where there is none."""
    height, width = pair.valid.shape[1:]
    size = min(TILE, height), min(TILE, width)
    density = np.zeros((height, width), dtype=np.float64)
    for known in (look.truth.known for look in looks if look.truth.missing is None):
        assert known is not None
        density += uniform_filter(known.mask.astype(np.float64), size, mode="constant") / known.mask.mean()
    half = size[0] // 2, size[1] // 2
    inside = density[half[0] : height - size[0] + half[0] + 1, half[1] : width - size[1] + half[1] + 1]
    place = int(np.argmax(inside)) if inside.any() else inside.size // 2
    row, column = divmod(place, inside.shape[1])
    return slice(row, row + size[0]), slice(column, column + size[1])


def _finds(look: "Look", images: Sequence[NDArray[np.float32]], window: Window) -> list[NDArray[np.float64]]:
    """The truth, and what most networks find in each image, in a window; all dark where nothing is known.

    Networks look at the window and its surroundings alone, as they look at the parts of a large image.
    """
    from tdsr_bench.tasks.networks.network import with_margin
    from tdsr_bench.tasks.panels import majority

    known = look.truth.known
    if look.truth.missing is not None or known is None:
        dark = np.zeros(images[0][0][window].shape, dtype=bool)
        return [errors(dark, dark)] * (1 + len(images))
    (rows, inner_rows), (columns, inner_columns) = map(with_margin, window, images[0].shape[1:])
    networks = [scoring.network for scoring in look.networks]
    found = [majority(image[:, rows, columns], networks)[inner_rows, inner_columns] for image in images]
    truth = known.mask[window]
    return [errors(mask, truth) for mask in (truth, *found)]


def _tile(colours: NDArray[np.floating]) -> Picture:
    """Colours ``[h, w, 3]``, 0 to 1, as a tile; dark where there is less than a tile of them."""
    tile = np.zeros((TILE, TILE, 3), dtype=np.uint8)
    tile[: colours.shape[0], : colours.shape[1]] = np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
    return tile
