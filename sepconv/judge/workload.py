"""Whether both sides do the same work, in as much memory: what needs no statistics."""

from __future__ import annotations

from collections.abc import Mapping

from sepconv.comparison import Detail
from sepconv.record import Facts

EXACT = ("params", "macs", "flops")
MEMORY = ("allocations", "allocated_bytes", "peak_memory_bytes")
FAULTS = "minor_faults_per_call"  # the same code reads 0 or 440 of them: told, and no evidence
MORE = 1.01  # bytes: a size class of the allocator is no change of the code

Both = tuple[float | None, float | None]
"""A metric on base and on head, as far as it is known."""


def pair_metrics(base: Facts | None, head: Facts | None) -> dict[str, Both]:
    """What both sides tell of a case beside its time, metric by metric."""
    values = [facts.values if facts is not None else {} for facts in (base, head)]
    return {
        name: (values[0].get(name), values[1].get(name))
        for name in (*EXACT, *MEMORY, FAULTS)
        if name in values[0] or name in values[1]
    }


def details_of(metrics: Mapping[str, Both]) -> tuple[Detail, ...]:
    """What is different beside the time."""
    found = []
    if any(_differs(metrics.get(name)) for name in EXACT):
        found.append(Detail.WORKLOAD_CHANGED)
    if any(_is_more(name, metrics.get(name)) for name in MEMORY):
        found.append(Detail.ALLOCATES_MORE)
    return tuple(found)


def _differs(both: Both | None) -> bool:
    return both is not None and None not in both and both[0] != both[1]


def _is_more(name: str, both: Both | None) -> bool:
    base, head = both or (None, None)
    if base is None or head is None:
        return False
    return head > base if name == "allocations" else head > MORE * base
