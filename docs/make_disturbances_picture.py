"""Draws docs/images/disturbances.png: frames of a scene of mini under each disturbance.

uv run python docs/make_disturbances_picture.py docs/images/disturbances.png
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tdsr_baselines.disturb import DISTURBANCES
from tdsr_bench.data.catalog import find_data
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scene import RGB, LowResView, Track
from tdsr_bench.view import show

SCENE = "mini_r09_s2"
PART = np.s_[..., 40:88, 40:88]
"""What is shown where whole frames would be too small to see anything, in low-resolution pixels."""

SIDE, GAP, CAPTION = 192, 4, 14

Tiles = dict[str, Image.Image]


def main(out: Path) -> None:
    """Draw both rows and write the picture, with 256 colours to keep it small."""
    protocol = load_protocol("tdsr-v1")
    view = show(open_dataset(find_data("mini"), protocol).read(SCENE), Track.MISR, protocol.frames)
    sheet = paste([whole_frames(view), parts(view)])
    sheet.quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)


def whole_frames(view: LowResView) -> Tiles:
    """What is seen from afar, in one stretch."""
    ends = stretch_of(view.frames[0])
    hazy, clouded = (DISTURBANCES[key](view).frames for key in ("haze", "cloud"))
    return {
        "best frame": picture(view.frames[0], ends),
        "haze": picture(hazy[0], ends),
        "haze, second frame": picture(hazy[1], ends),
        "cloud": picture(clouded[0], ends),
        "three-frames: of nine": nine(view, ends),
    }


def parts(view: LowResView) -> Tiles:
    """What takes a closer look, in one stretch for each frame."""
    view = replace(view, frames=view.frames[:2], valid=view.valid[:2], dates=view.dates[:2])
    first, second = (frame[PART] for frame in view.frames)
    noisy, blurred, moved = (DISTURBANCES[key](view).frames[PART] for key in ("noise", "mtf", "misregistered"))
    return {
        "best frame, a part": picture(first, stretch_of(first)),
        "noise": picture(noisy[0], stretch_of(first)),
        "mtf": picture(blurred[0], stretch_of(first)),
        "second frame": picture(second, stretch_of(second)),
        "misregistered": picture(moved[1], stretch_of(second)),
    }


def nine(view: LowResView, ends: tuple[float, float]) -> Image.Image:
    """All frames in their order, those that are not shown to the method faded."""
    kept, side = len(DISTURBANCES["three-frames"](view).frames), SIDE // 3
    sheet = Image.new("RGB", (SIDE, SIDE), "white")
    for place, frame in enumerate(view.frames):
        small = picture(frame, ends).resize((side - 2, side - 2), Image.Resampling.BOX)
        faded = small if place < kept else Image.blend(small, Image.new("RGB", small.size, "white"), 0.75)
        sheet.paste(faded, (place % 3 * side, place // 3 * side))
    return sheet


def stretch_of(frame: NDArray[np.float32]) -> tuple[float, float]:
    """The reflectances that become black and white."""
    low, high = np.percentile(frame[list(RGB)], (0.5, 99.5))
    return float(low), float(high) + 0.25 * float(high - low)


def picture(frame: NDArray[np.float32], ends: tuple[float, float]) -> Image.Image:
    low, high = ends
    how = Image.Resampling.NEAREST if SIDE % frame.shape[-1] == 0 else Image.Resampling.BICUBIC
    shown = (255 * np.clip((frame[list(RGB)] - low) / (high - low), 0, 1)).astype(np.uint8)
    return Image.fromarray(shown.transpose(1, 2, 0)).resize((SIDE, SIDE), how)


def paste(rows: list[Tiles]) -> Image.Image:
    """All tiles with their captions on one sheet."""
    sheet = Image.new("RGB", (len(rows[0]) * (SIDE + GAP) - GAP, len(rows) * (SIDE + GAP + CAPTION) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, tiles in enumerate(rows):
        for column, (caption, tile) in enumerate(tiles.items()):
            left, top = column * (SIDE + GAP), row * (SIDE + GAP + CAPTION)
            draw.text((left + 1, top + 1), caption, fill="black")
            sheet.paste(tile, (left, top + CAPTION))
    return sheet


if __name__ == "__main__":
    main(Path(sys.argv[1]))
