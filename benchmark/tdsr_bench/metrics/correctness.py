"""Improvement, omission and hallucination, as opensr-test defines them, without its matching of histograms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.metrics.base import AlignedPair, Metric, Settings, Values
from tdsr_bench.metrics.pixels import check_shapes, pick, valid_in_all

EPSILON = np.float32(1e-8)
"""Keeps the normalised difference of two black pixels at 0; opensr-test's value."""


@dataclass(frozen=True)
class Correctness:
    """How far an image is an improvement, an omission, a hallucination: each 0 to 1, their sum 1."""

    improvement: float
    omission: float
    hallucination: float


def correctness(
    sr: NDArray[np.float32],
    reference: NDArray[np.float32],
    bicubic: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    quantile: float = 0.75,
    improvement_lambda: float = 0.05,
    omission_lambda: float = 0.05,
    hallucination_lambda: float = 0.05,
    temperature: float = 0.25,
) -> Correctness:
    """Where an image stands between its reference, the enlarged input, and neither.

    Aybar et al., IEEE GRSL 21 (2024), with the defaults of opensr-test 1.3.3. At each pixel d_ref, d_im, d_om are the
    distances bicubic to reference, SR to reference and SR to bicubic: the mean over bands of ``|x - y| / |x + y|``.
    With d_im and d_om divided by d_ref and H = d_im + d_om - 1, the three scores

    - improvement ``d_im + d_om (1 - exp(-lambda H))``,
    - omission ``d_om + d_im (1 - exp(-lambda H))``,
    - hallucination ``exp(-lambda d_im d_om)``

    become shares by a softmin. The means run over pixels that are valid in all bands and where at least one distance
    exceeds the `quantile` of d_ref over valid pixels.

    Args:
        sr, reference, bicubic: ``[band, H, W]``, reflectance.
        valid: bool ``[band, H, W]``.
        quantile: pixels where nothing happens are left out up to this share of d_ref.
        improvement_lambda, omission_lambda, hallucination_lambda: of the three scores.
        temperature: of the softmin.

    Returns:
        NaN in all three where no pixel is left.

    Raises:
        ValueError: shapes that differ.
    """
    check_shapes(sr=sr, reference=reference, bicubic=bicubic, valid=valid)
    whole = valid_in_all(valid)
    picked = [pick(image, whole) for image in (sr, reference, bicubic)]
    d_ref, d_im, d_om = _distances(*picked)
    if not d_ref.size:
        return Correctness(*(float("nan"),) * 3)
    happens = np.maximum(np.maximum(d_ref, d_im), d_om) > _order_statistic(d_ref, quantile)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        # d_ref is 0 where bicubic meets the reference by chance: such a pixel is infinitely far, and 0 / 0 drops out.
        d_im, d_om = d_im[happens] / d_ref[happens], d_om[happens] / d_ref[happens]
        beyond = d_im + d_om - 1
        scores = np.stack(
            [
                d_im + d_om * (1 - np.exp(-beyond * np.float32(improvement_lambda))),
                d_om + d_im * (1 - np.exp(-beyond * np.float32(omission_lambda))),
                np.exp(-d_im * d_om * np.float32(hallucination_lambda)),
            ]
        )
        shares = np.exp(-scores / np.float32(temperature))
        shares /= shares.sum(axis=0)
    return Correctness(*(_finite_mean(share) for share in shares))


def _distances(
    sr: NDArray[np.float32], reference: NDArray[np.float32], bicubic: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """d_ref, d_im and d_om of ``[band, pixel]`` arrays."""
    return _distance(bicubic, reference), _distance(sr, reference), _distance(sr, bicubic)


def _distance(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over bands of the normalised difference, ``[pixel]``."""
    total = np.zeros(x.shape[1], np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for a, b in zip(x, y, strict=True):
            total += np.abs(a - b) / np.abs(a + b + EPSILON)
    return total / np.float32(len(x))


def _order_statistic(values: NDArray[np.float32], quantile: float) -> np.float32:
    """The value below which `quantile` of all lie: one of them, not interpolated, as torch's `kthvalue`."""
    rank = max(int(quantile * values.size) - 1, 0)
    value: np.float32 = np.partition(values, rank)[rank]
    return value


def _finite_mean(share: NDArray[np.float32]) -> float:
    known = share[~np.isnan(share)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def _compute(pair: AlignedPair, settings: Settings) -> Correctness:
    return correctness(pair.sr, pair.reference, pair.bicubic, pair.valid, **settings)


def _compute_improvement(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([pair.once(_compute, settings).improvement])


def _compute_omission(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([pair.once(_compute, settings).omission])


def _compute_hallucination(pair: AlignedPair, settings: Settings) -> Values:
    return np.array([pair.once(_compute, settings).hallucination])


_SOURCE = "Aybar et al. (2024), opensr-test 1.3.3, without its matching of histograms"

IMPROVEMENT = Metric(
    key="improvement",
    title="improvement",
    unit="1",
    higher_is_better=True,
    per_band=False,
    source=_SOURCE,
    compute=_compute_improvement,
)

OMISSION = Metric(
    key="omission",
    title="omission",
    unit="1",
    higher_is_better=False,
    per_band=False,
    source=_SOURCE,
    compute=_compute_omission,
)

HALLUCINATION = Metric(
    key="hallucination",
    title="hallucination",
    unit="1",
    higher_is_better=False,
    per_band=False,
    source=_SOURCE,
    compute=_compute_hallucination,
)
