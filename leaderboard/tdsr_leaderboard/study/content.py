"""The sections of the report, worked out from the records; every sentence on a result is made of computed words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tdsr_bench.card import GAP_TITLES
from tdsr_bench.study.record import RunRecord
from tdsr_leaderboard.figures.svg import Drawing
from tdsr_leaderboard.study import words
from tdsr_leaderboard.study.answers import ALPHA, Answer, Tested
from tdsr_leaderboard.study.blocks import Block, Figure, Grid, Section, Text, Verdict
from tdsr_leaderboard.study.differences import Difference
from tdsr_leaderboard.study.identical import identity
from tdsr_leaderboard.study.price import measures, prices
from tdsr_leaderboard.study.robustness import losses, zeros_of
from tdsr_leaderboard.study.runs import Study
from tdsr_leaderboard.study.table import METRICS, Row, tables

Drawings = Mapping[str, Drawing]

DIGITS = {"psnr": 2, "consistency": 4}
"""Decimals of metrics that are not near one."""

REFERENCES = (
    "Rows without a track are what every table shows, measured on the same scenes. The task gap of “bicubic, networks "
    "trained on frames” is 0 by construction: it is the zero."
)
"""What has to be known of the rows that are no method of the plan."""

CONTRASTS = (
    "contrast",
    "verdict",
    "claimed",
    "measure",
    "difference [95 % interval]",
    "effect",
    "p",
    "p (Holm)",
    "regions",
    "seeds",
    "spread of seeds",
)
"""The columns of a question's table."""

METHOD = (
    "Each region gives one value of a contrast: its terms are averaged over the seeds that all trained terms share, "
    "those of one side are added, those of the other subtracted. Means, 95 % intervals (Student's t) and p (paired t "
    "test) are over regions, since scenes and seeds are not independent. The effect is Cohen's d_z, the mean over the "
    "standard deviation between regions, with Hedges' correction. The spread of seeds is the standard deviation over "
    "seeds of the mean over regions. p (Holm) is adjusted over all contrasts of the question that were tested.",
    f"A claim of more or less is supported where p (Holm) is under {ALPHA:.2f} and the mean has the claimed sign, "
    "contradicted where it has the other sign. A claim of being similar is supported where the whole interval lies "
    "within the margin on both sides of zero (two one-sided tests at 2.5 %), contradicted where it lies wholly "
    "outside. All else is not told apart, which is no proof of being equal. A contrast with a run that is not there is "
    "missing.",
    "A question is supported where more than half of all its contrasts are supported and none is contradicted; "
    "contradicted where more than half are contradicted and none is supported; not told apart where none is either; "
    "else mixed. Missing contrasts count in the whole.",
)
"""How everything was worked out."""


def sections(study: Study, answered: Sequence[Answer], drawn: Sequence[Drawing]) -> list[Section]:
    """All sections that there is anything for, in reading order."""
    drawings = {drawing.key: drawing for drawing in drawn}
    found = [summary(study, answered, drawings)]
    found += [question(answer, drawings) for answer in answered]
    found += [all_methods(study), frames(study), paid(study, drawings), robustness(study, drawings)]
    found += [
        pictures(drawings),
        runs(study),
        Section("method", "How it was worked out", "Method", [*map(Text, METHOD)]),
    ]
    return [section for section in found if section.blocks]


def summary(study: Study, answered: Sequence[Answer], drawings: Drawings) -> Section:
    """What there is, what came out, and the main figure."""
    rows = [(one.plan.asks, one.plan.claim, one.verdict, one.counted) for one in answered]
    links = [slug_of(one) for one in answered]
    blocks: list[Block] = [Text(text) for text in standing(study)]
    if rows:
        blocks.append(Grid(("question", "claim", "verdict", "contrasts"), rows, left=2, links=links))
    return Section("answers", "Answers", "Answers", [*blocks, *_figure(drawings, "plane")])


def standing(study: Study) -> Iterator[str]:
    """How far the study has come, on which data."""
    counts, total = study.counts, len(study.index.runs)
    parts = [f"{counts[state]} {state}" for state in ("failed", "waiting") if counts[state]]
    yield f"{counts['done']} of {total} runs are done{''.join(f', {part}' for part in parts)}. {_data(study)}"
    if study.plan_changed:
        yield "The plan was changed after these runs were listed; run the study again to bring them up to date."
    made = _made_with(study)
    if made:
        yield f"Made with {made}."


def question(answer: Answer, drawings: Drawings) -> Section:
    """A question, the claim, the verdict, and the contrasts behind it."""
    blocks: list[Block] = [
        Text(f"Claim: {answer.plan.claim}"),
        Verdict(answer.verdict, answer.counted),
        *_figure(drawings, f"question-{answer.plan.key}"),
        Grid(
            CONTRASTS,
            [*map(contrast_row, answer.contrasts)],
            notes=[words.terms(contrast) for contrast in answer.contrasts],
        ),
    ]
    return Section(slug_of(answer), answer.plan.asks, answer.plan.key.replace("-", " "), blocks)


def slug_of(answer: Answer) -> str:
    """The address of a question's section."""
    return f"question-{answer.plan.key}"


def contrast_row(contrast: Tested) -> tuple[str, ...]:
    """A contrast's line, as `CONTRASTS` heads it."""
    plan, found = contrast.plan, contrast.difference
    verdict = f"{contrast.verdict}: {contrast.reason}" if contrast.reason else contrast.verdict
    title = GAP_TITLES.get(plan.measure, plan.measure)
    named = (contrast.says, verdict, contrast.claim, title)
    if found is None:
        return (*named, *[words.NOTHING] * 7)
    return (
        *named,
        words.told(found),
        words.number(found.effect, 2, sign=True),
        words.p_text(found.p),
        words.p_text(contrast.p_holm),
        str(len(found.estimate.regions)),
        words.seeds_text(found.seeds),
        words.number(found.seed_spread),
    )


def all_methods(study: Study) -> Section:
    """The full table of each tested arm."""
    gaps = [GAP_TITLES[key] for key in study.gaps]
    heads = ("method", "frames of training", *gaps, *METRICS, "seeds", "steps", "seconds", "remarks")
    blocks: list[Block] = []
    for table in tables(study):
        blocks.append(Text(f"Tested on {table.tested} frames; the highest combined gap first, intervals over regions."))
        rows = [method_row(study, row) for row in table.rows]
        blocks.append(Grid(heads, rows, left=2, notes=[row[-1] for row in rows]))
    if blocks:
        blocks.append(Text(REFERENCES))
    return Section("methods", "All methods", "All methods", blocks)


def method_row(study: Study, row: Row) -> tuple[str, ...]:
    """A method's line."""
    gaps = [words.estimate(row.gaps.get(key)) for key in study.gaps]
    metrics = [words.number(row.metrics.get(key), DIGITS.get(key, 3)) for key in METRICS]
    label = f"{row.label} ({row.track})" if row.track else row.label
    numbers = (str(row.seeds or ""), row.steps, "" if row.seconds is None else f"{row.seconds:.0f}")
    return (label, row.arm, *gaps, *metrics, *numbers, "; ".join(row.flags))


def frames(study: Study) -> Section:
    """Whether single-image and multi-image networks were tried on identical scenes, crops and masks."""
    found = identity(study)
    blocks: list[Block] = [
        Text(
            "One frame and many can be compared on identical scenes, crops and masks alone. So the records of each "
            "single-image run and its multi-image partner (same arm, variant and seed) were compared: "
            f"{len(found.pairs)} pairs, {found.verdict}. What differs by design is how many frames of a scene a "
            "network sees."
        )
    ]
    if found.pairs:
        rows = [
            (check.what, f"{check.same} of {check.pairs}", "identical" if check.holds else f"differs: {check.first}")
            for check in found.checks
        ]
        blocks.append(Grid(("what both share", "pairs", "result"), rows))
    return Section("frames-checked", "One frame and many, on identical ground", "One frame and many", blocks)


def paid(study: Study, drawings: Drawings) -> Section:
    """Image quality paid for task quality."""
    found = prices(study)
    if not found or study.pixel is None:
        return Section("price", "", "", [])
    shown = measures(study)
    heads = ("network, arm: variant", *(GAP_TITLES.get(key, key) for key in shown), "seeds")
    rows = [
        (one.label, *(words.told(one.differences[key]) for key in shown), _seeds(one.of(shown[0]))) for one in found
    ]
    base = study.plan.variants[study.pixel].title
    text = f"Each variant less “{base}” of the same network and arm, paired over regions and shared seeds; of grid, " \
           "hallucination and consistency less is better. No correction for their number."  # fmt: skip
    blocks = [Text(text), *_figure(drawings, "price"), Grid(heads, rows)]
    return Section("price", "Image quality paid for task quality", "Image against task", blocks)


def robustness(study: Study, drawings: Drawings) -> Section:
    """What each run loses when its frames are disturbed."""
    found = losses(study)
    if not found:
        return Section("disturbed", "", "", [])
    heads = ("disturbance", "run", *(GAP_TITLES[key] for key in study.gaps))
    rows = [(one.disturbance, one.label, *(words.told(one.differences[key]) for key in study.gaps)) for one in found]
    text = f"The change of each gap when frames are disturbed, paired over regions, first seeds. {zeros_of(study)}"
    blocks = [Text(text.strip()), *_figure(drawings, "robustness"), Grid(heads, rows, left=2)]
    return Section("disturbed", "Disturbed frames", "Disturbed frames", blocks)


def pictures(drawings: Drawings) -> Section:
    """How scenes look."""
    blocks = [Figure(drawing) for key, drawing in drawings.items() if key.startswith("scene-")]
    return Section("pictures", "How it looks", "Pictures", blocks)


def runs(study: Study) -> Section:
    """Every run of the plan and how it stands."""
    known = {record.name: record for record in study.records}
    heads = ("run", "state", *(GAP_TITLES[key] for key in study.gaps), "steps", "best step", "seconds", "remarks")
    rows = [
        (
            entry.name,
            entry.status,
            *_run_cells(study, known.get(entry.name)),
            entry.reason or _barred(known.get(entry.name)),
        )
        for entry in study.index.runs
    ]
    return Section("runs", "Every run", "Every run", [Grid(heads, rows)] if rows else [])


def _run_cells(study: Study, record: RunRecord | None) -> list[str]:
    if record is None:
        return [words.NOTHING] * (len(study.gaps) + 3)
    gaps = [words.number(getattr(record.summary, key).value, sign=True) for key in study.gaps]
    training = record.training
    if training is None:
        return [*gaps, "", "", ""]
    return [*gaps, str(training.steps), str(training.best_step), f"{training.seconds:.0f}"]


def _barred(record: RunRecord | None) -> str:
    if record is None or record.summary.guards.ranked:
        return ""
    return f"not ranked: {'; '.join(record.summary.guards.reasons) or 'no reason is given'}"


def _figure(drawings: Drawings, key: str) -> list[Block]:
    return [Figure(drawings[key])] if key in drawings else []


def _data(study: Study) -> str:
    plan = study.plan
    where = f"Data: {plan.data}, {plan.split} split"
    return f"{where}; {study.certainty}." if study.certainty else f"{where}."


def _made_with(study: Study) -> str:
    """Versions and devices of the runs, each with how many runs have it."""
    told = Counter(
        f"tdsr-bench {record.environment.get('package', '?')} at {str(record.environment.get('git') or '?')[:7]}"
        f"{' with changes' if record.environment.get('dirty') else ''} on {record.environment.get('device', '?')}"
        for record in study.records
    )
    return "; ".join(f"{what} ({count} runs)" for what, count in told.most_common(3))


def _seeds(found: Difference | None) -> str:
    return words.seeds_text(found.seeds) if found else words.NOTHING
