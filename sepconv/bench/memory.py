"""Memory: what one steady call allocates, and how much of it a case may take."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import torch
from torch.autograd.profiler import profile

from sepconv.bench.allocator import c_allocator
from sepconv.record import Facts

METRICS = ("allocations", "allocated_bytes", "peak_memory_bytes")
MEMORY_EVENT = "[memory]"  # torch's name for every change of what its allocator has given out
SILENT = "99"  # above every level at which the profiler's library writes to stderr
OWN_STATUS = Path("/proc/self/status")
LEAST_BYTES = 1 << 20  # where not even so much is to be had, nothing works


def look_at_memory(call: Callable[[], object], device: str) -> Facts:
    """What one `call` allocates; it must have been called before, until nothing is new.

    Seen is what goes through torch's allocator of the device, and that is nearly all: output,
    intermediate results, gradients, and what a kernel takes beside them (the im2col matrix, the
    reordered weights and layouts of oneDNN). Not seen are oneDNN's own scratchpads and
    descriptors (a few KB in a call of a convolution here) and what libraries of the device
    take by themselves. The peak is above what was held before the call, and never negative.

    The first look of a process costs some milliseconds and starts a thread of the profiler's
    that sleeps; later looks cost what the call takes and one or two milliseconds. Nothing
    stays switched on.
    """
    kind = torch.device(device).type
    if kind == "cpu":
        return _look_at_changes(call)
    module = torch.get_device_module(kind)
    if not (hasattr(module, "memory_stats") and hasattr(module, "reset_peak_memory_stats")):
        reason = f"torch {torch.__version__} does not count the allocations of {kind} devices"
        return Facts(unsupported=dict.fromkeys(METRICS, reason))
    return _look_at_statistics(call, device)


def _look_at_changes(call: Callable[[], object]) -> Facts:
    """By the profiler's events: the CPU's allocator keeps no statistics."""
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)  # read when the profiler first starts
    with profile(profile_memory=True) as profiler:  # torch.profiler imports for 2 s, this does not
        call()
    result = profiler.kineto_results
    assert result is not None  # it is there as soon as the profiler has ended
    changes = sorted(
        (event.start_ns(), place, event.nbytes())
        for place, event in enumerate(result.events())
        if event.name() == MEMORY_EVENT
    )
    return facts_of([size for *_, size in changes])


def facts_of(changes: Iterable[int]) -> Facts:
    """The metrics of allocations (bytes) and releases (negative bytes), in their order."""
    changes = list(changes)
    taken = [size for size in changes if size > 0]
    peak = max(accumulate(changes, initial=0))
    return Facts(dict(zip(METRICS, map(float, (len(taken), sum(taken), peak)), strict=True)))


def _look_at_statistics(call: Callable[[], object], device: str) -> Facts:
    """By the device's caching allocator, whose blocks are multiples of 512 bytes.

    Not tried on a device yet.
    """
    module = torch.get_device_module(device)
    module.synchronize(device)
    module.reset_peak_memory_stats(device)
    before = module.memory_stats(device)
    call()
    module.synchronize(device)
    after = module.memory_stats(device)
    names = ("allocation.all.allocated", "allocated_bytes.all.allocated")
    if not all(after.get(name) for name in names):
        reason = f"the allocator that torch uses on {device} keeps no statistics"
        return Facts(unsupported=dict.fromkeys(METRICS, reason))
    counted = [after[name] - before.get(name, 0) for name in names]
    peak = after["allocated_bytes.all.peak"] - before.get("allocated_bytes.all.current", 0)
    return Facts(dict(zip(METRICS, map(float, (*counted, peak)), strict=True)))


def limit_memory(limit_bytes: int) -> None:
    """Refuse this process more than that beside what it has: torch then says out of memory."""
    held = re.search(r"^VmData:\s*(\d+) kB$", OWN_STATUS.read_text(), re.MULTILINE)
    if held is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(held[1]) * 1024 + limit_bytes, hard))


def is_exhausted() -> bool:
    """Whether this process can get no more memory, whatever the library that wants it says.

    Asks the allocator, not the system: the tuned one grows by 64 MiB or not at all.
    """
    libc = c_allocator()
    block = libc.malloc(LEAST_BYTES)
    libc.free(block)
    return block is None


@contextmanager
def unlimited_memory() -> Iterator[None]:
    """Suspend the limit of this process, for what the harness itself has to do."""
    limit, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
