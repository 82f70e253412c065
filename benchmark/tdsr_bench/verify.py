"""Whether a card holds: its parts follow from each other, and from the files that it names."""

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tdsr_bench.card import ResultCard
from tdsr_bench.data.dataset import DataSet, scene_sha256
from tdsr_bench.engine import Progress
from tdsr_bench.errors import CardError, UserError
from tdsr_bench.evaluate import evaluate
from tdsr_bench.files import digest
from tdsr_bench.isolation.isolated import open_submission
from tdsr_bench.isolation.sandbox import Isolation
from tdsr_bench.predict import FromFolder
from tdsr_bench.protocol import load_protocol, protocol_sha256
from tdsr_bench.scoring import OFFICIAL, Setting, open_job
from tdsr_bench.summary import card_rows, card_tasks, summariser

State = Literal["holds", "differs", "not checked"]

TOLERANCE = 1e-9
"""Between numbers of a summary and those that follow from its rows: sums in the same order."""

RESCORED_TOLERANCE = 1e-4
"""Relative, between numbers of two machines: other processors and libraries round other ways."""

SEGMENTED_TOLERANCE = 1e-3
"""The same for what is measured of a network's segmentation, where rounding can tip a pixel over the threshold.

On mini two pixels in 72 images go the other way between AVX-512 and AVX2, and two in 216 between two layouts of memory,
which moved one row in 300 by more than 1e-6, and none by more than 1.2e-4.
"""

SHORT = 8


@dataclass(frozen=True)
class Check:
    """What was looked at, how it came out, and what was found."""

    what: str
    state: State
    found: str


def verify(
    card: ResultCard,
    *,
    dataset: DataSet | None,
    networks: Path | None = None,
    submission: Path | None = None,
    isolation: Isolation | None = None,
    progress: Progress | None = None,
) -> Iterator[Check]:
    """Hold a card against its own rows and against the files that are there.

    Args:
        card: the card.
        dataset: the data set that it was made with; None where it is not there.
        networks: the folder of the task networks that score; None for those in the package.
        submission: the file of the submission, if it is there.
        isolation: where that is loaded; None for in this process.
        progress: told of each scene that was read.
    """
    yield _protocol(card)
    yield _summary(card)
    yield _scenes(card, dataset)
    yield _pixels(card, dataset, progress)
    yield _networks(card, dataset, networks)
    yield _submission(card, submission, isolation or Isolation())


def rescore(
    card: ResultCard,
    predictions: Path,
    *,
    dataset: DataSet,
    engine: Executor,
    networks: Path | None = None,
    progress: Progress | None = None,
) -> Check:
    """Score the kept predictions of a card again, and hold every row against it.

    Raises:
        DataError: a prediction is not there, or cannot be read.
        CardError: the card is of another protocol than `tdsr-v1`.
    """
    if card.protocol.id == OFFICIAL:
        raise CardError(f"--rescore is for tdsr-v1; score {OFFICIAL} again by `tdsr-bench score`.")
    asked = {str(row["key"]) for row in card.rows}
    setting = Setting(
        iqa=tuple(sorted(key.removeprefix("iqa:") for key in asked if key.startswith("iqa:"))),
        networks=networks,
        sam=any(key.startswith("sam.") for key in asked),
    )
    job = open_job(setting, card.submission, FromFolder(predictions), dataset, card.data.split)
    again = evaluate(job, engine, progress)
    return _same_rows(card, again)


def _protocol(card: ResultCard) -> Check:
    try:
        known = protocol_sha256(card.protocol.id)
    except UserError as error:
        return Check("protocol", "differs", str(error))
    return _same("protocol", card.protocol.sha256, known, of=f"of the installed {card.protocol.id}")


def _summary(card: ResultCard) -> Check:
    """Whether the summary and the references' gaps follow from the rows."""
    what = "summary follows from rows"
    if card.protocol.id == OFFICIAL:
        return Check(what, "not checked", f"the summary of {OFFICIAL} is another one")
    if card.protocol.sha256 != protocol_sha256(card.protocol.id):
        return Check(what, "not checked", "the rules of another protocol made it")
    try:
        rows, reference_rows = card_rows(card)
        summarise = summariser(load_protocol(card.protocol.id), reference_rows, card_tasks(card))
        found = summarise.summary(rows).model_dump(mode="json")
        gaps = {name: _dump(own) for name, own in summarise.reference_gaps().items()}
    except (UserError, KeyError, ZeroDivisionError, ValueError) as error:
        return Check(what, "differs", f"nothing can be worked out of the rows ({type(error).__name__}: {error})")
    if card.summary is None:
        return Check(what, "holds", "incomplete: there is no summary")
    stated = card.summary.model_dump(mode="json")
    references = {name: _dump(part) for name, part in card.references.items()}
    where = _difference(stated, found, TOLERANCE) or _difference(references, gaps, TOLERANCE, "references")
    return Check(what, "differs" if where else "holds", where or f"{len(rows)} rows")


def _scenes(card: ResultCard, dataset: DataSet | None) -> Check:
    what = "scenes of the split"
    if dataset is None:
        return Check(what, "not checked", f"{card.data.name} is not here; name its folder by --data")
    try:
        names = dataset.names(card.data.split) if card.protocol.id != OFFICIAL else sorted(dataset.scenes)
    except UserError as error:
        return Check(what, "differs", str(error))
    expected = sorted([*card.data.scenes, *card.failed])
    odd = sorted(set(names) ^ set(expected))
    return Check(what, "differs" if odd else "holds", f"{odd[0]} is in one only" if odd else f"{len(names)} scenes")


def _pixels(card: ResultCard, dataset: DataSet | None, progress: Progress | None) -> Check:
    what = "data"
    if dataset is None:
        return Check(what, "not checked", f"{card.data.name} is not here; name its folder by --data")
    if card.protocol.id == OFFICIAL:
        return Check(what, "not checked", f"the fingerprint of {OFFICIAL} is made of scores")
    known = [name for name in sorted([*card.data.scenes, *card.failed]) if name in dataset.scenes]
    hashes = []
    for done, name in enumerate(known, start=1):
        hashes.append(scene_sha256(dataset.read(name)))
        if progress:
            progress(name, done, len(known))
    return _same(what, card.data.fingerprint, digest(sorted(hashes)), of="of the pixels, dates, masks and truth here")


def _networks(card: ResultCard, dataset: DataSet | None, folder: Path | None) -> Check:
    what = "scoring networks"
    stated = sorted(network["sha256"] for network in card.networks.get("score", []))
    if not stated:
        return Check(what, "holds", "none looked")
    if dataset is None:
        return Check(what, "not checked", "the data set tells which they are, and it is not here")
    job = open_job(Setting(networks=folder), card.submission, FromFolder(Path()), dataset, card.data.split)
    sets = job.network_sets(dataset.scenes[name].region for name in card.data.scenes if name in dataset.scenes)
    found = sorted(network["sha256"] for networks in sets for network in networks.described())
    odd = sorted(set(stated) ^ set(found))
    told = f"{odd[0][:SHORT]} is in one only" if odd else f"{len(stated)} networks"
    return Check(what, "differs" if odd else "holds", told)


def _submission(card: ResultCard, path: Path | None, isolation: Isolation) -> Check:
    what = "submission"
    if card.submission.sha256 is None:
        return Check(what, "not checked", "scored from images, so there is no code to hold it against")
    if path is None:
        return Check(what, "not checked", "name its file by --submission; it is then loaded, isolated")
    found = open_submission(path, isolation).sha256
    return _same(what, card.submission.sha256, found, of="of the file and what it names")


def _same(what: str, stated: str, found: str, *, of: str) -> Check:
    if stated == found:
        return Check(what, "holds", found[:SHORT])
    return Check(what, "differs", f"the card says {stated[:SHORT]}, the hash {of} is {found[:SHORT]}")


def _same_rows(card: ResultCard, again: ResultCard) -> Check:
    """Whether two cards have the same values, row by row."""
    what = "rows, scored again"
    stated, found = ({_row_key(row): row["value"] for row in one.rows} for one in (card, again))
    odd = set(stated) ^ set(found)
    if odd:
        return Check(what, "differs", f"{' '.join(str(part) for part in min(odd, key=str) if part)} is in one only")
    apart = {key: _relative(stated[key], found[key]) for key in sorted(stated, key=str)}
    where = max(apart, key=lambda key: apart[key] / _tolerance(key))
    told = f"at most {apart[where]:.1e} apart, relative ({' '.join(str(part) for part in where if part)})"
    return Check(what, "holds" if apart[where] <= _tolerance(where) else "differs", f"{len(stated)} rows, {told}")


def _row_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("scene", "key", "band", "network"))


def _tolerance(key: tuple[Any, ...]) -> float:
    """Of a row by its `_row_key`: one with a network is measured of a segmentation."""
    return SEGMENTED_TOLERANCE if key[-1] else RESCORED_TOLERANCE


def _relative(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other) / max(abs(one), abs(other), 1e-3)


def _dump(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part.model_dump(mode="json") for name, part in parts.items()}


NAMED = ("metrics", "tasks", "regions")
"""Parts of a summary whose names come from the rows; elsewhere a later version may have added a field."""


def _difference(stated: Any, found: Any, tolerance: float, where: str = "summary") -> str | None:
    """Where, and how, `found` departs from what is stated; None where it does not."""
    if isinstance(stated, Mapping) and isinstance(found, Mapping):
        return _first_difference(stated, found, tolerance, where)
    if isinstance(stated, float | int) and isinstance(found, float | int):
        close = math.isclose(stated, found, rel_tol=tolerance, abs_tol=tolerance)
        return None if close else f"{where} is {stated:.6g}, the rows give {found:.6g}"
    if isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        return _first_difference(dict(enumerate(stated)), dict(enumerate(found)), tolerance, where)
    return None if stated == found else f"{where} is {stated!r}, the rows give {found!r}"


def _first_difference(stated: Mapping[Any, Any], found: Mapping[Any, Any], tolerance: float, where: str) -> str | None:
    """The first difference among parts that both have; names that come from rows have to be the same."""
    if where.rpartition(".")[-1] in NAMED and stated.keys() != found.keys():
        return f"{where} has {min(map(str, stated.keys() ^ found.keys()))} in the card or in its rows only"
    differences = (_difference(stated[key], found[key], tolerance, f"{where}.{key}") for key in found if key in stated)
    return next(filter(None, differences), None)
