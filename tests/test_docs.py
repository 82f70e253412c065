"""Every command in README and docs runs, in the order in which it stands there, and every link leads somewhere."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from dataverse_server import Dataverse
from makers import landscape
from mus2_archives import golden_archives
from osm_files import Map
from PIL import Image
from studies import write_study

from tdsr_baselines.training import config as training_config
from tdsr_baselines.training.config import TrainingConfig, load_config
from tdsr_bench.cli import main
from tdsr_bench.isolation.sandbox import choose_isolation

REPOSITORY = Path(__file__).parents[1]
GOLDEN = REPOSITORY / "tests" / "golden" / "mus2_official_a"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
COMMAND = re.compile(r"^(?: {4})?(?:pip install uv && )?(?:uv run )?(tdsr-bench .*)$", re.MULTILINE)
NOTEBOOK = REPOSITORY / "docs" / "python-api.ipynb"
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
SCORED: set[str] = set()
"""What was evaluated on mini already: pages repeat it, and it would come out the same."""

CLUSTERS = ("dask:", "slurm:")
"""Engines for which there would have to be a cluster; tests/benchmark/engine runs them."""

METHOD = "shifted_bicubic"
"""The method whose images the golden data set holds."""


def commands(page: Path) -> list[str]:
    """The calls of the command line in `page`, without what installs it."""
    return [found[1] for found in COMMAND.finditer(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which everything that the pages name is there."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "submissions").symlink_to(REPOSITORY / "submissions")
    for name in ("my", "their"):
        write_submission(folder / name)
    (folder / "weights").mkdir()
    for name in ("MuS2", "MUS2"):
        shutil.copytree(GOLDEN, folder / name)
    write_images(folder / "my-images")
    write_acquisitions(folder / "my-acquisitions")
    write_town(folder)
    write_recipe(folder / "my-recipe.toml")
    write_training(folder / "my-training.toml")
    write_plan(folder / "my-study.toml")
    shutil.copytree(REPOSITORY / "studies", folder / "studies", ignore=shutil.ignore_patterns("results", "trainings"))
    write_map(folder / "netherlands.osm.pbf")
    archives = golden_archives()
    (folder / "my-archives").mkdir()
    for name, content in archives.items():
        (folder / "my-archives" / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, Dataverse(archives).running() as server:
        patch.setenv("TDSR_BENCH_DATAVERSE", server.url)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("TDSR_BENCH_CACHE", str(folder / "cache"))
        patch.setenv("HOME", str(folder))
        patch.chdir(folder)
        yield folder


def write_submission(folder: Path) -> None:
    """The submission that docs/submitting.md shows."""
    found = EXAMPLE.search((REPOSITORY / "docs" / "submitting.md").read_text(encoding="utf-8"))
    assert found is not None
    folder.mkdir()
    (folder / "submission.py").write_text(found[1])


def write_images(folder: Path) -> None:
    folder.mkdir()
    for scene in (GOLDEN / "image_data").iterdir():
        with Image.open(scene / "hr_resized" / "mul_band_1.tiff") as image:
            width, height = image.size
        np.save(folder / f"{scene.name}.npy", np.full((4, height, width), 0.1, dtype=np.float32))


def write_acquisitions(folder: Path) -> None:
    folder.mkdir()
    ground = landscape(np.random.default_rng(0), 240)
    for index in range(4):
        day = date(2021, 7, 16) - timedelta(days=30 * index)
        noise = np.random.default_rng(index).normal(0, 0.001, ground.shape)
        write_raster(folder / f"place_{day}.tif", np.rint(1e4 * (ground + noise)).astype(np.uint16), metres=10.0)


def write_town(folder: Path) -> None:
    write_raster(folder / "town.tif", (600 * landscape(np.random.default_rng(1), 600)).astype(np.uint8), metres=0.5)
    box = '{"type": "Feature", "properties": {}, "geometry": {"type": "%s", "coordinates": %s}}'
    crs = '"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}'
    corners = "[500060,3999900],[500090,3999900],[500090,3999940],[500060,3999940],[500060,3999900]"
    house = box % ("Polygon", f"[[{corners}]]")
    road = box % ("LineString", "[[500010,3999990],[500290,3999710]]")
    for name, feature in (("town.geojson", house), ("town-roads.gpkg", road)):
        # GDAL knows a file by what is in it, whatever its ending
        (folder / name).write_text('{"type": "FeatureCollection", %s, "features": [%s]}' % (crs, feature))  # noqa: UP031


def write_map(path: Path) -> None:
    """A road and a house where the first scene of the golden data set is."""
    osm = Map()
    osm.way([(3.0, 41.548), (3.008, 41.55)], highway="secondary")
    osm.way([(3.003, 41.547), (3.004, 41.547), (3.004, 41.548), (3.003, 41.547)], building="yes")
    osm.write(path)


def write_recipe(path: Path) -> None:
    """The recipe of mini, for a moment only."""
    content = (REPOSITORY / "benchmark/tdsr_bench/training/recipes/mini.toml").read_text(encoding="utf-8")
    for old, new in (
        ("steps = 600", "steps = 2"),
        ("validate_every = 100", "validate_every = 2"),
        ("crop = 128", "crop = 32"),
    ):
        assert old in content
        content = content.replace(old, new)
    path.write_text(content, encoding="utf-8")


def write_training(path: Path) -> None:
    """The configuration that docs/training.md shows."""
    page = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    path.write_text(found[1], encoding="utf-8")


def write_plan(path: Path) -> None:
    """The plan that docs/studies.md shows, and beside it records as if it had been run."""
    page = (REPOSITORY / "docs" / "studies.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    path.write_text(found[1], encoding="utf-8")
    write_study(path.parent, plan=path)


def shortened(config: TrainingConfig) -> TrainingConfig:
    """The same for a moment only."""
    short = {"steps": 2, "validate_every": 2, "batch": 1, "crop": 16}
    return config.model_copy(update={"training": config.training.model_copy(update=short)})


def write_raster(path: Path, image: np.ndarray, *, metres: float) -> None:
    import rasterio

    count, height, width = image.shape
    options = {"driver": "GTiff", "width": width, "height": height, "count": count, "dtype": image.dtype}
    grid = rasterio.Affine(metres, 0, 500000, 0, -metres, 4000000)
    with rasterio.open(path, "w", crs="EPSG:32631", transform=grid, **options) as raster:
        raster.write(image)


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run one line as a shell would, on what the golden data set has and without a cluster."""
    words = [str(Path(word).expanduser()) if word.startswith("~") else word for word in shlex.split(command)]
    stand_ins = {
        "bwrap": choose_isolation("auto"),
        "METHOD": METHOD,
        "hrn_sim": METHOD,
        "DATA": "MuS2",
        "FOLDER": "my-acquisitions",
        "IMAGE": "town.tif",
    }
    words = ["serial" if word.startswith(CLUSTERS) else word for word in words]
    if words[1:3] == ["study", "run"]:
        words.append("--dry-run")  # it may take hours; tests/baselines/study runs one
    monkeypatch.setattr(sys, "argv", [stand_ins.get(word, word) for word in words])
    monkeypatch.setattr(training_config, "load_config", lambda name: shortened(load_config(name)))
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(place: Path, page: Path, monkeypatch: pytest.MonkeyPatch):
    done = {}
    for name in ("my-acquisitions", "my-place", "town"):  # pages make the same data sets
        shutil.rmtree(place / "cache" / "data" / name, ignore_errors=True)
    for command in commands(page):
        if command not in SCORED:
            done[command] = run(command, monkeypatch)
        if command.startswith("tdsr-bench evaluate") and "--data" not in command:
            SCORED.add(command)
    assert not {command: code for command, code in done.items() if code}


@pytest.mark.slow
def test_the_notebook_runs(place: Path, monkeypatch: pytest.MonkeyPatch):
    """All of its code, in a folder beside the leaderboard as docs is; lines that only Jupyter knows are left out."""
    (place / "leaderboard").symlink_to(REPOSITORY / "leaderboard")
    (place / "docs").mkdir()
    monkeypatch.chdir(place / "docs")
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in code[1:]), "run docs/make_notebook.py"  # the first only imports
    lines = [line for cell in code for line in "".join(cell["source"]).splitlines()]
    exec("\n".join(line for line in lines if not line.startswith("%")), {})


def test_the_pages_hold_the_main_commands():
    found = "\n".join(command for page in PAGES for command in commands(page))
    for name in (
        "evaluate",
        "score",
        "check",
        "data import-s2",
        "data import-vhr",
        "data info",
        "data download mus2",
        "leaderboard build",
        "task train",
        "train hat-tiny-pixel",
        "data osm-masks",
        "compare",
        "verify",
        "analyse frames",
        "analyse robustness",
        "study run",
        "study report",
    ):
        assert f"tdsr-bench {name}" in found


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_leaderboard_is_what_its_cards_give(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    board = REPOSITORY / "leaderboard"
    monkeypatch.setattr(sys, "argv", ["tdsr-bench", "leaderboard", "build", "--cards", str(board / "cards")])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert capsys.readouterr().out == (board / "README.md").read_text(encoding="utf-8")


def test_the_figures_show_what_the_cards_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Names and numbers, not where they stand: that is matplotlib's, and moves with its version."""
    words = ["--cards", REPOSITORY / "leaderboard" / "cards", "--figures", tmp_path]
    monkeypatch.setattr(sys, "argv", ["tdsr-bench", "leaderboard", "build", *map(str, words)])
    with pytest.raises(SystemExit, match="0"):
        main()
    shown = REPOSITORY / "docs" / "images" / "leaderboard"
    drawn = {path.relative_to(tmp_path): texts(path) for path in tmp_path.rglob("*.svg")}
    assert drawn == {path.relative_to(shown): texts(path) for path in shown.rglob("*.svg")}, (
        "run tdsr-bench leaderboard build --cards leaderboard/cards --figures docs/images/leaderboard"
    )


def texts(path: Path) -> list[str]:
    return sorted(text.strip() for text in ElementTree.parse(path).getroot().itertext() if text.strip())
