"""Which cores measure, and how the others are kept away from them."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

CAN_PIN = hasattr(os, "sched_setaffinity")
BINDING = {"OMP_WAIT_POLICY": "passive", "OMP_PROC_BIND": "true"}
PLACES = "OMP_PLACES"


def usable_cores() -> tuple[int, ...]:
    """The cores that this process may use, ascending; none where the system cannot pin."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else ()


def pin(threads: int, cores: tuple[int, ...]) -> None:
    """Keep this thread on the last of these cores: interrupts favour the first.

    More threads get a core each: from OpenMP if it binds them, else from the scheduler.
    """
    if not cores:
        return
    binds = os.environ.get(PLACES, "").startswith(f"{{{cores[-1]}}}")
    os.sched_setaffinity(0, cores[-1:] if threads == 1 or binds else cores[-threads:])


@contextmanager
def aside(cores: tuple[int, ...]) -> Iterator[None]:
    """Keep this thread off the last of these cores for a while, if there is another."""
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, cores[:-1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def bind_threads(environment: MutableMapping[str, str]) -> tuple[str, ...]:
    """Have OpenMP bind its threads to cores and wait passively, unless the user decided.

    Threads that spin while they wait disturb the other arm of their ring: 19–20 % from pass to
    pass instead of 1.3 %. To be called before torch is imported; returns the variables that
    were set here and hold the numbers of cores, which no environment should be known by.
    """
    if not CAN_PIN or any(name in environment for name in (*BINDING, PLACES)):
        return ()
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    environment.update(BINDING)
    environment[PLACES] = ",".join(f"{{{core}}}" for core in cores)
    return (PLACES,)
