"""Rows of `mus2-official`, their means over scenes, and the authors' balanced score."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

BALANCED_KEYS = ("cPSNR", "cSSIM", "LPIPS")
BASELINE = "Bicubic"
NO_PIXEL = "no pixel is left beside those that the mask excludes"
INFINITE = "infinite: nothing but a constant tells the image from the reference"


@dataclass(frozen=True)
class OfficialRow:
    """A value of the MuS2 evaluator.

    Attributes:
        scene, band, mask: what was measured: band as "B02", mask "none" or "final".
        key: PSNR, SSIM, cPSNR, cSSIM or LPIPS.
        method: the method's name, or Linear, Bicubic, Area, Lanczos.
        value: in dB for PSNR and cPSNR; None where there is none.
        shift: (rows, columns) of the best registration in high-resolution pixels, for cPSNR and cSSIM.
        reason: why there is no value.
    """

    scene: str
    band: str
    mask: str
    key: str
    method: str
    value: float | None
    shift: tuple[int, int] | None = None
    reason: str | None = None


def mean_value(rows: Iterable[OfficialRow], method: str, band: str, mask: str, key: str) -> float | None:
    """Mean over the scenes, None where not finite; scenes without a pixel are left out, as the authors do."""
    value = _mean([row for row in rows if (row.method, row.band, row.mask, row.key) == (method, band, mask, key)])
    return value if math.isfinite(value) else None


def balanced(rows: Iterable[OfficialRow], method: str) -> dict[str, dict[str, float | None]]:
    """The authors' balanced score of `method`, by band and mask: under 1 is better than `Bicubic`, which has 1.

    Mean over cPSNR, cSSIM and LPIPS of the ratio to Bicubic, turned so that small is good, of the means over all
    scenes. None where one of them has no finite mean, or LPIPS was not measured.
    """
    return _balanced(rows, method, BALANCED_KEYS)


def balanced_no_lpips(rows: Iterable[OfficialRow], method: str) -> dict[str, dict[str, float | None]]:
    """As `balanced`, of cPSNR and cSSIM alone: what the authors' code gives when LPIPS is taken out of its settings."""
    return _balanced(rows, method, BALANCED_KEYS[:2])


def _balanced(rows: Iterable[OfficialRow], method: str, keys: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    rows = list(rows)
    table: dict[str, dict[str, float | None]] = {}
    for band, mask in dict.fromkeys((row.band, row.mask) for row in rows if row.method == method):
        here = [row for row in rows if (row.band, row.mask) == (band, mask)]
        score = math.fsum(_ratio(here, method, key) for key in keys) / len(keys)
        table.setdefault(band, {})[mask] = score if math.isfinite(score) else None
    return table


def _ratio(rows: list[OfficialRow], method: str, key: str) -> float:
    own = _mean([row for row in rows if (row.method, row.key) == (method, key)])
    baseline = _mean([row for row in rows if (row.method, row.key) == (BASELINE, key)])
    above, below = (own, baseline) if key == "LPIPS" else (baseline, own)
    return above / below if below else math.nan


def _mean(rows: list[OfficialRow]) -> float:
    values = [_number(row) for row in rows if row.reason != NO_PIXEL]
    return sum(values) / len(values) if values else math.nan


def _number(row: OfficialRow) -> float:
    if row.value is not None:
        return row.value
    return math.inf if row.reason == INFINITE else math.nan
