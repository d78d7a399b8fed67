"""Every clock and counter that a round is measured by, behind one small interface."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import NamedTuple

import torch

from sepconv.bench.cuda import EventClock, TorchEvents

SCHEDSTAT = Path("/proc/thread-self/schedstat")  # ns on a core, ns ready but waiting, slices


def wall_clock_for(device: str) -> Callable[[], float]:
    """A monotonic clock, in seconds, that is honest about `device`.

    Accelerators queue their work: `perf_counter` alone times the queueing. CUDA devices are
    asked themselves, by an `EventClock`, which has a buffer as large as their caches: make one
    per device and process. The clock of the others waits for the queue to drain before it
    reads, at both ends of a round, so that a round holds exactly the work started in it.

    Raises:
        RuntimeError, AssertionError: torch has no such device here.
    """
    if device == "cpu":
        return perf_counter
    accelerator = torch.device(device)
    if accelerator.type == "cuda":
        return EventClock(TorchEvents(device))
    synchronize = torch.get_device_module(accelerator).synchronize

    def drained_clock() -> float:
        synchronize(accelerator)
        return perf_counter()

    return drained_clock


class Reading(NamedTuple):
    """What the counters say at one moment; a counter that the system lacks is None."""

    queue_s: float | None
    minor_faults: int
    involuntary_switches: int


def cpu_clock_for(threads: int) -> Callable[[], float]:
    """CPU seconds of this thread, or of the whole process with more than one; costs 0.6 µs."""
    return thread_time if threads == 1 else process_time


class Counters:
    """Disturbances of this thread, or of the process with more than one thread.

    Reading costs about 2 µs: it belongs between rounds, never into them.
    """

    def __init__(self, threads: int) -> None:
        single = threads == 1
        thread_usage = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
        self._usage = thread_usage if single else resource.RUSAGE_SELF
        self._schedstat = _open(SCHEDSTAT) if single else None

    def read(self) -> Reading:
        """The counters now."""
        usage = resource.getrusage(self._usage)
        return Reading(self._queue_s(), usage.ru_minflt, usage.ru_nivcsw)

    def close(self) -> None:
        """Close the kernel's file; reading afterwards gives no queueing time."""
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None

    def _queue_s(self) -> float | None:
        if self._schedstat is None:
            return None
        return int(os.pread(self._schedstat, 80, 0).split()[1]) * 1e-9


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None
