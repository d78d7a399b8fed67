"""What the control groups of this process allow, in both versions of the kernel's interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepconv.bench.host import Condition, Host
from sepconv.units import format_bytes

GROUPS = "sys/fs/cgroup"
LEAST_MEMORY_BYTES = 2 << 30  # two workers with torch, and the larger cases
LEAST_UNLIMITED_BYTES = 1 << 60  # version 1 has no word for "no limit", only a huge number


def check_cpu_quota(host: Host) -> Condition:
    """Whether a control group stops its processes when they have used their share."""
    quota = cpu_quota(host.root)
    return Condition(
        "CPU quota",
        "none" if quota is None else f"{quota:g} cores",
        "good" if quota is None or quota >= host.core_count else "bad",
        "a group that has used up its share is stopped for milliseconds, mid-round",
        "docker update --cpu-quota=-1 CONTAINER, or no limits.cpu in the pod",
    )


def check_memory_limit(host: Host) -> Condition:
    """Whether a control group leaves enough memory for two workers."""
    limit = memory_limit(host.root)
    return Condition(
        "memory limit",
        "none" if limit is None else format_bytes(limit),
        "good" if limit is None or limit >= LEAST_MEMORY_BYTES else "bad",
        "at the limit pages are taken back, or a worker is killed",
        "docker update --memory=4g CONTAINER, or a higher limits.memory in the pod",
    )


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The cores' worth of time that the tightest group allows; None without a quota."""
    quotas = []
    for folder in _folders(root, "cpu"):
        unified = _words(folder / "cpu.max")  # "max 100000", "150000 100000"
        split = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        quotas += [
            float(used) / float(period)
            for used, period in (words for words in (unified, split) if len(words) == 2)
            if used not in ("max", "-1") and float(period) > 0
        ]
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """The bytes that the tightest group allows; None without a limit."""
    limits = []
    for folder in _folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += [int(word) for word in _words(folder / name) if word != "max"]
    return min((limit for limit in limits if limit < LEAST_UNLIMITED_BYTES), default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The groups of this process that `controller` acts on, and all groups around them.

    A container often sees its own group at the top and not at the path that the kernel names:
    folders that are not there are left to the reader.
    """
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            tops = [root / GROUPS, root / GROUPS / "unified"]
        elif controller in controllers.split(","):
            tops = [root / GROUPS / controllers, root / GROUPS / controller]
        else:
            continue
        inner = Path(path.lstrip("/"))
        for top in tops:
            yield from (top / part for part in (inner, *inner.parents))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    """The words of the first line that all read as a number or "max"."""
    words = [word for line in _lines(path)[:1] for word in line.split()]
    return [word for word in words if word == "max" or word.lstrip("-").isdecimal()]
