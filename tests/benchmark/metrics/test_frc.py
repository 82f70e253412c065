"""Ring correlation against a plain-loop transform, and against images whose spectra are known."""

import numpy as np
import pytest

from tdsr_bench.metrics.frc import cutoff_period, frc_cutoff, frc_hf, high_frequency_mean, ring_correlation, valid_tiles


def ring_correlation_in_loops(tiles, size):
    window = [0.5 - 0.5 * np.cos(2 * np.pi * i / size) for i in range(size)]
    cross, power_a, power_b = np.zeros((3, size))
    for a, b in tiles:
        a, b = a - a.mean(), b - b.mean()
        for row in range(-(size // 2), size // 2):
            for column in range(-(size // 2), size // 2):
                spectra = [
                    sum(
                        image[y, x] * window[y] * window[x] * np.exp(-2j * np.pi * (row * y + column * x) / size)
                        for y in range(size)
                        for x in range(size)
                    )
                    for image in (a, b)
                ]
                ring = round(np.hypot(row, column))
                cross[ring] += (spectra[0] * np.conj(spectra[1])).real
                power_a[ring] += abs(spectra[0]) ** 2
                power_b[ring] += abs(spectra[1]) ** 2
    rings = slice(1, size // 2 + 1)
    return cross[rings] / np.sqrt(power_a * power_b)[rings]


def test_it_is_the_transform_in_plain_loops(rng):
    reference = rng.random((8, 12)).astype(np.float32)
    sr = (reference + rng.normal(0, 0.3, reference.shape)).astype(np.float32)
    valid = np.ones(reference.shape, dtype=bool)
    tiles = [(sr[:, c : c + 8], reference[:, c : c + 8]) for c in (0, 4)]
    found = ring_correlation(sr, reference, valid, tile=8, step=None)
    np.testing.assert_allclose(found[1:], ring_correlation_in_loops(tiles, 8), atol=1e-5)
    single = ring_correlation(sr, reference, valid, tile=8, step=8)
    np.testing.assert_allclose(single[1:], ring_correlation_in_loops(tiles[:1], 8), atol=1e-5)


def test_white_noise_lowers_every_ring_by_the_share_of_signal(rng):
    reference = rng.normal(0, 1, (384, 384)).astype(np.float32)
    sr = (reference + rng.normal(0, 1, reference.shape)).astype(np.float32)
    valid = np.ones(reference.shape, dtype=bool)
    found = ring_correlation(sr, reference, valid, tile=192, step=None)
    np.testing.assert_allclose(found[20:], np.sqrt(0.5), atol=0.05)
    assert frc_hf(sr, reference, valid, tile=192) == pytest.approx(np.sqrt(0.5), abs=0.01)


@pytest.mark.parametrize("period", [3.0, 4.0, 6.0, 12.0])
def test_the_cutoff_of_an_ideal_low_pass_is_its_period(rng, period):
    reference = rng.normal(0, 1, (240, 240))
    frequency = np.hypot(np.fft.fftfreq(240)[:, None], np.fft.fftfreq(240))
    low = np.fft.ifft2(np.fft.fft2(reference) * (frequency < 1 / period)).real
    sr = low + rng.normal(0, 0.3, low.shape)  # noise has power where the signal has none
    valid = np.ones(reference.shape, dtype=bool)
    found = frc_cutoff(
        sr.astype(np.float32), reference.astype(np.float32), valid, metres_per_pixel=10 / 3, tile=192, threshold=0.2
    )
    rings = 192 * 10 / 3 / found
    assert rings == pytest.approx(192 / period, abs=2)  # the Hann window spreads each frequency over two rings


def test_the_high_frequencies_are_those_above_the_nyquist_of_the_input():
    rings = np.zeros(97)
    rings[33:] = 1
    assert high_frequency_mean(rings, tile=192) == 1
    rings[:33], rings[33:] = 1, 0
    assert high_frequency_mean(rings, tile=192) == 0


def test_one_ring_under_the_threshold_is_not_the_cutoff():
    rings = np.ones(97)
    assert cutoff_period(rings, tile=192, threshold=0.5) == 2
    rings[40] = 0
    assert cutoff_period(rings, tile=192, threshold=0.5) == 2
    rings[48:] = 0
    assert cutoff_period(rings, tile=192, threshold=0.5) == 4


def test_a_tile_with_a_masked_pixel_is_left_out():
    valid = np.ones((12, 12), dtype=bool)
    valid[1, 1] = False
    places = [(rows.start, columns.start) for rows, columns in valid_tiles(valid, tile=4, step=4)]
    assert len(places) == 8
    assert (0, 0) not in places


def test_without_a_whole_tile_there_is_no_value(reference):
    valid = np.ones(reference[0].shape, dtype=bool)
    valid[108, 108] = False
    assert np.isnan(frc_hf(reference[0], reference[0], valid, tile=192))
    assert np.isnan(frc_cutoff(reference[0], reference[0], valid, metres_per_pixel=1.0, tile=192))
    small = np.ones((100, 300), dtype=bool)
    assert np.isnan(frc_hf(reference[0, :100], reference[0, :100], small[:, :216], tile=192))


def test_a_flat_image_agrees_with_nothing_and_nothing_agrees_with_a_flat_reference(reference):
    flat, valid = np.zeros_like(reference[0]), np.ones(reference[0].shape, dtype=bool)
    assert frc_hf(flat, reference[0], valid, tile=192) == 0
    assert frc_cutoff(flat, reference[0], valid, metres_per_pixel=1.0, tile=192) == 192
    assert np.isnan(frc_hf(reference[0], flat, valid, tile=192))
    assert np.isnan(frc_cutoff(reference[0], flat, valid, metres_per_pixel=1.0, tile=192))
