"""One nursery for all commands, and what they read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability.commands_to_kill import write_sources
from reliability.killing import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"))
