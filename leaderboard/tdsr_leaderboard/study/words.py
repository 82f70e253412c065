"""Numbers as the report writes them."""

from collections.abc import Sequence

from tdsr_bench.inference import Estimate
from tdsr_leaderboard.study.answers import Tested
from tdsr_leaderboard.study.differences import Difference, Missing

NOTHING, MINUS = "—", "\N{MINUS SIGN}"


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number with so many decimals; more where it would be all zeros.

    >>> number(0.31416), number(-0.5, 2, sign=True), number(0.000123), number(None)
    ('0.314', '−0.50', '0.00012', '—')
    """
    if value is None:
        return NOTHING
    plus = "+" if sign else ""
    text = f"{value:{plus}.{digits}f}"
    if value and abs(value) < 0.5 * 10 ** (1 - digits):
        text = f"{value:{plus}.2g}"
    return text.replace("-", MINUS)


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
