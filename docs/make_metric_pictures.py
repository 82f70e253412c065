"""Draws docs/images/metrics: what each metric sees of known degradations, and how each of them moves.

uv run python docs/make_metric_pictures.py docs/images/metrics

One scene of mini, red band where a picture shows one; every number and map comes from the functions that score.
"""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage

from tdsr_bench.align import prepare
from tdsr_bench.data.catalog import find_data
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.filters import highpass, local_mean, separable
from tdsr_bench.interpolation import back_project, enlarge
from tdsr_bench.metrics import METRICS, find_metric
from tdsr_bench.metrics import correctness as three
from tdsr_bench.metrics.base import AlignedPair, Metric
from tdsr_bench.metrics.cssim import cssim_error, ssim_map
from tdsr_bench.metrics.detail import detail_error
from tdsr_bench.metrics.ergas import ergas
from tdsr_bench.metrics.frc import cutoff_period, frc_hf, ring_correlation
from tdsr_bench.metrics.gain import gain_and_offset
from tdsr_bench.metrics.grid import grid_artefact
from tdsr_bench.metrics.lpips import load_network, lpips_map, reflectance_features, trunk_file
from tdsr_bench.metrics.outside import outside_share
from tdsr_bench.metrics.pixels import without_offset
from tdsr_bench.metrics.psnr import cpsnr, psnr
from tdsr_bench.metrics.sam import spectral_angle
from tdsr_bench.protocol import load_protocol
from tdsr_bench.references import BICUBIC, REFERENCE, Bench, open_bench
from tdsr_bench.scene import BANDS, RGB, SCALE, LowResView, Scene, Track
from tdsr_bench.sensor import blur, fourier_shift, observe
from tdsr_bench.tasks import TASKS
from tdsr_bench.tasks.measures.base import Segmentation
from tdsr_bench.view import show

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Colour = str | tuple[float, ...]

PROTOCOL = load_protocol("tdsr-v1")
SCENE = "mini_r09_s1"
TOP, LEFT, SIDE = 42, 150, 96
"""The part that is shown, in high-resolution pixels of the scored image."""
PART = np.s_[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
RED = BANDS.index("B04")

CARD, INK, FAINT = "#f4f3ee", "#222222", "#8a8a86"
BETTER, WORSE, NEITHER = (*sns.color_palette("colorblind")[:2], "#9a9a94")
"""Blue and orange of seaborn's palette for the colour-blind, and grey."""
FRAMES_NYQUIST = 1 / (2 * SCALE)


def main(folder: Path) -> None:
    """Draw all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    sns.set_theme(style="white", rc={"font.size": 9, "text.color": INK, "axes.edgecolor": FAINT, "figure.dpi": 110})
    scene = open_dataset(find_data("mini"), PROTOCOL).read(SCENE)
    images = Images(open_bench(prepare(scene, PROTOCOL), PROTOCOL))
    for name, draw in PICTURES.items():
        figure = draw(images)
        if figure is not None:
            save(figure, folder / f"{name}.webp")


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, facecolor=CARD, pil_kwargs={"quality": 82, "method": 6})
    plt.close(figure)
    print(path, f"{path.stat().st_size / 1000:.0f} kB")


# --- Degradations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Images:
    """The scene's known degradations, each brought to the reference as a method's image would be."""

    bench: Bench

    @functools.cached_property
    def truth(self) -> Image:
        """The reference on the frames' grid."""
        return fourier_shift(self.bench.prepared.scene.reference, self.bench.prepared.shift)

    @functools.cached_property
    def bicubic(self) -> Image:
        return enlarge(self.frame, "bicubic")

    @functools.cached_property
    def view(self) -> LowResView:
        return show(self.bench.prepared.scene, Track.SISR, PROTOCOL.frames)

    @property
    def frame(self) -> Image:
        """The one frame, ``[4, h, w]``."""
        return self.view.frames[0]

    @property
    def spread(self) -> Image:
        """Standard deviation of each band of the reference, ``[4, 1, 1]``."""
        return self.truth.std(axis=(1, 2), keepdims=True)

    def pair(self, native: Image) -> AlignedPair:
        return self.bench.pair(native.astype(np.float32), self.view)

    def blend(self, share: float) -> Image:
        return share * self.truth + (1 - share) * self.bicubic

    def noisy(self) -> Image:
        return self.truth + np.random.default_rng(0).normal(0, 0.25, self.truth.shape) * self.spread

    def moved(self, pixels: float) -> Image:
        return fourier_shift(self.truth, (0.0, pixels))

    def contrast(self, factor: float) -> Image:
        mean = self.truth.mean(axis=(1, 2), keepdims=True)
        return mean + factor * (self.truth - mean)

    def sharpened(self) -> Image:
        """The reference with three times its fine detail."""
        return self.truth + 2 * (self.truth - blur(self.truth, 1.5))

    def gridded(self) -> Image:
        """The bicubic image with one pattern in every pixel of the frame, a fifth of the reference's spread."""
        pattern = np.random.default_rng(3).normal(size=(SCALE, SCALE))
        pattern = (pattern - pattern.mean()) / pattern.std()
        _, height, width = self.truth.shape
        return self.bicubic + 0.2 * self.spread * np.tile(pattern, (height // SCALE, width // SCALE))

    def painted(self, image: Image, *, true: bool) -> Image:
        """`image` with buildings in their mean colour: where they are, or where they would be were the map mirrored."""
        scene = self.bench.prepared.scene
        mask = scene.truth["buildings"]
        colour = scene.reference[:, mask].mean(axis=1)
        mask = mask if true else mask[:, ::-1]
        there = fourier_shift(mask.astype(np.float32), self.bench.prepared.shift) > 0.5
        return np.where(there, colour[:, None, None], image)

    def back_projected(self) -> Image:
        iterations = PROTOCOL.back_projection.iterations
        return back_project(self.bicubic, self.frame, sigmas=PROTOCOL.sigmas, iterations=iterations)

    @functools.cached_property
    def ladder(self) -> dict[str, AlignedPair]:
        """What the overview shows."""
        images = {
            "blend\n.75": self.blend(0.75),
            "blend\n.5": self.blend(0.5),
            "blend\n.25": self.blend(0.25),
            BICUBIC: self.bicubic,
            "blurred": blur(self.truth, 1.5),
            "detail\nx 3": self.sharpened(),
            "noisy": self.noisy(),
            "moved\n.5 px": self.moved(0.5),
            "moved\n1 px": self.moved(1.0),
            "contrast\nx .8": self.contrast(0.8),
            "contrast\nx 1.3": self.contrast(1.3),
            "grid on\nbicubic": self.gridded(),
            "houses\npainted in": self.painted(self.bicubic, true=True),
            "houses\ninvented": self.painted(self.bicubic, true=False),
        }
        return {REFERENCE.replace(" ", "\n"): self.bench.perfect_pair()} | {
            name: self.pair(image) for name, image in images.items()
        }


def value(key: str, pair: AlignedPair) -> float:
    """The metric `key` of `pair`, the mean over its bands."""
    return float(np.mean(find_metric(key).compute(pair, PROTOCOL.metrics[key])))


# --- Cards of tiles --------------------------------------------------------------------------------------------------

TILE, GAP, CAPTION, SCALE_BAR, MARGIN = 2.05, 0.12, 0.24, 0.5, 0.08
"""Inches: a tile's side, what is between two, above, below and around."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture with its caption; a map has colours with a scale, an image is red, green and blue or grey."""

    caption: str
    pixels: NDArray[np.floating]
    colours: str | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    label: str = ""


def card(*tiles: Tile) -> Figure:
    """Tiles side by side."""
    wide = 2 * MARGIN + len(tiles) * (TILE + GAP) - GAP
    high = 2 * MARGIN + CAPTION + TILE + (SCALE_BAR if any(tile.label for tile in tiles) else 0)
    figure = plt.figure(figsize=(wide, high))
    for index, tile in enumerate(tiles):
        left, top = MARGIN + index * (TILE + GAP), high - MARGIN - CAPTION
        axis = figure.add_axes((left / wide, (top - TILE) / high, TILE / wide, TILE / high))
        drawn = axis.imshow(tile.pixels, cmap=tile.colours, vmin=tile.limits[0], vmax=tile.limits[1])
        axis.set_title(tile.caption, fontsize=9, pad=4)
        axis.axis("off")
        if tile.label:
            bar = figure.add_axes((left / wide, (top - TILE - 0.12) / high, TILE / wide, 0.06 / high))
            figure.colorbar(drawn, cax=bar, orientation="horizontal", ticks=np.linspace(*tile.limits, 3))
            bar.tick_params(labelsize=8, length=0, pad=2)
            bar.set_xlabel(tile.label, fontsize=8, labelpad=1)
            ends = bar.get_xticklabels()
            ends[0].set_horizontalalignment("left")
            ends[-1].set_horizontalalignment("right")
    return figure


def photo(caption: str, image: Image, like: Image) -> Tile:
    """Red, green and blue of the part, stretched as `like` is."""
    low, high = np.percentile(like[list(RGB)], (1, 99))
    picture = np.clip((image[(list(RGB), *PART)] - low) / (high - low), 0, 1) ** 0.8
    return Tile(caption, picture.transpose(1, 2, 0))


def grey(caption: str, band: Image, limits: tuple[float, float], label: str = "") -> Tile:
    return Tile(caption, band[PART], "gray", limits, label)


def heat(caption: str, band: NDArray[np.floating], limits: tuple[float, float], label: str) -> Tile:
    return Tile(caption, band[PART], "viridis", limits, label)


def signed(caption: str, values: NDArray[np.floating], most: float, label: str) -> Tile:
    return Tile(caption, values, "coolwarm", (-most, most), label)


def one(pair: AlignedPair, band: int = RED) -> tuple[Image, Image, NDArray[np.bool_]]:
    """A band of the image, of the reference, and what counts of it."""
    return pair.sr[band], pair.reference[band], pair.valid[band]


# --- One picture a metric --------------------------------------------------------------------------------------------


def draw_cssim(images: Images) -> Figure:
    pair = images.pair(images.bicubic)
    tiles = [photo("reference", pair.reference, pair.reference), photo("bicubic", pair.sr, pair.reference)]
    for name, native in (("bicubic", images.bicubic), ("blend .5", images.blend(0.5))):
        pair = images.pair(native)
        sr, reference, valid = one(pair)
        settings = {**PROTOCOL.metrics["cssim"], "data_range": float(pair.data_range[RED])}
        unlike = 1 - ssim_map(without_offset(sr, reference, valid), reference, **settings)
        error = cssim_error(sr, reference, valid, **settings)
        tiles.append(heat(f"{name}: {error:.2f}", unlike, (0, 1), "1 - SSIM, red"))
    return card(*tiles)


def draw_detail(images: Images) -> Figure:
    sigma = PROTOCOL.metrics["detail"]["sigma"]
    label, limits = "reflectance, red, less its blur", (-0.06, 0.06)
    _, reference, valid = one(images.pair(images.bicubic))
    tiles = [grey("reference", highpass(reference, valid, sigma), limits, label)]
    for name, native in (
        ("bicubic", images.bicubic),
        ("noisy", images.noisy()),
        ("contrast x 1.3", images.contrast(1.3)),
    ):
        sr, reference, valid = one(images.pair(native))
        error = detail_error(sr, reference, valid, sigma=sigma)
        tiles.append(grey(f"{name}: {error:.2f}", highpass(sr, valid, sigma), limits, label))
    return card(*tiles)


def draw_lpips(images: Images) -> Figure | None:
    """Nothing where AlexNet's weights are not there."""
    path = trunk_file()
    if path is None:
        return None
    white = PROTOCOL.metrics["lpips"]["white"]
    pair = images.pair(images.bicubic)
    network = load_network(path)
    seen = [reflectance_features(network, image[list(RGB)], white=white) for image in (pair.sr, pair.reference)]
    distance = lpips_map(network, *seen, pair.sr.shape[1:])
    return card(
        photo("reference", pair.reference, pair.reference),
        photo("bicubic", pair.sr, pair.reference),
        heat(f"bicubic: {value('lpips', pair):.2f}", distance, (0, 1), "distance"),
    )


def draw_psnr(images: Images) -> Figure:
    pair = images.pair(images.blend(0.5) + 0.02)
    sr, reference, valid = one(pair)
    kept = without_offset(sr, reference, valid)
    span = PROTOCOL.metrics["psnr"]["data_range"]
    plain, moved = (measure(sr, reference, valid, data_range=span) for measure in (psnr, cpsnr))
    return card(
        photo("reference", pair.reference, pair.reference),
        photo("blend .5, brighter by .02", pair.sr, pair.reference),
        heat(f"psnr: {plain:.1f} dB", np.abs(sr - reference), (0, 0.08), "|difference|, red"),
        heat(f"cpsnr: {moved:.1f} dB", np.abs(kept - reference), (0, 0.08), "|difference| without the offset"),
    )


def draw_sam(images: Images) -> Figure:
    pair, noisy = images.pair(images.bicubic), images.pair(images.noisy())
    return card(
        photo("reference", pair.reference, pair.reference),
        photo("bicubic", pair.sr, pair.reference),
        heat(f"bicubic: {value('sam', pair):.1f} degrees", angles(pair), (0, 30), "angle, degrees"),
        heat(f"noisy: {value('sam', noisy):.1f} degrees", angles(noisy), (0, 30), "angle, degrees"),
    )


def angles(pair: AlignedPair) -> Image:
    """The metric of each pixel of the part alone."""
    found = np.zeros(pair.sr.shape[1:], np.float32)
    for row, column in np.ndindex(SIDE, SIDE):
        here = np.s_[:, TOP + row : TOP + row + 1, LEFT + column : LEFT + column + 1]
        found[TOP + row, LEFT + column] = spectral_angle(pair.sr[here], pair.reference[here], pair.valid[here])
    return found


def draw_ergas(images: Images) -> Figure:
    pair = images.pair(images.bicubic)
    tiles = []
    for band, name in enumerate(BANDS):
        sr, reference, valid = one(pair, band)
        share = ergas(sr[None], reference[None], valid[None]) / 100 * SCALE
        caption = f"bicubic, {name}: {share:.0%} rms"
        tiles.append(heat(caption, np.abs(sr - reference) / reference.mean(), (0, 1), "|difference| over the mean"))
    return card(*tiles)


def draw_frc(images: Images) -> Figure:
    settings = PROTOCOL.metrics["frc_cutoff"]
    tile, step, threshold = (settings[key] for key in ("tile", "step", "threshold"))
    natives = {
        "blend .5": images.blend(0.5),
        "noisy": images.noisy(),
        "back-projected": images.back_projected(),
        "bicubic": images.bicubic,
    }
    figure, axis = plt.subplots(figsize=(8.5, 3.2), layout="constrained")
    axis.set_facecolor(CARD)
    axis.axvspan(FRAMES_NYQUIST, 0.5, color="#e2e0d8", zorder=0)
    axis.axhline(threshold, color=FAINT, lw=1, ls="--")
    for (name, native), colour in zip(natives.items(), sns.color_palette("colorblind"), strict=False):
        pair = images.pair(native)
        curve = ring_correlation(*one(pair), tile=tile, step=step)
        high = frc_hf(*one(pair), tile=tile, step=step)
        period = pair.metres_per_pixel * cutoff_period(curve, tile=tile, threshold=threshold)
        frequency = np.arange(tile // 2 + 1) / tile
        label = f"{name}: frc_hf {high:.2f}, frc_cutoff {period:.1f} m"
        axis.plot(frequency[1:], curve[1:], color=colour, lw=1.8, label=label)
        axis.plot(pair.metres_per_pixel / period, threshold, "o", color=colour, clip_on=False)
    axis.text(0.212, 0.66, "frc_hf is the mean in here:\nbeyond what a frame can hold", fontsize=8.5)
    axis.text(0.004, threshold + 0.02, "threshold of frc_cutoff", fontsize=8.5)
    axis.set(xlim=(0, 0.5), ylim=(-0.05, 1.02))
    axis.set_xlabel("cycles a pixel of 3.33 m", fontsize=9)
    axis.set_ylabel("ring correlation, red", fontsize=9)
    axis.tick_params(labelsize=8.5)
    axis.legend(fontsize=8.5, loc="center right", facecolor=CARD, framealpha=0.9, bbox_to_anchor=(1, 0.36))
    sns.despine(ax=axis)
    return figure


def draw_consistency(images: Images) -> Figure:
    frame = images.frame
    top, left = (TOP + 12) // SCALE, (LEFT + 12) // SCALE
    part = np.s_[top : top + SIDE // SCALE, left : left + SIDE // SCALE]
    tiles = [Tile("frame, red", frame[RED][part], "gray", (0.02, 0.12), "reflectance")]
    for name, native in (
        ("bicubic", images.bicubic),
        ("back-projected", images.back_projected()),
        ("houses painted in", images.painted(images.bicubic, true=True)),
    ):
        error = value("consistency", images.pair(native))
        residual = observe(native, PROTOCOL.sigmas)[RED] - frame[RED]
        tiles.append(signed(f"{name}: {error:.4f}", residual[part], 0.02, "as the sensor sees it, less the frame"))
    return card(*tiles)


def draw_grid(images: Images) -> Figure:
    tiles = []
    valid = np.ones(images.frame.shape[1:], dtype=bool)
    for name, native in (("bicubic", images.bicubic), ("with a pattern", images.gridded())):
        band = native[RED].astype(np.float32)
        fine = band - separable(band, np.full(SCALE, 1 / SCALE))
        phases = fine.reshape(len(valid), SCALE, -1, SCALE).mean(axis=(0, 2))
        pair = images.pair(native)
        tiles.append(photo(name, pair.sr, pair.reference))
        tiles.append(signed(f"its nine means: {grid_artefact(band, valid):.2f}", phases, 0.008, "reflectance, red"))
    return card(*tiles)


def draw_gain(images: Images) -> Figure:
    sigma = PROTOCOL.metrics["gain"]["sigma"]
    natives = {"contrast x .8": images.contrast(0.8), "brighter by .02": images.truth + 0.02, "bicubic": images.bicubic}
    figure, axes = plt.subplots(1, 3, figsize=(8.5, 3.2), layout="constrained", sharey=True)
    figure.get_layout_engine().set(h_pad=0.09, w_pad=0.09)
    for axis, (name, native) in zip(axes, natives.items(), strict=True):
        sr, reference, valid = one(images.pair(native))
        gain, offset = gain_and_offset(sr, reference, valid, sigma=sigma)
        x, y = (local_mean(image, valid, sigma)[::4, ::4].ravel() for image in (reference, sr))
        ends = np.array([0.02, 0.14])
        axis.set_facecolor(CARD)
        axis.plot(ends, ends, color=INK, lw=1, ls=":")
        axis.plot(ends, gain * ends + offset, color=WORSE, lw=2.2)
        axis.plot(x, y, ".", ms=1.6, color=BETTER, alpha=0.35)
        axis.set(xlim=ends, ylim=ends, xticks=(0.04, 0.08, 0.12), yticks=(0.04, 0.08, 0.12), box_aspect=1)
        axis.set_title(f"{name}: gain {gain:.2f}, offset {offset:+.3f}", fontsize=9)
        axis.set_xlabel("reference, red, blurred", fontsize=8.5)
        axis.tick_params(labelsize=8)
        sns.despine(ax=axis)
    axes[0].set_ylabel("image, red, blurred", fontsize=8.5)
    return figure


def draw_geolocation(images: Images) -> Figure:
    native = images.moved(2.0)
    pair = images.pair(native)
    # As it came: where the scene's own shift alone would have put it.
    down, right = images.bench.prepared.shift
    border = PROTOCOL.residual_shift.border
    raw = fourier_shift(native, (-down, -right))[:, border:-border, border:-border]
    before, after = (image[RED] - pair.reference[RED] for image in (raw, pair.sr))
    return card(
        photo("reference", pair.reference, pair.reference),
        photo("moved right by 2 pixels", raw, pair.reference),
        signed("as it came", before[PART], 0.08, "difference, red"),
        signed(f"moved back by {value('geolocation', pair):.2f} m", after[PART], 0.08, "difference, red"),
    )


def draw_outside(images: Images) -> Figure:
    native = images.contrast(2)
    pair = images.pair(native)
    under = (pair.sr[RED] < 0).astype(float)
    share = outside_share(native[RED], low=0.0, high=1.0)
    return card(
        photo("reference", pair.reference, pair.reference),
        photo("contrast x 2", pair.sr, pair.reference),
        Tile(f"red under 0 (yellow): {share:.1%} of all", under[PART], "cividis"),
    )


def draw_correctness(images: Images) -> Figure:
    pair = images.pair(images.painted(images.blend(0.5), true=False))
    shares, mean = correctness_maps(pair)
    maps = [
        heat(f"{name}: {getattr(mean, name):.2f}", share, (0, 1), "share; blank does not count")
        for name, share in shares.items()
    ]
    return card(photo("blend .5, houses invented", pair.sr, pair.reference), *maps)


def correctness_maps(pair: AlignedPair) -> tuple[dict[str, NDArray[np.floating]], three.Correctness]:
    """The three shares at each pixel, and their means as they score; that the maps have these means is checked."""
    settings = PROTOCOL.metrics["hallucination"]
    mean = three.correctness(pair.sr, pair.reference, pair.bicubic, pair.valid, **settings)
    flat = (image.reshape(len(image), -1) for image in (pair.sr, pair.reference, pair.bicubic))
    d_ref, d_im, d_om = three._distances(*flat)
    happens = np.maximum(np.maximum(d_ref, d_im), d_om) > three._order_statistic(d_ref, settings["quantile"])
    d_im, d_om = d_im / d_ref, d_om / d_ref
    beyond = d_im + d_om - 1
    scores = {
        "improvement": d_im + d_om * (1 - np.exp(-beyond * settings["improvement_lambda"])),
        "omission": d_om + d_im * (1 - np.exp(-beyond * settings["omission_lambda"])),
        "hallucination": np.exp(-d_im * d_om * settings["hallucination_lambda"]),
    }
    weights = {name: np.exp(-score / settings["temperature"]) for name, score in scores.items()}
    shares = {name: np.where(happens, weight / sum(weights.values()), np.nan) for name, weight in weights.items()}
    assert all(np.isclose(np.nanmean(share), getattr(mean, name), atol=1e-4) for name, share in shares.items())
    return {name: share.reshape(pair.sr.shape[1:]) for name, share in shares.items()}, mean


# --- All metrics against all degradations ----------------------------------------------------------------------------


def draw_overview(images: Images) -> Figure:
    """A row for each metric, a column for each degradation, a bar for each value."""
    shown = [metric for metric in METRICS if metric.unavailable() is None]
    names = list(images.ladder)
    heights = [1.9, *(1.0,) * len(shown)]
    figure, axes = plt.subplots(
        len(shown) + 1,
        len(names),
        figsize=(12.2, 0.56 * sum(heights)),
        gridspec_kw={"height_ratios": heights, "wspace": 0.06, "hspace": 0.1, "left": 0.115, "right": 0.995,
                     "top": 0.955, "bottom": 0.035},
    )  # fmt: skip
    reference = next(iter(images.ladder.values())).reference
    for axis, name in zip(axes[0], names, strict=True):
        tile = photo(name, images.ladder[name].sr, reference)
        axis.imshow(tile.pixels[24:80, 24:80])
        axis.set_title(name, fontsize=9)
        axis.axis("off")
    for row, metric in zip(axes[1:], shown, strict=True):
        draw_row(row, metric, {name: value(metric.key, pair) for name, pair in images.ladder.items()})
    legend = (
        ("better than bicubic", BETTER),
        ("worse than bicubic", WORSE),
        ("bicubic, or neither end is better", NEITHER),
    )
    for place, (text, colour) in zip((0.28, 0.46, 0.64), legend, strict=True):
        figure.text(place, 0.012, "■ ", color=colour, fontsize=11, ha="right", va="center")
        figure.text(place, 0.012, text, fontsize=9, va="center")
    return figure


def draw_row(row: Sequence[Axes], metric: Metric, values: Mapping[str, float]) -> None:
    neutral = {"gain": 1.0}.get(metric.key, 0.0)
    zero = values[BICUBIC]
    draw_bars(row, values, neutral, lambda number: colour_of(metric, number, zero))
    better = {True: "↑ better", False: "↓ better", None: "1 is best" if neutral else "0 is best"}
    unit = "" if metric.unit == "1" else f", {metric.unit}"
    name_row(row[0], metric.key, f"{better[metric.higher_is_better]}{unit}")


def draw_bars(
    row: Sequence[Axes], values: Mapping[str, float], neutral: float, colour: Callable[[float], Colour]
) -> None:
    """A bar from `neutral` to each value, all of the row on one scale, and its number above."""
    finite = [number - neutral for number in values.values() if np.isfinite(number)]
    top, bottom = max(*finite, 0), min(*finite, 0)
    room = 0.55 * (top - bottom)
    for axis, number in zip(row, values.values(), strict=True):
        height = top if np.isinf(number) else number - neutral
        axis.bar(0, height, color=colour(number), width=0.72)
        axis.axhline(0, color=FAINT, lw=0.7)
        axis.text(0, max(height, 0) + 0.06 * room, short(number), ha="center", va="bottom", fontsize=8)
        axis.set(xlim=(-0.6, 0.6), ylim=(bottom - 0.1 * room, top + room))
        axis.axis("off")


def name_row(first: Axes, name: str, note: str) -> None:
    first.text(-0.08, 0.55 if note else 0.3, name, transform=first.transAxes, ha="right", fontsize=9.5, weight="bold")
    first.text(-0.08, 0.2, note, transform=first.transAxes, ha="right", fontsize=8)


def short(number: float) -> str:
    """A few digits of `number`."""
    if np.isinf(number):
        return "∞"
    if abs(number) < 5e-4:
        return "0" if number == 0 else "≈ 0"
    return f"{number:.3g}" if abs(number) >= 1 else f"{number:.2g}".replace("0.", ".", 1)


def colour_of(metric: Metric, number: float, zero: float) -> Colour:
    if metric.higher_is_better is None or abs(number - zero) <= 0.01 * abs(zero):
        return NEITHER
    return BETTER if (number > zero) == metric.higher_is_better else WORSE


# --- All measures of tasks against what can be wrong with a mask -----------------------------------------------------


def wrong_masks(truth: Mask) -> dict[str, Mask]:
    """The truth, and what a network may find instead."""
    rows, columns = np.indices(truth.shape)
    noise = np.random.default_rng(0).normal(0, 0.7, truth.shape)
    return {
        "truth": truth,
        "moved\n1 px": np.roll(truth, 1, axis=1),
        "moved\n2 px": np.roll(truth, 2, axis=1),
        "moved\n3 px": np.roll(truth, 3, axis=1),
        "wider\nby 1 px": ndimage.binary_dilation(truth),
        "thinner\nby 1 px": ndimage.binary_erosion(truth, border_value=1),
        "ragged": blur(truth + noise, 0.8) > 0.5,
        "cut every\n40 px": truth & (rows % 40 > 2) & (columns % 40 > 2),
        "a third\nmissing": truth & ((rows // 48 + columns // 48) % 3 > 0),
        "mirrored": truth[:, ::-1],
    }


def draw_measures(images: Images) -> Figure:
    """A row for each measure of a task, a column for each mask."""
    scene = images.bench.prepared.scene
    parts = [(task, wrong_masks(scene.truth[task.key])) for task in TASKS]
    heights = [height for task, _ in parts for height in (2.0, *(1.0,) * len(task.measures))]
    figure, axes = plt.subplots(
        len(heights),
        len(parts[0][1]),
        figsize=(9.4, 0.5 * sum(heights)),
        gridspec_kw={"height_ratios": heights, "wspace": 0.08, "hspace": 0.12, "left": 0.2, "right": 0.99,
                     "top": 0.952, "bottom": 0.01},
    )  # fmt: skip
    rows = iter(axes)
    for task, masks in parts:
        for axis, (name, mask) in zip(next(rows), masks.items(), strict=True):
            axis.imshow(mask[PART], cmap="cividis", vmin=-0.3, vmax=1.1)
            axis.set_title(name if task is parts[0][0] else "", fontsize=9)
            axis.axis("off")
        for measure in task.measures:
            settings = PROTOCOL.tasks[task.key].measures[measure.key]
            scores = {
                name: measure.compute(found_instead(mask, scene, task.key), settings) for name, mask in masks.items()
            }
            row = next(rows)
            draw_bars(row, scores, 0.0, lambda _: BETTER)
            name_row(row[0], f"{task.key}.{measure.key}", "")
    return figure


def found_instead(mask: Mask, scene: Scene, task: str) -> Segmentation:
    """As if a network had found `mask`, with certainty."""
    return Segmentation(
        probability=mask.astype(np.float32),
        found=mask,
        truth=scene.truth[task],
        lines=scene.lines.get(task),
        valid=np.ones(mask.shape, dtype=bool),
        metres_per_pixel=scene.metres_per_pixel,
    )


PICTURES: dict[str, Callable[[Images], Figure | None]] = {
    "cssim": draw_cssim,
    "detail": draw_detail,
    "lpips": draw_lpips,
    "psnr": draw_psnr,
    "sam": draw_sam,
    "ergas": draw_ergas,
    "frc": draw_frc,
    "consistency": draw_consistency,
    "grid": draw_grid,
    "gain": draw_gain,
    "geolocation": draw_geolocation,
    "outside": draw_outside,
    "correctness": draw_correctness,
    "overview": draw_overview,
    "measures": draw_measures,
}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
