"""Gives each worker a memory layout of its own, as a fresh process would have.

Workers of one server inherit its addresses and the holes in its heap, and with them one draw of
the luck that addresses bring: which lines of a cache a convolution's input, weights, output and
scratch share. An interval over passes that all drew the same knows nothing of it.

References:
    C. Curtsinger and E. D. Berger, "STABILIZER: Statistically Sound Performance Evaluation",
    ASPLOS 2013.
"""

from __future__ import annotations

import ctypes
import mmap
import random
from typing import Literal

from sepconv.bench.allocator import c_allocator

PAGES = 1 << 14  # up to 64 MiB of address space: what is mapped later lies somewhere else
BLOCKS = 400  # enough to use up the holes that the server left, and to leave others
LINE_BYTES = 64  # of a cache
LEAST_LINES, MOST_LINES = 4, 1 << 14  # 256 B to 1 MiB, as the tensors of a convolution
_held: list[object] = []


Layout = Literal["shuffled", "moved", "inherited"]
"""Mappings and heap of its own; mappings only; neither."""


def shift_layout(coin: random.Random, *, heap: bool = True) -> None:
    """Shuffle where this process will map and allocate from now on.

    With `heap`, it is filled with blocks of random sizes, of which every other one is freed:
    what is allocated later falls into holes that no other process has. They are written to once,
    so that no timed call meets a page that is new: some 10 ms. To be left out where the heap is
    to be as users have it: holes are memory that the allocator would have given back.
    """
    _held.append(mmap.mmap(-1, mmap.PAGESIZE * coin.randrange(1, PAGES), prot=mmap.PROT_READ))
    if not heap:
        return
    libc = c_allocator()
    ratio = MOST_LINES / LEAST_LINES
    sizes = [LINE_BYTES * int(LEAST_LINES * ratio ** coin.random()) for _ in range(BLOCKS)]
    blocks = [(block, size) for size in sizes if (block := libc.malloc(size))]
    coin.shuffle(blocks)
    for block, size in blocks[::2]:
        ctypes.memset(block, 0, size)
        libc.free(block)
    _held.append(blocks[1::2])
