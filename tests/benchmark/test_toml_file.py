"""TOML files of people: what is wrong is told in a sentence."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tdsr_bench.errors import ProtocolError
from tdsr_bench.toml_file import nearest, read_toml, read_toml_file


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cat(Frozen):
    kind: Literal["cat"]
    lives: int = 9


class Dog(Frozen):
    kind: Literal["dog"]
    barks: bool = True


class Home(Frozen):
    street: str
    number: int = Field(gt=0)


class Family(Frozen):
    name: str
    home: Home
    pets: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...] = ()


WHOLE = """
name = "Miller"
[home]
street = "Mill Lane"
number = 3
[[pets]]
kind = "cat"
lives = 7
"""


def read(text: str) -> Family:
    return read_toml(text.encode(), Family, "The file")


def test_a_whole_file_becomes_its_model():
    family = read(WHOLE)
    assert family.home == Home(street="Mill Lane", number=3)
    assert family.pets == (Cat(kind="cat", lives=7),)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name =", "nane =", "The file: there is no nane; the nearest is 'name'."),
        ("number =", "numbr =", "The file: there is no home.numbr; the nearest is 'number'."),
        ("lives =", "livse =", "The file: there is no pets.0.cat.livse; the nearest is 'lives'."),
        ("[home]", "[hose]", "The file: there is no hose; the nearest is 'home'."),
        ('kind = "cat"', 'kind = "cow"', "The file: pets.0 has no kind 'cow'; the nearest is 'cat' or 'dog'."),
        ('kind = "cat"', "", "The file: pets.0 has no `kind`, which says what it is."),
        ('street = "Mill Lane"\n', "", "The file: home.street: Field required."),
        ("number = 3", "number = 0", "The file: home.number: Input should be greater than 0, not 0."),
        ("number = 3", 'number = "three"', "The file: home.number: Input should be a valid integer, unable to parse"),
        ("number = 3", 'number = "three"', "not 'three'."),
        ("number = 3", "number = [3]", "The file: home.number: Input should be a valid integer."),
    ],
)
def test_the_first_thing_that_is_wrong_is_told(old: str, new: str, sentence: str):
    assert WHOLE.count(old) == 1
    with pytest.raises(ProtocolError) as told:
        read(WHOLE.replace(old, new))
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_a_misspelt_key_is_told_before_the_one_that_it_leaves_missing():
    with pytest.raises(ProtocolError, match=r"there is no home\.steet; the nearest is 'street'"):
        read(WHOLE.replace("street", "steet").replace('name = "Miller"', ""))


@pytest.mark.parametrize("content", [b"name = = 3", b"\xff\xfe", b"name"])
def test_what_is_no_toml_is_refused(content: bytes):
    with pytest.raises(ProtocolError, match=r"^The file is no TOML: .+\.$"):
        read_toml(content, Family, "The file")


def test_a_file_is_named_whether_it_is_missing_or_wrong(tmp_path: Path):
    path = tmp_path / "family.toml"
    with pytest.raises(ProtocolError, match=r"There is no family book at .*family.toml; name a TOML file"):
        read_toml_file(path, Family, "family book")
    path.write_text("nane = 3")
    with pytest.raises(ProtocolError, match=r"The family book .*family.toml: there is no nane"):
        read_toml_file(path, Family, "family book")
    path.write_text(WHOLE)
    assert read_toml_file(path, Family, "family book").name == "Miller"


def test_where_no_name_is_near_all_are_offered():
    assert nearest("xyz", {"steps": 1, "batch": 2}) == "'batch' or 'steps'"
    assert nearest("stps", ["steps", "batch"]) == "'steps'"
