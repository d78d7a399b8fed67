"""Does a sweep keep its promises: its time, the width of its intervals, its page faults?

    python benchmarks/promises.py                                  `quick`, three times
    python benchmarks/promises.py --budgets 10s 30s 60s 3min       in other times

One row per run: the wall seconds of the whole command ÷ its budget (promised: within 10 %); of the
speed-ups of each separable form, the share whose 95 % interval is at most ± its goal wide, and the
median and widest half width; the most page faults that a call of any case takes (promised: 8).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from sepconv import Store
from sepconv.record import Measurement
from sepconv.units import parse_duration

GOALS = {"depthwise_separable": 0.05, "spatially_separable": 0.03}  # half widths of speed-ups
SOME_FAILED = 3


def sweep(suite: str, budget: str, url: str) -> tuple[float, Sequence[Measurement]]:
    """The wall seconds of a run, process start included, and what it measured."""
    command = ["-m", "sepconv", "run", suite, "--store", url, "--time-budget", budget]
    start = perf_counter()
    process = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    )
    took_s = perf_counter() - start
    if process.returncode not in (0, SOME_FAILED):
        sys.exit(f"sepconv {' '.join(command[2:])} failed:\n{process.stdout}{process.stderr}")
    with Store(url, read_only=True) as store:
        return took_s, store.measurements(store.find_run("latest").id or 0)


def row(budget: str, took_s: float, measurements: Sequence[Measurement]) -> list[str]:
    faults = [
        found.value
        for each in measurements
        if (found := each.values.get("minor_faults_per_call")) is not None
    ]
    return [
        budget,
        f"{took_s / parse_duration(budget):.2f}",
        *(widths(measurements, conv_type, goal) for conv_type, goal in GOALS.items()),
        f"{max(faults):.1f}" if faults else "not counted",
        f"{sum(each.is_measured for each in measurements)} of {len(measurements)}",
    ]


def widths(measurements: Sequence[Measurement], conv_type: str, goal: float) -> str:
    """Of the speed-ups of a conv type: how many are as sure as they should be, how sure."""
    speedups = [
        each.values["realised_speedup"].relative_error
        for each in measurements
        if each.case.conv_type == conv_type and "realised_speedup" in each.values
    ]
    known = [error for error in speedups if error is not None]
    if not known:
        return f"no interval of {len(speedups)}"
    kept = sum(error <= goal for error in known)
    return (
        f"{kept} of {len(speedups)} within ±{goal:.0%}, "
        f"median ±{median(known):.1%}, widest ±{max(known):.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--budgets", nargs="+", default=["60s"] * 3, metavar="TIME")
    arguments = parser.parse_args()

    print("| budget | wall ÷ budget | depthwise separable | spatially separable | faults | cases |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, budget in enumerate(arguments.budgets):
            url = f"sqlite:///{Path(folder) / f'{number}.db'}"
            print(f"| {' | '.join(row(budget, *sweep(arguments.suite, budget, url)))} |")


if __name__ == "__main__":
    main()
