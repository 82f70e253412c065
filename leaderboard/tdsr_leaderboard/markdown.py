"""The leaderboard as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from tdsr_bench.card import GapPart, ResultCard
from tdsr_bench.rows import mean_of_all
from tdsr_leaderboard.ranking import LEAST_REGIONS, Pair, Standing, gap_of, pairs, ranking_column, standings
from tdsr_leaderboard.read import Section, sections

OFFICIAL = "mus2-official"

TITLES = {
    "combined_gap": "combined gap",
    "combined_gap_no_lpips": "combined gap without LPIPS",
    "image_gap": "image gap",
    "image_gap_no_lpips": "image gap without LPIPS",
    "task_gap": "task gap",
}


@dataclass(frozen=True)
class Row:
    """A line of a table, all text."""

    rank: str
    method: str
    track: str
    score: str
    image_gap: str
    image_gap_no_lpips: str
    task_gap: str
    consistency: str
    parameters: str
    trained_on: str
    flags: str


def leaderboard_markdown(cards: Iterable[ResultCard]) -> str:
    """One section for each data set, arm and split; single-image and multi-image methods in one table."""
    environment = Environment(
        loader=PackageLoader("tdsr_leaderboard"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found = sections(cards).items()
    return environment.get_template("leaderboard.md.j2").render(
        sections=[_section(section, members) for section, members in found if section.protocol != OFFICIAL],
        official=[_official(section, members) for section, members in found if section.protocol == OFFICIAL],
    )


def _section(section: Section, cards: Sequence[ResultCard]) -> dict[str, object]:
    score = ranking_column(cards)
    places = standings(cards, score)
    shown = [*(_row(place, score) for place in places), *_reference_rows(cards[0], score)]
    return {
        "section": section,
        "scenes": len(cards[0].data.scenes),
        "regions": len(cards[0].data.regions),
        "enough_regions": len(cards[0].data.regions) >= LEAST_REGIONS,
        "score": TITLES[score],
        "missing": _missing(cards),
        "rows": shown,
        "columns": _columns(shown, score),
        "undecided": [_pair_text(pair) for pair in pairs(places, score) if not pair.told_apart],
        "pairs": len(pairs(places, score)),
    }


def _columns(rows: Sequence[Row], score: str) -> dict[str, str]:
    """Title by field of the gaps to be shown beside the score: those that somebody has, LPIPS in them where it is."""
    image = "image_gap" if any(row.image_gap != "—" for row in rows) else "image_gap_no_lpips"
    shown = [name for name in (image, "task_gap") if name != score]
    return {name: TITLES[name] for name in shown if any(getattr(row, name) != "—" for row in rows)}


def _official(section: Section, cards: Sequence[ResultCard]) -> dict[str, object]:
    """The balanced score of the MuS2 authors, by mask, the mean over bands; the interpolations once."""
    summaries = [card.summary for card in cards if card.summary]
    rows = {}
    for summary in summaries:
        whole, part = summary.balanced or {}, summary.balanced_no_lpips or {}
        for method, bands in part.items():
            for mask in next(iter(bands.values()), {}):
                rows[mask, method] = _band_mean(whole.get(method, {}), mask), _band_mean(bands, mask)
    tracks = {card.submission.name: card.submission.track for card in cards}
    ordered = sorted(rows.items(), key=lambda item: (item[0][0], item[1][1] or float("inf")))
    lines = [(mask, method, tracks.get(method, ""), *map(_number_text, two)) for (mask, method), two in ordered]
    return {
        "section": section,
        "scenes": len(cards[0].data.scenes),
        "rows": lines,
    }


def _band_mean(bands: Mapping[str, Mapping[str, float | None]], mask: str) -> float | None:
    return mean_of_all([masks.get(mask) for masks in bands.values()])


def _number_text(value: float | None) -> str:
    return "—" if value is None else f"{value:.4f}"


def _row(place: Standing, score: str) -> Row:
    about, summary = place.card.submission, place.card.summary
    ratio = summary.guards.consistency_ratio if summary else None
    return Row(
        rank=str(place.rank or "—"),
        method=about.name,
        track=about.track,
        score=_text(gap_of(place.card, score)),
        image_gap=_text(gap_of(place.card, "image_gap")),
        image_gap_no_lpips=_text(gap_of(place.card, "image_gap_no_lpips")),
        task_gap=_text(gap_of(place.card, "task_gap")),
        consistency="—" if ratio is None else f"{ratio:.2f}",
        parameters="—" if about.parameters is None else f"{about.parameters:,}",
        trained_on=about.training_data,
        flags="; ".join(place.flags),
    )


def _reference_rows(card: ResultCard, score: str) -> list[Row]:
    """The methods that every table shows, from the best down; they take no rank."""
    gaps = sorted(card.references.items(), key=lambda item: -_number(item[1].get(score)))
    return [
        Row(
            rank="",
            method=f"*{name}*",
            track="",
            score=_text(part.get(score)),
            image_gap=_text(part.get("image_gap")),
            image_gap_no_lpips=_text(part.get("image_gap_no_lpips")),
            task_gap=_text(part.get("task_gap")),
            consistency="",
            parameters="",
            trained_on="",
            flags="",
        )
        for name, part in gaps
    ]


def _missing(cards: Sequence[ResultCard]) -> list[str]:
    """What no card of the section has, said once."""
    found = [missing for card in cards if card.summary for missing in card.summary.combined_gap.missing]
    found += [missing for card in cards if card.summary for missing in card.summary.image_gap.missing]
    return list(dict.fromkeys(found))


def _pair_text(pair: Pair) -> str:
    return f"{pair.better} and {pair.other}: {GapPart(**asdict(pair.difference))}"


def _text(part: GapPart | None) -> str:
    return "—" if part is None else str(part)


def _number(part: GapPart | None) -> float:
    return part.raw if part and part.raw is not None else float("-inf")
