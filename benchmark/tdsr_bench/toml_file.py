"""TOML files that people write: read into a model, and every mistake told in a sentence with the nearest right name."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tdsr_bench.errors import ProtocolError
from tdsr_bench.foreign import read_bytes

Model = TypeVar("Model", bound=BaseModel)

LARGEST = 2**16
"""Bytes of a TOML file, ten times ours: its reader takes time by the square of how deep keys lie, here 3 s at most."""


def read_toml(content: bytes, model: type[Model], who: str, **known: Any) -> Model:
    """`content` as a `model`.

    Args:
        content: of the file.
        model: what it has to be.
        who: the file, as the error calls it.
        known: of the model, what the file does not say itself.

    Raises:
        ProtocolError: it is not TOML, or says what `model` does not know.
    """
    try:
        return model(**_parsed(content, who), **known)
    except (ValidationError, TypeError) as error:
        raise ProtocolError(f"{who}: {_first_problem(error, model)}.") from None


def read_toml_file(path: Path, model: type[Model], who: str) -> Model:
    """As `read_toml`.

    Raises:
        ProtocolError: there is no such file.
    """
    if not path.is_file():
        raise ProtocolError(f"There is no {who} at {path}; name a TOML file.")
    return read_toml(read_bytes(path, error=ProtocolError), model, f"The {who} {path}")


def _parsed(content: bytes, who: str) -> dict[str, Any]:
    if len(content) > LARGEST:
        raise ProtocolError(f"{who} has {len(content)} bytes, expected at most {LARGEST}; is it the right file?")
    try:
        parsed = tomllib.loads(content.decode())
        _check_numbers(parsed)
        return parsed
    except (ValueError, RecursionError) as error:  # of numbers of thousands of digits, and of nesting as deep
        raise ProtocolError(f"{who} is no TOML: {error}.") from None


def _check_numbers(parsed: dict[str, Any]) -> None:
    """Refuse whole numbers of more than 64 bits, which TOML does not have, and its reader does not mind.

    Raises:
        ValueError: there is one.
    """
    left: list[Any] = [parsed]
    while left:
        value = left.pop()
        left += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        if isinstance(value, int) and value.bit_length() > 64:
            raise ValueError("a number has more than 64 bits")


def nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """How an error offers the names closest to `name`: ``'steps'``, or all of them where none is close.

    >>> nearest("stepz", ["steps", "batch"])
    "'steps'"
    """
    close = difflib.get_close_matches(name, [*known], n=2, cutoff=0.5) or sorted(known)
    return " or ".join(repr(word) for word in close)


def _first_problem(error: ValidationError | TypeError, model: type[BaseModel]) -> str:
    if isinstance(error, TypeError):
        return str(error)
    problems = error.errors()
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        name = str(problem["loc"][-1])
        return f"there is no {where}; the nearest is {nearest(name, [*_names(model.model_json_schema(), name)])}"
    if problem["type"] == "union_tag_not_found":
        return f"{where} has no {problem['ctx']['discriminator'].replace(chr(39), '`')}, which says what it is"
    if problem["type"] == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in str(problem["ctx"]["expected_tags"]).split(",")]
        return f"{where} has no kind {problem['ctx']['tag']!r}; the nearest is {nearest(problem['ctx']['tag'], tags)}"
    came = f", not {problem['input']!r}" if isinstance(problem["input"], str | int | float) else ""
    return f"{where + ': ' if where else ''}{problem['msg'].removeprefix('Value error, ')}{came}"


def _names(schema: Mapping[str, Any], wrong: str) -> Iterator[str]:
    """Every key that any table of a model has; keys of the same table cannot be told from the place alone."""
    tables = [schema, *schema.get("$defs", {}).values()]
    yield from dict.fromkeys(key for table in tables for key in table.get("properties", {}) if key != wrong)
