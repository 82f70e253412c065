"""The bootstrap of scenes: a drawn gap is the gap of the drawn rows, and the interval is SciPy's."""

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from tdsr_bench.card import read_card
from tdsr_bench.gap import combined_gap, image_gap, region_gap, task_gap
from tdsr_bench.inference import Estimate
from tdsr_bench.rows import ScoreRow
from tdsr_bench.scene_bootstrap import SceneSums, drawn_gap, image_sums, scene_bootstrap, task_sums
from tdsr_bench.summary import scenes_only

SCENES = {"north": 4, "south": 3, "east": 2}
PLACES = [(region, f"{region}{index}") for region, count in SCENES.items() for index in range(count)]
KEYS, TASKS = ("cssim", "lpips"), {"roads": ("roads.iou", "roads.apls"), "buildings": ("buildings.iou",)}
BANDS = {"cssim": ("B02", "B08"), "lpips": (None,)}
INTERVAL = {"confidence": 0.95, "least_regions": 3}
OPTIONS = {"clip": 1.0, "confidence": 0.95, "draws": 300}


@dataclass(frozen=True)
class Table:
    """Rows of a method, its zeros and its top, for images and tasks."""

    image: list[ScoreRow]
    image_zero: list[ScoreRow]
    task: list[ScoreRow]
    task_zeros: list[list[ScoreRow]]
    top: list[ScoreRow]

    def sums(self) -> tuple[SceneSums, SceneSums]:
        image = image_sums(self.image, self.image_zero, KEYS)
        return image, task_sums(self.task, self.task_zeros, self.top, TASKS)

    def gaps(self) -> tuple[Estimate, Estimate, Estimate]:
        image = image_gap(self.image, self.image_zero, KEYS, clip=1.0, **INTERVAL)
        task = task_gap(self.task, self.task_zeros, self.top, TASKS, clip=1.0, **INTERVAL)
        return image, task, combined_gap(image, task, **INTERVAL)

    def drawn(self, counts: Mapping[str, int]) -> "Table":
        """The same with each scene as often as `counts` says, every copy a scene of its own."""
        parts = (self.image, self.image_zero, self.task, self.top, *self.task_zeros)
        image, image_zero, task, top, *zeros = (list(copies(rows, counts)) for rows in parts)
        return Table(image, image_zero, task, zeros, top)


def copies(rows: Iterable[ScoreRow], counts: Mapping[str, int]) -> Iterable[ScoreRow]:
    return (replace(row, scene=f"{row.scene}#{copy}") for row in rows for copy in range(counts[row.scene]))


def image_rows(rng: np.random.Generator, scale: float) -> list[ScoreRow]:
    """The first scene of the north lacks a band, for everybody."""
    return [
        ScoreRow(scene, region, key, band, None if (scene, band) == ("north0", "B08") else scale * level, "1")
        for region, scene in PLACES
        for key in KEYS
        for band, level in zip(BANDS[key], rng.uniform(0.2, 1.0, 2), strict=False)
    ]


def task_rows(rng: np.random.Generator, low: float, high: float) -> list[ScoreRow]:
    """The first scene of the south has no roads to connect, and the east has no buildings."""
    empty = {("south0", "roads.apls"), ("east0", "buildings.iou"), ("east1", "buildings.iou")}
    return [
        ScoreRow(
            scene, region, key, None, None if (scene, key) in empty else rng.uniform(low, high), "1", network=network
        )
        for region, scene in PLACES
        for keys in TASKS.values()
        for key in keys
        for network in ("a", "b")
    ]


@pytest.fixture
def table(rng: np.random.Generator) -> Table:
    zeros = [task_rows(rng, 0.1, 0.4), task_rows(rng, 0.2, 0.4)]
    image = (image_rows(rng, scale) for scale in (0.7, 1.0))
    return Table(*image, task_rows(rng, 0.3, 0.6), zeros, task_rows(rng, 0.7, 0.9))


def interval(gaps: Sequence[SceneSums], seed: int = 0, **options: object) -> tuple[float, float]:
    found = scene_bootstrap(*gaps, rng=np.random.default_rng(seed), **(OPTIONS | options))
    assert found is not None
    return found


def value(gaps: Sequence[SceneSums], counts: Mapping[str, int]) -> float:
    one = {scene: np.array([count]) for scene, count in counts.items()}
    return float(drawn_gap(gaps, one, clip=1.0, unknown=np.inf)[0])


def once(table: Table) -> dict[str, int]:
    return {row.scene: 1 for row in table.image}


def test_each_scene_once_is_the_gap_itself(table: Table):
    image, task = table.sums()
    expected = [gap.value for gap in table.gaps()]
    assert [value(gaps, once(table)) for gaps in ([image], [task], [image, task])] == pytest.approx(expected, abs=1e-12)


def drawn_counts(rng: np.random.Generator) -> dict[str, int]:
    counts: dict[str, int] = {}
    for region, count in SCENES.items():
        drawn = rng.multinomial(count, [1 / count] * count)
        counts |= {f"{region}{index}": int(number) for index, number in enumerate(drawn)}
    return counts


def test_a_drawn_gap_is_the_gap_of_the_drawn_rows(table: Table, rng: np.random.Generator):
    """The first draw has only scenes that lack a band or the truth of a measure."""
    bare = dict.fromkeys(once(table), 0) | {"north0": 4, "south0": 3, "east0": 2}
    image, task = table.sums()
    for counts in (bare, *(drawn_counts(rng) for _ in range(40))):
        expected = [gap.value for gap in table.drawn(counts).gaps()]
        assert [value(gaps, counts) for gaps in ([image], [task], [image, task])] == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_scipys(table: Table):
    """`scipy.stats.bootstrap` draws each region's scenes by themselves; both by 5000 draws."""
    gaps = table.sums()

    def statistic(*drawn: np.ndarray, axis: int) -> np.ndarray:
        del axis
        counts = {
            f"{region}{index}": (places == index).sum(axis=-1)
            for region, places in zip(SCENES, drawn, strict=True)
            for index in range(SCENES[region])
        }
        return drawn_gap(gaps, counts, clip=1.0, unknown=np.inf)

    samples = [np.arange(count) for count in SCENES.values()]
    expected = stats.bootstrap(
        samples, statistic, n_resamples=5000, method="percentile", vectorized=True, rng=np.random.default_rng(1)
    ).confidence_interval
    low, high = interval(gaps, draws=5000)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.05 * (high - low))
    assert low < (table.gaps()[2].value or 0.0) < high


def test_a_seed_gives_the_same_whatever_the_order_of_rows(table: Table, rng: np.random.Generator):
    shuffled = replace(table, image_zero=list(rng.permutation(np.array(table.image_zero, dtype=object))))
    assert interval(shuffled.sums()) == pytest.approx(interval(table.sums()), abs=1e-12)
    assert interval(table.sums(), seed=1) != interval(table.sums(), seed=2)


def test_both_gaps_see_the_same_scenes(table: Table):
    """Otherwise the mean of a gap with itself would move less than the gap."""
    image, _ = table.sums()
    assert interval([image, image]) == interval([image])


def test_scenes_that_are_alike_do_not_move_the_gap():
    zero = [ScoreRow(f"{r}{s}", r, "cssim", "B02", 0.5, "1") for r in "abc" for s in range(3)]
    method = [replace(row, value=0.1 + 0.1 * "abc".index(row.group)) for row in zero]
    assert interval([image_sums(method, zero, ["cssim"])]) == pytest.approx((0.6, 0.6))


def test_a_draw_without_a_gap_to_close_could_be_anything():
    """In one of both scenes the reference is no better than the frame: a quarter of the draws are of it alone."""
    top = [ScoreRow(scene, "a", "roads.iou", None, number, "1") for scene, number in (("s", 0.9), ("t", 0.4))]
    zero = [replace(row, value=0.5) for row in top]
    method = [replace(row, value=0.6) for row in top]
    assert interval([task_sums(method, [zero], top, {"roads": ["roads.iou"]})]) == (-1.0, 1.0)


def test_a_region_of_one_scene_has_no_interval(rng: np.random.Generator):
    zero = [ScoreRow(scene, scene[0], "cssim", "B02", 0.5, "1") for scene in ("a1", "a2", "b1")]
    assert scene_bootstrap(image_sums(zero, zero, ["cssim"]), rng=rng, **OPTIONS) is None
    assert scene_bootstrap(task_sums([], [[]], [], TASKS), rng=rng, **OPTIONS) is None


def test_a_value_that_the_method_lacks_is_an_error(table: Table):
    with pytest.raises(KeyError, match=r"no cssim"):
        image_sums([], table.image_zero, KEYS)
    with pytest.raises(KeyError, match=r"no roads\.iou"):
        task_sums([], table.task_zeros, table.top, TASKS)
    with pytest.raises(KeyError, match="no value of one of cssim, detail"):
        image_sums(table.image, table.image_zero, ["cssim", "detail"])


# The simulation of docs/statistics.md


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    script = Path(__file__).parents[2] / "docs" / "make_coverage_table.py"
    spec = importlib.util.spec_from_file_location("make_coverage_table", script)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_simulation_is_the_gap_of_rows(simulation: ModuleType, rng: np.random.Generator):
    for world in simulation.WORLDS:
        method, zero = simulation.errors(rng, [0.3, 0.1], 4, world)
        fast = simulation.gaps_of_regions(method, zero)
        for number in range(2):
            slow = region_gap(simulation.rows_of(method[number]), simulation.rows_of(zero), "e")
            assert list(slow.values()) == pytest.approx(list(fast[number]), abs=1e-12)


def test_the_simulated_gap_is_the_true_one_on_average(simulation: ModuleType, rng: np.random.Generator):
    for world in simulation.WORLDS:
        gaps = simulation.gaps_of_regions(*simulation.errors(rng, [0.3, 0.1], 40_000, world))
        assert gaps.mean(axis=1) == pytest.approx([0.3, 0.1], abs=0.0015)


def test_a_kept_card_has_an_interval_of_its_scenes_around_each_gap():
    path = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test" / "shift-and-add.json"
    card = read_card(path)
    found = scenes_only(card)
    assert list(found) == ["image_gap_no_lpips", "task_gap", "combined_gap_no_lpips"]
    for key, (low, high) in found.items():
        assert low < getattr(card.summary, key).value < high
    assert scenes_only(card) == found
