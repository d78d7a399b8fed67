"""What one steady call allocates: how many blocks, how many bytes, and how much at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import accumulate

import torch
from torch.autograd.profiler import profile

from sepconv.record import Facts

METRICS = ("allocations", "allocated_bytes", "peak_memory_bytes")
MEMORY_EVENT = "[memory]"  # torch's name for every change of what its allocator has given out
SILENT = "99"  # above every level at which the profiler's library writes to stderr


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
