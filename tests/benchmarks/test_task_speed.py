"""Speed of tasks on a full tile: ``uv run pytest -n 0 tests/benchmarks --benchmark-only``. Skipped in the test suite.

The tile is one test scene of mini, five times each way, with the networks of the package.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from makers import TRANSFORM, SceneMaker

from tdsr_bench.data.lines import in_pixels
from tdsr_bench.data.mini import MINI_VERSION, make_scene
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scene import SCALE, Scene
from tdsr_bench.tasks.networks.sets import NetworkSet, open_networks, shipped_networks
from tdsr_bench.tasks.scoring import Look, scene_looks, segment, task_rows

TIMES = 5
FULL_TILE = 1965
PROTOCOL = load_protocol("tdsr-v1")

Benchmark = Callable[..., object]


@pytest.fixture(scope="module")
def networks() -> NetworkSet:
    folder = shipped_networks("mini", MINI_VERSION)
    assert folder is not None
    return open_networks(folder)


@pytest.fixture(scope="module")
def tile() -> Scene:
    """A dense town of 1920 pixels on each side, its stored numbers brought to reflectance roughly."""
    import json

    content, _ = make_scene("mini_r07_s1", seed=0)
    side = content.reference.shape[-1]
    features = json.loads(content.vectors["roads"])["features"]
    lines = [in_pixels(np.array(feature["geometry"]["coordinates"]), content.transform) for feature in features]
    moves = [np.array([column, row]) * side for row in range(TIMES) for column in range(TIMES)]
    small = SceneMaker()(size=3 * SCALE * 16)
    return replace(
        small,
        reference=np.tile(content.reference, (1, TIMES, TIMES)).astype(np.float32) / 600,
        truth={task: np.tile(mask, (TIMES, TIMES)) for task, mask in content.truth.items()},
        lines={"roads": tuple(line + move for move in moves for line in lines)},
        transform=TRANSFORM,
    )


@pytest.fixture(scope="module")
def looks(tile: Scene, networks: NetworkSet) -> list[Look]:
    valid = np.ones(tile.reference[:, 12:-12, 12:-12].shape, bool)
    return scene_looks(tile, valid, networks, PROTOCOL.tasks, border=12)


@pytest.mark.benchmark(group="tasks, full tile")
def test_all_measures_of_both_tasks(benchmark: Benchmark, tile: Scene, looks: list[Look]):
    image = tile.reference[:, 12:-12, 12:-12]
    benchmark.pedantic(lambda: list(task_rows(image, looks)), rounds=1)  # type: ignore[attr-defined]


@pytest.mark.benchmark(group="tasks, full tile")
def test_networks_alone(benchmark: Benchmark, tile: Scene, looks: list[Look]):
    image = tile.reference[:, 12:-12, 12:-12]
    segment_all = lambda: [  # noqa: E731
        segment(image, pair.network.load(), look.truth.known) for look in looks for pair in look.networks
    ]
    benchmark.pedantic(segment_all, rounds=1)  # type: ignore[attr-defined]
