"""The documentation as a site, and what stands beside it for those who cite, contribute and submit."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import typer
import yaml

from tdsr_bench.cli import app
from tdsr_bench.metrics import METRICS
from tdsr_bench.protocol import load_protocol
from tdsr_bench.tasks import PAIR_TASKS, TASKS
from tdsr_leaderboard.flags import LEGEND

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PICTURES = DOCS / "images" / "metrics"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
METRICS_PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
FACT = re.compile(r"^\| `(\w+)` \| (\S+) \| (\w+) \| (\w+) \| (\w+) \|", re.MULTILINE)
"""Key, unit, which end is better, for what there is a value, whether it is in the gap."""

LARGEST, LARGEST_OF_ALL = 150_000, 1_200_000
"""Bytes of a picture of metrics, and of all."""


# --- The site --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as strictly as a release is."""
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    built = subprocess.run(command, cwd=REPOSITORY, env=os.environ | quiet, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


class Links(HTMLParser):
    """What a page makes a browser fetch, and where its formulas stand."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {key: value or "" for key, value in attrs}
        self.names.add(known.get("id", ""))
        if tag == "link" and known.get("rel") in ("canonical", "next", "prev"):
            return
        if tag in ("script", "img", "iframe", "source", "video", "link"):
            self.fetched += [known[name] for name in ("src", "href", "srcset") if known.get(name)]


def pages_of(nav: list[Any]) -> Iterator[str]:
    """The files that a navigation names."""
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [value] if isinstance(value, str) else pages_of(value)


def built_page(site: Path, source: str) -> Path:
    folder = site / source.removesuffix(".md")
    return folder.parent / "index.html" if folder.name == "index" else folder / "index.html"


@pytest.mark.slow
def test_every_page_of_the_navigation_is_there(site: Path):
    settings = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    named = list(pages_of(settings["nav"]))
    assert len(named) > 15
    assert not [page for page in named if not built_page(site, page).is_file()]


@pytest.mark.slow
def test_every_decision_and_every_page_of_docs_is_in_the_navigation(site: Path):
    start = (site / "index.html").read_text(encoding="utf-8")
    pages = [*DOCS.glob("*.md"), *(DOCS / "decisions").glob("*.md"), *(DOCS / "reference").rglob("*.md")]
    places = {page: page.relative_to(DOCS).as_posix().removesuffix(".md").removesuffix("index") for page in pages}
    assert not [page for page, place in places.items() if place and f'href="{place.rstrip("/")}/"' not in start]


@pytest.mark.slow
def test_opening_a_page_asks_no_other_host(site: Path):
    asked = set()
    for page in site.rglob("*.html"):
        links = Links()
        links.feed(page.read_text(encoding="utf-8"))
        asked |= {f"{page.relative_to(site)}: {url}" for url in links.fetched if urlparse(url).netloc}
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        asked |= {f"{style.name}: {url}" for url in re.findall(r"url\([\"']?(https?://[^)]*)", text)}
    assert not asked


@pytest.mark.slow
def test_formulas_are_drawn_by_the_browser_alone(site: Path):
    formulas = []
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'class="arithmatex"' not in text, page
        formulas += re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert len(formulas) > 50
    assert not [formula for formula in formulas if re.search(r"\\[a-zA-Z]", formula)], "not known to latex2mathml"


@pytest.mark.slow
def test_every_command_is_in_the_reference(site: Path):
    links = Links()
    links.feed((site / "reference" / "command-line" / "index.html").read_text(encoding="utf-8"))
    assert not set(commands(typer.main.get_command(app), "tdsr-bench")) - links.names


def commands(command: Any, path: str) -> Iterator[str]:
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{path}-{name}")


@pytest.mark.slow
def test_links_to_files_outside_of_docs_lead_to_pages_that_show_them(site: Path):
    protocol = site / "source" / "benchmark" / "tdsr_bench" / "protocols" / "tdsr-v1.toml" / "index.html"
    assert "equal_valid_share" in protocol.read_text(encoding="utf-8")
    board = (site / "leaderboard" / "index.html").read_text(encoding="utf-8")
    assert "combined gap" in board
    assert 'href="page.html"' in board
    assert "RAMS-tiny pixel" in (site / "leaderboard" / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site, served to this machine."""
    handler = partial(SilentHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class SilentHandler(SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.slow
def test_pages_fit_a_phone_and_can_be_searched(address: str):
    browser = shutil.which("chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    if browser is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 390, "height": 800})
        asked: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        for name in ("", "metrics/", "protocol/", "leaderboard/", "extending/"):
            page.goto(address + name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        page.goto(f"{address}?q=harmonisation")
        page.wait_for_selector(".md-search-result__item", state="attached")
        chromium.close()
    assert not problems
    assert not [url for url in asked if not url.startswith((address, "data:"))]


def test_a_notebook_becomes_a_page(tmp_path: Path):
    notebook_page = runpy.run_path(str(DOCS / "hooks" / "notebooks.py"))["notebook_page"]
    outputs = [
        {"output_type": "stream", "text": ["\x1b[1mone\x1b[0m\n", "two\n"]},
        {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "a figure"}},
        {"output_type": "execute_result", "data": {"text/html": '<table border="1">', "text/plain": "a table"}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "Text."]},
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
        {"cell_type": "code", "source": "", "outputs": []},
    ]
    (tmp_path / "tour.ipynb").write_text(json.dumps({"cells": cells}))
    page = notebook_page(tmp_path / "tour.ipynb")
    assert page.startswith("# Title\n\nText.\n\n[This page as a notebook](tour.ipynb)")
    assert "~~~~python\nprint(1)\n~~~~\n\n~~~~text\none\ntwo\n~~~~\n\n<img" in page
    assert '"data:image/png;base64,aGk="' in page
    assert "<div>\n<table>\n</div>" in page


# --- Metrics ---------------------------------------------------------------------------------------------------------


def sections(page: str) -> dict[str, str]:
    """For each key in a heading, its section."""
    found = {}
    for heading, text in re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`([\w]+)`", heading), text)
    return found


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_has_a_section_with_a_formula_and_a_picture(metric):
    text = sections(METRICS_PAGE)[metric.key]
    assert "$$" in text
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert pictures or "No picture:" in text
    assert all((DOCS / picture).is_file() for picture in pictures)


def test_what_the_page_says_of_a_metric_is_what_its_record_says():
    protocol = load_protocol("tdsr-v1")
    better = {True: "higher", False: "lower", None: "neither"}
    guards = {"consistency"}
    said = {key: rest for key, *rest in FACT.findall(METRICS_PAGE)}
    for metric in METRICS:
        place = "yes" if metric.key in protocol.gap.image else "guard" if metric.key in guards else "no"
        per = "band" if metric.per_band else "image"
        assert said[metric.key] == [metric.unit, better[metric.higher_is_better], per, place], metric.key


def test_every_measure_of_a_task_is_on_the_page():
    keys = [f"{task.key}.{measure.key}" for task in TASKS for measure in task.measures]
    keys += [measure.key for task in PAIR_TASKS for measure in task.measures]
    assert not [key for key in keys if f"`{key}`" not in METRICS_PAGE]


def test_pictures_of_metrics_are_small():
    sizes = {picture.name: picture.stat().st_size for picture in PICTURES.iterdir()}
    assert max(sizes.values()) < LARGEST
    assert sum(sizes.values()) < LARGEST_OF_ALL


def test_every_flag_of_a_leaderboard_is_told_to_those_who_submit():
    page = (DOCS / "submitting.md").read_text(encoding="utf-8")
    assert not [flag for flag in LEGEND if f"| {flag} |" not in page]


# --- Citation, contribution ------------------------------------------------------------------------------------------


def test_the_citation_has_what_is_required():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["title"] == "tdsr-bench"
    assert citation["license"] == "Apache-2.0"
    assert all({"type", "title", "authors", "year"} <= set(reference) for reference in citation["references"])
    assert "10.7910/DVN/1JMRAT" in str(citation)


def test_the_citation_is_of_this_version():
    import tdsr_bench

    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == tdsr_bench.__version__


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md"])
def test_links_of_pages_outside_of_docs_lead_somewhere(name: str):
    page = REPOSITORY / name
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


# --- Workflows -------------------------------------------------------------------------------------------------------


def workflow(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content | {"on": content.get("on", content.get(True))}  # YAML 1.1 takes `on` for a truth value


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_can_only_read(path: Path):
    known = workflow(path)
    assert "pull_request" in known["on"]
    assert "pull_request_target" not in known["on"]
    assert known["permissions"] == {"contents": "read"}
    for job in known["jobs"].values():
        assert "permissions" not in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", ""), "what others wrote could be run by the shell"
    assert "secrets." not in path.read_text(encoding="utf-8")


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """A base branch's checkout, and a merge that brings one card with its pictures."""
    folder = tmp_path / "proposed"
    old = folder / "leaderboard" / "cards" / "mini-real-test" / "bicubic.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    (tmp_path / "base" / "leaderboard" / "cards" / "gone").mkdir(parents=True)
    git(folder, "init", "--quiet")
    commit(folder)
    for name in ("mine.json", "mine.webp"):
        (old.parent / name).write_text("{}")
    (folder / "leaderboard" / "code.py").write_text("raise SystemExit")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> None:
    nobody = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
    subprocess.run(["git", *nobody, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, *, amend: bool = False) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change", *(["--amend"] if amend else []))


def collect(proposed: Path) -> subprocess.CompletedProcess[str]:
    """Run the workflow's step that hands the cards on."""
    steps = workflow(REPOSITORY / ".github" / "workflows" / "submission.yml")["jobs"]["cards"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("id") == "collect")
    return subprocess.run(["bash", "-c", script], cwd=proposed.parent, capture_output=True, text=True)


def test_cards_are_handed_on_and_nothing_else(proposed: Path):
    assert collect(proposed).returncode == 0
    base = proposed.parent / "base"
    handed = sorted(path.name for path in base.rglob("*") if path.is_file())
    assert handed == ["bicubic.json", "mine.json", "mine.webp"]
    changed = (proposed.parent / "changed").read_text()
    assert changed == "leaderboard/cards/mini-real-test/mine.json\0"


@pytest.mark.parametrize("name", ["evil.py", "$(touch run).json", "UPPER.json", "deep/er/x.json", "-x.json"])
def test_files_of_another_kind_or_name_are_refused(proposed: Path, name: str):
    path = proposed / "leaderboard" / "cards" / "mini-real-test" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    commit(proposed)
    ended = collect(proposed)
    assert ended.returncode == 1
    assert "refused" in ended.stdout
    assert not (proposed / "run").exists()


def test_a_link_and_a_large_file_are_refused(proposed: Path):
    card = proposed / "leaderboard" / "cards" / "mini-real-test" / "mine.json"
    card.write_bytes(b" " * 8_000_001)
    commit(proposed, amend=True)
    assert "larger" in collect(proposed).stdout
    card.unlink()
    card.symlink_to("/etc/hostname")
    commit(proposed, amend=True)
    assert "not a plain file" in collect(proposed).stdout
