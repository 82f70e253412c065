"""One frame against many: pairs that share everything but their frames, and controls that tell what frames are for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tdsr_bench.inference import PairedResult, holm, pair_matrix
from tdsr_leaderboard.ranking import CONFIDENCE, LEAST_REGIONS, regions_of
from tdsr_leaderboard.read import Entry


@dataclass(frozen=True)
class Contrast:
    """A multi-image method, and what it is held against.

    Attributes:
        misr: the multi-image method.
        other: a single-image method, a control of one, or the multi-image method with fewer frames.
        shared: what both share, in words.
        results: for each gap, misr - other over regions; its p is adjusted over all contrasts of the table.
    """

    misr: Entry
    other: Entry
    shared: str
    results: dict[str, PairedResult]


def contrasts(entries: Sequence[Entry], scores: Sequence[str]) -> list[Contrast]:
    """All contrasts of a table: matched pairs, then controls; p-values adjusted by Holm's method for each gap."""
    complete = [entry for entry in entries if entry.card.summary]
    found = [
        Contrast(misr, other, shared, {score: _paired(misr, other, score) for score in scores})
        for misr, other, shared in _contrasted(complete)
        if all(_comparable(misr, other, score) for score in scores)
    ]
    for score in scores:
        adjusted = holm([contrast.results[score].p for contrast in found])
        for contrast, p in zip(found, adjusted, strict=True):
            contrast.results[score] = replace(contrast.results[score], p_holm=p)
    return found


def controls(entries: Sequence[Entry]) -> list[Entry]:
    """Those that are controls of others, by what they are made of, then by frames."""
    found = [entry for entry in entries if entry.card.submission.control_of]
    return sorted(found, key=lambda entry: (str(entry.card.submission.control_of), entry.card.submission.frames or 0))


def competitors(entries: Sequence[Entry]) -> list[Entry]:
    """Those that are not controls."""
    return [entry for entry in entries if not entry.card.submission.control_of]


def matched(sisr: Entry, misr: Entry) -> str | None:
    """What a single-image and a multi-image method share, in words; None where they are not matched.

    They have to share the data, the losses, the number of patches seen, the field of view in training, and whether they
    started from something.
    """
    one, many = sisr.card.submission.training, misr.card.submission.training
    tracks = sisr.card.submission.track, misr.card.submission.track
    if tracks != ("sisr", "misr") or not one or not many or _budget(one) != _budget(many):
        return None
    if not one.get("samples"):
        return f"{one['regime']}, no training"
    side = one["patch"]
    return f"{one['regime']}: the same data, {one['samples']:,} patches of {side} x {side} pixels"


def _contrasted(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry, str]]:
    whole = competitors(entries)
    for misr in whole:
        for sisr in whole:
            shared = matched(sisr, misr)
            if shared:
                yield misr, sisr, shared
                made = [entry for entry in controls(entries) if entry.card.submission.control_of == sisr.label]
                made = [entry for entry in made if not _disturbed(sisr, entry)]
                yield from ((misr, entry, "its single-image partner, given all frames") for entry in made)
    for control in controls(entries):
        base = next((entry for entry in whole if entry.label == control.card.submission.control_of), None)
        if base and base.card.submission.track == "misr" and not _disturbed(base, control):
            yield base, control, "the same method, fewer frames"


def _disturbed(base: Entry, control: Entry) -> bool:
    """Whether a control has the track and the frames of what it is made of: then what it is shown is worse, not less.

    See `tdsr_leaderboard.robustness`, whose tables such cards are for.
    """
    one, other = (entry.card.submission for entry in (base, control))
    return (one.track, one.frames) == (other.track, other.frames)


def _budget(training: dict[str, object]) -> tuple[object, ...]:
    return (*(training.get(key) for key in ("data", "regime", "samples", "patch")), bool(training.get("started")))


def _comparable(a: Entry, b: Entry, score: str) -> bool:
    one, other = (regions_of(entry.card, score) for entry in (a, b))
    return bool(one) and one.keys() == other.keys()


def _paired(misr: Entry, other: Entry, score: str) -> PairedResult:
    named = {entry.label: regions_of(entry.card, score) for entry in (misr, other)}
    return pair_matrix(named, confidence=CONFIDENCE, least=LEAST_REGIONS)[0]
