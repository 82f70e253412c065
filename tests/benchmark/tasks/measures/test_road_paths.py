"""Places on roads and the ways between them, against networkx and by hand."""

import networkx as nx
import numpy as np
import pytest
import shapely

from tdsr_bench.tasks.measures.road_graph import graph_from_lines
from tdsr_bench.tasks.measures.road_paths import Places, distances, network_of


def roads(*lines):
    points = [np.array(line, dtype=np.float64) for line in lines]
    return graph_from_lines(points, shape=(100, 100), metres_per_pixel=1.0, spur_m=0.0)


def places_at(network, *points):
    found, places = network.nearest(np.array([shapely.Point(point) for point in points]), within=0.01)
    assert found.tolist() == list(range(len(points)))
    return places


def test_ways_between_nodes_are_those_of_networkx(rng):
    lines = rng.uniform(0, 100, (25, 2, 2))
    graph = roads(*lines)
    network = network_of(graph)
    places = places_at(network, *((node["x"], node["y"]) for _, node in graph.nodes(data=True)))
    expected = dict(nx.all_pairs_dijkstra_path_length(graph, weight="length"))
    found = distances(network, places, places)
    for (a, b), length in np.ndenumerate(found):
        assert length == pytest.approx(expected[a].get(b, np.inf))


def test_ways_that_start_and_end_within_roads():
    network = network_of(roads([(10, 50), (90, 50)], [(50, 50), (50, 90)]))
    places = places_at(network, (20, 50), (70, 50), (50, 60), (75, 50), (50, 50))
    by_hand = [[0, 50, 40, 55, 30], [50, 0, 30, 5, 20], [40, 30, 0, 35, 10], [55, 5, 35, 0, 25], [30, 20, 10, 25, 0]]
    np.testing.assert_allclose(distances(network, places, places), by_hand, atol=1e-9)
    np.testing.assert_allclose(distances(network, places[np.array([3])], places), by_hand[3:4], atol=1e-9)


def test_the_shorter_of_two_roads_and_the_shorter_way_round_a_ring():
    lens = network_of(roads([(0, 50), (40, 50)], [(10, 50), (10, 60), (30, 60), (30, 50)]))
    ends = places_at(lens, (0, 50), (40, 50), (10, 58))
    np.testing.assert_allclose(distances(lens, ends, ends)[0], [0, 40, 18], atol=1e-9)
    ring = network_of(roads([(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)]))
    places = places_at(ring, (10, 20), (20, 10), (50, 40))
    np.testing.assert_allclose(distances(ring, places, places)[0], [0, 20, 80], atol=1e-9)


def test_there_is_no_way_between_roads_that_do_not_meet():
    network = network_of(roads([(0, 20), (40, 20)], [(0, 60), (40, 60)]))
    places = places_at(network, (5, 20), (35, 20), (5, 60))
    np.testing.assert_allclose(distances(network, places, places)[0], [0, 30, np.inf])


def test_the_nearest_place_within_a_distance():
    network = network_of(roads([(0, 20), (40, 20)], [(0, 60), (40, 60)]))
    points = np.array([shapely.Point(point) for point in ((10, 23), (10, 24.1), (43, 60), (20, 56))])
    found, places = network.nearest(points, within=4.0)
    assert found.tolist() == [0, 2, 3]
    assert [point.coords[0] for point in network.points(places)] == [(10, 20), (40, 60), (20, 60)]


def test_each_edge_starts_at_its_first_node(rng):
    graph = roads(*rng.uniform(0, 100, (12, 2, 2)))
    network = network_of(graph)
    nodes = np.array([(node["x"], node["y"]) for _, node in graph.nodes(data=True)])
    for (start, end), line in zip(network.ends, network.lines, strict=True):
        np.testing.assert_allclose(line.coords[0], nodes[start])
        np.testing.assert_allclose(line.coords[-1], nodes[end])


def test_a_network_without_roads_is_near_nothing():
    network = network_of(nx.MultiGraph())
    found, places = network.nearest(np.array([shapely.Point(1, 1)]), within=5.0)
    assert len(found) == len(places) == 0
    assert isinstance(places, Places)
