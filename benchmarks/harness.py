"""Measure the harness itself: what it costs beside the rounds that it times.

    python benchmarks/harness.py                     print, and compare with the baseline
    python benchmarks/harness.py --keep              write benchmarks/harness-baseline.json

CPU seconds of commands are the median of several processes, and torch's own import is measured
beside them in the same minute: on a shared machine only their ratio means something.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BASELINE = Path(__file__).with_name("harness-baseline.json")
SAMPLE = Path(__file__).parents[1] / "results" / "sample.db"
SEPCONV = (sys.executable, "-m", "sepconv")
COMMANDS = {
    "import torch": (sys.executable, "-c", "import torch"),
    "sepconv --help": (*SEPCONV, "--help"),
    "sepconv cost note": (*SEPCONV, "cost", "note"),
    "sepconv report": (*SEPCONV, "report", "--store", str(SAMPLE), "--output", "{folder}/r.html"),
}
SHARE_GOALS = {"timed": 0.50, "timed or warm-up": 0.85}


def cpu_seconds(command: tuple[str, ...], folder: str) -> float:
    """User and system time of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [part.format(folder=folder) for part in command], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shares(folder: str) -> dict[str, float]:
    """Where the wall time of `sepconv run` goes, process start included, for 100 cases."""
    from sepconv import Store

    url = f"sqlite:///{folder}/harness.db"
    subprocess.run(
        [*SEPCONV, "run", "harness", "--store", url], check=True, stdout=subprocess.DEVNULL
    )
    with Store(url, read_only=True) as store:
        run = store.find_run("latest")
    total_s = sum(run.timing.values())
    measuring_s = run.timing["timed_s"] + run.timing["warmup_s"]
    return {
        "timed": run.timing["timed_s"] / total_s,
        "timed or warm-up": measuring_s / total_s,
        "total seconds": total_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="write the baseline")
    parser.add_argument("--repeat", type=int, default=5, help="processes per command")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS.values():
            cpu_seconds(command, folder)  # warms the disk cache
        found = {
            "cpu_s": {
                name: round(
                    statistics.median(
                        cpu_seconds(command, folder) for _ in range(arguments.repeat)
                    ),
                    3,
                )
                for name, command in COMMANDS.items()
            },
            "shares of sepconv run": {k: round(v, 3) for k, v in shares(folder).items()},
        }
    kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    for group, values in found.items():
        for name, value in values.items():
            before = kept.get(group, {}).get(name)
            note = f"  (baseline {before})" if before is not None else ""
            goal = f"  goal ≥ {SHARE_GOALS[name]}" if name in SHARE_GOALS else ""
            print(f"{group:24}{name:24}{value:8}{goal}{note}")
    if arguments.keep:
        BASELINE.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
