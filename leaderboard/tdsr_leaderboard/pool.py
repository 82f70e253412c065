"""The folds of a method made one result: every scene was predicted once, by a network that did not see its region."""

from collections.abc import Iterable, Sequence

from tdsr_bench.card import DataPart, ResultCard, SubmissionPart
from tdsr_bench.errors import CardError
from tdsr_bench.files import digest
from tdsr_bench.protocol import BenchmarkProtocol, load_protocol
from tdsr_bench.summary import card_rows, card_tasks, fitting, summariser
from tdsr_bench.tasks.verdict import CountingTasks

POOLED = "folds"
"""What the split of all folds is called."""

PROTOCOL = "tdsr-v1"


def pooled(cards: Iterable[ResultCard]) -> list[ResultCard]:
    """A card for each method and data set of which there is a card of every fold.

    Raises:
        CardError: see `pool`.
    """
    protocol = load_protocol(PROTOCOL)
    groups: dict[tuple[str, ...], dict[str, ResultCard]] = {}
    for card in cards:
        if card.protocol.sha256 == protocol.sha256 and card.data.fold:
            key = (card.data.name, card.data.arm, card.submission.name, card.submission.track)
            groups.setdefault(key, {})[card.data.fold] = card
    known = {name: set(split.folds) for name, split in protocol.splits.items()}
    return [pool([*folds.values()], protocol) for key, folds in groups.items() if set(folds) == known.get(key[0])]


def pool(cards: Sequence[ResultCard], protocol: BenchmarkProtocol) -> ResultCard:
    """One card of the cards of several folds: all their rows, and the summary that follows from them.

    A task counts where it counted in every fold. A fold that is incomplete makes the whole incomplete.

    Raises:
        CardError: a scene stands in two of them.
    """
    scenes = [scene for card in cards for scene in card.data.scenes]
    if len(set(scenes)) < len(scenes):
        twice = next(scene for scene in scenes if scenes.count(scene) > 1)
        raise CardError(f"{cards[0].submission.name}: the scene {twice} stands in two folds; each is predicted once.")
    failed = {scene: reason for card in cards for scene, reason in card.failed.items()}
    rows, references = ([row for card in cards for row in card_rows(card)[part]] for part in range(2))
    summarise = summariser(protocol, references, _counting(cards))
    with fitting(cards[0].submission.name):
        summary, gaps = None if failed else summarise.summary(rows), summarise.reference_gaps()
    return ResultCard(
        status="incomplete" if failed else "complete",
        failed=failed,
        protocol=cards[0].protocol,
        data=_data(cards),
        submission=_submission(cards),
        networks={"score": _networks(cards)},
        environment=cards[0].environment | {"dirty": any(card.environment.get("dirty") for card in cards)},
        summary=summary,
        references=gaps,
        timing={},
        rows=tuple(row.as_json() for row in rows),
        reference_rows=tuple(row.as_json() for row in references),
    )


def _counting(cards: Sequence[ResultCard]) -> CountingTasks:
    found = [card_tasks(card) for card in cards]
    missing = tuple(dict.fromkeys(reason for tasks in found for reason in tasks.missing))
    everywhere = set.intersection(*({key for keys in tasks.keys.values() for key in keys} for tasks in found))
    keys = {task: tuple(key for key in keys if key in everywhere) for task, keys in found[0].keys.items()}
    return CountingTasks({task: own for task, own in keys.items() if own}, missing)


def _data(cards: Sequence[ResultCard]) -> DataPart:
    parts = [card.data for card in cards]
    return parts[0].model_copy(
        update={
            "split": POOLED,
            "fingerprint": digest(sorted(part.fingerprint for part in parts)),
            **{
                name: tuple(sorted({value for part in parts for value in getattr(part, name)}))
                for name in ("scenes", "strips", "regions")
            },
        }
    )


def _submission(cards: Sequence[ResultCard]) -> SubmissionPart:
    hashes = [card.submission.sha256 for card in cards]
    trained = dict.fromkeys(card.submission.training_data for card in cards)
    return cards[0].submission.model_copy(
        update={
            "sha256": None if None in hashes else digest(sorted(str(sha256) for sha256 in hashes)),
            "training_data": "; ".join(trained),
        }
    )


def _networks(cards: Sequence[ResultCard]) -> list[dict[str, object]]:
    found = {network["sha256"]: network for card in cards for network in card.networks.get("score", [])}
    return [*found.values()]
