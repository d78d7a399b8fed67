"""What this machine is (stable), and what state it is in (volatile)."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Any

import psutil

from sepconv.run import Machine

CPUINFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def capture_machine(accelerators: Sequence[str] = ()) -> Machine:
    """The coarse identity of this machine: nothing in it changes from night to night."""
    logical = usable_cores()
    return Machine(
        cpu_model=_cpu_model(),
        architecture=platform.machine(),
        physical_cores=min(psutil.cpu_count(logical=False) or logical, logical),
        logical_cores=logical,
        memory_gib=_memory_class(psutil.virtual_memory().total),
        accelerators=tuple(accelerators),
    )


def capture_conditions() -> dict[str, Any]:
    """Volatile facts of this moment, for people who wonder why tonight was slow."""
    frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    return {
        "load_1min": round(os.getloadavg()[0], 2),
        "memory_available_bytes": psutil.virtual_memory().available,
        "cpu_mhz": round(frequency.current) if frequency else None,
        "governor": _read(GOVERNOR),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "python": platform.python_version(),
        "steal_percent": getattr(psutil.cpu_times_percent(), "steal", None),
    }


def usable_cores() -> int:
    """Logical cores that this process may run on, which a container can restrict."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    """The model name without the decoration that differs between boots and hypervisors."""
    found = re.search(r"^model name\s*:\s*(.+)$", _read(CPUINFO) or "", re.MULTILINE)
    name = found[1] if found else platform.processor() or platform.machine()
    name = re.sub(r"\((R|TM)\)|\bCPU\b|\bProcessor\b|@.*$", " ", name)
    return " ".join(name.split())


def _memory_class(size: int) -> int:
    """GiB rounded to the nearest of 1, 1.5, 2, 3, 4, 6, 8, …: kernels reserve varying amounts."""
    gib = size / 2**30
    classes = [base * 2**power for power in range(14) for base in (1.0, 1.5)]
    distances = [abs(log2(candidate / gib)) for candidate in classes]
    return max(1, round(float(classes[distances.index(min(distances))])))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None
