"""Cold caches: nothing that a call needs is left in the last-level cache when it begins."""

from __future__ import annotations

from pathlib import Path

import torch

from sepconv.bench.cuda import flushed_bytes

CPU_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
UNKNOWN_CACHE_BYTES = 64 << 20  # evicted where the system does not say how large the cache is
MOST_BYTES = 256 << 20
EVICTED_CACHES = 2  # the buffer is this many times as large as the cache
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

COLD_KINDS = ("cpu", "cuda")  # devices whose caches can be emptied from here


class Eviction:
    """A buffer of at least twice the last-level cache of `device`, up to 256 MiB on a CPU.

    A cold round is one call with an `evict` before it, outside the clock. An eviction costs
    10 to 100 ms on a CPU, with the threads that torch is set to.
    """

    def __init__(self, device: str, *, cpu_caches: Path = CPU_CACHES) -> None:
        self._device = torch.device(device)
        is_cpu = self._device.type == "cpu"
        size = evicted_bytes(cpu_caches) if is_cpu else flushed_bytes(self._device)
        self.buffer = torch.ones(size // 8, dtype=torch.int64, device=self._device)

    def evict(self) -> None:
        """Read and write every line of the buffer; on an accelerator, wait until that is done."""
        if self._device.type == "cpu":
            self.buffer.add_(1)
        else:
            self.buffer.zero_()
            torch.get_device_module(self._device).synchronize(self._device)


def evicted_bytes(cpu_caches: Path = CPU_CACHES) -> int:
    """How much to write so that nothing useful is left in the CPU's last-level cache."""
    size = _last_level_bytes(cpu_caches)
    return min(EVICTED_CACHES * size, MOST_BYTES) if size else UNKNOWN_CACHE_BYTES


def _last_level_bytes(cpu_caches: Path) -> int | None:
    """The size of the cache of the highest level, as Linux says it: "32768K"; None elsewhere."""
    sizes = {}
    for folder in cpu_caches.glob("index*"):
        try:
            level = int((folder / "level").read_text())
            size = (folder / "size").read_text().strip()
            sizes[level] = int(size.rstrip("KMG")) * UNITS.get(size[-1:], 1)
        except (OSError, ValueError):
            continue
    return sizes[max(sizes)] if sizes else None
