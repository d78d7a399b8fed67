"""The C allocator's policy, which can cost a convolution more time than its arithmetic.

glibc gives the pages of large blocks back to the system on every free, so each call of a layer
whose output has a few MB pays for thousands of page faults. The tuned policy keeps them. It is
part of the environment: runs with different policies never share a series.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

TUNED = "tuned"
DEFAULT = "default"
POLICIES = (TUNED, DEFAULT)

MALLOPT_SETTINGS = (
    (-1, 2**31 - 1),  # M_TRIM_THRESHOLD: never shrink the heap
    (-3, 2**30),  # M_MMAP_THRESHOLD: serve up to 1 GiB from the heap instead of mmap
    (-2, 64 << 20),  # M_TOP_PAD: grow the heap by 64 MiB at a time
)


def tune_allocator() -> str:
    """Keep freed pages in this process; returns the policy that is really in force.

    Only glibc can be tuned: elsewhere the answer is `default`. To be called before torch is
    imported, so that no large block is already mapped by itself.
    """
    if platform.libc_ver()[0] != "glibc":
        return DEFAULT
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return DEFAULT
    accepted = [mallopt(option, value) == 1 for option, value in MALLOPT_SETTINGS]
    return TUNED if all(accepted) else DEFAULT


@cache
def c_allocator() -> ctypes.CDLL:
    """The C library, whose `malloc` and `free` may be called as they are declared in C."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    return libc
