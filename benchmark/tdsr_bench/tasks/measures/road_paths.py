"""Shortest paths between places on a network of roads, wherever on its edges they lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.tasks.measures.agreement import Mask

Points = NDArray[np.object_]
"""Shapely points, in metres."""

Lengths = NDArray[np.float64]
"""Metres; of paths ``[sources, targets]``, infinite where there is none."""

_CHUNK = 128
"""Sources of paths at a time: what bounds the memory."""


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

    def __getitem__(self, which: NDArray[np.intp] | Mask | slice) -> Places:
        return Places(self.edge[which], self.along[which])


@dataclass(frozen=True, eq=False)
class Network:
    """Roads between ends and junctions.

    Two roads between the same junctions are two edges; a closed road without a junction is a loop at one of its points.

    Attributes:
        nodes: where the ends and junctions ``[N, 2]`` lie, in metres from the top left corner, to the right and down.
        ends: the nodes ``[E, 2]`` at the start and at the end of each edge.
        lines: shapely line strings, from start to end.
        lengths: metres.
    """

    nodes: NDArray[np.float64]
    ends: NDArray[np.intp]
    lines: NDArray[np.object_]
    lengths: Lengths

    def points(self, places: Places) -> Points:
        """`places` in the plane."""
        import shapely

        return np.asarray(shapely.line_interpolate_point(self.lines[places.edge], places.along))

    def nearest(self, points: Points) -> tuple[Places, Lengths]:
        """The nearest places to `points`, and how far away they lie; the network has an edge at least."""
        import shapely

        (_, edge), far = self._tree.query_nearest(points, return_distance=True, all_matches=False)
        along = shapely.line_locate_point(self.lines[edge], points)
        return Places(edge, np.minimum(along, self.lengths[edge])), far

    @cached_property
    def _tree(self) -> Any:
        import shapely

        return shapely.STRtree(self.lines)

    def between_nodes(self, sources: NDArray[np.intp]) -> Lengths:
        """Lengths ``[sources, N]`` of the shortest paths from nodes to all nodes."""
        from scipy.sparse.csgraph import dijkstra

        return np.asarray(dijkstra(self._matrix, indices=sources))

    @cached_property
    def _matrix(self) -> Any:
        """Lengths between nodes; of parallel edges the shortest, where a sparse matrix would add them up."""
        from scipy.sparse import csr_array

        order = np.argsort(self.lengths)
        links, kept = np.unique(np.sort(self.ends, axis=1)[order], axis=0, return_index=True)
        both = np.concatenate([links, links[:, ::-1]]).T
        return csr_array((np.tile(self.lengths[order][kept], 2), both), shape=(len(self.nodes),) * 2)


def distances(network: Network, sources: Places, targets: Places) -> Lengths:
    """Lengths ``[sources, targets]`` in metres of the shortest paths; infinite where there is none.

    A path leaves its source's edge at one of its ends and comes to its target's edge at one of its ends, unless both
    lie on one edge and it never leaves that: so paths are sought between nodes alone.
    """
    if not len(sources):
        return np.empty((0, len(targets)))
    nodes, row = np.unique(network.ends[sources.edge], return_inverse=True)
    reached, row = network.between_nodes(nodes), row.reshape(-1, 2)
    found = np.empty((len(sources), len(targets)))
    for start in range(0, len(sources), _CHUNK):
        part = np.s_[start : start + _CHUNK]
        _from(sources[part], targets, network, reached[row[part]], out=found[part])
    return found


def _from(sources: Places, targets: Places, network: Network, reached: Lengths, *, out: Lengths) -> None:
    """Fill `out`, ``[sources, targets]``, given the lengths `reached`, ``[sources, 2, N]``, from their edges' ends."""
    forth, back = _to_ends(network, sources)
    reached[:, 0] += forth[:, None]
    reached[:, 1] += back[:, None]
    nodes = np.minimum(reached[:, 0], reached[:, 1])
    start, end = network.ends[targets.edge].T
    forth, back = _to_ends(network, targets)
    np.minimum(nodes[:, start] + forth, nodes[:, end] + back, out=out)
    same = np.nonzero(sources.edge[:, None] == targets.edge)
    out[same] = np.minimum(out[same], np.abs(sources.along[same[0]] - targets.along[same[1]]))


def _to_ends(network: Network, places: Places) -> tuple[Lengths, Lengths]:
    """How far each of `places` lies from the start and from the end of its edge."""
    return places.along, network.lengths[places.edge] - places.along
