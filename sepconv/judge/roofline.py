"""The roofs of a machine, from its measured peaks: what a call can reach at best.

A call that does `flops` and moves `bytes` has an arithmetic intensity of flops ÷ bytes. Left of
the ridge the memory is the roof (intensity × bytes per second), right of it the arithmetic.

References:
    S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
    multicore architectures", Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sepconv.run import Peak

MATMUL = "matmul_flop_per_s"
CACHE = "cache_bytes_per_s"
MEMORY = "memory_bytes_per_s"


@dataclass(frozen=True)
class Roof:
    """What one device can do in one data type with so many threads."""

    device: str
    dtype: str
    threads: int
    flop_per_s: float
    memory_bytes_per_s: float
    cache_bytes_per_s: float | None  # of the second level of cache
    measured_at: str  # UTC, ISO 8601: of the oldest of its peaks

    @property
    def ridge(self) -> float:
        """The arithmetic intensity in FLOP/B below which the memory is the limit."""
        return self.flop_per_s / self.memory_bytes_per_s


def find_roofs(peaks: Sequence[Peak]) -> list[Roof]:
    """One roof for each data type, device and number of threads whose peaks are complete.

    Bytes are bytes: the bandwidth, measured in float32, is that of every data type.
    """
    rates = {(peak.name, peak.device, peak.threads): peak for peak in peaks if peak.name != MATMUL}
    roofs = []
    for peak in peaks:
        memory = rates.get((MEMORY, peak.device, peak.threads))
        if peak.name != MATMUL or memory is None:
            continue
        cache = rates.get((CACHE, peak.device, peak.threads))
        roofs.append(
            Roof(
                peak.device,
                peak.dtype,
                peak.threads,
                flop_per_s=peak.value,
                memory_bytes_per_s=memory.value,
                cache_bytes_per_s=cache.value if cache else None,
                measured_at=min(peak.measured_at, memory.measured_at),
            )
        )
    return sorted(roofs, key=lambda roof: (roof.device, roof.threads, roof.dtype))
