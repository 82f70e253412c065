"""APLS by hand, against plain loops over finely cut roads, and against the authors' own code."""

from dataclasses import replace
from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest
import shapely
from road_graphs import graph_of, network_of
from segmentations import segmentation

from tdsr_bench.tasks.measures.apls import (
    APLS,
    APLS_GSD,
    Rules,
    apls,
    graph_apls,
    path_similarity,
    retraced,
    roads_of,
)
from tdsr_bench.tasks.measures.road_graph import network_from_lines

RULES = Rules(snap_m=4.0, control_m=50.0, min_path_m=10.0, spur_m=0.0, border_m=0.0, most_pairs=1_000_000, seed=0)


def roads(*lines):
    """The network of lines in metres, in an image of 1 km."""
    points = [np.array(line, dtype=np.float64) for line in lines]
    return network_from_lines(points, shape=(1000, 1000), metres_per_pixel=1.0, spur_m=0.0)


def both_ways(truth, found, rules=RULES):
    """Recall and precision, the similarities whose harmonic mean is the score."""
    return tuple(
        path_similarity(retraced(roads_of(own, rules), to), rules) for own, to in ((truth, found), (found, truth))
    )


def harmonic(a, b):
    return 2 * a * b / (a + b)


def grid(seed, *, size=4, shift=0.0, gap=0.0):
    """Crooked blocks of 40 to 110 m, a fifth of whose streets is left out, as lines.

    Each crossing is moved by up to `shift`, the same way for any `shift`; every third street has a gap in its middle.
    """
    rng = np.random.default_rng(seed)
    x, y = 100 + np.cumsum(rng.uniform(40, 110, (2, size)), axis=1)
    crossings = np.stack(np.meshgrid(x, y), axis=-1) + rng.uniform(-12, 12, (size, size, 2))
    kept = rng.random((size, size, 2)) < 0.8
    crossings += shift * rng.uniform(-1, 1, crossings.shape)
    lines = []
    for index, (row, column, down) in enumerate(np.argwhere(kept)):
        to = (row + 1, column) if down else (row, column + 1)
        if max(to) < size:
            lines += cut(crossings[row, column], crossings[to], gap if index % 3 == 0 else 0)
    return lines


def cut(start, stop, gap):
    length = np.linalg.norm(stop - start)
    if not gap:
        return [np.array([start, stop])]
    before, after = (start + (stop - start) * (0.5 + side * gap / 2 / length) for side in (-1, 1))
    return [np.array([start, before]), np.array([after, stop])]


def plain_apls(truth, found, *, snap, control, shortest, step=0.5):
    """APLS by definition: both graphs are cut every `step` metres, and every place is the nearest of the cuts."""
    truth, found = graph_of(truth), graph_of(found)
    recall, precision = (
        plain_similarity(own, other, snap, control, shortest, step) for own, other in ((truth, found), (found, truth))
    )
    return harmonic(recall, precision)


def plain_similarity(own, other, snap, control, shortest, step):
    places = [(node["x"], node["y"]) for _, node in own.nodes(data=True)]
    for *_, line in own.edges(data="geometry"):
        parts = int(np.ceil(line.length / control))
        parts = 2 if parts == 1 and line.length >= 0.75 * control else parts
        places += [line.interpolate(part / parts, normalized=True).coords[0] for part in range(1, parts)]
    lengths, lengths_there = (plain_lengths(graph, places, step, far) for graph, far in ((own, step), (other, snap)))
    losses = []
    for pair in permutations(range(len(places)), 2):
        length = lengths.get(pair, np.inf)
        if shortest <= length < np.inf:
            losses.append(min(1, abs(length - lengths_there.get(pair, np.inf)) / length))
    return 1 - np.mean(losses)


def plain_lengths(graph, places, step, snap):
    fine, where = nx.Graph(), {}
    for number, (start, stop, line) in enumerate(graph.edges(data="geometry")):
        count = int(np.ceil(line.length / step))
        forth = shapely.distance(shapely.Point(line.coords[0]), shapely.Point(*graph.nodes[start].values())) < 1e-9
        names = [start, *((number, part) for part in range(1, count)), stop]
        names = names if forth else [stop, *names[1:-1], start]
        for part, name in enumerate(names):
            where[name] = line.interpolate(part / count, normalized=True).coords[0]
        nx.add_path(fine, names, length=line.length / count)
    names, points = list(where), np.array(list(where.values()))
    far = [np.hypot(*(points - place).T) for place in places]
    at = {index: names[off.argmin()] for index, off in enumerate(far) if off.min() <= snap}
    ways = {index: nx.single_source_dijkstra_path_length(fine, name, weight="length") for index, name in at.items()}
    return {(a, b): ways[a][at[b]] for a, b in permutations(at, 2) if at[b] in ways[a]}


@pytest.mark.parametrize(("seed", "shift", "gap"), [(0, 0.0, 0.0), (1, 3.0, 0.0), (2, 3.0, 6.0), (5, 5.0, 1.5)])
def test_it_is_the_definition_in_plain_loops(seed, shift, gap):
    truth, found = roads(*grid(seed, size=3)), roads(*grid(seed, size=3, shift=shift, gap=gap))
    expected = plain_apls(truth, found, snap=4.0, control=50.0, shortest=10.0)
    assert graph_apls(truth, found, RULES) == pytest.approx(expected, abs=0.01)


def test_two_ways_between_the_same_junctions_in_plain_loops():
    stems = [(100, 500), (200, 500)], [(300, 500), (400, 500)]
    short, long = [(200, 500), (300, 500)], [(200, 500), (200, 540), (300, 540), (300, 500)]
    truth, found = roads(*stems, short, long), roads(*stems, long)
    expected = plain_apls(truth, found, snap=4.0, control=50.0, shortest=10.0)
    assert graph_apls(truth, found, RULES) == pytest.approx(expected, abs=0.005)
    assert expected < 0.9


GOLDEN = {
    (1, 1.5, 0.0): (0.993586, 0.993472, 0.993700),
    (2, 3.0, 0.0): (0.980155, 0.980467, 0.979844),
    (3, 2.0, 6.0): (0.444759, 0.295891, 0.895099),
    (4, 6.0, 0.0): (0.814676, 0.815036, 0.814316),
}
"""APLS, recall and precision that the authors' code gives for these very graphs (CosmiQ/apls, commit 4a78807,
`make_graphs` with `is_curved_eps` -1 and `compute_apls_metric` with `min_path_length` 10, under Python 3.11)."""


@pytest.mark.parametrize("case", GOLDEN)
def test_it_is_what_the_authors_code_gives(case):
    seed, shift, gap = case
    truth, found = roads(*grid(seed)), roads(*grid(seed, shift=shift, gap=gap))
    score, recall, precision = GOLDEN[case]
    assert both_ways(truth, found) == pytest.approx((recall, precision), abs=2e-6)
    assert graph_apls(truth, found, RULES) == pytest.approx(score, abs=2e-6)


def test_the_same_roads_score_one():
    assert graph_apls(roads(*grid(0)), roads(*grid(0)), RULES) == pytest.approx(1)


def test_a_road_that_is_broken_by_hand():
    # Control points of the truth at 0, 50, 100, 150, 200 m; found are 0 to 110 m and 120 to 200 m. Of 10 pairs, the 3
    # of the first three points and the 1 of the last two are as they should be; nothing leads across.
    truth = roads([(100, 500), (300, 500)])
    found = roads([(100, 500), (210, 500)], [(220, 500), (300, 500)])
    assert both_ways(truth, found) == pytest.approx((4 / 10, 1))
    assert graph_apls(truth, found, RULES) == pytest.approx(harmonic(0.4, 1))


def test_a_side_street_that_ends_early_by_hand():
    # Truth: a street of 100 m, from whose middle another one of 50 m leads away: points at the junction, at both ends
    # and in the middles of the arms, and at the end and in the middle of the side street: 7. Found: the side street
    # stops 20 m early, so that its end, 1 point of 7, is lost: 6 of 21 pairs.
    truth = roads([(100, 500), (200, 500)], [(150, 500), (150, 550)])
    found = roads([(100, 500), (200, 500)], [(150, 500), (150, 530)])
    assert both_ways(truth, found) == pytest.approx((15 / 21, 1))


@pytest.mark.parametrize(("offset", "expected"), [(3.9, 1.0), (4.1, 0.0)])
def test_a_road_beside_the_true_one_counts_up_to_the_tolerance(offset, expected):
    truth, found = roads([(100, 500), (300, 500)]), roads([(100, 500 + offset), (300, 500 + offset)])
    assert graph_apls(truth, found, RULES) == pytest.approx(expected)


def test_an_open_loop_by_hand():
    # A ring of 400 m with points every 50 m, against the same with 2 m missing in the middle between two points: what
    # was near across the gap is far now. The other way round its points lie 398 / 8 m apart, from end to end.
    ring = [(100, 500), (200, 500), (200, 600), (100, 600), (100, 500)]
    truth, found = roads(ring), roads([(174, 500), (100, 500)], ring[3:], ring[1:4], [(200, 500), (176, 500)])
    assert [len(network.nodes) for network in (truth, found)] == [1, 2]
    assert truth.nodes[0].sum() % 50 == 0
    marks = [(25 + 50 * index, 0) for index in range(8)]
    recall = 1 - np.mean([min(1, abs(b - a - way(b - a)) / way(b - a)) for (a, _), (b, _) in combinations(marks, 2)])
    marks = [398 / 8 * index for index in range(9)]
    precision = 1 - np.mean([abs(way(b - a) - (b - a)) / (b - a) for a, b in combinations(marks, 2)])
    assert both_ways(truth, found) == pytest.approx((recall, precision), abs=1e-6)


def way(far):
    """The shorter way round a ring of 400 m."""
    return min(far, 400 - far)


def test_a_false_road_apart_from_the_network_lowers_precision():
    truth = roads([(100, 500), (200, 500)])
    found = roads([(100, 500), (200, 500)], [(100, 800), (200, 800)])  # 3 good pairs, 3 that lead nowhere
    assert both_ways(truth, found) == pytest.approx((1, 0.5))
    assert graph_apls(truth, found, RULES) == pytest.approx(2 / 3)


def test_a_false_short_cut_lowers_both():
    # A road of 250 m with points every 50 m, whose ends lie 50 m apart, and a false road between them. Of the 15 pairs
    # 2 are 200 m apart and found to be 100 m, 1 is 250 m and found to be 50 m; the other way round those lose all.
    road = [(100, 500), (100, 600), (150, 600), (150, 500)]
    truth, found = roads(road), roads(road, [(100, 500), (150, 500)])
    assert both_ways(truth, found) == pytest.approx((1 - (2 * 0.5 + 0.8) / 15, 1 - 3 / 15))


def test_more_gaps_and_larger_shifts_score_less():
    by_gap = [np.mean([score_of_grid(seed, gap=gap) for seed in range(6)]) for gap in (0.0, 4.0, 20.0, 36.0)]
    by_shift = [np.mean([score_of_grid(seed, shift=shift) for seed in range(6)]) for shift in (0.0, 2.0, 5.0, 9.0)]
    assert by_gap[0] == by_shift[0] == pytest.approx(1)
    assert (np.diff(by_gap) < -0.005).all()
    assert (np.diff(by_shift) < -0.005).all()


def score_of_grid(seed, **change):
    return graph_apls(roads(*grid(seed)), roads(*grid(seed, **change)), RULES)


def test_missing_streets_score_less_the_more_there_are():
    lines = grid(3)
    order = np.random.default_rng(0).permutation(len(lines))
    scores = [graph_apls(roads(*lines), roads(*(lines[i] for i in order[lost:])), RULES) for lost in (0, 2, 5, 10)]
    assert (np.diff(scores) < -0.02).all()


def test_it_is_undefined_by_the_truth_alone():
    street, nothing, stub = roads([(100, 500), (200, 500)]), roads(), roads([(100, 500), (109, 500)])
    assert np.isnan(graph_apls(nothing, street, RULES))
    assert np.isnan(graph_apls(nothing, nothing, RULES))
    assert np.isnan(graph_apls(stub, street, RULES))
    assert graph_apls(street, nothing, RULES) == 0
    assert graph_apls(street, stub, RULES) == 0


def test_a_draw_of_pairs_is_the_same_each_time_and_near_the_whole():
    truth, found = roads(*grid(1, size=7)), roads(*grid(1, size=7, shift=3.0, gap=3.0))
    found = network_of(nx.compose(graph_of(found), graph_of(roads(*grid(1, size=7, shift=3.0)[::2]))))
    whole = graph_apls(truth, found, RULES)
    few = replace(RULES, most_pairs=8000)
    assert graph_apls(truth, found, few) == graph_apls(truth, found, few) != whole
    assert graph_apls(truth, found, few) != graph_apls(truth, found, replace(few, seed=1))
    draws = [graph_apls(truth, found, replace(few, seed=seed)) for seed in range(8)]
    assert np.mean(draws) == pytest.approx(whole, abs=0.02)


def test_rules_that_make_no_sense_are_refused():
    for wrong in ({"control_m": 0.0}, {"snap_m": -1.0}, {"most_pairs": 0}):
        with pytest.raises(ValueError, match="has to be 0 or more, control_m and most_pairs positive"):
            replace(RULES, **wrong)


PIXEL = 10 / 3
PIXEL_RULES = replace(RULES, snap_m=20 / 3, spur_m=15.0, border_m=10.0)


def painted(*lines, width=3.0, shape=(150, 150)):
    """bool ``[H, W]``: the pixels within half a `width` of lines in (column, row) pixels."""
    rows, columns = np.indices(shape)
    centres = shapely.points(columns + 0.5, rows + 0.5)
    return shapely.dwithin(shapely.MultiLineString(lines), centres, width / 2)


TOWN = (
    [(0, 30), (150, 36)], [(0, 80), (150, 84)], [(0, 125), (150, 121)],
    [(30, 0), (34, 150)], [(75, 0), (71, 150)], [(118, 34.8), (122, 150)], [(31.5, 55), (73.4, 57)],
)  # fmt: skip


def town_score(found, truth, valid=None, *, lines=TOWN, rules=PIXEL_RULES):
    valid = np.ones(truth.shape, dtype=bool) if valid is None else valid
    lines = None if lines is None else tuple(np.array(line, dtype=np.float64) for line in lines)
    return apls(found, truth, valid, lines=lines, metres_per_pixel=PIXEL, rules=rules)


def test_the_perfect_mask_scores_high_against_the_lines_and_one_against_itself():
    truth = painted(*TOWN)
    assert 0.98 < town_score(truth, truth) < 1
    assert town_score(truth, truth, lines=None) == pytest.approx(1)
    assert town_score(np.zeros_like(truth), truth) == 0
    assert np.isnan(town_score(truth, np.zeros_like(truth), lines=()))
    assert np.isnan(town_score(truth, np.zeros_like(truth), lines=None))


def test_broken_and_missing_streets_of_a_mask_score_less():
    truth = painted(*TOWN)
    broken = truth.copy()
    broken[:, 50:54] = False
    without = painted(*TOWN[:-1])
    perfect, gaps, missing = (town_score(found, truth) for found in (truth, broken, without))
    assert gaps < perfect - 0.05
    assert missing < perfect - 0.02


def test_what_lies_behind_invalid_pixels_does_not_matter():
    truth = painted(*TOWN)
    valid = np.ones(truth.shape, dtype=bool)
    valid[40:70, 60:110] = False
    other = truth.copy()
    other[40:70, 60:110] ^= True
    assert town_score(other, truth, valid) == town_score(truth, truth, valid)
    assert town_score(other, truth) < 0.9 * town_score(truth, truth)
    assert np.isnan(town_score(truth, truth, np.zeros_like(valid)))


def test_invalid_specks_do_not_break_roads(rng):
    truth = painted(*TOWN)
    valid = rng.random(truth.shape) > 0.05
    assert town_score(truth & valid, truth, valid) == pytest.approx(town_score(truth, truth), abs=0.005)


def test_ends_at_the_border_are_left_out():
    wide = [[(75, 0), (75, 150)]]
    truth = painted(*wide, width=9.0)
    strict = replace(PIXEL_RULES, snap_m=3.0)
    assert town_score(truth, truth, lines=wide, rules=strict) == pytest.approx(1, abs=0.01)
    assert town_score(truth, truth, lines=wide, rules=replace(strict, border_m=0.0)) < 0.9


def test_the_records_take_the_settings_of_the_protocol():
    truth = painted(*TOWN)
    shifted = np.roll(truth, 2, axis=1)
    settings = {
        "control_m": 50.0, "min_path_m": 10.0, "spur_m": 15.0, "border_m": 10.0, "most_pairs": 1_000_000, "seed": 0
    }  # fmt: skip
    strict = APLS.compute(segmentation(shifted, truth), {**settings, "snap_m": 4.0})
    fitting = APLS_GSD.compute(segmentation(shifted, truth), {**settings, "snap_m": 8.0})
    assert strict < 0.6
    assert fitting > 0.9


def test_masks_of_different_shape_are_refused():
    truth = painted(*TOWN)
    with pytest.raises(ValueError, match="shape"):
        town_score(truth[:-1], truth)
