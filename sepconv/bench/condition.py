"""The state of the machine, as far as measuring depends on it; every answer ends in advice.

Nothing here raises because a file is absent: what a system does not tell is `unknown`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace

import psutil

from sepconv.bench.cgroup import check_cpu_quota, check_memory_limit
from sepconv.bench.host import Condition, Host
from sepconv.units import format_bytes, format_seconds

CPU = "sys/devices/system/cpu"
THREAD_VARIABLE = re.compile(r"(OMP|KMP|GOMP|MKL)_(?!NUM_THREADS)\w+")  # the case says how many
ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc", "hoard")
CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
LEAST_CORES = 2  # one that measures, one for all else
MOST_LOAD_SHARE = 0.5  # of the cores, by others, before any measuring
MOST_STEAL = 0.02  # of the time
STEAL_WINDOW_S = 0.5  # 100 ticks on two cores
MOST_SWAPPED_BYTES = 64 << 20  # less are pages that nobody has wanted since the boot
MOST_CLOCK_STEP_S = 5e-6  # 1 % of the shortest round


def check_conditions(host: Host | None = None) -> list[Condition]:
    """Every condition, those that are worth a look first; only these come with advice."""
    host = host or Host()
    found = [check(host) for check in CHECKS]
    bad = [condition for condition in found if condition.verdict == "bad"]
    rest = [replace(condition, advice="") for condition in found if condition.verdict != "bad"]
    return [*bad, *sorted(rest, key=lambda condition: condition.verdict == "good")]


def check_governor(host: Host) -> Condition:
    """Whether the clock of the measuring core is left to the system's guess."""
    name, meaning = "governor", "a clock that follows the load makes the first rounds slow"
    found = host.read(f"{CPU}/cpu{host.measuring_core}/cpufreq/scaling_governor")
    if found is None:
        return Condition(name, "not told", "unknown", f"{meaning}; a host may decide it")
    return Condition(
        name,
        found,
        "good" if found == "performance" else "bad",
        meaning,
        "sudo cpupower frequency-set --governor performance",
    )


def check_turbo(host: Host) -> Condition:
    """Whether the clock rises above its base while others are idle and the chip is cool."""
    name, meaning = "turbo", "the clock depends on temperature and on what other cores do"
    for path, off in ((f"{CPU}/intel_pstate/no_turbo", "1"), (f"{CPU}/cpufreq/boost", "0")):
        found = host.read(path)
        if found is not None:
            advice = f"echo {off} | sudo tee /{path}"
            is_off = found == off
            return Condition(
                name, "off" if is_off else "on", "good" if is_off else "bad", meaning, advice
            )
    return Condition(name, "not told", "unknown", meaning)


def check_siblings(host: Host) -> Condition:
    """Whether the measuring core shares its arithmetic units with another logical core."""
    name, meaning = "SMT siblings", "a sibling that works takes up to half of the core"
    found = host.read(f"{CPU}/cpu{host.measuring_core}/topology/thread_siblings_list")
    if found is None:
        return Condition(name, "not told", "unknown", meaning)
    is_alone = found == str(host.measuring_core)
    return Condition(
        name,
        f"core {host.measuring_core} is alone" if is_alone else f"cores {found} are one",
        "good" if is_alone else "bad",
        meaning,
        "echo off | sudo tee /sys/devices/system/cpu/smt/control",
    )


def check_cores(host: Host) -> Condition:
    """Whether the supervisor has a core beside the one that measures."""
    return Condition(
        "usable cores",
        str(host.core_count),
        "good" if host.core_count >= LEAST_CORES else "bad",
        "with one core, the supervisor interrupts what it measures",
        "start the container with --cpuset-cpus=0-1, or use a larger machine",
    )


def check_affinity(_host: Host) -> Condition:
    """Whether a process may be pinned to a core; tries it on this very process."""
    name, meaning = "affinity", "both arms of a ring must run on the same core"
    if not hasattr(os, "sched_setaffinity"):
        return Condition(name, "this system has none", "bad", meaning, "measure on Linux")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        os.sched_setaffinity(0, before)
    except OSError as error:
        advice = "allow sched_setaffinity in the container's seccomp profile"
        return Condition(name, error.strerror or str(error), "bad", meaning, advice)
    return Condition(name, "may be set", "good", meaning)


def check_load(host: Host) -> Condition:
    """Whether others use this machine."""
    name, meaning = "load", "others take the core, the caches and the memory bandwidth"
    found = (host.read("proc/loadavg") or "").split()
    if not found:
        return Condition(name, "not told", "unknown", meaning)
    return Condition(
        name,
        f"{found[0]} on {host.core_count} cores",
        "good" if float(found[0]) <= MOST_LOAD_SHARE * host.core_count else "bad",
        meaning,
        "end what is not needed: ps -eo pcpu,comm --sort=-pcpu | head",
    )


def check_steal(host: Host, wait: Callable[[float], None] = time.sleep) -> Condition:
    """Whether the host gives this machine's cores to other guests, right now."""
    name, meaning = "steal", "time that the host gave to other guests counts as ours"
    before = _ticks(host)
    wait(STEAL_WINDOW_S)
    after = _ticks(host)
    if before is None or after is None:
        return Condition(name, "not told", "unknown", meaning)
    stolen, total = after[0] - before[0], after[1] - before[1]
    share = stolen / total if total > 0 else 0.0
    return Condition(
        name,
        f"{share:.1%} of {STEAL_WINDOW_S:g} s",
        "good" if share <= MOST_STEAL else "bad",
        meaning,
        "measure on dedicated cores, or at another hour",
    )


def check_allocator(host: Host) -> Condition:
    """Whether sepconv can set the policy of the allocator, and nobody else does."""
    name, meaning = "allocator", "pages given back on every free cost up to half of a call"
    if host.libc != "glibc":
        advice = "use an image with glibc (Debian, Fedora), not musl (Alpine)"
        return Condition(name, host.libc or "not glibc", "bad", meaning, advice)
    preloaded = host.variables.get("LD_PRELOAD", "")
    others = ["LD_PRELOAD"] if any(known in preloaded for known in ALLOCATORS) else []
    others += sorted(
        variable
        for variable, value in host.variables.items()
        if variable.startswith("MALLOC_")
        or (variable == "GLIBC_TUNABLES" and "glibc.malloc" in value)
    )
    if others:
        return Condition(
            name, f"glibc, with {', '.join(others)}", "bad", meaning, f"unset {' '.join(others)}"
        )
    return Condition(name, "glibc, can be tuned", "good", meaning)


def check_threads(host: Host) -> Condition:
    """Whether variables that steer OpenMP or MKL are set: they make another environment."""
    found = sorted(name for name in host.variables if THREAD_VARIABLE.fullmatch(name))
    return Condition(
        "thread settings",
        ", ".join(found) or "none",
        "bad" if found else "good",
        "runs with and without them never share a series",
        f"unset {' '.join(found)}" if found else "",
    )


def check_timer(_host: Host) -> Condition:
    """The smallest step of the two clocks that every round is read by."""
    steps = {
        "wall": _smallest_step(time.perf_counter),
        "CPU": _smallest_step(time.thread_time),
    }
    return Condition(
        "timer",
        ", ".join(f"{name} {format_seconds(step)}" for name, step in steps.items()),
        "good" if max(steps.values()) <= MOST_CLOCK_STEP_S else "bad",
        "a coarse clock rounds every round",
        "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
    )


def check_swap(host: Host) -> Condition:
    """Whether pages have been moved to disk."""
    name, meaning = "swap", "a page that comes back from disk costs more than a whole round"
    sizes = dict(line.partition(":")[::2] for line in (host.read("proc/meminfo") or "").split("\n"))
    try:
        total, free = (int(sizes[key].split()[0]) << 10 for key in ("SwapTotal", "SwapFree"))
    except (KeyError, ValueError, IndexError):
        return Condition(name, "not told", "unknown", meaning)
    return Condition(
        name,
        f"{format_bytes(total - free)} in use" if total else "none",
        "good" if total - free <= MOST_SWAPPED_BYTES else "bad",
        meaning,
        "free memory, then: sudo swapoff -a && sudo swapon -a",
    )


def check_battery(_host: Host) -> Condition:
    """Whether the machine saves power since it runs on its battery."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return Condition("battery", "none", "good", "on battery the clock is held down")
    return Condition(
        "battery",
        "plugged in" if battery.power_plugged else f"on battery, {battery.percent:.0f} %",
        "good" if battery.power_plugged else "bad",
        "on battery the clock is held down",
        "plug it in",
    )


def check_guest(host: Host) -> Condition:
    """Whether a hypervisor shares the hardware out, and whether this is a container."""
    meaning = "other guests of the host change the speed of a core within milliseconds"
    cpuinfo = host.read("proc/cpuinfo")
    layers = []
    if any("hypervisor" in line.split() for line in (cpuinfo or "").splitlines()):
        layers.append("virtual machine")
    if any((host.root / mark).exists() for mark in CONTAINER_MARKS):
        layers.append("container")
    if cpuinfo is None:
        return Condition("guest", ", ".join(layers) or "not told", "unknown", meaning)
    return Condition(
        "guest",
        ", ".join(layers) or "bare metal",
        "bad" if "virtual machine" in layers else "good",
        meaning,
        "trust ratios of rings, not levels; sepconv doctor --selfcheck says how far",
    )


def check_huge_pages(host: Host) -> Condition:
    """Whether the kernel may back a heap by large pages without being asked."""
    name, meaning = "huge pages", "the kernel gives them to one process and not to its twin"
    path = "sys/kernel/mm/transparent_hugepage/enabled"
    found = host.read(path)
    if found is None or "[" not in found:
        return Condition(name, "not told", "unknown", meaning)
    chosen = found.partition("[")[2].partition("]")[0]
    return Condition(
        name,
        chosen,
        "bad" if chosen == "always" else "good",
        meaning,
        f"echo madvise | sudo tee /{path}",
    )


CHECKS: tuple[Callable[[Host], Condition], ...] = (
    check_governor,
    check_turbo,
    check_siblings,
    check_cores,
    check_affinity,
    check_cpu_quota,
    check_memory_limit,
    check_load,
    check_steal,
    check_guest,
    check_allocator,
    check_threads,
    check_timer,
    check_swap,
    check_huge_pages,
    check_battery,
)


def _ticks(host: Host) -> tuple[int, int] | None:
    """Stolen and all ticks of all cores since the boot."""
    fields = (host.read("proc/stat") or "").partition("\n")[0].split()[1:9]
    if len(fields) < 8:  # user nice system idle iowait irq softirq steal
        return None
    return int(fields[7]), sum(map(int, fields))


def _smallest_step(clock: Callable[[], float], steps: int = 20) -> float:
    """The smallest difference, in seconds, that two readings in a row ever show."""
    smallest = float("inf")
    for _ in range(steps):
        start = now = clock()
        while now == start:
            now = clock()
        smallest = min(smallest, now - start)
    return smallest
