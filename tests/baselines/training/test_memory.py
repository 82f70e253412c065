"""Freed memory that is kept: the pages that a process is handed anew, by the system's own count."""

import subprocess
import sys

import pytest

from tdsr_baselines.training import memory

PAGES_TWICE = """
import ctypes, resource
from tdsr_baselines.training.memory import keep_freed_memory

kept = keep_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p

def pages(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(size)))
    library.memset(block, 1, ctypes.c_size_t(size))
    library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(int(kept), pages(1 << 27), pages(1 << 27))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are counted so on Linux")
def test_a_block_that_was_freed_is_handed_out_again():
    """In a process of its own, for it lasts as long as the process."""
    done = subprocess.run([sys.executable, "-c", PAGES_TWICE], capture_output=True, text=True, check=True)
    kept, first, second = map(int, done.stdout.split())
    if not kept:
        pytest.skip("the C library here is not glibc")
    assert first > 20 * (second + 1)


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory.os, "name", "nt")
    assert not memory.keep_freed_memory()
