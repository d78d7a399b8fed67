"""Do sepconv's 95 % intervals contain the truth in 95 % of the cases?

    python benchmarks/coverage.py --repeats 24 --hours 2          12 cases, 5 s each, every 5 min
    python benchmarks/coverage.py --sweep quick --repeats 15 --hours 1      a sweep as it comes
    python benchmarks/coverage.py --store sqlite:///nights.db --read        judge what is there
    python benchmarks/coverage.py --repeats 3 --seconds 0.5       to see that it works: 30 seconds

The truth is not known; what stands for it is the log-mean of all *other* runs of the same case on
the same machine in the same environment, as if nothing had changed meanwhile. A store of nightly
runs may be judged by it only over nights without a change, so name them with --newest. Since that
mean has an error too, even a perfect interval contains it a little less often than in 95 %: how
often is printed beside. The bounds of the shares are exact for intervals that are independent;
those of one run share its hour, so the true bounds are wider.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, median
from time import perf_counter, sleep

TRIMMED_SHARE = 0.2  # of the passes at each end, as the estimates leave them out
METRICS = ("realised_speedup", "latency_s")
LEAST_RUNS = 3  # of a case: each is judged by the others
SUITE = """\
name = "coverage"
precision = "1%"

[axes]
conv_type = ["standard", "depthwise_separable", "spatially_separable"]
channels = [16, 64]
resolution = [14, 28]
"""
CASE_COUNT = 12
SOME_FAILED = 3  # exit code of a run in which something could not be measured


@dataclass(frozen=True)
class Interval:
    """One interval of one run, and what the other runs say."""

    metric: str
    case: str
    status: str
    value: float
    low: float
    high: float
    truth: float  # log-mean of the other runs
    expected: float  # how often a perfect interval would contain it

    @property
    def is_true(self) -> bool:
        return self.low <= self.truth <= self.high


def measure(url: str, sweep: str | None, repeats: int, seconds: float, hours: float) -> None:
    """Run a sweep `repeats` times, evenly over `hours`, or back to back if it takes longer; the
    one of this study within `seconds` per case, or another one as it comes."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "coverage.toml"
        suite.write_text(SUITE)
        budget = ["--time-budget", f"{seconds * CASE_COUNT:g}s"]
        chosen = [str(suite), *budget] if sweep is None else [sweep]
        command = ["run", *chosen, "--store", url, "--wait"]
        for number in range(repeats):
            sleep(max(0.0, start + number * hours * 3600 / repeats - perf_counter()))
            process = subprocess.run(
                [sys.executable, "-m", "sepconv", *command],
                capture_output=True,
                text=True,
                check=False,
            )
            if process.returncode not in (0, SOME_FAILED):
                sys.exit(f"sepconv {' '.join(command)} failed:\n{process.stdout}{process.stderr}")
            print(f"run {number + 1} of {repeats}", file=sys.stderr)


def read(url: str, suite: str | None, newest: int | None) -> list[Interval]:
    """Every interval of the store's runs that others can judge."""
    from sepconv import Store

    with Store(url, read_only=True) as store:
        history = store.history(limit=newest)
    found = defaultdict(list)
    for run, measurements in history:
        if run.state != "done" or suite not in (None, run.suite):
            continue
        for measurement in measurements:
            for metric in METRICS:
                if measurement.is_measured and metric in measurement.values:
                    key = (run.machine.key, run.environment.key, measurement.case.identity, metric)
                    found[key].append(measurement)
    intervals = []
    for (*_, metric), group in found.items():
        if len(group) < LEAST_RUNS:
            continue
        logs = [log(measurement.values[metric].value) for measurement in group]
        for own, measurement in zip(logs, group, strict=True):
            estimate = measurement.values[metric]
            if estimate.low is None or estimate.high is None:
                continue
            intervals.append(
                Interval(
                    metric=metric,
                    case=measurement.case.label,
                    status=str(measurement.status),
                    value=estimate.value,
                    low=estimate.low,
                    high=estimate.high,
                    truth=exp((sum(logs) - own) / (len(logs) - 1)),
                    expected=expected_share(measurement.passes, len(logs)),
                )
            )
    return intervals


def expected_share(passes: int, runs: int) -> float:
    """How often a perfect t-interval over `passes` contains the mean of `runs` − 1 others."""
    from scipy.special import stdtr, stdtrit

    kept = passes - 2 * int(TRIMMED_SHARE * passes)
    degrees = max(kept - 1, 1)
    quantile = float(stdtrit(degrees, 0.975)) / sqrt(1 + 1 / (runs - 1))
    return 1 - 2 * float(stdtr(degrees, -quantile))


def exact_bounds(successes: int, trials: int) -> tuple[float, float]:
    """95 % bounds of a share (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934)."""
    from scipy.special import betaincinv

    low, high = 0.0, 1.0
    if successes > 0:
        low = float(betaincinv(successes, trials - successes + 1, 0.025))
    if successes < trials:
        high = float(betaincinv(successes + 1, trials - successes, 0.975))
    return low, high


def print_table(intervals: Sequence[Interval]) -> None:
    print("| intervals of | number | contain the truth | 95 % bounds | perfect ones | half width |")
    print("|---|---|---|---|---|---|")
    for metric in METRICS:
        own = [interval for interval in intervals if interval.metric == metric]
        print_row(metric, own)
        for status in sorted({interval.status for interval in own}):
            print_row(f"… {status}", [each for each in own if each.status == status])


def print_row(name: str, own: Sequence[Interval]) -> None:
    if not own:
        print(f"| {name} | 0 | | | | |")
        return
    true = sum(interval.is_true for interval in own)
    low, high = exact_bounds(true, len(own))
    cells = [
        name,
        str(len(own)),
        f"{true / len(own):.1%}",
        f"{low:.1%} to {high:.1%}",
        f"{fmean(interval.expected for interval in own):.1%}",
        f"±{median((each.high - each.low) / 2 / each.value for each in own):.1%}",
    ]
    print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=24, help="runs of the sweep")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run, per case")
    parser.add_argument("--sweep", metavar="SUITE", help="this suite, in its own time budget")
    parser.add_argument("--hours", type=float, default=0.0, help="over which the runs are spread")
    parser.add_argument("--store", help="keep the runs there  [default: in a temporary store]")
    parser.add_argument("--read", action="store_true", help="measure nothing, judge the store")
    parser.add_argument("--suite", help="judge only the runs of this suite")
    parser.add_argument("--newest", type=int, help="judge only the newest N runs")
    parser.add_argument("--out", type=Path, help="write every interval as JSON")
    arguments = parser.parse_args()

    if arguments.read and not arguments.store:
        parser.error("--read: expected a store to read; name it with --store")
    if not arguments.read and arguments.repeats < LEAST_RUNS:
        parser.error(f"--repeats: expected at least {LEAST_RUNS}: each is judged by the others")
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.store or f"sqlite:///{folder}/coverage.db"
        if not arguments.read:
            hours = arguments.hours
            measure(url, arguments.sweep, arguments.repeats, arguments.seconds, hours)
        intervals = read(url, arguments.suite, arguments.newest)
    if arguments.out:
        plain = [asdict(interval) for interval in intervals]
        arguments.out.write_text(json.dumps(plain) + "\n")
    print_table(intervals)


if __name__ == "__main__":
    main()
