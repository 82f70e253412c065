"""Work on other machines: what has to be the same there, and what travels with the work so that it is."""

import contextlib
import os
import platform
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tdsr_bench import __version__
from tdsr_bench.environment import code_sha256, library_versions
from tdsr_bench.errors import UserError

PREFIX = "TDSR_BENCH_"
PASSED_ON = ("TORCH_HOME", "XDG_CACHE_HOME", "HF_HOME")
"""Variables by which weights are found, beside our own."""

_ALONE = threading.Lock()  # a submission, or a library that it uses, need not be safe between threads


@dataclass(frozen=True)
class Site:
    """Where a run was started, for machines that do a part of it.

    Attributes:
        folder: its working folder, which relative paths begin at.
        variables: those of its environment by which weights and caches are found.
        code: the hash of its code and of the versions of its libraries.
        versions: these versions, for a sentence.
    """

    folder: Path
    variables: Mapping[str, str]
    code: str
    versions: Mapping[str, str | None]


def this_site() -> Site:
    """The site of this process."""
    return Site(Path.cwd(), _our_variables(), code_sha256(), versions())


def versions() -> dict[str, str | None]:
    """Of this package, of Python and of the libraries that a score can depend on."""
    return {"tdsr-bench": __version__, "python": platform.python_version(), **library_versions()}


def at_site(site: Site, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``fn(*args, **kwargs)`` on this machine as at `site`, and alone in this process.

    Raises:
        UserError: this machine does not see the site's folder, or runs other code.
    """
    check_site(site)
    with _ALONE, _variables(site.variables), contextlib.chdir(site.folder):
        return fn(*args, **kwargs)


def check_site(site: Site) -> None:
    """Refuse to work for `site` where numbers could differ.

    Raises:
        UserError: see `at_site`.
    """
    if not site.folder.is_dir():
        raise UserError(
            f"{platform.node()} does not see {site.folder}, where the run was started; start it in a folder that "
            f"every machine that works sees by the same path."
        )
    if site.code != code_sha256():
        here = versions()
        other = [f"{name} {here[name]} for {site.versions[name]}" for name in here if here[name] != site.versions[name]]
        raise UserError(
            f"{platform.node()} runs other code than the run that asks it to work ({', '.join(other) or 'tdsr-bench'}),"
            f" so its numbers could differ; install the same there, and start the worker again."
        )


def _our_variables() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith(PREFIX) or key in PASSED_ON}


@contextlib.contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Our part of the environment is `variables` and nothing else, for a while."""
    ours = _our_variables()
    try:
        _replace(ours, variables)
        yield
    finally:
        _replace(variables, ours)


def _replace(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for key in old.keys() - new.keys():
        os.environ.pop(key, None)
    os.environ.update(new)
