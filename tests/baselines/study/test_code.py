"""The code of a result: what it imports, without what only people read."""

import sys
from pathlib import Path

import pytest

from tdsr_baselines.study import code
from tdsr_baselines.study.code import code_sha256, imported_by, used_modules


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of ours: a uses b at the top, c in a function; d is not used."""
    folder = tmp_path / "tdsr_small"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text(
        '"""A."""\nfrom tdsr_small import b\n\n\ndef f():\n    from tdsr_small.c import g\n    g()\n'
    )
    for name in "bcd":
        (folder / f"{name}.py").write_text("def g() -> int:\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(code, "PACKAGES", ("tdsr_small",))
    yield folder
    for name in [name for name in sys.modules if name.startswith("tdsr_small")]:
        del sys.modules[name]
    _forget()


def _forget() -> None:
    for cached in (code.code_sha256, code._imported, code._is_module, code._meaning):
        cached.cache_clear()


def sha256() -> str:
    _forget()
    return code_sha256("tdsr_small.a")


def test_modules_are_followed_into_functions(package: Path) -> None:
    _forget()
    assert used_modules("tdsr_small.a") == ["tdsr_small", "tdsr_small.a", "tdsr_small.b", "tdsr_small.c"]
    assert imported_by(package / "a.py") == ["tdsr_small", "tdsr_small.b", "tdsr_small.c"]
    with pytest.raises(ModuleNotFoundError, match=r"no module tdsr_small\.z"):
        used_modules("tdsr_small.z")


def test_code_that_is_used_counts_and_nothing_else_does(package: Path) -> None:
    first = sha256()
    (package / "d.py").write_text("nothing = 1\n")
    (package / "b.py").write_text(
        '"""Says what it does."""\n\n\ndef g() -> int:\n    """One."""\n    return 1  # one\n'
    )
    assert sha256() == first
    (package / "c.py").write_text("def g() -> int:\n    return 2\n")
    assert sha256() != first


def test_what_trains_is_not_changed_by_what_shows() -> None:
    _forget()
    trains = used_modules("tdsr_baselines.training.run")
    assert "tdsr_baselines.losses.pixel" in trains
    assert "tdsr_bench.align" in trains
    assert not [name for name in trains if name.startswith(("tdsr_bench.cli", "tdsr_baselines.study"))]
