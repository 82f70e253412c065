"""The page: what stands in it without a browser, and what a browser does with it."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tdsr_bench.card import ResultCard, read_card
from tdsr_leaderboard.board import Board, boards, official
from tdsr_leaderboard.page import leaderboard_page
from tdsr_leaderboard.page.data import short
from tdsr_leaderboard.page.rows import MINUS
from tdsr_leaderboard.read import Entry, Section, entries_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CARDS = Path(__file__).parents[2] / "leaderboard" / "cards" / "mini-real-test"

HOSTILE = (
    "<script>window.taken=1</script>\"'><img src=x onerror=window.taken=1> javascript:window.taken=1 "
    "\u202e\u05d0\u05d1 \U0001f6f0\n</script><!-- \u2028 {{ 7 * 7 }} " + "x" * 300
)

VOID = {"meta", "col", "input", "br", "hr", "img", "link"}


@dataclass(frozen=True)
class Drawn:
    """A figure as others draw it, with styles in its tags."""

    key: str = "scores"
    title: str = "Scores"
    caption: str = "Six regions."
    svg: str = '<svg viewBox="0 0 9 9"><path d="M0 0H9" style="fill: none; stroke: currentColor"/></svg>'


class Parsed(HTMLParser):
    """Elements, their attributes and texts; says which tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.unmatched: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data


def parsed(page: str) -> Parsed:
    found = Parsed()
    found.feed(page)
    found.close()
    assert not found.unmatched
    assert not found.open
    return found


def data_of(page: str) -> dict[str, Any]:
    """What the page tells its script."""
    return json.loads(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[0])


def page_of(
    cards: Sequence[ResultCard] | Sequence[Entry], figures: Mapping[Section, Sequence[Drawn]] | None = None
) -> str:
    entries = [card if isinstance(card, Entry) else entries_of([card])[0] for card in cards]
    return leaderboard_page(boards(entries), official(entries), figures or {})


def all_cards() -> list[ResultCard]:
    return [read_card(path) for path in sorted(CARDS.rglob("*.json"))]


def real_cards() -> list[ResultCard]:
    """Without controls."""
    return [card for card in all_cards() if not card.submission.control_of]


def changed(card: ResultCard, **parts: Mapping[str, Any]) -> ResultCard:
    """`card` with some fields of its parts, such as ``submission={"name": "a"}``."""
    return card.model_copy(update={name: getattr(card, name).model_copy(update=new) for name, new in parts.items()})


def renamed(card: ResultCard, name: str, sha256: str = "0" * 64) -> ResultCard:
    return changed(card, submission={"name": name, "sha256": sha256})


def varied(card: ResultCard, name: str, rng: np.random.Generator) -> ResultCard:
    """A card of other numbers, each of them with all its digits."""
    content = card.model_dump(by_alias=True)
    for gap in content["summary"].values():
        if isinstance(gap, dict) and gap.get("regions"):
            gap["regions"] = {region: value + rng.normal(0, 0.2) for region, value in gap["regions"].items()}
            gap["value"] = gap["raw"] = fmean(gap["regions"].values())
            gap["ci95"] = (gap["value"] - 0.1 * rng.random(), gap["value"] + 0.1 * rng.random())
    rows = [
        row | ({} if row["value"] is None else {"value": row["value"] * rng.uniform(0.8, 1.2)}) for row in card.rows
    ]
    regime = f"regime {rng.integers(25)}"
    submission = {
        "name": name,
        "track": "misr" if rng.random() < 0.5 else "sisr",
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "training": {"data": "d" * 64, "regime": regime, "samples": 6000, "patch": 32, "started": ""},
    }
    changes = {"rows": (), "reference_rows": (), "submission": content["submission"] | submission}
    return ResultCard.model_validate(content | changes).model_copy(
        update={"rows": tuple(rows), "reference_rows": card.reference_rows}
    )


def write_sheet_of(path: Path, rng: np.random.Generator, *, noise: float = 14) -> None:
    """A sheet of two scenes, about 60 kB."""
    from scipy.ndimage import gaussian_filter

    from tdsr_bench.tasks.sheet import Block, write_sheet

    shape = (3 * 128, 4 * 128, 3)
    pictures = [gaussian_filter(rng.normal(0, noise, shape), (0.8, 0.8, 0)) * 2 + 120 for _ in range(2)]
    blocks = [Block(("roads", "buildings"), np.clip(picture, 0, 255).astype(np.uint8)) for picture in pictures]
    write_sheet(path, "a method", dict(zip(("mini_r07_s1", "mini_r10_s1"), blocks, strict=True)))


class Many(list[Board]):
    def __repr__(self) -> str:
        return "the board of 200 cards"  # or a failure would print all their rows


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    """The board of 200 cards, each with a sheet."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("cards")
    write_sheet_of(folder / "card.webp", rng)
    original = next(card for card in real_cards() if card.summary and card.submission.parameters)
    entries = []
    for number in range(200):
        place = folder / f"m{number}" / "card.json"
        place.parent.mkdir()
        place.with_suffix(".webp").symlink_to(folder / "card.webp")
        entries.append(Entry(varied(original, f"method {number}", rng), f"method {number}", place))
    return Many(boards(entries))


@pytest.fixture(scope="module")
def many_page(many: Many) -> str:
    return leaderboard_page(many, {}, {})


def small_card(name: str, regions: Mapping[str, float], **parts: Any) -> ResultCard:
    """A card without rows."""
    none = {"value": None, "missing": ["no network"]}
    value = fmean(regions.values())
    gap = {"value": value, "regions": dict(regions), "raw": value}
    data = {"name": "tiny", "arm": "real", "split": "test", "fingerprint": "f" * 64, "scenes": ["s0", "s1"]}
    content = {
        "schema": 1,
        "status": "complete",
        "protocol": {"id": "tdsr-v1", "version": "1", "sha256": "a" * 64},
        "data": data | {"strips": ["t"], "regions": list(regions)},
        "submission": {"name": name, "track": "sisr", "sha256": name, "training_data": "none", "parameters": 0},
        "networks": {"score": []},
        "environment": {},
        "summary": {
            **dict.fromkeys(("image_gap", "task_gap", "combined_gap", "combined_gap_no_lpips"), none),
            "image_gap_no_lpips": gap,
            "guards": {"ranked": True},
            "metrics": {},
        },
        "timing": {},
        "rows": [],
    }
    return ResultCard.model_validate(content | parts)


# Without a browser


def test_the_page_is_whole_and_asks_no_host():
    cards = real_cards()
    (board,) = boards(entries_of(cards))
    page = page_of(cards, {board.section: [Drawn()]})
    found = parsed(page)
    links = [value for _, attributes in found.elements for name, value in attributes.items() if name in LINKS]
    assert links
    assert all(value is not None and value.startswith(("#", "data:")) for value in links)
    assert "://" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    assert found.texts["h4"] == ["Scores"]
    assert 'fill="none" stroke="currentColor"' in page


LINKS = ("href", "src", "action", "xlink:href", "srcset", "data", "poster")


def test_the_policy_names_this_script_and_this_style_and_nothing_else():
    found = parsed(page_of(real_cards()))
    (policy,) = [a["content"] for tag, a in found.elements if tag == "meta" and "Policy" in str(a.get("http-equiv"))]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["script-src"] == f"'{digest(found.texts['script'][0])}'"
    assert rules["style-src"] == f"'{digest(found.texts['style'][0])}'"
    assert not any("style" in a or any(name.startswith("on") for name in a) for _, a in found.elements)


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_what_a_hostile_card_says_is_text_everywhere():
    first = real_cards()[0]
    row = first.rows[0] | {"key": HOSTILE, "unit": HOSTILE, "value": 1.0}
    bad = changed(
        renamed(first, HOSTILE),
        submission={"training_data": HOSTILE, "control_of": None, "training": {HOSTILE: HOSTILE}},
        data={"truth": {HOSTILE: HOSTILE}},
    ).model_copy(
        update={
            "rows": (*first.rows, row),
            "environment": dict.fromkeys(("git", "python", "device"), HOSTILE) | {"libraries": {HOSTILE: HOSTILE}},
            "networks": first.networks | {HOSTILE: [{HOSTILE: HOSTILE}]},
            "timing": {"predict_s": HOSTILE},
        }
    )
    failed = small_card(HOSTILE, {HOSTILE: 0.1}, summary=None, status="incomplete", failed={HOSTILE: HOSTILE})
    page = page_of([bad, failed])
    found = parsed(page)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == 2
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert sum(text == HOSTILE for text in found.texts["bdi"]) >= 3
    assert "49" not in found.texts["bdi"][0]
    labels = [line["label"] for board in data_of(page)["boards"].values() for line in board["lines"]]
    assert labels.count(HOSTILE) == 2
    assert not {"<", ">", "&", "\u2028"} & set(found.texts["script"][1])


def test_values_that_are_no_numbers_leave_the_page_whole():
    first = real_cards()[0]
    rows = (
        {"key": "cssim", "scene": "a", "group": "b", "value": "1", "unit": "1"},
        {"key": 3, "value": float("inf")},
        {},
    )
    data_of(page_of([first.model_copy(update={"rows": rows})]))
    assert [short(value) for value in (float("nan"), True, None, "2", 0.123456)] == [None, None, None, None, 0.1235]


@pytest.mark.slow
def test_two_hundred_cards_are_a_page_of_less_than_five_megabytes(many: Many, many_page: str):
    size = len(many_page.encode())
    assert size < 5_000_000
    same = leaderboard_page(many, {}, {}) == many_page
    assert same
    assert len(many[0].contrasts) > many_page.count('class="shared"') == 100
    (board,) = data_of(many_page)["boards"].values()
    shown = [line["rank"] for line in board["lines"] if (line["sheet"] or {}).get("data")]
    assert shown == list(range(1, len(shown) + 1))
    assert len(shown) > 10
    beside = board["lines"][len(shown)]["sheet"]["beside"]
    assert re.fullmatch(r"m\d+/card\.webp", beside)


def test_a_card_is_told_with_the_values_of_its_rows():
    cards = real_cards()
    (board,) = data_of(page_of(cards))["boards"].values()
    card = cards[0]
    line = next(line for line in board["lines"] if line["label"] == card.submission.name and line["kind"] == "method")
    key = next(index for index, key in enumerate(board["keys"]) if key["key"] == "cssim")
    wanted = fmean(row["value"] for row in card.rows if row["key"] == "cssim" and row["scene"] == board["scenes"][3])
    assert line["values"][key][3] == short(wanted)
    assert card.summary is not None
    assert line["metrics"][key][0] == short(card.summary.metrics["cssim"].mean)
    assert board["keys"][key] | {"title": "cSSIM error", "better": -1} == board["keys"][key]


def test_pairs_are_told_in_the_order_of_the_ranks():
    cards = real_cards()
    (board,) = boards(entries_of(cards))
    (told,) = data_of(page_of(cards))["boards"].values()
    assert len(told["pairs"]["value"]) == len(board.pairs)
    assert told["pairs"]["value"][1] == short(board.pairs[1].difference.value)
    assert {told["verdicts"][place] for place in told["pairs"]["verdict"]} >= {"told apart", "not told apart"}
    assert told["tested"] == len(board.ranked)


def test_two_cards_of_one_name_are_two_rows_with_two_addresses():
    first = real_cards()[0]
    page = page_of([renamed(first, "same", "a" * 64), renamed(first, "same", "b" * 64)])
    lines = next(iter(data_of(page)["boards"].values()))["lines"]
    slugs = [line["slug"] for line in lines]
    assert len(set(slugs)) == len(slugs)
    assert {line["label"] for line in lines if line["kind"] == "method"} == {
        f"same ({letter * 8}, {first.submission.track})" for letter in "ab"
    }


def test_an_incomplete_card_has_a_row_without_a_score():
    broken = small_card("broken", {"r0": 0.1}, status="incomplete", summary=None, failed={"s1": "it raised"})
    page = page_of([small_card("fair", {"r0": 0.2}), broken])
    (board,) = data_of(page)["boards"].values()
    assert [line["rank"] for line in board["lines"]] == [1, None]
    assert board["lines"][1]["failed"] == {"s1": "it raised"}
    assert "incomplete: 1 scenes failed" in page


def test_a_card_of_another_protocol_has_a_table_of_its_own():
    other = {"id": "tdsr-v1", "version": "2", "sha256": "b" * 64}
    page = page_of([small_card("a", {"r0": 0.2}), small_card("b", {"r0": 0.3}, protocol=other)])
    assert list(data_of(page)["boards"]) == ["tiny-real-test", "tiny-real-test-2"]
    found = parsed(page)
    assert [attributes["id"] for tag, attributes in found.elements if tag == "section"] == [
        "tiny-real-test",
        "tiny-real-test-2",
    ]
    assert found.texts["h2"][1] == "tiny, real, test (tdsr-v1 bbbbbbbb/ffffffff)"


def test_under_three_regions_there_is_no_interval_and_no_test():
    page = page_of([small_card("a", {"r0": 0.2, "r1": 0.4}), small_card("b", {"r0": 0.1, "r1": 0.1})])
    assert "two independent regions: too few for an interval" in page
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    assert "[" not in body
    assert not re.search(r"H[\d.]+v2H", body)
    (board,) = data_of(page)["boards"].values()
    assert board["pairs"]["reach"] == [None]
    assert board["verdicts"][board["pairs"]["verdict"][0]] == "not tested"
    assert "told apart" not in page[: page.index("<script type=")].split("</script>")[1]


def test_without_a_card_the_page_says_so():
    assert "There is no card." in page_of([])


def test_the_authors_own_evaluation_has_a_simple_table():
    balanced = {"a": {"B02": {"none": 0.9, "final": None}}, "Bicubic": {"B02": {"none": 1.0, "final": 1.0}}}
    summary = small_card("a", {"r0": 0.1}).model_dump()["summary"] | {"balanced_no_lpips": balanced, "balanced": {}}
    protocol = {"id": "mus2-official", "version": "1", "sha256": "c" * 64}
    found = parsed(page_of([small_card("a", {"r0": 0.1}, protocol=protocol, summary=summary)]))
    rows = [found.texts["td"][start : start + 4] for start in range(0, 16, 4)]
    assert [(method, *row) for method, row in zip(found.texts["th"][5:], rows, strict=True)] == [
        ("Bicubic", "final", "", "—", "1.0000"),
        ("a", "final", "SISR", "—", "—"),
        ("a", "none", "SISR", "—", "0.9000"),
        ("Bicubic", "none", "", "—", "1.0000"),
    ]


def test_a_sheet_that_is_none_is_left_out(tmp_path: Path):
    (tmp_path / "card.webp").write_bytes(b"no picture")
    card = small_card("a", {"r0": 0.1})
    (board,) = data_of(page_of([Entry(card, "a", tmp_path / "card.json")]))["boards"].values()
    assert board["lines"][0]["sheet"] == {"broken": f"{tmp_path.name}/card.webp"}


# With a browser


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as driver:
        own = driver.chromium.executable_path
        found = next((path for name in names if (path := shutil.which(name))), own if Path(own).is_file() else None)
        if not found:
            pytest.skip("there is no Chromium here")
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


class Opened:
    """A page from disk in a browser, and all that it must not do."""

    def __init__(self, browser: "Browser", path: Path, **options: Any) -> None:
        self.context = browser.new_context(
            viewport={"width": 1400, "height": 900} | options.pop("viewport", {}), **options
        )
        self.path = path
        self.wrong: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        self.context.route("**/*", self._route)

    def _route(self, route: Any) -> None:
        url = route.request.url
        if url.split("#")[0] == self.path.as_uri() or url.startswith("data:"):
            route.continue_()
        else:
            self.wrong.append(f"request: {url}")
            route.abort()

    def at(self, address: str = "") -> "Page":
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + address)
        self.page.wait_for_selector(".theme:not([hidden])")
        return self.page


Open = Any
"""Opens a page, at an address within it; see `Opened`."""


@pytest.fixture
def open_page(browser: "Browser", tmp_path: Path) -> Iterator[Open]:
    opened: list[Opened] = []

    def open_it(text: str, address: str = "", **options: Any) -> "Page":
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        opened.append(Opened(browser, path, **options))
        return opened[-1].at(address)

    yield open_it
    for one in opened:
        assert one.page.evaluate("window.taken") is None
        assert one.wrong == []
        one.context.close()


@pytest.fixture(scope="module")
def real_page() -> str:
    cards = [*real_cards(), renamed(real_cards()[0], HOSTILE)]
    (board,) = boards(entries_of(cards))
    return page_of(cards, {board.section: [Drawn()]})


def shown(page: "Page", selector: str) -> list[str]:
    """The texts of those cells that can be seen."""
    rows = page.locator(f".ranks tbody tr:not([hidden]) {selector}")
    return [text.strip() for text in rows.all_inner_texts()]


def until(page: "Page", condition: str) -> None:
    """Waits until `condition` holds. Playwright's own way to wait runs in the page, whose policy forbids that."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def numbers(texts: Sequence[str]) -> list[float]:
    return [float(text.replace(MINUS, "-")) for text in texts if text != "—"]


@pytest.mark.slow
def test_a_column_sorts_by_click_and_by_key(open_page: Open, real_page: str):
    page = open_page(real_page)
    ranks = [int(rank) for rank in shown(page, "td.rank") if rank.isdigit()]
    assert ranks == sorted(ranks)
    head = page.locator(".ranks thead th", has_text="task gap")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    found = shown(page, "td.gap:nth-child(6) b")
    assert numbers(found) == sorted(numbers(found), reverse=True)
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    found = shown(page, "td.gap:nth-child(6) b")
    assert numbers(found) == sorted(numbers(found))
    assert "—" not in found[: len(numbers(found))]
    assert "sort=task_gap" in page.url
    assert page.locator(".ranks thead th[aria-sort=none]").count() == page.locator(".ranks thead th").count() - 1


@pytest.mark.slow
def test_rows_are_filtered_by_text_and_track_and_counted(open_page: Open, real_page: str):
    page = open_page(real_page)
    cards = real_cards()
    count = page.locator(".count")
    all_methods = len(cards) + 1
    assert count.inner_text().startswith(f"{all_methods} of {all_methods} methods, ")
    page.get_by_label("Track").select_option("misr")
    page.get_by_label("reference methods").uncheck()
    misr = [card for card in cards if card.submission.track == "misr"]
    expected = len(misr) + (cards[0].submission.track == "misr")
    assert count.inner_text() == f"{expected} of {all_methods} methods shown"
    page.get_by_label("Find").fill("rams")
    rams = [card for card in misr if "rams" in card.submission.name.lower()]
    assert sorted(shown(page, "button.open")) == sorted(card.submission.name for card in rams)
    again = open_page(real_page, page.url[page.url.index("#") :])
    assert shown(again, "button.open") == shown(page, "button.open")
    page.get_by_role("button", name="Reset").click()
    until(page, "!location.hash.includes('q=')")
    assert count.inner_text().startswith(f"{all_methods} of {all_methods} methods, ")


@pytest.mark.slow
def test_rows_are_filtered_by_rank_and_flag(open_page: Open, real_page: str):
    page = open_page(real_page)
    page.get_by_label("not ranked").uncheck()
    page.get_by_label("reference methods").uncheck()
    assert all(rank.isdigit() for rank in shown(page, "td.rank"))
    kinds = page.get_by_label("Flag").locator("option").all_inner_texts()
    page.get_by_label("Flag").select_option(kinds[-1])
    assert all(kinds[-1] in flags for flags in shown(page, "td.flags"))
    assert shown(page, "td.flags")


@pytest.mark.slow
def test_a_card_opens_shows_its_rows_and_closes(open_page: Open, real_page: str):
    page = open_page(real_page)
    card = next(card for card in real_cards() if card.submission.name == "HAT-tiny pixel")
    page.get_by_role("button", name="HAT-tiny pixel", exact=True).click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", level=2).inner_text() == "HAT-tiny pixel"
    assert page.url.endswith("#mini-real-test/hat-tiny-pixel")
    psnr = dialog.locator("tr", has_text="PSNR").first
    assert card.summary is not None
    assert f"{card.summary.metrics['psnr'].mean:.2f}" in psnr.inner_text()
    scene = card.data.scenes[2]
    wanted = fmean(row["value"] for row in card.rows if row["key"] == "cssim" and row["scene"] == scene)
    cells = dialog.locator("tr", has_text=scene).locator("td").all_inner_texts()
    assert f"{wanted:.4f}" in cells
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog').open")
    assert page.url.endswith("#mini-real-test")
    assert page.evaluate("document.activeElement.textContent") == "HAT-tiny pixel"


@pytest.mark.slow
def test_an_address_opens_a_card_and_its_comparison(open_page: Open, real_page: str):
    page = open_page(real_page, "#mini-real-test/rams-tiny-pixel?with=bicubic&set=roads")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", level=2).inner_text() == "RAMS-tiny pixel"
    assert ": told apart" in dialog.locator(".finding").inner_text()
    dialog.get_by_label("with").select_option(label="HAT-tiny pixel")
    assert "pairs of ranked methods" in dialog.locator(".finding").inner_text()
    assert "matched pairs and controls" in dialog.locator(".finding + .facts").inner_text()
    assert dialog.get_by_label("metrics").input_value() == "roads"
    dialog.get_by_label("with").select_option(label="reference itself")
    assert "not tested" in dialog.locator(".finding").inner_text()
    dialog.get_by_role("button", name="Close").press("Enter")
    until(page, "!document.querySelector('dialog').open")


@pytest.mark.slow
def test_a_control_is_compared_by_its_own_test(open_page: Open):
    entries = entries_of(all_cards())
    (board,) = boards(entries)
    contrast = next(found for found in board.contrasts if found.other.label == "RAMS-tiny pixel, 1 frame")
    value = contrast.results[board.score].difference.value
    page = open_page(page_of(entries), "#mini-real-test/rams-tiny-pixel-1-frame?with=rams-tiny-pixel&controls=1")
    finding = page.get_by_role("dialog").locator(".finding").inner_text()
    assert value is not None
    assert finding.startswith(f"{-value:+.3f}".replace("-", MINUS))
    assert ": told apart" in finding
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="RAMS-tiny pixel, 1 frame").is_visible()


@pytest.mark.slow
def test_every_row_opens_even_hostile_and_incomplete_ones(open_page: Open):
    first = real_cards()[0]
    cards = [
        renamed(first, HOSTILE),
        first.model_copy(update={"summary": None, "status": "incomplete", "failed": {HOSTILE: HOSTILE}}),
        small_card(HOSTILE, {HOSTILE: 0.1}, environment={"libraries": HOSTILE}),
    ]
    page = open_page(page_of(cards))
    for board in ("mini-real-test", "tiny-real-test"):
        page.evaluate("board => { location.hash = board }", board)
        until(page, f"!document.getElementById('{board}').hidden")
        for button in page.locator(f"#{board} tr:not([hidden]) button.open").all():
            button.press("Enter")
            assert page.get_by_role("dialog").get_by_role("heading", level=2).inner_text()
            page.keyboard.press("Escape")


CONTRAST = """selectors => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const pixel = colour => {
    canvas.fillStyle = colour; canvas.clearRect(0, 0, 1, 1); canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const found = pixel(getComputedStyle(one).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255];
  };
  return selectors.map(selector => [...document.querySelectorAll(selector)].map(element => {
    const two = [light(pixel(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    return (two[0] + 0.05) / (two[1] + 0.05);
  })).map((all, i) => [selectors[i], all.length ? Math.min(...all) : null]);
}"""

READ = [
    "body", ".lead", ".facts", ".reading dd", ".note li", ".count", "thead th", ".open", ".track", ".chip",
    ".legend dd", "td.trained", "td.gap small", "tr.reference .open", "tr.reference small", "tr.unranked td",
    "figcaption", ".page-foot", ".theme button", "dialog td.heat", "dialog dt", "dialog .card-nav button",
    "dialog .facts",
]  # fmt: skip


@pytest.mark.slow
def test_both_themes_can_be_read(open_page: Open, real_page: str):
    page = open_page(real_page)
    backgrounds = {}
    for theme in ("Dark", "Light"):
        page.get_by_role("button", name=theme, exact=True).click()
        page.get_by_role("button", name="bicubic", exact=True).first.click()
        found = dict(page.evaluate(CONTRAST, READ))
        assert {selector: ratio for selector, ratio in found.items() if ratio is None or ratio < 4.5} == {}
        page.keyboard.press("Escape")
        backgrounds[theme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert backgrounds == {"Dark": "rgb(18, 21, 26)", "Light": "rgb(255, 255, 255)"}
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


@pytest.mark.slow
@pytest.mark.parametrize("address", ["", "#mini-real-test/rams-tiny-pixel"])
def test_nothing_is_wider_than_a_phone(open_page: Open, real_page: str, address: str):
    page = open_page(real_page, address, viewport={"width": 360, "height": 760})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if address:
        assert page.evaluate("document.querySelector('dialog').scrollWidth") <= 360


@pytest.mark.slow
def test_a_sheet_is_shown_with_its_headings(open_page: Open, tmp_path: Path):
    card = real_cards()[0]
    write_sheet_of(tmp_path / "card.webp", np.random.default_rng(1))
    page = open_page(page_of([Entry(card, "a method", tmp_path / "card.json")]), "#mini-real-test/a-method")
    pictures = page.locator(".sheet")
    assert pictures.count() == 2
    assert pictures.first.inner_text().split() == [
        "mini_r07_s1", "city-grid", "frame;", "truth", "bicubic", "method", "reference", "image", "roads", "buildings",
    ]  # fmt: skip
    image = pictures.nth(1).locator("img")
    assert image.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [512, 768]
    assert str(image.get_attribute("alt")).startswith("mini_r10_s1, ")


@pytest.mark.slow
def test_a_table_is_there_without_a_script(browser: "Browser", tmp_path: Path, real_page: str):
    (tmp_path / "page.html").write_text(real_page, encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.get_by_role("row").count() > len(real_cards())
    assert not page.locator(".controls").is_visible()
    context.close()


@pytest.mark.slow
def test_two_hundred_rows_are_sorted_and_filtered(open_page: Open, many_page: str):
    page = open_page(many_page)
    page.locator(".ranks thead th.score button").click()
    found = numbers(shown(page, "td.score b"))
    assert found == sorted(found, reverse=True)
    page.get_by_label("Find").fill("method 19")
    assert page.locator(".count").inner_text().startswith("11 of 200 methods")
    page.get_by_role("button", name="method 199").click()
    assert page.get_by_role("dialog").get_by_role("heading", level=2).inner_text() == "method 199"
