"""How many key points of an image are found again in another one on the same grid."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""float ``[n, 2]``: (column, row) of points in pixels."""

Descriptors = NDArray[np.float32]
"""float32 ``[n, d]``: what the surroundings of each point look like."""


def repeatability(points: Points, reference: Points, *, metres_per_pixel: float, tolerance: float) -> float:
    """Share of the `reference` points, 0 to 1, that have a counterpart among `points` within `tolerance` metres.

    Counterparts are one to one, as many as can be made, so the share is the same both ways where both have equally many
    points. Ask both images for the same number: points that an image lacks count as not repeated. Mikolajczyk et al.,
    IJCV 65 (2005), section 4.1, with the distance in place of the overlap of regions, for both images lie on one grid
    and have one scale. Points that are strewn at random, d a square metre, repeat by 1 - exp(-d pi tolerance^2).

    Returns:
        NaN where there is no reference point, 0 where there are only such.

    Raises:
        ValueError: a tolerance or a pixel size that is not positive.

    >>> there = np.array([[10.0, 10.0], [50.0, 20.0]])
    >>> repeatability(there + (1, 0), there, metres_per_pixel=10 / 3, tolerance=5.0)
    1.0
    >>> repeatability(there + (2, 0), there, metres_per_pixel=10 / 3, tolerance=5.0)
    0.0
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_bipartite_matching
    from scipy.spatial import KDTree

    reach = _reach(metres_per_pixel, tolerance)
    if not len(reference):
        return float("nan")
    if not len(points):
        return 0.0
    near = KDTree(reference).sparse_distance_matrix(KDTree(points), reach, output_type="ndarray")
    graph = coo_array((np.ones(len(near)), (near["i"], near["j"])), shape=(len(reference), len(points)))
    counterparts = maximum_bipartite_matching(graph.tocsr(), perm_type="column")
    return float((counterparts >= 0).mean())


def matching_score(
    points: Points,
    descriptors: Descriptors,
    reference: Points,
    reference_descriptors: Descriptors,
    *,
    metres_per_pixel: float,
    tolerance: float,
) -> float:
    """Share of the `reference` points, 0 to 1, whose match by looks lies within `tolerance` metres.

    Two points match by looks where each one's descriptor is the nearest to the other's. Mikolajczyk and Schmid, IEEE
    TPAMI 27 (2005), section 4.

    Returns:
        NaN where there is no reference point, 0 where there are only such.

    Raises:
        ValueError: a tolerance or a pixel size that is not positive.
    """
    import torch
    from kornia.feature import match_mnn

    reach = _reach(metres_per_pixel, tolerance)
    if not len(reference):
        return float("nan")
    if not len(points):
        return 0.0
    _, pairs = match_mnn(torch.from_numpy(reference_descriptors), torch.from_numpy(descriptors))
    theirs, ours = pairs.numpy().T
    apart = np.linalg.norm(reference[theirs] - points[ours], axis=1)
    return float((apart <= reach).sum() / len(reference))


def _reach(metres_per_pixel: float, tolerance: float) -> float:
    """The tolerance in pixels."""
    if not (metres_per_pixel > 0 and tolerance > 0):
        raise ValueError(
            f"tolerance and metres_per_pixel have to be positive, not {tolerance} and {metres_per_pixel} metres."
        )
    return tolerance / metres_per_pixel
