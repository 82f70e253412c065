"""Draws docs/images/methods.png: a part of two scenes of mini as methods see and make them.

uv run python docs/make_methods_picture.py docs/images/methods.png
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tdsr_bench.align import prepare
from tdsr_bench.data.catalog import find_data
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.protocol import load_protocol
from tdsr_bench.references import open_bench
from tdsr_bench.scene import RGB, Track
from tdsr_bench.submission import load_submission
from tdsr_bench.view import show

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
SCENES = {"mini_r08_s1": (200, 120), "mini_r10_s2": (90, 150)}
"""Which scenes, and the corner of the part that is shown, in high-resolution pixels."""

PART, ZOOM, GAP, CAPTION = 96, 2, 4, 14


def main(out: Path) -> None:
    rows = [tiles(name, corner) for name, corner in SCENES.items()]
    side = PART * ZOOM
    sheet = Image.new("RGB", (len(rows[0]) * (side + GAP), len(rows) * (side + GAP + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, members in enumerate(rows):
        for column, (title, image) in enumerate(members.items()):
            left, top = column * (side + GAP), row * (side + GAP + CAPTION)
            draw.text((left, top), title, fill="black")
            sheet.paste(image.resize((side, side), Image.Resampling.NEAREST), (left, top + CAPTION))
    sheet.save(out, optimize=True)


def tiles(name: str, corner: tuple[int, int]) -> dict[str, Image.Image]:
    protocol = load_protocol("tdsr-v1")
    dataset = open_dataset(find_data("mini"), protocol)
    scene = dataset.read(name)
    bench = open_bench(prepare(scene, protocol), protocol)
    reference = bench.perfect_pair().reference
    low, high = np.percentile(reference[list(RGB)], (1, 99))
    single = show(scene, Track.SISR, protocol.frames)
    images = {"frame, 10 m": bench.pair(single.frames[0].repeat(3, axis=1).repeat(3, axis=2), single).sr}
    for folder in ("bicubic", "hat-tiny-pixel", "shift-and-add", "rams-tiny-task"):
        submission = load_submission(SUBMISSIONS / folder).submission
        view = show(scene, submission.track, protocol.frames)
        images[f"{submission.name} ({submission.track})"] = bench.pair(submission.super_resolve(view), view).sr
    images["reference, another year"] = reference
    return {title: picture(image, corner, low, high) for title, image in images.items()}


def picture(image: NDArray[np.float32], corner: tuple[int, int], low: float, high: float) -> Image.Image:
    row, column = corner
    part = image[list(RGB), row : row + PART, column : column + PART]
    return Image.fromarray((255 * np.clip((part - low) / (high - low), 0, 1)).astype(np.uint8).transpose(1, 2, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
