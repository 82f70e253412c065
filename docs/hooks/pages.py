"""Pages of the site that are files of the repository, and links that lead there.

Documentation is read in three places: as files, on a code host, and as this site. So pages link to other files of the
repository by their relative paths; here those links are pointed at a page of the site that shows the file.
"""

import posixpath
import re
from pathlib import Path

import cli_object  # noqa: F401 - mkdocs-click asks for it by its name, and only hooks are looked for beside this file
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebooks import notebook_page

from tdsr_leaderboard.publish import page_text
from tdsr_leaderboard.read import read_cards

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BROUGHT = {
    "leaderboard/README.md": "leaderboard.md",
    "studies/seed/report.md": "study.md",
    "studies/seed/leaderboard.md": "study-table.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Files outside docs that are pages of the site as they are."""

TABLES = ("leaderboard.md",)
WIDE = "---\nhide:\n  - toc\n---\n\n"
"""Before a page whose tables need the room of its table of contents."""

PAGE = "leaderboard/page.html"
ALIVE = f"[This table as a page that sorts, filters and opens each card]({PAGE}).\n\n## "
"""Before the first section of the leaderboard; the page is made when the site is."""

LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".json": "json"}
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#|/)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every decision into the navigation."""
    project = next(entry["Project"] for entry in config.nav or [] if "Project" in entry)
    listed = ["decisions/index.md", *(f"decisions/{path.name}" for path in decisions())]
    project[:] = [{"Decisions": listed} if "Decisions" in entry else entry for entry in project]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made: files brought in, the list of decisions, notebooks, and what pages link to."""
    for source, target in BROUGHT.items():
        text = relink((ROOT / source).read_text(encoding="utf-8"), ROOT / source, target)
        shown = f"{WIDE}{text}".replace("## ", ALIVE, 1) if target in TABLES else text
        files.append(File.generated(config, target, content=shown))
    files.append(File.generated(config, PAGE, content=page_text(read_cards(ROOT / "leaderboard" / "cards"))))
    files.append(File.generated(config, "decisions/index.md", content=list_of_decisions()))
    for path in sorted(DOCS.rglob("*.ipynb")):
        place = page_of(path.with_suffix(".md"))
        files.append(File.generated(config, place, content=relink(notebook_page(path), path, place)))
    for path in sorted(linked_files(files)):
        files.append(File.generated(config, page_of(path), content=source_page(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Point the page's links at the site."""
    if page.file.generated_by:
        return markdown
    return relink(markdown, DOCS / page.file.src_uri, page.file.src_uri)


def decisions() -> list[Path]:
    """The decision records, oldest first."""
    return sorted((DOCS / "decisions").glob("[0-9]*.md"))


def list_of_decisions() -> str:
    """A page that names them all."""
    titles = {path.name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for path in decisions()}
    lines = "\n".join(f"- [{title}]({name})" for name, title in titles.items())
    return f"# Decisions\n\nChoices that would puzzle a newcomer, each with what it rests on.\n\n{lines}\n"


def linked_files(files: Files) -> set[Path]:
    """Files of the repository that a page links to and that are no pages yet."""
    pages = [DOCS / file.src_uri for file in files.documentation_pages() if not file.generated_by]
    pages += [*(ROOT / source for source in BROUGHT), *DOCS.rglob("*.ipynb")]
    found = {
        followed(origin, target) for origin in pages for target in LINK.findall(origin.read_text(encoding="utf-8"))
    }
    outside = {path for path in found if path.is_relative_to(ROOT) and not path.is_relative_to(DOCS)}
    return {path for path in outside if path.is_file() and _name(path) not in BROUGHT}


def followed(origin: Path, target: str) -> Path:
    """The file that a link `target` of the file `origin` leads to."""
    return Path(posixpath.normpath(origin.parent / target))


def relink(markdown: str, origin: Path, place: str) -> str:
    """`markdown` of the file `origin`, its links to files of the repository as seen from the page `place`."""

    def target(match: re.Match[str]) -> str:
        path = followed(origin, match[1])
        if path == DOCS / "decisions":
            path = path / "index.md"
        elif not path.is_file() or not path.is_relative_to(ROOT):
            return match[1]
        return posixpath.relpath(page_of(path), posixpath.dirname(place) or ".")

    return LINK.sub(target, markdown)


def page_of(path: Path) -> str:
    """Where the site has a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return BROUGHT.get(_name(path), f"source/{_name(path)}.md")


def source_page(path: Path) -> str:
    """A page that shows a file as it is; search leaves it out."""
    text = path.read_text(encoding="utf-8")
    title = f"---\ntitle: {path.name}\nsearch:\n  exclude: true\n---\n\n# `{_name(path)}`\n\n"
    if path.suffix == ".md":
        return title + text
    fence = "````"
    return f"{title}{fence}{LANGUAGES.get(path.suffix, 'text')}\n{text}\n{fence}\n"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
