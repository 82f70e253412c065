"""Average path length similarity: does one get from place to place on the roads that were found, and how far is it?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.tasks.measures.agreement import Mask
from tdsr_bench.tasks.measures.base import Line, Measure, Segmentation, Settings
from tdsr_bench.tasks.measures.road_graph import graph_from_lines, graph_from_mask
from tdsr_bench.tasks.measures.road_paths import Network, Places, Points, distances, network_of

if TYPE_CHECKING:
    import networkx as nx

_CHUNK = 128
"""Sources of paths at a time: what bounds the memory."""


@dataclass(frozen=True)
class Rules:
    """What a protocol chooses.

    Attributes:
        snap_m: how far a place may lie from the roads of the other graph, in metres.
        control_m: how far apart control points on a road are at most, in metres.
        min_path_m: the shortest path that counts, in metres.
        spur_m: dead ends shorter than this are no roads, in metres.
        border_m: no control point lies this close to the border of the image, in metres: the line that a mask is
            thinned to bends to a corner where the mask is cut off.
        most_pairs: about how many pairs of control points are looked at.
        seed: of the draw of them, where there are more.

    Raises:
        ValueError: a tolerance that is negative, or a spacing or number that is not positive.
    """

    snap_m: float
    control_m: float
    min_path_m: float
    spur_m: float
    border_m: float
    most_pairs: int
    seed: int

    def __post_init__(self) -> None:
        if not (self.snap_m >= 0 and self.control_m > 0 and self.most_pairs > 0):
            raise ValueError(f"snap_m has to be 0 or more, control_m and most_pairs positive, not as in {self}.")


def control_points(network: Network, *, control_m: float) -> Places:
    """Every node of `network`, and points that part each edge evenly, at most `control_m` apart.

    As in the reference code, an edge from 0.75 `control_m` on has one at least.
    """
    _, first = np.unique(network.ends.ravel(), return_index=True)
    node_edge, node_side = np.divmod(first, 2)
    parts = np.maximum(np.ceil(network.lengths / control_m), np.where(network.lengths < 0.75 * control_m, 1, 2))
    inner = [(edge, part / count) for edge, count in enumerate(parts) for part in range(1, int(count))]
    edge, share = np.array(inner).reshape(-1, 2).T
    edges = np.concatenate([node_edge, edge.astype(np.intp)])
    return Places(edges, np.concatenate([node_side, share]) * network.lengths[edges])


def path_similarity(own: Network, places: Places, other: Network, rules: Rules) -> float:
    """1 less the mean of min(1, |L - L'| / L) over pairs of `places` of `own`, 0 to 1; NaN where no pair counts.

    L is the length of the shortest path between two places on `own`, L' that between the nearest points of `other`; 1
    enters where one of them has no point of `other` within `snap_m`, or there is no path. A pair counts where there is
    a path on `own` of `min_path_m` or more. Van Etten, Lindenbaum and Bacastow, arXiv 1807.01232 (2018), eq. 1.

    Where there are more than `most_pairs` pairs, paths start at as many places as keep to that number, drawn at random;
    they still lead to all places.
    """
    matched, there = other.nearest(own.points(places), within=rules.snap_m)
    lost = counted = 0.0
    for sources in _sources(len(places), rules):
        lengths = distances(own, places[sources], places)
        found = np.full(lengths.shape, np.inf)
        starts = np.isin(matched, sources)
        if starts.any():
            found[np.ix_(np.isin(sources, matched), matched)] = distances(other, there[starts], there)
        counts = (lengths > 0) & (lengths >= rules.min_path_m) & np.isfinite(lengths)
        lengths, found = lengths[counts], found[counts]
        lost += float(np.minimum(1, np.abs(found - lengths) / lengths).sum())
        counted += len(lengths)
    return 1 - lost / counted if counted else float("nan")


def graph_apls(
    truth: nx.MultiGraph[int],
    found: nx.MultiGraph[int],
    rules: Rules,
    *,
    counts: Callable[[Points], Mask] | None = None,
) -> float:
    """The harmonic mean of the `path_similarity` of the true roads to those that were found, and the other way round.

    0 to 1; NaN where no pair of control points of `truth` counts, 0 where only `found` has none. `counts` says which
    points may be control points; all if None. Van Etten, Lindenbaum and Bacastow (2018), eq. 2.
    """
    true, other = network_of(truth), network_of(found)
    recall, precision = (
        path_similarity(own, _counted(own, rules, counts), to, rules) for own, to in ((true, other), (other, true))
    )
    if np.isnan(recall):
        return recall
    return 2 * recall * precision / (recall + precision) if recall * precision > 0 else 0.0


def apls(
    found: Mask,
    truth: Mask,
    valid: Mask,
    *,
    lines: tuple[Line, ...] | None,
    metres_per_pixel: float,
    rules: Rules,
) -> float:
    """APLS of ``[H, W]`` masks, 0 to 1; NaN where no path between true roads counts, as `graph_apls`.

    The true roads are `lines`, in (column, row) pixels; where there are none, what `truth` is thinned to. Where a pixel
    is not valid, `truth` stands for what was found, and no control point lies there: so roads stay connected, and
    nobody wins or loses by it.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(found=found, truth=truth, valid=valid)
    scale = {"metres_per_pixel": metres_per_pixel, "spur_m": rules.spur_m}
    graphs = _graphs(found, truth, valid, lines, **scale)
    return _graph_apls_inside(*graphs, rules, valid, metres_per_pixel)


def _graphs(
    found: Mask, truth: Mask, valid: Mask, lines: tuple[Line, ...] | None, *, metres_per_pixel: float, spur_m: float
) -> tuple[nx.MultiGraph[int], nx.MultiGraph[int]]:
    """The true roads and those that were found."""
    scale = {"metres_per_pixel": metres_per_pixel, "spur_m": spur_m}
    true = graph_from_mask(truth, **scale) if lines is None else graph_from_lines(lines, shape=truth.shape, **scale)
    return true, graph_from_mask(np.where(valid, found, truth), **scale)


def _graph_apls_inside(
    true: nx.MultiGraph[int], seen: nx.MultiGraph[int], rules: Rules, valid: Mask, metres_per_pixel: float
) -> float:
    inside = _without_border(valid, round(rules.border_m / metres_per_pixel))
    return graph_apls(true, seen, rules, counts=lambda points: _at(inside, points, metres_per_pixel))


def _counted(network: Network, rules: Rules, counts: Callable[[Points], Mask] | None) -> Places:
    places = control_points(network, control_m=rules.control_m)
    return places if counts is None else places[counts(network.points(places))]


def _without_border(valid: Mask, margin: int) -> Mask:
    inner = np.zeros_like(valid)
    core = tuple(slice(margin, max(margin, size - margin)) for size in valid.shape)
    inner[core] = valid[core]
    return inner


def _at(mask: Mask, points: Points, metres_per_pixel: float) -> Mask:
    """The values of `mask` at `points`."""
    import shapely

    pixels = np.floor(shapely.get_coordinates(points)[:, ::-1] / metres_per_pixel).astype(np.intp)
    return np.asarray(mask[tuple(np.clip(pixels, 0, np.array(mask.shape) - 1).T)])


def _sources(count: int, rules: Rules) -> Iterator[NDArray[np.intp]]:
    """Where paths start: sorted indices of places, some at a time."""
    chosen = np.arange(count)
    if count**2 > rules.most_pairs:
        share = max(1, rules.most_pairs // count)
        chosen = np.sort(np.random.default_rng(rules.seed).choice(count, share, replace=False))
    for start in range(0, len(chosen), _CHUNK):
        yield chosen[start : start + _CHUNK]


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    rules, scale = Rules(**settings), segmentation.metres_per_pixel
    return _graph_apls_inside(*_graphs_of(segmentation, rules.spur_m), rules, segmentation.valid, scale)


@functools.lru_cache(maxsize=1)  # both records look at one segmentation after the other, which never changes
def _graphs_of(segmentation: Segmentation, spur_m: float) -> tuple[nx.MultiGraph[int], nx.MultiGraph[int]]:
    one = segmentation
    return _graphs(one.found, one.truth, one.valid, one.lines, metres_per_pixel=one.metres_per_pixel, spur_m=spur_m)


APLS = Measure(
    key="apls",
    title="APLS",
    source="Van Etten, Lindenbaum and Bacastow (2018), eq. 1 and 2; tolerance and control points as in CosmiQ/apls",
    compute=_compute,
)

APLS_GSD = Measure(
    key="apls_gsd",
    title="APLS, tolerance of the pixel size",
    source="Van Etten, Lindenbaum and Bacastow (2018), eq. 1 and 2; tdsr-v1",
    compute=_compute,
)
