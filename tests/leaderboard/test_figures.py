"""Figures of a board: what stands in them, on any page, for any cards."""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

import cards
from tdsr_bench.card import ResultCard
from tdsr_bench.inference import paired_difference
from tdsr_bench.tasks.colours import LEGEND
from tdsr_bench.tasks.sheet import COLUMNS, TILE, Block, write_sheet
from tdsr_leaderboard.board import Board, board
from tdsr_leaderboard.figures import Drawing, figures, scores_figure, standalone, strip
from tdsr_leaderboard.figures.frames import gains, studies
from tdsr_leaderboard.figures.labels import PLACES, place_labels
from tdsr_leaderboard.figures.pareto import corners, front, points_of
from tdsr_leaderboard.figures.style import BLUE, GREEN, GREY, INK, PINK, VERMILLION, short, styled
from tdsr_leaderboard.figures.svg import drawing
from tdsr_leaderboard.read import Entry, section_of
from tdsr_leaderboard.weights import Line, doubtful, lines, reigns, winners

SVG = "{http://www.w3.org/2000/svg}"
NONE: dict[str, Any] = {"value": None, "missing": ["no network"]}
HOSTILE = "<script>alert(\"1\")</script> & $x^2$ 'q' \n\x00\x1b 超解像 " + "long " * 40
MINUS = "\N{MINUS SIGN}"
REGIONS = 6
SAME = [0.2] * REGIONS


def gap(values: Sequence[float]) -> dict[str, Any]:
    made = cards.gap({f"r{index}": value for index, value in enumerate(values)})
    return made if len(values) > 2 else made | {"ci95": None}


def card(
    name: str,
    image: Sequence[float],
    task: Sequence[float] | None = None,
    *,
    track: str = "sisr",
    ranked: bool = True,
    fingerprint: str = "f" * 64,
    about: dict[str, Any] | None = None,
    **changes: Any,
) -> ResultCard:
    """A card whose gaps have these values in each region; without a task gap if there are none for it."""
    plain = cards.card(name, list(image), track=track, fingerprint=fingerprint, about=about)
    content = plain.model_dump(by_alias=True, mode="json")
    values = {"image_gap_no_lpips": image}
    if task is not None:
        both = [(a + b) / 2 for a, b in zip(image, task, strict=True)]
        values |= {"task_gap": task, "combined_gap_no_lpips": both}
    guards = {"ranked": ranked, "reasons": [] if ranked else ["image gap is under 0"]}
    content["summary"] |= {key: gap(part) for key, part in values.items()} | {"guards": guards}
    content["references"] = {
        "bicubic": {key: gap([0.0] * len(image)) for key in values},
        "reference itself": {key: gap([1.0] * len(image)) for key in values},
    }
    return ResultCard.model_validate(content | changes)


def board_of(found: Sequence[ResultCard], paths: Mapping[str, Path] | None = None) -> Board:
    entries = [Entry(one, one.submission.name, (paths or {}).get(one.submission.name)) for one in found]
    return board(section_of(found[0]), entries)


def around(value: float, *, seed: int) -> list[float]:
    noise = np.random.default_rng(seed).normal(size=REGIONS)
    return [float(one) for one in value + 0.05 * (noise - noise.mean())]


TRAINING = {"data": "d", "regime": "pixel", "samples": 6000, "patch": 32, "started": ""}


def whole_cards(*, one: str = "Net one", many: str = "Net many", **same: Any) -> list[ResultCard]:
    """Two tracks, a method that is not ranked, controls of fewer frames, and a partner of the same training."""
    methods = [
        card(many, around(0.5, seed=1), around(0.4, seed=2), track="misr", about={"frames": 9, "training": TRAINING}),
        card(one, around(0.3, seed=3), around(0.45, seed=4), about={"frames": 1, "training": TRAINING}),
        card("blur", around(-0.3, seed=5), around(-0.2, seed=6), ranked=False),
        card("sharp", around(0.2, seed=7), around(-0.3, seed=8)),
    ]
    fewer = [
        card(
            f"{many}, {count} frames",
            around(0.1 + count / 30, seed=20 + count),
            around(count / 40, seed=30 + count),
            track="misr",
            about={"frames": count, "control_of": many},
        )
        for count in (1, 3, 5)
    ]
    averaged = {"control_of": one}
    other = card(f"{one}, averaged", around(0.33, seed=11), around(0.42, seed=12), track="misr", about=averaged)
    return [one.model_copy(update=same) for one in (*methods, *fewer, other)]


def many_cards(count: int) -> list[ResultCard]:
    return [
        card(
            f"method {index}",
            around(0.6 - index / count, seed=index),
            around(0.5 - index / count, seed=1000 + index),
            track=("sisr", "misr")[index % 2],
            ranked=index % 10 != 9,
        )
        for index in range(count)
    ]


def write_flat_sheet(
    path: Path, method: str, colours: Sequence[Sequence[int]], scenes: Sequence[str] = ("s0",)
) -> None:
    """A sheet of flat tiles: grey levels by row (image, roads) and column."""
    tiles = [[np.full((TILE, TILE, 3), level, dtype=np.uint8) for level in row] for row in colours]
    picture = np.vstack([np.hstack(row) for row in tiles])
    write_sheet(path, method, {scene: Block(("roads",), picture) for scene in scenes})


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The paths of two cards that have sheets beside them."""
    folder = tmp_path_factory.mktemp("sheets")
    write_flat_sheet(folder / "one.webp", "Net one", [[10, 40, 70, 100], [20, 50, 80, 110]])
    write_flat_sheet(folder / "many.webp", "Net many", [[10, 40, 170, 100], [20, 50, 180, 110]])
    return {"Net one": folder / "one.json", "Net many": folder / "many.json"}


@pytest.fixture(scope="module")
def whole(sheets: dict[str, Path]) -> dict[str, Drawing]:
    return {figure.key: figure for figure in figures(board_of(whole_cards(), sheets))}


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(part.itertext()) for part in root.iter(f"{SVG}text")]


def test_a_board_with_everything_has_all_figures_in_reading_order(whole: dict[str, Drawing]):
    assert list(whole) == ["pareto", "scores", "pairs", "frames", "weights", "strip"]
    for figure in whole.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag == f"{SVG}svg"
        assert figure.title
        assert figure.caption.endswith(".")


def test_methods_are_named_as_text_and_so_are_the_references(whole: dict[str, Drawing]):
    assert {"Net one", "Net many", "sharp", "blur", "bicubic", "reference itself"} <= set(texts(whole["pareto"].svg))
    assert {"Net one", "Net many", "sharp", "blur", "bicubic", "reference itself"} <= set(texts(whole["scores"].svg))
    assert {"Net one", "Net many", "sharp"} <= set(texts(whole["pairs"].svg))
    assert "blur" not in texts(whole["pairs"].svg)
    assert {"minus Net one", "minus Net one, averaged", "9", "gain over the fewest"} <= set(texts(whole["frames"].svg))
    assert {"frame", "bicubic", "Net one", "Net many", "reference", "truth", "roads", LEGEND} <= set(
        texts(whole["strip"].svg)
    )


def test_captions_say_how_many_regions_there_are(whole: dict[str, Drawing]):
    for key in ("pareto", "scores", "pairs", "frames", "weights"):
        assert "6 scenes in six independent regions: intervals by Student's t" in whole[key].caption


def test_screen_readers_are_told_title_and_caption(whole: dict[str, Drawing]):
    for figure in whole.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.get("role") == "img"
        told = [root.find(f".//*[@id='{name}']") for name in root.attrib["aria-labelledby"].split()]
        assert [part.text for part in told if part is not None] == [figure.title, figure.caption]


def test_text_has_the_colour_of_the_page(whole: dict[str, Drawing]):
    for figure in whole.values():
        assert "currentColor" in figure.svg
        assert not re.search(r"#000\b|#000000|black|" + INK, figure.svg)
        for part in ElementTree.fromstring(figure.svg).iter(f"{SVG}text"):
            assert part.get("fill", "currentColor") == "currentColor"
        assert "style" not in figure.svg  # neither a sheet, which would hold for the page, nor what pages may forbid


def test_a_file_that_stands_alone_knows_light_and_dark(whole: dict[str, Drawing]):
    for figure in whole.values():
        text = standalone(figure)
        root = ElementTree.fromstring(text.encode())
        style = root.findtext(f"{SVG}style")
        assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<svg ')
        assert style == ":root{color:#1f2328}@media (prefers-color-scheme: dark){:root{color:#e6edf3}}"


def test_colours_are_seaborns_and_can_be_seen_on_light_and_dark():
    import seaborn

    def light(colour: str) -> float:
        parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05

    for colour in (BLUE, GREEN, VERMILLION, PINK, GREY):
        assert colour in seaborn.color_palette("colorblind").as_hex()
        assert light("#ffffff") / light(colour) >= 3
        assert light(colour) / light("#0d1117") >= 3


def test_no_two_figures_share_an_id_and_every_reference_is_met(sheets: dict[str, Path]):
    first, second = (board_of([one.model_copy() for one in whole_cards()], sheets) for _ in range(2))
    second = board_of(
        [one.model_copy(update={"data": one.data.model_copy(update={"arm": "other"})}) for one in whole_cards()]
    )
    known: list[str] = []
    for figure in (*figures(first), *figures(second)):
        own = re.findall(r' id="([^"]+)"', figure.svg)
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', figure.svg)) <= {(one, "") for one in own} | {
            ("", one) for one in own
        }
        known += own
    assert len(known) == len(set(known)) > 20


def test_the_same_cards_make_the_same_bytes_whatever_the_reader_has_set(
    whole: dict[str, Drawing], sheets: dict[str, Path]
):
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context(
        {"font.size": 40, "svg.fonttype": "path", "axes.facecolor": "red", "text.parse_math": True}
    ):
        again = figures(board_of(whole_cards(), sheets))
    assert again == list(whole.values())
    assert dict(matplotlib.rcParams) == before


def test_no_figure_is_left_to_pyplot(whole: dict[str, Drawing]):
    from matplotlib import pyplot

    assert whole
    assert pyplot.get_fignums() == []


def test_hostile_names_come_out_escaped_and_short(tmp_path: Path):
    made = whole_cards(one=HOSTILE + "1", many=HOSTILE + "2")
    write_flat_sheet(tmp_path / "one.webp", HOSTILE, [[10, 40, 70, 100], [20, 50, 80, 110]], [HOSTILE])
    found = figures(board_of(made, {HOSTILE + "1": tmp_path / "one.json"}))
    assert len(found) == 6
    for figure in found:
        root = ElementTree.fromstring(figure.svg)
        assert {part.tag.removeprefix(SVG) for part in root.iter()} <= {
            "svg", "title", "desc", "g", "path", "text", "use", "defs", "clipPath", "rect", "image"
        }  # fmt: skip
        names = [text for text in texts(figure.svg) if text.startswith("<script>")]
        assert names
        assert all(name.endswith(("…", "from 0.5")) or "…, from" in name for name in names)
        assert not any("\n" in text or "\x1b" in text or len(text) > 120 for text in texts(figure.svg))


def test_a_name_cannot_pass_for_a_part_of_the_picture():
    name = f'{INK} " style="x" id="y" url(#z)'
    with styled("test"):
        figure = scores_figure(board_of([card(name, around(0.5, seed=1))]))
    svg = drawing(board_of([card("a", [0.1])]), figure, key="test", title="t", caption="c").svg
    assert short(name) in texts(svg)


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("a  b\n c\x00", 10, "a b c"),
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghijk", 10, "abcdefghi…"),
        ("超解像超解像", 7, "超解像…"),
        ("a\u202eb", 10, "a b"),
    ],
)
def test_names_are_shortened_by_the_room_they_take(text: str, most: int, expected: str):
    assert short(text, most) == expected


def test_the_front_is_what_nobody_exceeds_in_both():
    points = [(0.1, 0.9), (0.5, 0.5), (0.5, 0.6), (0.4, 0.4), (0.9, 0.1), (0.9, 0.1), (0.2, 0.2)]
    assert front(points) == [(0.1, 0.9), (0.5, 0.6), (0.9, 0.1)]
    assert corners(points, -1, -2) == [(-1, 0.9), (0.1, 0.9), (0.5, 0.6), (0.9, 0.1), (0.9, -2)]
    assert front([]) == corners([], 0, 0) == []


def test_the_plane_holds_methods_and_those_references_that_are_no_method():
    made = [
        card("bicubic", [0.0] * 6, [0.0] * 6),
        card("net", [0.4] * 6, [0.5] * 6),
        card("guarded", [-0.1] * 6, [0.1] * 6, ranked=False),
    ]
    points = points_of(board_of(made))
    assert [(point.label, point.track, point.ranked) for point in points] == [
        ("net", "sisr", True),
        ("bicubic", "sisr", True),
        ("guarded", "sisr", False),
        ("reference itself", "", False),
    ]
    assert points[0].at == pytest.approx((0.4, 0.5))


def test_labels_cover_neither_each_other_nor_a_point():
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform(200, 300, (30, 2))]
    sizes = [(80.0, 12.0)] * 12
    places = place_labels(points, sizes, (0, 0, 500, 500), np.empty((0, 4)))
    boxes = []
    for (x, y), place, (wide, high) in zip(points, places, sizes, strict=False):
        assert place in PLACES
        assert place is not None
        left = x + place.right - wide * {"left": 0, "center": 0.5, "right": 1}[place.horizontal]
        low = y + place.up - high * {"bottom": 0, "center": 0.5, "top": 1}[place.vertical]
        boxes.append((left, low, left + wide, low + high))
    for index, (left, low, right, high) in enumerate(boxes):
        assert not any(left < x < right and low < y < high for x, y in points)
        assert not any(left < r and right > w and low < h and high > b for w, b, r, h in boxes[:index])


def test_a_label_goes_where_no_line_is_and_is_left_out_where_no_room_is():
    row = np.array([[0.0, 45.0, 200.0, 55.0]])
    (place,) = place_labels([(100, 50)], [(50, 10)], (0, 0, 200, 100), row)
    assert place is not None
    assert place.vertical != "center"
    assert place_labels([(100, 50)], [(500, 10)], (0, 0, 200, 100), row) == [None]


def test_cells_are_full_after_correction_and_outlined_only_before_it():
    flat = np.array([1, -1, 1, -1, 1, -1])
    made = [
        card("a", list(0.55 + 0.001 * flat)),
        card("b", list(0.3 + 0.12 * flat)),
        card("c", list(0.2 - 0.06 * flat)),
        card("d", list(0.19 + 0.03 * flat)),
    ]
    drawn = board_of(made)
    found = {(pair.first, pair.second): pair for pair in drawn.pairs}
    assert found["a", "b"].told_apart
    assert not found["b", "d"].told_apart
    assert found["b", "d"].before_correction
    assert not found["c", "d"].before_correction
    (svg,) = [figure.svg for figure in figures(drawn) if figure.key == "pairs"]
    numbers = texts(svg)
    assert {"+.25", f"{MINUS}.25", "+.11", f"{MINUS}.11", "+.01", f"{MINUS}.01"} <= set(numbers)
    full = [part for part in ElementTree.fromstring(svg).iter(f"{SVG}path") if part.get("fill") in (BLUE, VERMILLION)]
    apart = sum(pair.told_apart for pair in found.values())
    only_before = sum(pair.before_correction and not pair.told_apart for pair in found.values())
    outlined = [
        part for part in ElementTree.fromstring(svg).iter(f"{SVG}path") if part.get("stroke") in (BLUE, VERMILLION)
    ]
    assert (len(full), len(outlined)) == (2 * apart + 2, 2 * only_before)  # two of the legend


def test_long_tables_name_the_first_and_say_so():
    found = {figure.key: figure for figure in figures(board_of(many_cards(60)))}
    assert "Only the first 20 of 60 methods are named." in found["pareto"].caption
    assert "Only the first 20 of 60 methods are named." in found["scores"].caption
    assert "The first 24 of 54 ranked methods are shown." in found["pairs"].caption
    assert "Thin: 46 more." in found["weights"].caption
    assert len([text for text in texts(found["scores"].svg) if text.startswith("method")]) == 20


def test_gains_are_paired_differences_to_the_fewest_frames():
    made = board_of(whole_cards())
    (study,) = studies(made)
    assert list(study.steps) == [1, 3, 5, 9]
    assert [contrast.other.label for contrast in study.contrasts] == ["Net one", "Net one, averaged"]
    (gained,) = gains([study], "task_gap")
    few, many = (study.steps[count].summary.task_gap.regions for count in (1, 9))  # type: ignore[union-attr]
    expected = paired_difference(many, few, confidence=0.95, least=3)
    assert (gained[9].difference.value, gained[9].difference.ci95) == (expected.value, expected.ci95)
    assert list(gained) == [3, 5, 9]
    assert gained[9].told_apart
    assert not gained[3].told_apart


def test_a_control_with_as_many_frames_as_the_method_gives_way_to_it():
    about = {"frames": 9, "control_of": "Net many"}
    again = card("Net many, 9 frames", SAME, SAME, track="misr", about=about)
    (study,) = studies(board_of([*whole_cards(), again]))
    assert study.steps[9].submission.name == "Net many"


def test_controls_of_a_single_image_method_are_no_study():
    about = [{"frames": 9, "control_of": "net"}] * 2
    made = [
        card(f"net, {how}", SAME, track="misr", about=one)
        for how, one in zip(("averaged", "median"), about, strict=True)
    ]
    assert studies(board_of([card("net", SAME), *made])) == []


def line(label: str, image: Sequence[float], task: Sequence[float]) -> Line:
    return Line(label, np.array(image), np.array(task))


def test_winners_change_where_lines_cross():
    found = reigns([line("a", [0.6] * 3, [0.2] * 3), line("b", [0.2] * 3, [0.4] * 3), line("c", [0.0] * 3, [0.1] * 3)])
    assert [(reign.label, reign.start, reign.stop) for reign in found] == [
        ("a", 0.0, pytest.approx(2 / 3)),
        ("b", pytest.approx(2 / 3), 1.0),
    ]
    assert [reign.told_apart for reign in found] == [1.0, 1.0]


def test_a_line_through_a_crossing_of_two_others_wins_nowhere():
    three = [line("a", [1.0] * 3, [0.0] * 3), line("b", [0.5] * 3, [0.5] * 3), line("c", [0.0] * 3, [1.0] * 3)]
    assert [(reign.label, reign.start, reign.stop) for reign in reigns(three)] == [("a", 0, 0.5), ("c", 0.5, 1)]


def test_of_equal_methods_the_first_wins_and_that_is_in_doubt():
    (reign,) = reigns([line("a", [0.1, 0.2, 0.3], [0.2] * 3), line("b", [0.1, 0.2, 0.3], [0.2] * 3)])
    assert (reign.label, reign.doubtful, reign.told_apart) == ("a", ((0.0, 1.0),), 0.0)


def test_doubt_is_where_the_paired_interval_holds_zero():
    rng = np.random.default_rng(3)
    for _ in range(20):
        image, task = rng.normal(0.03, 0.1, 6), rng.normal(0.05, 0.1, 6)
        spans = doubtful(image, task, 0, 1)
        for weight in np.linspace(0, 1, 101):
            mixed = {str(region): value for region, value in enumerate((1 - weight) * image + weight * task)}
            ends = paired_difference(mixed, dict.fromkeys(mixed, 0.0), confidence=0.95, least=3).ci95
            assert ends is not None
            assert any(start <= weight <= stop for start, stop in spans) == (ends[0] <= 0 <= ends[1])


def test_under_three_regions_every_winner_is_in_doubt():
    found = reigns([line("a", [0.9, 0.9], [0.9, 0.9]), line("b", [0.1, 0.1], [0.1, 0.1])])
    assert [reign.told_apart for reign in found] == [0.0]


def test_lines_are_of_ranked_methods_over_the_regions_with_both_gaps():
    made = [card("a", [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]), card("b", [0.3, 0.2, 0.1], [0.0, 0.0, 0.3])]
    part = made[1].model_dump(by_alias=True, mode="json")
    del part["summary"]["task_gap"]["regions"]["r1"]
    found = lines(board_of([made[0], ResultCard.model_validate(part), card("c", [0.9] * 3, [0.9] * 3, ranked=False)]))
    assert [(one.label, one.image.tolist(), one.task.tolist()) for one in found] == [
        ("a", [0.1, 0.3], [0.4, 0.6]),
        ("b", [0.3, 0.1], [0.0, 0.3]),
    ]
    assert winners(board_of(made[:1])) == []


def tiles(svg: str) -> dict[tuple[float, float], int]:
    """The grey level of each tile by its place."""
    found = {}
    for image in ElementTree.fromstring(svg).iter(f"{SVG}image"):
        head, data = image.attrib["href"].split(",")
        assert head == "data:image/webp;base64"
        pixels = np.asarray(Image.open(BytesIO(b64decode(data))).convert("L"))
        assert pixels.shape == (TILE, TILE)
        found[float(image.attrib["y"]), float(image.attrib["x"])] = round(float(pixels.mean()))
    return dict(sorted(found.items()))


def test_the_strip_shows_the_right_tiles_in_their_columns(whole: dict[str, Drawing]):
    levels = list(tiles(whole["strip"].svg).values())
    assert np.abs(np.array(levels) - [10, 40, 70, 170, 100, 20, 50, 80, 180, 110]).max() <= 2
    assert "Net one (SISR) and Net many (MISR)" in whole["strip"].caption


def test_a_strip_can_be_of_one_track_and_leaves_out_what_is_no_sheet(sheets: dict[str, Path], tmp_path: Path):
    (tmp_path / "many.webp").write_bytes(b"no picture")
    drawn = strip.draw(board_of(whole_cards(), sheets | {"Net many": tmp_path / "many.json"}))
    assert drawn is not None
    assert len(tiles(drawn.svg)) == 2 * len(COLUMNS)
    assert "Net many" not in texts(drawn.svg)


def test_a_strip_is_of_sheets_that_show_the_same(sheets: dict[str, Path], tmp_path: Path):
    write_flat_sheet(tmp_path / "many.webp", "Net many", [[1, 2, 3, 4], [5, 6, 7, 8]], ["another"])
    drawn = strip.draw(board_of(whole_cards(), sheets | {"Net many": tmp_path / "many.json"}))
    assert drawn is not None
    assert len(tiles(drawn.svg)) == 2 * len(COLUMNS)


def test_a_strip_is_small_whatever_it_shows(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (3 * TILE, 4 * TILE, 3), dtype=np.uint8)
    write_sheet(tmp_path / "card.webp", "Net one", {"s0": Block(("roads", "buildings"), noise)})
    drawn = strip.draw(board_of(whole_cards(), {"Net one": tmp_path / "card.json"}))
    assert drawn is not None
    assert len(standalone(drawn).encode()) < 150_000


BROKEN: dict[str, Any] = {"summary": None, "status": "incomplete", "failed": {"r0": "it raised"}}

POOR: dict[str, tuple[list[ResultCard], list[str]]] = {
    "one card": ([card("a", around(0.5, seed=1), SAME)], ["pareto", "scores"]),
    "one card without tasks": ([card("a", around(0.5, seed=1))], ["scores"]),
    "one region": ([card("a", [0.5], [0.4]), card("b", [0.3], [0.4])], ["pareto", "scores", "pairs", "weights"]),
    "two regions": ([card("a", [0.5, 0.1]), card("b", [0.3, 0.1])], ["scores", "pairs"]),
    "identical": ([card("a", SAME, SAME), card("b", SAME, SAME)], ["pareto", "scores", "pairs", "weights"]),
    "all zero": ([card(name, [0.0] * 3, [0.0] * 3) for name in "ab"], ["pareto", "scores", "pairs", "weights"]),
    "nobody ranked": ([card("a", around(-0.5, seed=1), SAME, ranked=False)], ["pareto", "scores"]),
    "incomplete": ([card("a", SAME, **BROKEN)], []),
    "one incomplete": ([card("a", SAME), card("b", SAME, **BROKEN)], ["scores"]),
    "one without tasks": ([card("a", SAME, SAME), card("b", SAME)], ["pareto", "scores", "pairs"]),
    "no gap": ([card("a", [1e8] * 3, [1e8] * 3)], []),
    "no names": ([card("", SAME), card("\n", around(0.4, seed=1))], ["scores", "pairs"]),
}


@pytest.mark.parametrize("name", POOR)
def test_poor_boards_have_fewer_figures(name: str):
    made, keys = POOR[name]
    assert [figure.key for figure in figures(board_of(made))] == keys


def test_scores_are_a_figure_of_matplotlib_on_white():
    figure = scores_figure(board_of(whole_cards()))
    content = BytesIO()
    figure.savefig(content, format="png")
    assert Image.open(content).getpixel((0, 0)) == (255, 255, 255, 255)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Net many", "Net one", "sharp", "blur"]
    assert axes.get_xlabel() == "combined gap without LPIPS"


def test_without_a_score_the_figure_says_so():
    figure = scores_figure(board_of([card("a", SAME, summary=None, status="incomplete")]))
    assert [text.get_text() for text in figure.texts] == ["No method has a score."]
