"""Networks of roads in metres: from centre lines, and from a mask by thinning it."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.tasks.measures.base import Line
from tdsr_bench.tasks.measures.road_paths import Network

JOIN_METRES = 1.0
"""A road that ends this close to another one is joined to it: more than maps are rounded to, less than a pixel."""

GRID_METRES = 0.01
"""Points of centre lines this close are one: what maps are rounded to."""

SMOOTHINGS = 2
"""How often a chain of pixels is smoothed: its steps make a straight road up to 8 % too long, twice smoothed 0.8 %."""

Chains = NDArray[np.object_]
"""Shapely line strings that meet at their ends alone: the edges of a network."""


def network_from_lines(
    lines: Iterable[Line], *, shape: tuple[int, int], metres_per_pixel: float, spur_m: float
) -> Network:
    """The network of centre lines in (column, row) pixels, of what of them lies in an image of `shape`.

    Lines are joined where they touch or cross, for a mask cannot tell a bridge from a junction either, and where one
    ends within `JOIN_METRES` of another. Dead ends shorter than `spur_m` fall away, as they do from a mask's network.

    >>> cross = [np.array([[0.0, 5], [10, 5]]), np.array([[5.0, 0], [5, 10]])]
    >>> network = network_from_lines(cross, shape=(10, 10), metres_per_pixel=2.0, spur_m=0.0)
    >>> np.bincount(network.ends.ravel()).tolist(), network.lengths.tolist()
    ([1, 1, 4, 1, 1], [10.0, 10.0, 10.0, 10.0])
    """
    import shapely

    height, width = shape
    strings = _strung([line * metres_per_pixel for line in lines if len(line) > 1])
    inside = shapely.intersection(strings, shapely.box(0, 0, width * metres_per_pixel, height * metres_per_pixel))
    return _network(without_spurs(_joined(_noded(inside)), spur_m))


def network_from_mask(mask: NDArray[np.bool_], *, metres_per_pixel: float, spur_m: float) -> Network:
    """The network of the centre lines of bool ``[H, W]``, as `network_from_lines` gives it.

    The mask is thinned to lines of one pixel by the algorithm of Guo and Hall, Communications of the ACM 32 (1989),
    dead ends shorter than `spur_m` are cut off, and what is left is smoothed.
    """
    import shapely
    from skimage.morphology import thin

    # Not the algorithm of Zhang and Suen: it eats up diagonal lines that are two pixels wide.
    skeleton: NDArray[np.bool_] = thin(mask)  # type: ignore[no-untyped-call]
    chains = without_spurs(skeleton_chains(skeleton), spur_m / metres_per_pixel)
    return _network(shapely.transform(_smoothed(chains), lambda points: points * metres_per_pixel))


def skeleton_chains(skeleton: NDArray[np.bool_]) -> Chains:
    """The chains between ends and junctions of a bool ``[H, W]`` one pixel wide, through the middles of its pixels.

    Junction pixels that touch are one junction, in their middle. Pixels without a neighbour are left out.

    >>> [chain.wkt for chain in skeleton_chains(np.eye(3, dtype=bool))]
    ['LINESTRING (0.5 0.5, 1.5 1.5, 2.5 2.5)']
    """
    import shapely
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pixels, links = np.argwhere(skeleton)[:, ::-1] + 0.5, _links(skeleton)
    junction = np.bincount(links.ravel(), minlength=len(pixels)) > 2
    inner = links[junction[links].all(axis=1)]
    touching = coo_array((np.ones(len(inner)), inner.T), shape=(len(pixels), len(pixels)))
    count, place = connected_components(touching, directed=False)
    size = np.bincount(place, minlength=count)
    middle = np.stack([np.bincount(place, column, count) / size for column in pixels.T], axis=1)
    between = np.unique(np.sort(place[links], axis=1), axis=0)
    return _merged(shapely.linestrings(middle[between[between[:, 0] != between[:, 1]]]))


def without_spurs(chains: Chains, shortest: float) -> Chains:
    """`chains` without the dead ends shorter than `shortest` that leave a junction.

    At each junction the shortest goes first, for it may leave the next one as the end of a longer road.
    """
    import shapely

    while len(chains):
        _, ends = _nodes(chains)
        dead, length = (np.bincount(ends.ravel()) == 1)[ends], shapely.length(chains)
        spurs = np.flatnonzero((dead.sum(axis=1) == 1) & (length < shortest))
        if not len(spurs):
            break
        spurs = spurs[np.argsort(length[spurs], kind="stable")]
        _, first = np.unique(ends[spurs][~dead[spurs]], return_index=True)
        chains = _merged(np.delete(chains, spurs[first]))
    return chains


def _strung(lines: list[Line]) -> NDArray[np.object_]:
    import shapely

    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return np.asarray(shapely.linestrings(np.concatenate([np.empty((0, 2)), *lines]), indices=owner))


def _links(skeleton: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Pairs ``[n, 2]`` of neighbours, pixels numbered by row; diagonal ones only where no third pixel links them."""
    number = np.cumsum(skeleton).reshape(skeleton.shape) - 1
    a, b, c, d = ((rows, columns) for rows in (np.s_[:-1], np.s_[1:]) for columns in (np.s_[:-1], np.s_[1:]))
    falling = skeleton[a] & skeleton[d] & ~skeleton[b] & ~skeleton[c]
    rising = skeleton[b] & skeleton[c] & ~skeleton[a] & ~skeleton[d]
    across, down = skeleton[:, :-1] & skeleton[:, 1:], skeleton[:-1] & skeleton[1:]
    pairs = (
        (number[:, :-1][across], number[:, 1:][across]),
        (number[:-1][down], number[1:][down]),
        (number[a][falling], number[d][falling]),
        (number[b][rising], number[c][rising]),
    )
    return np.concatenate([np.stack(pair, axis=1) for pair in pairs])


def _smoothed(chains: Chains) -> Chains:
    """Each inner point is moved halfway to the middle of its neighbours, `SMOOTHINGS` times."""
    import shapely

    points, chain = shapely.get_coordinates(chains, return_index=True)
    inner = np.flatnonzero(chain[2:] == chain[:-2]) + 1
    for _ in range(SMOOTHINGS):
        points[inner] = points[inner] / 2 + (points[inner - 1] + points[inner + 1]) / 4
    return np.asarray(shapely.linestrings(points, indices=chain))


def _noded(lines: NDArray[np.object_]) -> Chains:
    """`lines` cut where they touch or cross."""
    import shapely

    parts = shapely.get_parts(shapely.union_all(lines, grid_size=GRID_METRES))
    return _merged(parts[(shapely.get_dimensions(parts) == 1) & (shapely.length(parts) > 0)])


def _joined(chains: Chains) -> Chains:
    """`chains` and the gaps from their dead ends to other chains nearby, unless they touch within that distance."""
    import shapely

    if not len(chains):
        return chains
    points, ends = _nodes(chains)
    owner, side = np.nonzero((np.bincount(ends.ravel()) == 1)[ends])
    dead = shapely.points(points[ends[owner, side]])
    end, other = shapely.STRtree(chains).query(dead, predicate="dwithin", distance=JOIN_METRES)
    near = shapely.intersection(chains[owner[end]], shapely.buffer(dead[end], JOIN_METRES))
    apart = (owner[end] != other) & ~shapely.intersects(near, chains[other])
    gaps = shapely.shortest_line(dead[end[apart]], chains[other[apart]])
    return _noded(np.concatenate([chains, gaps])) if len(gaps) else chains


def _merged(lines: NDArray[np.object_]) -> Chains:
    """The fewest chains that line strings make up, which meet at their ends alone."""
    import shapely

    return np.asarray(shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines))))


def _nodes(chains: Chains) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The places ``[N, 2]`` where chains end, and which two of them each chain ``[n, 2]`` joins."""
    import shapely

    both = np.stack([shapely.get_point(chains, 0), shapely.get_point(chains, -1)], axis=1)
    places, which = np.unique(shapely.get_coordinates(both), axis=0, return_inverse=True)
    return places, which.reshape(-1, 2)


def _network(chains: Chains) -> Network:
    import shapely

    nodes, ends = _nodes(chains)
    # Edges of one node stand together, as where graphs are made of dictionaries: a draw of paths depends on the order.
    low, high = np.sort(ends, axis=1).T
    _, first, pair = np.unique(low * len(nodes) + high, return_index=True, return_inverse=True)
    order = np.lexsort((first[pair], low))
    return Network(nodes, ends[order], chains[order], shapely.length(chains[order]))
