"""Geolocation error."""

from tdsr_bench.metrics import geolocation


def test_a_shift_becomes_metres(make_pair, reference, settings):
    pair = make_pair(reference, shift=(-0.9, 1.2), metres_per_pixel=3.0)
    assert geolocation.METRIC.compute(pair, settings["geolocation"]).round(9).tolist() == [4.5]
