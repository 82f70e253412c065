"""Road networks as graphs of networkx, and the plain ways to look at them."""

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray

from tdsr_bench.tasks.measures.road_paths import Network


def graph_of(network: Network) -> "nx.MultiGraph[int]":
    """A node for each end and junction with its place ``x``, ``y``; an edge with its ``length`` and ``geometry``."""
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from((number, {"x": x, "y": y}) for number, (x, y) in enumerate(network.nodes.tolist()))
    for (start, end), line in zip(network.ends.tolist(), network.lines, strict=True):
        graph.add_edge(start, end, geometry=line, length=line.length)
    return graph


def network_of(graph: "nx.MultiGraph[int]") -> Network:
    """The way back: edges in the order in which networkx tells them, turned so that they start where they start."""
    number = {node: index for index, node in enumerate(graph)}
    edges = list(graph.edges(data="geometry"))
    nodes = np.array([(data["x"], data["y"]) for _, data in graph.nodes(data=True)]).reshape(-1, 2)
    ends = [turned((number[a], number[b]), line, nodes) for a, b, line in edges]
    lines = np.array([line for *_, line in edges], dtype=object)
    return Network(nodes, np.array(ends, dtype=np.intp).reshape(-1, 2), lines, shapely.length(lines))


def turned(ends: tuple[int, int], line: shapely.LineString, nodes: NDArray[np.float64]) -> tuple[int, int]:
    """An undirected graph does not keep which end of an edge came first; its shape does."""
    off = [np.linalg.norm(nodes[end] - line.coords[0]) for end in ends]
    return ends if off[0] <= off[1] else ends[::-1]
