"""The report as readers get it: complete, self-contained, and nothing of others is taken for markup."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Run as RunCommand
from studies import HOSTILE, PLAN, REGIONS, Run, no_effect, study_of, write_study

from tdsr_bench.tasks.sheet import Block, write_sheet
from tdsr_leaderboard.study.figures import panels, plane
from tdsr_leaderboard.study.identical import identity
from tdsr_leaderboard.study.price import prices
from tdsr_leaderboard.study.report import Report, make_report, write_report
from tdsr_leaderboard.study.robustness import losses, zeros_of
from tdsr_leaderboard.study.runs import load_study
from tdsr_leaderboard.study.table import tables

VOID = {"meta", "br"}


class Parsed(HTMLParser):
    """Tags that are open, and what elements point at."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Parsed:
    found = Parsed()
    found.feed(page)
    found.close()
    assert not found.open
    return found


def report_of(folder: Path, *args: Any, **options: Any) -> tuple[Report, str, str]:
    """The report, its Markdown and its page."""
    plan = write_study(folder, *args, **options)
    report = make_report(plan, plan.with_suffix(""))
    write_report(report, plan, out=folder / "r.md", html=folder / "r.html", folder=folder / "figures")
    return report, (folder / "r.md").read_text(), (folder / "r.html").read_text()


@dataclass(frozen=True)
class Whole:
    """A report of runs with sheets, and where its figures are."""

    report: Report
    markdown: str
    page: str
    figures: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    write_a_sheet(folder / "small" / "a.webp")
    found = report_of(folder, change=lambda _, content: content | {"sheet": "a.webp"})
    return Whole(*found, folder / "figures")


def write_a_sheet(path: Path) -> None:
    """A sheet of one scene."""
    rng = np.random.default_rng(0)
    block = Block(("roads", "buildings"), rng.integers(0, 255, (3 * 128, 4 * 128, 3), dtype=np.uint8))
    write_sheet(path, "a method", {"place_1": block})


def test_markdown_and_page_hold_every_run_and_say_what_is_missing(tmp_path: Path):
    failed = {"hat-real-both-1": "out of memory", "hat-real-both-2": "out of memory"}
    report, markdown, page = report_of(tmp_path, failed=failed, waiting=("rams-simulated-tuned-1",))
    text = parsed(page).text
    for entry in report.study.index.runs:
        assert f"| {entry.name} | {entry.status} |" in markdown
        assert entry.name in text
    for words in ("out of memory", "1 waiting", "2 failed", "supported", "missing"):
        assert words in markdown
        assert words in text


def test_the_page_asks_nothing_of_any_host(whole: Whole):
    page, found = whole.page, parsed(whole.page)
    for tag, attributes in found.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:image/")), (tag, target)
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)
    assert "<script" not in page
    assert "@import" not in page
    policy = next(str(own["content"]) for tag, own in found.elements if tag == "meta" and "http-equiv" in own)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def test_links_of_the_page_lead_to_its_sections_and_ids_are_unique(whole: Whole):
    found = parsed(whole.page)
    ids = [str(attributes["id"]) for _, attributes in found.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in found.elements if tag == "a"}
    assert targets <= set(ids)


def test_hostile_names_are_text(tmp_path: Path):
    def change(_: Run, content: dict) -> dict:
        guards = {"ranked": False, "reasons": [HOSTILE]}
        return content | {"label": HOSTILE, "summary": content["summary"] | {"guards": guards}}

    plan = PLAN.replace('"They do."', "'''" + HOSTILE + "'''", 1).replace(
        'title = "HAT"', "title = '''" + HOSTILE.replace('"', "") + "'''"
    )
    failed = {"hat-real-both-1": HOSTILE}
    _, markdown, page = report_of(tmp_path, plan=plan, failed=failed, change=change)
    assert "alert(1)" in parsed(page).text
    assert "script" not in {tag for tag, _ in parsed(page).elements}
    assert "\\<script\\>alert" in markdown
    assert not re.search(r"(?<!\\)<", markdown)
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    for line in markdown.splitlines():  # a bar that is not escaped would be a column more
        if line.startswith("| hat-real-both-1"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 10


def test_figures_are_drawn_and_linked(whole: Whole):
    keys = [drawing.key for drawing in whole.report.drawings]
    assert keys == ["plane", "price", "robustness", "question-tasks", "question-images", "scene-place-1"]
    for key in keys:
        assert f"(figures/{key}.svg)" in whole.markdown
        assert f'id="study-small-{key}-title"' in whole.page
        assert (whole.figures / f"{key}.svg").stat().st_size < 200_000
    assert whole.page.count("<image") == 2 * 3 * 4  # arms, rows, columns


@pytest.mark.parametrize("place", ["../a.webp", "/nowhere/a.webp", "records"])
def test_a_sheet_that_is_none_of_the_study_s_is_not_shown(tmp_path: Path, place: str):
    write_a_sheet(tmp_path / "a.webp")
    study = study_of(tmp_path, change=lambda _, content: content | {"sheet": place})
    assert [*panels.draw_all(study)] == []


def test_an_arrow_leads_to_the_variant_that_panels_show(tmp_path: Path):
    more = """[variants.fuller]
title = "fuller"
regime = "task"
losses = ["image", "tasks", "image"]

[robustness]"""
    study = study_of(tmp_path, plan=PLAN.replace("[robustness]", more))
    assert (study.driven, study.foremost) == (["both", "fuller"], "both")
    arrows = [*plane.arrows_of(study, plane.points_of(study))]
    assert [(start.variant, end.variant) for start, end in arrows] == [("pixel", "both")] * 4
    without = study_of(tmp_path, plan=re.sub(r"\[panels\].*?\n\n", "", PLAN, flags=re.DOTALL))
    assert without.foremost == "both"


def test_the_table_holds_runs_and_references_with_means_over_seeds(tmp_path: Path):
    def change(run: Run, content: dict) -> dict:
        barred = run.name == "hat-real-both-2"
        guards = {"ranked": not barred, "reasons": ["image gap is under 0"] if barred else []}
        return content | {"summary": content["summary"] | {"guards": guards}}

    real = next(table for table in tables(study_of(tmp_path, change=change)) if table.tested == "real")
    rows = {row.group or row.label: row for row in real.rows}
    assert {"bicubic", "bicubic, networks trained on frames", "reference itself", "rams-real-tuned"} <= rows.keys()
    assert rows["bicubic, networks trained on frames"].gaps["task_gap"].value == 0
    assert rows["bicubic, networks trained on frames"].metrics == {"roads.iou": 0.4, "buildings.iou": 0.4}
    assert rows["hat-real-both"].flags == ("not ranked (1 of 2 seeds): image gap is under 0",)
    assert (rows["hat-real-both"].seeds, rows["rams-real-tuned"].steps) == (2, "5 + 5")
    values = [no_effect(Run("hat", "real", "both", seed), "task_gap", region) for seed in (1, 2) for region in REGIONS]
    assert rows["hat-real-both"].gaps["task_gap"].value == pytest.approx(np.mean(values))
    heights = [row.gaps["combined_gap_no_lpips"].value for row in real.rows if "combined_gap_no_lpips" in row.gaps]
    assert heights == sorted(heights, reverse=True)


def test_one_frame_and_many_are_checked_on_identical_ground(tmp_path: Path):
    found = identity(study_of(tmp_path))
    assert len(found.pairs) == 2 * 5  # arms; two variants of two seeds, and one of one
    assert found.verdict == "identical in all checks"


def test_one_frame_and_many_on_other_crops_are_told(tmp_path: Path):
    def change(run: Run, content: dict) -> dict:
        small = run.network == "hat" and run.variant == "both"
        return content | {"training": content["training"] | ({"crop": 16} if small else {})}

    found = identity(study_of(tmp_path, change=change))
    assert found.verdict == "differs in 3 of 10 checks"  # the crop, the pixels of a batch, and of all
    assert {check.first for check in found.checks} == {"", "hat-simulated-both-1, rams-simulated-both-1"}


def test_prices_and_losses_are_paired(tmp_path: Path):
    def effect(run: Run, key: str, region: str) -> float:
        paid = {"task_gap": 0.2, "image_gap_no_lpips": -0.1, "grid": 0.3}.get(key, 0) if run.variant == "both" else 0
        return no_effect(run, key, region) + paid - (0.4 if run.disturbance else 0)

    study = study_of(tmp_path, effect)
    price = next(one for one in prices(study) if (one.network, one.arm, one.variant) == ("rams", "real", "both"))
    for key, size in {"task_gap": 0.2, "image_gap_no_lpips": -0.1, "grid": 0.3, "hallucination": 0}.items():
        told = price.of(key)
        assert told is not None
        assert told.mean == pytest.approx(size, abs=0.02)
    found = losses(study)
    assert {loss.group for loss in found} == {
        f"{name}-real-{way}" for name in ("hat", "rams") for way in ("pixel", "both")
    }
    for loss in found:
        told = loss.of("task_gap")
        assert told is not None
        assert told.mean == pytest.approx(-0.4, abs=0.02)
        assert told.seeds == (1,)


def test_it_is_told_which_frames_zeros_are_made_of(tmp_path: Path):
    def change(run: Run, content: dict) -> dict:
        tasks = content["summary"]["tasks"]
        moved = {key: part | {"bicubic": 0.1} for key, part in tasks.items()} if run.disturbance else tasks
        return content | {"summary": content["summary"] | {"tasks": moved}}

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "as they were" in zeros_of(study_of(tmp_path / "a"))
    assert "disturbed frames" in zeros_of(study_of(tmp_path / "b", change=change))


def test_two_regions_and_no_run_at_all_still_make_a_report(tmp_path: Path):
    (tmp_path / "two").mkdir()
    report, markdown, page = report_of(tmp_path / "two", regions=REGIONS[:2])
    names = tuple(entry.name for entry in report.study.index.runs)
    assert "too few for an interval" in markdown
    parsed(page)
    (tmp_path / "none").mkdir()
    report, markdown, page = report_of(tmp_path / "none", waiting=names)
    assert "0 of" in markdown
    assert report.drawings == []
    assert {answer.verdict for answer in report.answers} == {"missing"}
    parsed(page)


def test_a_plan_that_changed_since_is_told(tmp_path: Path):
    plan = write_study(tmp_path)
    plan.write_text(plan.read_text() + "\n# changed\n")
    assert load_study(plan, tmp_path / "small").plan_changed


def test_the_command_prints_verdicts_and_the_page_s_path_last(run: RunCommand, tmp_path: Path):
    plan = write_study(tmp_path)
    ran = run("study", "report", plan)
    assert ran.code == 0
    assert "Do tasks help?" in ran.out
    assert "not told apart" in ran.out
    assert ran.out.splitlines()[-1] == str(tmp_path / "small" / "report.html")
    assert (tmp_path / "small" / "report.md").is_file()
    assert (tmp_path / "small" / "figures" / "plane.svg").is_file()


def test_the_command_without_runs_is_the_user_s_to_mend(run: RunCommand, tmp_path: Path):
    plan = write_study(tmp_path)
    ran = run("study", "report", plan, "--folder", tmp_path / "elsewhere")
    assert ran.code == 2
    assert "tdsr-bench study run" in ran.err
