"""Prints the table of docs/statistics.md: what intervals and tests do where the truth is known.

    uv run python docs/make_coverage_table.py

A method's true gap is `TRUTH` on average over all regions that there could be. Each region adds its own effect, each
scene and band theirs; the zero's errors are lognormal, so that scenes weigh unequally in the ratio of sums. Coverage
goes through rows and `image_gap`, as a card does; the rest through `gaps_of_regions`, which a test holds to the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.gap import image_gap
from tdsr_bench.inference import detectable_difference, interval, p_value, pair_matrix
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene_bootstrap import image_sums, scene_bootstrap

REGIONS, SCENES, BANDS = (3, 4, 6, 12), 5, ("B04", "B08")
TRUTH, REGION_SD = 0.3, 0.06
METHODS, REPEATS, DRAWS = 6, 1500, 500
SETTINGS = {"confidence": 0.95, "least": 3}
COLUMNS = (
    "effects of regions and scenes",
    "regions",
    "t over regions",
    "bootstrap of scenes",
    "bootstrap of regions",
    "t over scenes",
    "t of a paired difference",
    "power",
    "any false pair",
    "any false pair, Holm",
)

Array = NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True)
class World:
    """How gaps differ.

    Attributes:
        name: what the table calls it.
        skewed: whether the effects of regions have a long tail: now and then one in which a method fails.
        scene_sd: the standard deviation between the scenes of a region; between bands of a scene it is half of that.
    """

    name: str
    skewed: bool
    scene_sd: float


WORLDS = (
    World("Gaussian", False, REGION_SD / 2),  # on mini scenes of a region differ by about half as much as regions
    World("skewed", True, REGION_SD / 2),
    World("skewed, scenes alike", True, REGION_SD / 20),
)


def main() -> None:
    """Print a row for each world and number of regions."""
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for number, world in enumerate(WORLDS):
        for regions in REGIONS:
            rng = np.random.default_rng([number, regions])
            shares = [*coverage(rng, regions, world), *pair(rng, regions, world), *family(rng, regions, world)]
            cells = " | ".join(f"{share:.3f}".lstrip("0") for share in shares)
            print(f"| {world.name} | {regions} | {cells} |", flush=True)


def coverage(rng: np.random.Generator, regions: int, world: World) -> Array:
    """How often four intervals of one gap hold its true value."""
    held = []
    for _ in range(REPEATS):
        method, zero = errors(rng, [TRUTH], regions, world)
        held.append([low <= TRUTH <= high for low, high in intervals(method[0], zero, rng)])
    return np.mean(held, axis=0)


def intervals(method: Array, zero: Array, rng: np.random.Generator) -> list[Ends]:
    """Student's t over regions; a bootstrap of scenes; one of regions; Student's t over scenes."""
    rows, zero_rows = rows_of(method), rows_of(zero)
    gap = image_gap(rows, zero_rows, ["e"], clip=1.0, confidence=0.95, least_regions=3)
    scenes = scene_bootstrap(image_sums(rows, zero_rows, ["e"]), clip=1.0, confidence=0.95, rng=rng, draws=DRAWS)
    values = np.array(list(gap.regions.values()))
    low, high = np.quantile(rng.choice(values, (DRAWS, len(values))).mean(axis=1), (0.025, 0.975))
    by_scene = interval(list((1 - method / zero).mean(axis=-1).ravel()), **SETTINGS)
    return [ends for ends in (gap.ci95, scenes, (low, high), by_scene) if ends]


def pair(rng: np.random.Generator, regions: int, world: World) -> tuple[float, float]:
    """Two methods, truly apart by the detectable difference: how often the interval holds it, how often it is found."""
    many = gaps_of_regions(*errors(rng, [TRUTH, TRUTH], 20_000, world))
    apart = detectable_difference(float(np.std(many[0] - many[1], ddof=1)), regions, **SETTINGS) or 0.0
    held, found = [], []
    for _ in range(2 * REPEATS):
        first, second = gaps_of_regions(*errors(rng, [TRUTH, TRUTH - apart], regions, world))
        low, high = interval(list(first - second), **SETTINGS) or (np.nan, np.nan)
        held.append(low <= apart <= high)
        found.append((p_value(list(first - second), least=3) or 0.0) < 0.05 and low > 0)
    return fmean(held), fmean(found)


def family(rng: np.random.Generator, regions: int, world: World) -> tuple[float, float]:
    """Six methods that are equal on average: how often any pair is told apart, without and with adjustment."""
    plain, adjusted = [], []
    for _ in range(REPEATS):
        gaps = gaps_of_regions(*errors(rng, [TRUTH] * METHODS, regions, world))
        named = {f"m{m}": {f"r{r}": float(gap) for r, gap in enumerate(row)} for m, row in enumerate(gaps)}
        pairs = pair_matrix(named, **SETTINGS)
        plain.append(any(each.before_correction for each in pairs))
        adjusted.append(any(each.told_apart for each in pairs))
    return fmean(plain), fmean(adjusted)


def errors(rng: np.random.Generator, gaps: Sequence[float], regions: int, world: World) -> tuple[Array, Array]:
    """Errors ``[method, region, scene, band]`` of methods with these mean gaps, and the zero's without the first axis.

    In a skewed world every second method is; the others are Gaussian, or the tails of a pair would cancel.
    """
    shape = (regions, SCENES, len(BANDS))
    zero = np.exp(rng.normal(0, 0.5, shape))
    effect = rng.standard_normal((len(gaps), regions))
    if world.skewed:
        effect[::2] = (np.exp(0.5) - np.exp(effect[::2])) / np.sqrt((np.e - 1) * np.e)  # lognormal: mean 0, sd 1
    gap = np.array(gaps)[:, None, None, None] + REGION_SD * effect[..., None, None]
    gap = gap + world.scene_sd * rng.standard_normal((len(gaps), *shape[:2], 1))
    gap = gap + world.scene_sd / 2 * rng.standard_normal((len(gaps), *shape))
    return zero * (1 - gap), zero


def gaps_of_regions(method: Array, zero: Array) -> Array:
    """``[..., region, scene, band]`` to ``[..., region]``: `tdsr_bench.gap.region_gap` of many methods at once."""
    return (1 - method.sum(axis=-2) / zero.sum(axis=-2)).mean(axis=-1)


def rows_of(values: Array) -> list[ScoreRow]:
    """Errors ``[region, scene, band]`` as rows."""
    return [
        ScoreRow(f"r{region:02}s{scene}", f"r{region:02}", "e", BANDS[band], float(value), "1")
        for (region, scene, band), value in np.ndenumerate(values)
    ]


if __name__ == "__main__":
    main()
