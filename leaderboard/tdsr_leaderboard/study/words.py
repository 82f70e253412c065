"""Numbers as the report writes them."""

from collections.abc import Sequence
from math import floor, log10

from tdsr_bench.inference import Estimate
from tdsr_leaderboard.study.answers import Tested
from tdsr_leaderboard.study.differences import Difference, Missing

MOST = 5
"""Decimals of a number at most."""

NOTHING, MINUS = "—", "\N{MINUS SIGN}"


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number with so many decimals; more, up to `MOST`, where there would be fewer than two digits.

    >>> number(0.31416), number(-0.5, 2, sign=True), number(0.000123), number(1e-7), number(None)
    ('0.314', '−0.50', '0.00012', '0.00000', '—')
    """
    if value is None:
        return NOTHING
    needed = digits
    if 0 < abs(value) < 10 ** (1 - digits):
        needed = min(MOST, 1 - floor(log10(abs(value))))
    return f"{value:{'+' if sign else ''}.{needed}f}".replace("-", MINUS)


def estimate(found: Estimate | None) -> str:
    """A mean with its interval.

    >>> estimate(Estimate(0.25, (0.1, 0.4)))
    '+0.250 [+0.100, +0.400]'
    """
    if found is None or found.value is None:
        return NOTHING
    ends = "" if found.ci95 is None else f" [{number(found.ci95[0], sign=True)}, {number(found.ci95[1], sign=True)}]"
    return number(found.value, sign=True) + ends


def told(found: Difference | Missing | None) -> str:
    """A difference with its interval; where it is missing, that."""
    return estimate(found.estimate) if isinstance(found, Difference) else "missing"


def p_text(p: float | None) -> str:
    """A p-value.

    >>> p_text(0.00004), p_text(0.0312), p_text(None)
    ('< 0.001', '0.031', '—')
    """
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def seeds_text(seeds: Sequence[int]) -> str:
    """The seeds that were averaged.

    >>> seeds_text((0, 1, 2)), seeds_text(())
    ('0, 1, 2', '—')
    """
    return ", ".join(map(str, seeds)) or NOTHING


def terms(contrast: Tested) -> str:
    """The runs of a contrast, such as ``a + d − b − c``."""
    plan = contrast.plan
    return " + ".join(plan.plus) + "".join(f" {MINUS} {name}" for name in plan.minus)
