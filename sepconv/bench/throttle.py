"""Whether the system held the device back: CPU quotas, heat, a low clock of an accelerator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from sepconv.bench.nvml import read_clocks

CGROUPS = "sys/fs/cgroup"
OWN_CGROUPS = "proc/self/cgroup"  # "0::/path" and, of version 1, "4:cpu,cpuacct:/path"
CPUS = "sys/devices/system/cpu"
UNITS_S = {b"throttled_usec": 1e-6, b"throttled_time": 1e-9}  # version 2, version 1


@dataclass(frozen=True)
class _Reading:
    throttled: int  # periods in which a quota was used up, in all groups that we belong to
    throttled_s: float
    heat: int  # times that heat lowered the clock, over all cores that we may use
    trouble: str | None  # of an NVIDIA device, at this moment …
    clock_mhz: float | None  # … and its clock


class ThrottleWatch:
    """Compares the system's own counts of holding back before and after something.

    The kernel's files stay open, so a reading is one `pread` for each: some 10 µs on few cores.
    Cores are those that the process may use at the beginning. What a system does not count is
    not seen: virtual machines mostly know nothing of heat.
    """

    def __init__(self, device: str, *, root: Path = Path("/")) -> None:
        accelerator = torch.device(device)
        self._cuda_index = (accelerator.index or 0) if accelerator.type == "cuda" else None
        self._quotas = [file for path in _quota_files(root) if (file := _open(path)) is not None]
        self._heat = {
            number: file for number, path in _heat_files(root) if (file := _open(path)) is not None
        }
        self._cores: frozenset[int] = frozenset()
        self._before: _Reading | None = None
        self.clock_mhz: float | None = None  # of an NVIDIA device, before and after, the mean

    def begin(self) -> None:
        """Remember the counts of now, and the cores that the process is pinned to."""
        self._cores = frozenset(self._heat) & os.sched_getaffinity(0) if self._heat else frozenset()
        self._before = self._read()

    def end(self) -> str | None:
        """How the device was held back since `begin`, in one sentence; None if it was not."""
        before, after = self._before, self._read()
        if before is None:
            return None
        if before.clock_mhz is not None and after.clock_mhz is not None:
            self.clock_mhz = (before.clock_mhz + after.clock_mhz) / 2
        found = []
        if (count := after.throttled - before.throttled) > 0:
            seconds = after.throttled_s - before.throttled_s
            found.append(f"the CPU quota held the process back {count} times, {seconds:.3g} s")
        if (count := after.heat - before.heat) > 0:
            found.append(f"heat lowered the clock of the CPU {count} times")
        if trouble := before.trouble or after.trouble:
            found.append(trouble)
        return "; ".join(found) or None

    def close(self) -> None:
        """Close the kernel's files; a watch that is closed sees accelerators only."""
        for file in (*self._quotas, *self._heat.values()):
            os.close(file)
        self._quotas, self._heat, self._cores = [], {}, frozenset()

    def _read(self) -> _Reading:
        throttled, throttled_s = 0, 0.0
        for file in self._quotas:
            count, seconds = _quota(_text(file))
            throttled += count
            throttled_s += seconds
        heat = sum(int(_text(self._heat[core]) or 0) for core in self._cores)
        clocks = read_clocks(self._cuda_index) if self._cuda_index is not None else None
        trouble, clock_mhz = (clocks.trouble, clocks.sm_mhz) if clocks else (None, None)
        return _Reading(throttled, throttled_s, heat, trouble, clock_mhz)


def _quota_files(root: Path) -> Iterator[Path]:
    """`cpu.stat` of each group from ours up to the root: any of them may have a quota.

    In a container the path may be one of the host, of which only the root is to be seen.
    """
    try:
        lines = (root / OWN_CGROUPS).read_text().splitlines()
    except OSError:
        return
    cgroups = root / CGROUPS
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mount = cgroups / "unified" if (cgroups / "unified").is_dir() else cgroups
        elif "cpu" in controllers.split(","):
            mount = cgroups / controllers
        else:
            continue
        group = mount if ".." in path else mount / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(mount):
                yield folder / "cpu.stat"


def _heat_files(root: Path) -> Iterator[tuple[int, Path]]:
    """The number of each core that counts, and the file in which it does."""
    for path in (root / CPUS).glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        yield int(path.parts[-3].removeprefix("cpu")), path


def _quota(text: bytes) -> tuple[int, float]:
    """How often, and for how many seconds, a `cpu.stat` says that the quota was used up."""
    count, seconds = 0, 0.0
    for line in text.splitlines():
        name, _, value = line.partition(b" ")
        if name == b"nr_throttled":
            count = int(value)
        elif name in UNITS_S:
            seconds = int(value) * UNITS_S[name]
    return count, seconds


def _text(file: int) -> bytes:
    try:
        return os.pread(file, 4096, 0)
    except OSError:  # its group or core has gone
        return b""


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # the system does not count that
        return None
