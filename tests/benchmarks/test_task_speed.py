"""Speed of tasks on a full tile: ``uv run pytest -n 0 tests/benchmarks --benchmark-only``. Skipped in the test suite.

The tile is one test scene of mini, five times each way, with the networks of the package.
"""

from collections.abc import Callable
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from makers import TRANSFORM, SceneMaker
from road_graphs import graph_of

from tdsr_bench.data.lines import in_pixels
from tdsr_bench.data.mini import MINI_VERSION, make_scene
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scene import SCALE, Scene
from tdsr_bench.tasks.measures import apls
from tdsr_bench.tasks.measures.base import Segmentation
from tdsr_bench.tasks.measures.road_graph import network_from_mask
from tdsr_bench.tasks.measures.road_paths import Network, Places, distances
from tdsr_bench.tasks.networks.sets import NetworkSet, open_networks, shipped_networks
from tdsr_bench.tasks.scoring import Look, scene_looks, segment, task_rows

TIMES = 5
FULL_TILE = 1965
PROTOCOL = load_protocol("tdsr-v1")

SNAPS = (4.0, 6.67)

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


@pytest.fixture(scope="module")
def roads(looks: list[Look]) -> list[Segmentation]:
    """What is true of the tile's roads, moved by some pixels, as if three networks had found it."""
    known = looks[0].truth.known
    assert known is not None
    moved = [np.roll(known.mask, pixels, axis=(0, 1)) for pixels in (0, 1, 2)]
    return [Segmentation(mask.astype(np.float32), mask, known) for mask in moved]


def apls_of(one: Segmentation, snap_m: float) -> float:
    settings = PROTOCOL.tasks["roads"].measures["apls"] | {"snap_m": snap_m}
    return apls.APLS.compute(one, settings)


def plainly(one: Segmentation, snap_m: float) -> float:
    """The same, with nothing kept of the truth, the other tolerance or another network."""
    apls._true_roads.cache_clear()
    apls._paths_of.cache_clear()
    return apls_of(one, snap_m)


@pytest.mark.benchmark(group="APLS of three networks, two tolerances, full tile")
@pytest.mark.parametrize("score", [apls_of, plainly])
def test_apls(benchmark: Benchmark, roads: list[Segmentation], score: Callable[[Segmentation, float], float]):
    all_of_them = lambda: [score(one, snap) for one in roads for snap in SNAPS]  # noqa: E731
    benchmark.pedantic(all_of_them, setup=apls._true_roads.cache_clear, rounds=1)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def network(roads: list[Segmentation]) -> Network:
    return network_from_mask(roads[0].found, metres_per_pixel=10 / 3, spur_m=15.0)


def paths_of_networkx(network: Network, sources: Places) -> None:
    """From the start of the sources' edges to all nodes, which is less than to all places."""
    graph = graph_of(network)
    for start in network.ends[sources.edge, 0].tolist():
        nx.single_source_dijkstra_path_length(graph, start, weight="length")


@pytest.mark.benchmark(group="paths from 50 places, full tile")
def test_paths(benchmark: Benchmark, network: Network):
    places = apls.control_points(network, control_m=50.0)
    benchmark.pedantic(lambda: distances(network, places[np.s_[:50]], places), rounds=2)  # type: ignore[attr-defined]


@pytest.mark.benchmark(group="paths from 50 places, full tile")
def test_paths_of_networkx(benchmark: Benchmark, network: Network):
    places = apls.control_points(network, control_m=50.0)
    benchmark.pedantic(lambda: paths_of_networkx(network, places[np.s_[:50]]), rounds=2)  # type: ignore[attr-defined]
