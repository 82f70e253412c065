"""Average path length similarity: does one get from place to place on the roads that were found, and how far is it?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.pixels import check_shapes
from tdsr_bench.tasks.measures.agreement import Mask
from tdsr_bench.tasks.measures.base import Line, Measure, Segmentation, Settings, Truth
from tdsr_bench.tasks.measures.road_graph import network_from_lines, network_from_mask
from tdsr_bench.tasks.measures.road_paths import Lengths, Network, Places, Points, distances


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


@dataclass(frozen=True, eq=False)
class Roads:
    """Roads and the paths between their control points.

    Attributes:
        network: the roads.
        places: their control points.
        sources: the indices of those that paths start at; they lead to all.
        lengths: of the shortest paths ``[sources, places]``.
    """

    network: Network
    places: Places
    sources: NDArray[np.intp]
    lengths: Lengths


def roads_of(network: Network, rules: Rules, counts: Callable[[Points], Mask] | None = None) -> Roads:
    """`network` with its control points, those that `counts` says yes to, all if None.

    Where there are more than `most_pairs` pairs, paths start at as many places as keep to that number, drawn at random.
    """
    places = control_points(network, control_m=rules.control_m)
    if counts is not None:
        places = places[counts(network.points(places))]
    sources = _sources(len(places), rules)
    return Roads(network, places, sources, distances(network, places[sources], places))


@dataclass(frozen=True, eq=False)
class Retraced:
    """The paths of some roads sought on others, whatever the tolerance.

    Attributes:
        roads: whose paths they are.
        far: metres ``[places]`` from each control point to the nearest place of the others.
        lengths: of the shortest paths between those ``[sources, places]``.
    """

    roads: Roads
    far: Lengths
    lengths: Lengths


def retraced(roads: Roads, other: Network) -> Retraced:
    """The paths of `roads` on the `other` network."""
    if not len(other.lengths):
        return Retraced(roads, np.full(len(roads.places), np.inf), np.full_like(roads.lengths, np.inf))
    there, far = other.nearest(roads.network.points(roads.places))
    return Retraced(roads, far, distances(other, there[roads.sources], there))


def path_similarity(paths: Retraced, rules: Rules) -> float:
    """1 less the mean of min(1, |L - L'| / L) over pairs of control points, 0 to 1; NaN where no pair counts.

    L is the length of the shortest path between two places, L' that between the nearest points of the other network; 1
    enters where one of them has no point of it within `snap_m`, or there is no path. A pair counts where there is a
    path on their own network of `min_path_m` or more. Van Etten, Lindenbaum and Bacastow, arXiv 1807.01232 (2018),
    eq. 1.
    """
    near, lengths = paths.far <= rules.snap_m, paths.roads.lengths
    counts = (lengths > 0) & (lengths >= rules.min_path_m) & np.isfinite(lengths)
    counted = int(np.count_nonzero(counts))
    if not counted:
        return float("nan")
    counts &= near[paths.roads.sources, None] & near
    lengths, found = lengths[counts], paths.lengths[counts]
    kept = 1 - np.minimum(1, np.abs(found - lengths) / lengths)
    return float(kept.sum() / counted)


def graph_apls(
    truth: Network, found: Network, rules: Rules, *, counts: Callable[[Points], Mask] | None = None
) -> float:
    """The harmonic mean of the `path_similarity` of the true roads to those that were found, and the other way round.

    0 to 1; NaN where no pair of control points of `truth` counts, 0 where only `found` has none. `counts` says which
    points may be control points; all if None. Van Etten, Lindenbaum and Bacastow (2018), eq. 2.
    """
    true, other = (roads_of(network, rules, counts) for network in (truth, found))
    return _harmonic(retraced(true, found), retraced(other, truth), rules)


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
    return _harmonic(*_both_ways(found, Truth(truth, lines, valid, metres_per_pixel), rules), rules)


def _both_ways(found: Mask, truth: Truth, rules: Rules) -> tuple[Retraced, Retraced]:
    """The paths of the true roads on those that were found, and the other way round."""
    true, mask = _true_roads(truth, rules), np.where(truth.valid, found, truth.mask)
    other = network_from_mask(mask, metres_per_pixel=truth.metres_per_pixel, spur_m=rules.spur_m)
    return retraced(true, other), retraced(roads_of(other, rules, _inside(truth, rules)), true.network)


@functools.lru_cache(maxsize=1)  # one truth is held against what many networks find in many images
def _true_roads(truth: Truth, rules: Rules) -> Roads:
    scale = {"metres_per_pixel": truth.metres_per_pixel, "spur_m": rules.spur_m}
    if truth.lines is None:
        network = network_from_mask(truth.mask, **scale)
    else:
        network = network_from_lines(truth.lines, shape=truth.mask.shape, **scale)
    return roads_of(network, rules, _inside(truth, rules))


def _inside(truth: Truth, rules: Rules) -> Callable[[Points], Mask]:
    """Says which points lie on valid pixels and not too near the border."""
    inside = _without_border(truth.valid, round(rules.border_m / truth.metres_per_pixel))
    return lambda points: _at(inside, points, truth.metres_per_pixel)


def _harmonic(recalled: Retraced, confirmed: Retraced, rules: Rules) -> float:
    recall, precision = path_similarity(recalled, rules), path_similarity(confirmed, rules)
    if np.isnan(recall):
        return recall
    return 2 * recall * precision / (recall + precision) if recall * precision > 0 else 0.0


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


def _sources(count: int, rules: Rules) -> NDArray[np.intp]:
    """Where paths start: sorted indices of places."""
    if count**2 <= rules.most_pairs:
        return np.arange(count)
    share = max(1, rules.most_pairs // count)
    return np.sort(np.random.default_rng(rules.seed).choice(count, share, replace=False))


def _compute(segmentation: Segmentation, settings: Settings) -> float:
    rules = Rules(**settings)
    return _harmonic(*_paths_of(segmentation, replace(rules, snap_m=0.0)), rules)


@functools.lru_cache(maxsize=1)  # both records look at one segmentation, and differ by their tolerance alone
def _paths_of(segmentation: Segmentation, rules: Rules) -> tuple[Retraced, Retraced]:
    return _both_ways(segmentation.found, segmentation.truth, rules)


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
