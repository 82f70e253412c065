"""What is freed in one step serves the next."""

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""As `malloc.h` of glibc numbers them."""


def keep_freed_memory() -> bool:
    """Have this process keep freed memory to the end; whether it can, which is where the C library is glibc.

    Otherwise glibc gives blocks of many megabytes back at once, and the system hands out cleared pages when the next
    step asks for as much again. Steps of one training ask for the same over and over, so it takes no more than before.
    """
    if os.name != "posix":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return all([library.mallopt(M_MMAP_MAX, 0), library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)])
