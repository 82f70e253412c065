"""Draws docs/images/mini.png: the embedded data set beside real pixels.

    python docs/make_mini_picture.py MINI_FOLDER REAL_PIXELS_FOLDER docs/images/mini.png

The real pixels are described in docs/decisions/0003-mini-radiometry.md; they are not part of the repository.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scene import RGB, Scene

TILE, GAP, CAPTION = 192, 4, 14
SIDE = 64
SCENES = {"mini_r01_s1": (48, 48), "mini_r08_s1": (48, 48), "mini_r03_s1": (4, 60), "mini_r11_s1": (4, 4)}
"""What is shown: a scene and the upper left corner of `SIDE` x `SIDE` of its Sentinel-2 pixels."""

Tile = tuple[str, NDArray[np.uint8]]


def main(mini: Path, real: Path, target: Path) -> None:
    """Draw all rows and write the picture, with 256 colours to keep it small."""
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    dataset = open_dataset(mini, load_protocol("tdsr-v1"), "real")
    rows = [scene_row(dataset.read(name), *corner) for name, corner in SCENES.items()]
    sheet = paste([*rows, real_row(real)])
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


def scene_row(scene: Scene, top: int, left: int) -> list[Tile]:
    """Reference, two clear frames of different season, a clouded one, truth on the reference."""
    clear = scene.frames_valid.mean(axis=(1, 2))
    spring, autumn = np.flatnonzero(clear > 0.98)[[0, -1]]
    fine = np.s_[..., 3 * top : 3 * (top + SIDE), 3 * left : 3 * (left + SIDE)]
    coarse = np.s_[..., top : top + SIDE, left : left + SIDE]
    reference = stretched(scene.reference[list(RGB)][fine])
    frames = [
        (f"frame {scene.dates[index]}", enlarged(lowres(scene.frames[index][list(RGB)][coarse])))
        for index in (spring, autumn, int(np.argmin(np.abs(clear - 0.6))))
    ]
    truth = reference.copy()
    for task, colour in (("roads", (255, 220, 40)), ("buildings", (240, 40, 60))):
        truth[scene.truth[task][fine]] = colour
    return [(f"{scene.region}: reference {scene.reference_date}", reference), *frames, ("truth", truth)]


def real_row(real: Path) -> list[Tile]:
    """Three dates of Sentinel-2 and two chips at 3.33 m."""
    tiles = []
    for day in ("2021-07-16", "2020-01-28", "2020-01-23"):
        with rasterio.open(real / "sentinel2_boadella" / f"Boadella_{day}.tif") as raster:
            frame = raster.read([4, 3, 2])[:, 60 : 60 + SIDE, 290 : 290 + SIDE] / 1e4
        tiles.append((f"REAL Sentinel-2 {day}", enlarged(lowres(frame))))
    for chip, window in (("ms1", Window(0, 0, 300, 300)), ("ms3", Window(0, 130, 170, 170))):
        size = round(window.width * 0.3)
        with rasterio.open(real / "vhr_rotterdam" / f"{chip}.tif") as raster:
            image = raster.read([3, 2, 1], window=window, out_shape=(3, size, size), resampling=Resampling.average)
        square = Image.fromarray(stretched(image)).resize((TILE, TILE), Image.Resampling.NEAREST)
        tiles.append((f"REAL VHR {chip} at 3.33 m", np.asarray(square)))
    return tiles


def lowres(reflectance: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Reflectance ``[3, h, w]`` as a picture; 0.28 is white, for all frames alike."""
    return np.rint(255 * np.clip(reflectance / 0.28, 0, 1).transpose(1, 2, 0) ** 0.8).astype(np.uint8)


def stretched(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Any unit as a picture, from the 0.5th to the 99.5th percentile of a band."""
    low, high = np.percentile(image, (0.5, 99.5), axis=(1, 2), keepdims=True)
    return np.rint(255 * np.clip((image - low) / (high - low), 0, 1).transpose(1, 2, 0) ** 0.8).astype(np.uint8)


def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel three times, on both axes."""
    return picture.repeat(3, axis=0).repeat(3, axis=1)


def paste(rows: list[list[Tile]]) -> Image.Image:
    """All tiles with their captions on one sheet."""
    width = max(len(row) for row in rows) * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (width, len(rows) * (TILE + CAPTION + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        for column, (caption, picture) in enumerate(row):
            x, y = column * (TILE + GAP), number * (TILE + CAPTION + GAP)
            draw.text((x + 1, y + 1), caption, fill="black")
            sheet.paste(Image.fromarray(picture), (x, y + CAPTION))
    return sheet


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
