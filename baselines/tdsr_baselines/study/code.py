"""Which code a result depends on: the modules that what makes it imports, without their comments and docstrings.

A hash of the whole package would call every result out of date when a page or a command line changes; one of nothing
would let a result outlive the code that made it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import util
from pathlib import Path

from tdsr_bench.files import digest

PACKAGES = ("tdsr_bench", "tdsr_baselines")
"""Those whose code is ours; of others the version is told."""


@cache
def code_sha256(*entries: str) -> str:
    """Hash of the code that the modules called `entries` use.

    Versions of libraries are not in it: a study stays done on a machine where one of them is a patch newer. They stand
    in the record of each run.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    return digest([(name, _meaning(_source(name))) for name in used_modules(*entries)])


def used_modules(*entries: str) -> list[str]:
    """The modules of our packages that `entries` import, at the top or in a function, and all that these import."""
    found: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in _imported(name) if each not in found]
    return sorted(found)


def imported_by(path: Path) -> list[str]:
    """The modules of ours that the file at `path` imports."""
    return sorted(name for name in _named_in(path) if _is_module(name))


@cache
def _imported(name: str) -> tuple[str, ...]:
    """The modules of ours that `name` imports; with each the packages that it lies in, whose files run as well."""
    named = _named_in(_source(name))
    parents = {wanted.rpartition(".")[0] for wanted in named} | {name.rpartition(".")[0]}
    return tuple(sorted(wanted for wanted in named | parents if wanted and _is_module(wanted)))


def _named_in(path: Path) -> set[str]:
    return {wanted for node in ast.walk(ast.parse(path.read_bytes())) for wanted in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    """What could be a module in an import; ``from a import b`` names a, and b if that is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if _is_ours(alias.name))
    if isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


@cache
def _is_module(name: str) -> bool:
    try:
        spec = util.find_spec(name)
    except ModuleNotFoundError:  # its parent is a module, and so it is a thing in that
        return False
    return spec is not None and spec.origin is not None and spec.origin.endswith(".py")


def _source(name: str) -> Path:
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"there is no module {name}")
    return Path(spec.origin)


@cache
def _meaning(path: Path) -> str:
    """The code in `path` as the interpreter sees it: comments, docstrings and line breaks change nothing."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return ast.unparse(tree)  # unlike a dump, the same for all versions of Python that read it


def _is_text(node: ast.stmt) -> bool:
    """A docstring, or a text after an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
