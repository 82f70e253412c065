"""Commands that are killed at random moments, as often as ``TDSR_BENCH_KILLS`` says, go on as if nothing had been."""

from pathlib import Path

import pytest
from reliability.commands_to_kill import cases
from reliability.killing import KILLS, SEED, Nursery, kill_often

NAMES = [*cases(Path())]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_killed_command_goes_on_to_the_same_result(nursery: Nursery, sources: Path, tmp_path: Path, name: str):
    count = kill_often(nursery, cases(sources)[name], tmp_path, KILLS, name)
    print(f"{name}: seed {SEED}, {count}")
    assert count.killed == KILLS
