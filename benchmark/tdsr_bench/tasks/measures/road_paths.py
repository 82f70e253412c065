"""Shortest paths between places on a road graph, wherever on its edges they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.tasks.measures.agreement import Mask

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array

Points = NDArray[np.object_]
"""Shapely points, in metres."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places on a network.

    Attributes:
        edge: which edge each lies on.
        along: metres from that edge's start.
    """

    edge: NDArray[np.intp]
    along: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.edge)

    def __getitem__(self, which: NDArray[np.intp] | Mask) -> Places:
        return Places(self.edge[which], self.along[which])


@dataclass(frozen=True, eq=False)
class Network:
    """The edges of a road graph, as arrays.

    Attributes:
        nodes: how many nodes there are.
        ends: the nodes ``[E, 2]`` at the start and at the end of each edge.
        lines: shapely line strings, from start to end.
        lengths: metres.
    """

    nodes: int
    ends: NDArray[np.intp]
    lines: NDArray[np.object_]
    lengths: NDArray[np.float64]

    def miles(self, places: Places) -> NDArray[np.float64]:
        """One number for each place: its metres if all edges lay one after another, a metre apart."""
        starts = np.cumsum(self.lengths + 1) - (self.lengths + 1)
        return np.asarray(starts[places.edge] + places.along)

    def points(self, places: Places) -> Points:
        """`places` in the plane."""
        import shapely

        return np.asarray(shapely.line_interpolate_point(self.lines[places.edge], places.along))

    def nearest(self, points: Points, *, within: float) -> tuple[NDArray[np.intp], Places]:
        """The indices of the points that lie `within` metres of the network, and their nearest places on it."""
        import shapely

        tree = shapely.STRtree(self.lines)
        point, edge = tree.query_nearest(points, max_distance=within, all_matches=False)
        along = shapely.line_locate_point(self.lines[edge], points[point])
        return point, Places(edge, np.minimum(along, self.lengths[edge]))


def network_of(graph: nx.MultiGraph[int]) -> Network:
    """The edges of a graph that `road_graph` made, as arrays."""
    import shapely

    number = {node: index for index, node in enumerate(graph)}
    edges = list(graph.edges(data=True))
    ends = np.array([(number[a], number[b]) for a, b, _ in edges], dtype=np.intp).reshape(-1, 2)
    lines = np.array([data["geometry"] for *_, data in edges], dtype=object)
    places = np.array([(data["x"], data["y"]) for _, data in graph.nodes(data=True)]).reshape(-1, 2)
    starts = shapely.get_coordinates(shapely.get_point(lines, 0))
    # An undirected graph does not keep which end of an edge came first.
    off = np.linalg.norm(places[ends] - starts[:, None], axis=-1)
    ends = np.where(off[:, :1] <= off[:, 1:], ends, ends[:, ::-1])
    return Network(len(number), ends, lines, shapely.length(lines))


def distances(network: Network, sources: Places, targets: Places) -> NDArray[np.float64]:
    """Lengths ``[sources, targets]`` in metres of the shortest paths; infinite where there is none."""
    from scipy.sparse.csgraph import dijkstra

    # Edges are cut at the sources alone, which keeps the graph small: a target is reached from the stop before it or
    # from the one after it.
    graph, stops, node = _cut(network, sources)
    reached = dijkstra(graph, indices=node[np.searchsorted(stops, network.miles(sources))])
    miles = network.miles(targets)
    before, after = np.searchsorted(stops, miles, side="right") - 1, np.searchsorted(stops, miles)
    forth = reached[:, node[before]] + (miles - stops[before])
    back = reached[:, node[after]] + (stops[after] - miles)
    return np.asarray(np.minimum(forth, back))


def _cut(network: Network, places: Places) -> tuple[csr_array, NDArray[np.float64], NDArray[np.intp]]:
    """`network` cut at `places`: lengths between its nodes, the miles of all stops in order, and the node at each."""
    edges = np.arange(len(network.lengths))
    heads = network.miles(Places(edges, np.zeros(len(edges))))
    tails = network.miles(Places(edges, network.lengths))
    stops = np.unique(np.concatenate([heads, tails, network.miles(places)]))
    first, last = np.searchsorted(stops, heads), np.searchsorted(stops, tails)
    new = np.ones(len(stops), dtype=bool)
    new[first] = new[last] = False
    node = network.nodes - 1 + np.cumsum(new)
    node[first], node[last] = network.ends.T
    joined = np.ones(len(stops) - 1, dtype=bool)
    joined[last[:-1]] = False
    links = np.stack([node[:-1], node[1:]], axis=1)[joined]
    return _matrix(links, np.diff(stops)[joined], network.nodes + int(new.sum())), stops, node


def _matrix(links: NDArray[np.intp], lengths: NDArray[np.float64], nodes: int) -> csr_array:
    """Lengths between nodes, both ways; of parallel links the shortest, where a sparse matrix would add them up."""
    from scipy.sparse import csr_array

    order = np.argsort(lengths)
    links, kept = np.unique(np.sort(links, axis=1)[order], axis=0, return_index=True)
    both = np.concatenate([links, links[:, ::-1]]).T
    return csr_array((np.tile(lengths[order][kept], 2), both), shape=(nodes, nodes))
