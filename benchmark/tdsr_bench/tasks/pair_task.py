"""What a task is that compares a super-resolved image with its reference directly, without a map of the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tdsr_bench.metrics.base import AlignedPair

Settings = Mapping[str, Any]
"""The protocol's settings of a task, handed to its function as keyword arguments."""

Scores = Mapping[str, float]
"""For each of a task's measures, by key, its value; NaN where it is undefined."""

Progress = Callable[[int, int], None]
"""Called with how many steps of a scene are done, and how many there are."""


@dataclass(frozen=True)
class PairMeasure:
    """One of the values that a `PairTask` gives: higher is better, 1 is the best.

    A value is undefined, NaN, by the reference alone, never because of what was found in the super-resolved image.

    Attributes:
        key: how rows and cards call it, ``<task>.<measure>``.
        title: how tables call it.
        source: where its definition comes from.
    """

    key: str
    title: str
    source: str


@dataclass(frozen=True)
class PairTask:
    """A task whose network looks at a super-resolved image and at its reference, once each, for all its measures.

    Attributes:
        key: how the protocol calls it.
        title: how tables call it.
        measures: the values that it gives.
        compute: from a pair, the protocol's settings of this task and a progress, or None, to the values.
        unavailable: the reason why it cannot be computed here (weights or a package that are missing), or None.
        network: what a card says of the network that looks: its ``name`` and the ``sha256`` of its weights.
        on_request: it takes so long that it runs only where it is asked for.
    """

    key: str
    title: str
    measures: tuple[PairMeasure, ...]
    compute: Callable[[AlignedPair, Settings, Progress | None], Scores]
    unavailable: Callable[[], str | None]
    network: Callable[[], Mapping[str, str]]
    on_request: bool = False
