"""The examples of docs/extending.md work: the blocks of a section are run one after the other, as a reader would."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tdsr_baselines.networks
import tdsr_bench.metrics
import tdsr_bench.tasks
from tdsr_bench.data import catalog
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES
from tdsr_bench.toml_file import read_toml
from tdsr_bench.training.recipe import Recipe

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
SECTIONS = {title: BLOCK.findall(text) for title, text in SECTION.findall(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples add to lists is taken out again."""
    for module, name in (
        (tdsr_bench.metrics, "METRICS"),
        (tdsr_bench.tasks, "TASKS"),
        (tdsr_baselines.networks, "SIZES"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.fixture
def small_mini(write_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A small data set stands in for mini, which takes a minute to make."""
    folder = write_data()
    monkeypatch.setattr(catalog, "find_data", lambda _: folder)


def test_the_page_has_the_sections():
    assert list(SECTIONS) == ["A metric", "A task", "A network", "A loss"]


@pytest.mark.usefixtures("lists", "small_mini")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_a_section_work(section: str):
    names: dict[str, Any] = {"__name__": "extending"}
    for language, code in SECTIONS[section]:
        if language == "python":
            exec(compile(code, f"{PAGE.name}, {section}", "exec"), names)
    for name, function in list(names.items()):
        if name.startswith("test_"):
            function()


def test_every_section_checks_what_it_shows():
    for section, blocks in SECTIONS.items():
        assert any("assert " in code for _, code in blocks), section


def test_the_recipe_is_one():
    (content,) = (code for language, code in SECTIONS["A task"] if language == "toml")
    recipe = read_toml(content.encode(), Recipe, "The recipe of the page")
    assert {entry.task for entry in recipe.networks} == {"water"}
    assert {entry.architecture for entry in recipe.networks} <= set(ARCHITECTURES)
