"""The image metrics: one file each, and the list of them all."""

import difflib

from tdsr_bench.errors import ProtocolError
from tdsr_bench.metrics import (
    consistency,
    correctness,
    cssim,
    detail,
    ergas,
    frc,
    gain,
    geolocation,
    grid,
    lpips,
    outside,
    psnr,
    sam,
)
from tdsr_bench.metrics.base import Metric

METRICS: tuple[Metric, ...] = (
    cssim.METRIC,
    detail.METRIC,
    lpips.METRIC,
    psnr.PSNR,
    psnr.CPSNR,
    sam.METRIC,
    ergas.METRIC,
    frc.FRC_HF,
    frc.FRC_CUTOFF,
    consistency.METRIC,
    grid.METRIC,
    gain.GAIN,
    gain.OFFSET,
    geolocation.METRIC,
    outside.METRIC,
    correctness.HALLUCINATION,
    correctness.OMISSION,
    correctness.IMPROVEMENT,
)
"""Every metric that a protocol can name; those of pyiqa come on top, as ``iqa:<name>``."""


def find_metric(key: str) -> Metric:
    """The metric called `key`; ``iqa:<name>`` is pyiqa's.

    Raises:
        ProtocolError: there is none of that name.

    >>> find_metric("cssim").title
    'cSSIM error'
    """
    from tdsr_bench.metrics.iqa import PREFIX, iqa_metric

    if key.startswith(PREFIX):
        return iqa_metric(key.removeprefix(PREFIX))
    known = {metric.key: metric for metric in METRICS}
    if key in known:
        return known[key]
    close = difflib.get_close_matches(key, known, n=2) or list(known)
    raise ProtocolError(f"There is no metric {key!r}; choose {' or '.join(close)}, or iqa:<name> for one of pyiqa.")
