"""Road graphs of lines and masks whose junctions and lengths are known."""

import networkx as nx
import numpy as np
import pytest
from road_graphs import graph_of, network_of
from scipy import ndimage
from segmentations import blobs
from shapely import Point
from skimage.measure import euler_number
from skimage.morphology import thin

from tdsr_bench.tasks.measures.road_graph import network_from_lines, network_from_mask, skeleton_chains


def graph_of_lines(*lines, shape=(200, 200), metres_per_pixel=1.0, spur_m=0.0):
    points = [np.array(line, dtype=np.float64) for line in lines]
    return graph_of(network_from_lines(points, shape=shape, metres_per_pixel=metres_per_pixel, spur_m=spur_m))


def graph_of_mask(mask, **options):
    return graph_of(network_from_mask(mask, **options))


def degrees(graph):
    return sorted(degree for _, degree in graph.degree)


def lengths(graph):
    return sorted(length for *_, length in graph.edges(data="length"))


def stroke(line, width, size=96, fine=5):
    """bool ``[size, size]``: the pixels that are covered by more than half by a straight line of some width."""
    start, stop = (np.array(point, dtype=np.float64) for point in line)
    along = (stop - start) / np.linalg.norm(stop - start)
    place = (np.indices((size * fine, size * fine))[::-1].reshape(2, -1).T + 0.5) / fine - start
    within = (np.abs(place @ [-along[1], along[0]]) <= width / 2) & (place @ along >= 0)
    within &= place @ along <= np.linalg.norm(stop - start)
    return within.reshape(size, fine, size, fine).mean(axis=(1, 3)) > 0.5


def pattern(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


def test_a_line_that_ends_on_another_makes_a_junction():
    graph = graph_of_lines([(0, 50), (100, 50)], [(40, 50), (40, 80)], metres_per_pixel=2.0)
    assert degrees(graph) == [1, 1, 1, 3]
    assert lengths(graph) == pytest.approx([60, 80, 120])
    junction = next(node for node, degree in graph.degree if degree == 3)
    assert graph.nodes[junction] == {"x": 80.0, "y": 100.0}


@pytest.mark.parametrize(("gap", "expected"), [(0.0, [1, 1, 1, 3]), (0.9, [1, 1, 1, 3]), (1.1, [1, 1, 1, 1])])
def test_a_line_that_nearly_ends_on_another_does_too(gap, expected):
    assert degrees(graph_of_lines([(0, 50), (100, 50)], [(40, 50 + gap), (40, 80)])) == expected


@pytest.mark.parametrize(("gap", "expected"), [(0.9, [1, 1]), (1.1, [1, 1, 1, 1])])
def test_lines_that_nearly_meet_end_to_end_are_one(gap, expected):
    assert degrees(graph_of_lines([(0, 50), (40, 50)], [(40 + gap, 50), (100, 50)])) == expected


def test_a_line_that_goes_a_little_too_far_has_no_stub():
    lines = [(0, 50), (100, 50)], [(40, 49.5), (40, 80)]
    assert degrees(graph_of_lines(*lines, spur_m=1.0)) == [1, 1, 1, 3]
    assert degrees(graph_of_lines(*lines)) == [1, 1, 1, 1, 4]


def test_crossing_lines_are_joined():
    graph = graph_of_lines([(0, 0), (60, 60)], [(0, 60), (60, 0)])
    assert degrees(graph) == [1, 1, 1, 1, 4]
    assert lengths(graph) == pytest.approx([np.hypot(30, 30)] * 4)


def test_pieces_of_a_road_are_one_edge_with_their_shape():
    graph = graph_of_lines([(0, 10), (20, 10)], [(50, 40), (20, 10)], [(50, 40), (90, 40)])
    assert degrees(graph) == [1, 1]
    ((*_, geometry),) = graph.edges(data="geometry")
    assert geometry.length == pytest.approx(20 + np.hypot(30, 30) + 40)
    assert (20, 10) in geometry.coords
    assert (50, 40) in geometry.coords


def test_two_roads_between_two_junctions_are_two_edges():
    graph = graph_of_lines([(0, 50), (150, 50)], [(40, 50), (40, 90), (110, 90), (110, 50)])
    assert degrees(graph) == [1, 1, 3, 3]
    assert lengths(graph) == pytest.approx([40, 40, 70, 150])


def test_a_closed_road_is_a_loop():
    graph = graph_of_lines([(10, 10), (60, 10), (60, 60), (10, 60), (10, 10)])
    assert (degrees(graph), lengths(graph)) == ([2], pytest.approx([200]))


def test_only_what_lies_in_the_image_counts():
    graph = graph_of_lines([(-50, 20), (80, 20)], [(10, 300), (90, 300)], [(250, 0), (250, 9)], shape=(100, 60))
    assert lengths(graph) == pytest.approx([60])
    assert len(graph_of_lines([(-50, -20), (80, -20)])) == 0
    assert len(graph_of_lines()) == 0
    assert len(graph_of_lines([(5, 5)])) == 0


def test_short_dead_ends_fall_away_and_short_links_stay():
    comb = [(0, 50), (100, 50)], [(30, 50), (30, 59)], [(60, 50), (60, 61)]
    assert degrees(graph_of_lines(*comb, spur_m=10.0)) == [1, 1, 1, 3]
    ladder = [(0, 50), (100, 50)], [(0, 55), (100, 55)], [(50, 50), (50, 55)]
    assert degrees(graph_of_lines(*ladder, spur_m=10.0)) == [1, 1, 1, 1, 3, 3]


def test_of_a_short_fork_the_longer_side_stays_as_the_end_of_the_road():
    graph = graph_of_lines([(0, 50), (100, 50)], [(100, 50), (105, 55)], [(100, 50), (106, 44)], spur_m=10.0)
    assert lengths(graph) == pytest.approx([100 + np.hypot(6, 6)])


def test_a_road_that_is_short_but_leaves_no_junction_stays():
    assert lengths(graph_of_lines([(0, 50), (9, 50)], spur_m=10.0)) == pytest.approx([9])


def test_corners_of_a_chain_are_no_junctions():
    chains = skeleton_chains(pattern("##...", ".##..", "..###"))
    assert [chain.length for chain in chains] == pytest.approx([6])


def test_pixels_around_a_junction_are_one_node():
    skeleton = pattern("#....#", ".#..#.", "..##..", "..##..", ".#..#.", "#....#")
    chains = skeleton_chains(skeleton)
    assert len(chains) == 4
    middle = [point for chain in chains for point in (chain.coords[0], chain.coords[-1])]
    assert middle.count((3.0, 3.0)) == 4


def test_a_ring_and_a_lonely_pixel():
    chains = skeleton_chains(pattern("..##.....", ".#..#....", ".#..#..#.", "..##.....", "........."))
    assert [chain.length for chain in chains] == pytest.approx([4 + 4 * np.sqrt(2)])
    assert chains[0].is_ring


def test_an_empty_skeleton_has_no_chains():
    assert len(skeleton_chains(np.zeros((5, 5), dtype=bool))) == 0
    assert len(graph_of_mask(np.zeros((5, 5), dtype=bool), metres_per_pixel=1.0, spur_m=0.0)) == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_graph_has_the_parts_and_holes_of_the_mask(seed):
    rng = np.random.default_rng(seed)
    mask = blobs(rng, (120, 120), share=0.5, sigma=3.0)
    labels, _ = ndimage.label(thin(mask), np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    skeleton = thin(mask) & (sizes[labels] > 1)
    graph = graph_of_mask(skeleton, metres_per_pixel=1.0, spur_m=0.0)
    assert nx.number_connected_components(graph) == np.count_nonzero(sizes[1:] > 1)
    assert len(graph) - graph.number_of_edges() == euler_number(skeleton, connectivity=2)


@pytest.mark.parametrize("seed", range(4))
def test_ways_are_as_long_as_from_pixel_to_pixel(seed):
    skeleton = thin(blobs(np.random.default_rng(seed), (80, 80), share=0.5, sigma=3.0))
    pixels = nx.Graph()
    for row, column in np.argwhere(skeleton):
        for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
            there = row + down, column + right
            if 0 <= there[1] < 80 and there[0] < 80 and skeleton[there]:
                pixels.add_edge((row, column), there, length=np.hypot(down, right))
    graph = nx.MultiGraph()
    for chain in skeleton_chains(skeleton):
        graph.add_edge(chain.coords[0], chain.coords[-1], length=chain.length)
    ends = [end for end, degree in graph.degree if degree == 1][:6]
    for start in ends:
        far = nx.single_source_dijkstra_path_length(graph, start, weight="length")
        pixel_far = nx.single_source_dijkstra_path_length(pixels, _pixel(start), weight="length")
        for end in ends:
            assert (end in far) == (_pixel(end) in pixel_far)
            if end in far:  # the shortest way over pixels cuts the corners of a chain
                assert 0.95 * pixel_far[_pixel(end)] - 2 <= far[end] <= 1.42 * pixel_far[_pixel(end)] + 2


def _pixel(point):
    return int(point[1]), int(point[0])


@pytest.mark.parametrize("angle", range(0, 180, 5))
def test_a_straight_road_is_as_long_as_it_is_at_any_angle(angle):
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    middle, width = np.array([48.3, 47.9]), 2 + angle % 3
    road = stroke((middle - 42 * along, middle + 42 * along), width)
    graph = graph_of_mask(road, metres_per_pixel=1.0, spur_m=5.0)
    ((*_, geometry),) = graph.edges(data="geometry")
    marks = [geometry.project(Point(middle + far * along)) for far in (-35, 35)]
    assert abs(marks[1] - marks[0]) == pytest.approx(70, rel=0.012)
    assert geometry.length == pytest.approx(84, abs=2 * width)


def test_the_mask_of_a_network_gives_the_network():
    lines = [(10, 20), (190, 30)], [(20, 170), (180, 160)], [(60, 23), (50, 168)], [(140, 27), (150, 162)]
    mask = np.zeros((200, 200), dtype=bool)
    for line in lines:
        mask |= stroke(line, 3, size=200)
    found = graph_of_mask(mask, metres_per_pixel=10 / 3, spur_m=15.0)
    truth = graph_of_lines(*lines, metres_per_pixel=10 / 3, spur_m=15.0)
    assert degrees(found) == degrees(truth)
    assert lengths(found) == pytest.approx(lengths(truth), abs=12)
    assert found.size("length") == pytest.approx(truth.size("length"), rel=0.02)


def test_dead_ends_of_a_mask_are_cut_by_their_metres():
    mask = stroke(((5, 50), (90, 50)), 3) | stroke(((50, 50), (50, 57)), 3)
    assert degrees(graph_of_mask(mask, metres_per_pixel=2.0, spur_m=6.0)) == [1, 1, 1, 3]
    assert degrees(graph_of_mask(mask, metres_per_pixel=2.0, spur_m=16.0)) == [1, 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_network_is_what_comes_of_it_by_way_of_networkx(seed):
    mask = blobs(np.random.default_rng(seed), (150, 131), share=0.5, sigma=2.5)
    network = network_from_mask(mask, metres_per_pixel=10 / 3, spur_m=10.0)
    other = network_of(graph_of(network))
    assert len(network.lengths) > 20
    for name in ("nodes", "ends", "lines", "lengths"):
        np.testing.assert_array_equal(getattr(network, name), getattr(other, name))
