"""Values outside 0..1 are counted, band by band, on the image as it was given."""

import numpy as np

from tdsr_bench.metrics.outside import METRIC


def test_the_share_of_wild_values_is_found(make_pair, reference, settings):
    wild = reference.copy()
    wild[1, :18] = -0.01
    wild[2, :, :9] = 1.5
    height, width = reference.shape[1:]
    assert (METRIC.compute(make_pair(reference), settings["outside"]) == 0).all()
    np.testing.assert_allclose(METRIC.compute(make_pair(wild), settings["outside"]), [0, 18 / height, 9 / width, 0])
