"""What a reader has to know of a result beside its score, in a few words each."""

from tdsr_bench.card import ResultCard

LEAST_HALLUCINATION = 0.1
"""Under it nobody invents enough to be warned of, as interpolation does not."""

LEAST_GRID = 0.1
"""A pattern of a twentieth of the detail's spread reads 0.08, one of a fifth 0.29; see the protocol's evidence."""

LEGEND = {
    "hallucination": "invents more detail than it gets right, by opensr-test's measures",
    "grid": "a pattern that repeats every three pixels",
    "changed code": "made by code that differed from its commit",
    "images only": "scored from images; nobody saw the code",
    "own weights": "trained by its authors; nobody else has trained it anew",
    "incomplete": "a scene failed, so there is no score",
}
"""What each flag means."""


def flags(card: ResultCard) -> tuple[str, ...]:
    """The flags of a card, the gravest first, each as in `LEGEND`, with its number where it has one."""
    found = [] if card.summary else [f"incomplete ({len(card.failed)} of {len(card.failed) + len(card.data.scenes)})"]
    invented, right, grid = (_mean(card, key) for key in ("hallucination", "improvement", "grid"))
    if invented is not None and right is not None and invented > max(right, LEAST_HALLUCINATION):
        found.append(f"hallucination {invented:.2f}")
    if grid is not None and grid > LEAST_GRID:
        found.append(f"grid {grid:.2f}")
    if card.submission.sha256 is None:
        found.append("images only")
    elif card.submission.parameters:
        found.append("own weights")
    if card.environment.get("dirty"):
        found.append("changed code")
    return tuple(found)


def _mean(card: ResultCard, key: str) -> float | None:
    metric = card.summary.metrics.get(key) if card.summary else None
    return metric.mean if metric else None
