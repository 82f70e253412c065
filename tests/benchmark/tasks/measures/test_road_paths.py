"""Places on roads and the ways between them, against networkx and by hand."""

import networkx as nx
import numpy as np
import pytest
import shapely
from road_graphs import graph_of, network_of

from tdsr_bench.tasks.measures.road_graph import network_from_lines
from tdsr_bench.tasks.measures.road_paths import Places, distances


def roads(*lines):
    points = [np.array(line, dtype=np.float64) for line in lines]
    return network_from_lines(points, shape=(100, 100), metres_per_pixel=1.0, spur_m=0.0)


def places_at(network, *points):
    places, far = network.nearest(np.array([shapely.Point(point) for point in points]))
    assert far.max() < 0.01
    return places


def test_ways_between_nodes_are_those_of_networkx(rng):
    network = roads(*rng.uniform(0, 100, (25, 2, 2)))
    places = places_at(network, *network.nodes)
    expected = dict(nx.all_pairs_dijkstra_path_length(graph_of(network), weight="length"))
    found = distances(network, places, places)
    for (a, b), length in np.ndenumerate(found):
        assert length == pytest.approx(expected[a].get(b, np.inf))


def test_ways_between_any_places_are_those_of_a_graph_that_is_cut_there(rng):
    network = roads(*rng.uniform(0, 100, (18, 2, 2)), [(40, 40), (60, 40), (60, 60), (40, 60), (40, 40)])
    count = 300  # more than paths are sought from at a time
    edge = rng.integers(0, len(network.lengths), count)
    places = Places(edge, rng.uniform(0, network.lengths[edge]))
    fine = nx.Graph()
    for number, ((start, end), length) in enumerate(zip(network.ends, network.lengths, strict=True)):
        on_it = np.flatnonzero(places.edge == number)
        on_it = on_it[np.argsort(places.along[on_it])]
        names = [("node", start), *(("place", index) for index in on_it), ("node", end)]
        for a, b, step in zip(names, names[1:], np.diff([0, *places.along[on_it], length]), strict=False):
            fine.add_edge(a, b, weight=min(step, fine.get_edge_data(a, b, {"weight": np.inf})["weight"]))
    found = distances(network, places[: count - 7], places)
    assert np.isinf(found).any()
    for source in range(0, count - 7, 5):
        ways = nx.single_source_dijkstra_path_length(fine, ("place", source))
        expected = [ways.get(("place", target), np.inf) for target in range(count)]
        np.testing.assert_allclose(found[source], expected, atol=1e-9)


def test_ways_that_start_and_end_within_roads():
    network = roads([(10, 50), (90, 50)], [(50, 50), (50, 90)])
    places = places_at(network, (20, 50), (70, 50), (50, 60), (75, 50), (50, 50))
    by_hand = [[0, 50, 40, 55, 30], [50, 0, 30, 5, 20], [40, 30, 0, 35, 10], [55, 5, 35, 0, 25], [30, 20, 10, 25, 0]]
    np.testing.assert_allclose(distances(network, places, places), by_hand, atol=1e-9)
    np.testing.assert_allclose(distances(network, places[np.array([3])], places), by_hand[3:4], atol=1e-9)


def test_the_shorter_of_two_roads_and_the_shorter_way_round_a_ring():
    lens = roads([(0, 50), (40, 50)], [(10, 50), (10, 60), (30, 60), (30, 50)])
    ends = places_at(lens, (0, 50), (40, 50), (10, 58))
    np.testing.assert_allclose(distances(lens, ends, ends)[0], [0, 40, 18], atol=1e-9)
    ring = roads([(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)])
    places = places_at(ring, (10, 20), (20, 10), (50, 40))
    np.testing.assert_allclose(distances(ring, places, places)[0], [0, 20, 80], atol=1e-9)


def test_there_is_no_way_between_roads_that_do_not_meet():
    network = roads([(0, 20), (40, 20)], [(0, 60), (40, 60)])
    places = places_at(network, (5, 20), (35, 20), (5, 60))
    np.testing.assert_allclose(distances(network, places, places)[0], [0, 30, np.inf])


def test_the_nearest_place_and_how_far_it_is():
    network = roads([(0, 20), (40, 20)], [(0, 60), (40, 60)])
    points = np.array([shapely.Point(point) for point in ((10, 23), (10, 24.1), (43, 60), (20, 56))])
    places, far = network.nearest(points)
    assert far == pytest.approx([3, 4.1, 3, 4])
    assert [point.coords[0] for point in network.points(places)] == [(10, 20), (10, 20), (40, 60), (20, 60)]


def test_each_edge_starts_at_its_first_node(rng):
    network = roads(*rng.uniform(0, 100, (12, 2, 2)))
    for (start, end), line in zip(network.ends, network.lines, strict=True):
        np.testing.assert_allclose(line.coords[0], network.nodes[start])
        np.testing.assert_allclose(line.coords[-1], network.nodes[end])


def test_a_network_without_roads_has_no_ways():
    network = network_of(nx.MultiGraph())
    nowhere = Places(np.empty(0, dtype=np.intp), np.empty(0))
    assert distances(network, nowhere, nowhere).shape == (0, 0)
