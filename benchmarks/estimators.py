"""Which estimate of a speed-up differs least from run to run, and says so most truly?

    python benchmarks/coverage.py --repeats 10 --seconds 1 --store sqlite:///again.db
    python benchmarks/estimators.py --store sqlite:///again.db

Reads the raw rounds of runs of one sweep, in which nothing changed, and estimates every speed-up in
several ways from the same quads: what a pass says (a row), and how passes are put together (mean,
or 20 %-trimmed mean, each with its t-interval). Printed are the sd of the estimates from run to
run, the half width of the 95 % intervals, how many of these contain the log-mean of the other runs,
and the same with the run's own share (`RUN_SD`) added, as the harness does.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from math import hypot, log, sqrt
from statistics import fmean, median, quantiles, stdev
from typing import NamedTuple

from sepconv import Store
from sepconv.judge.estimate import NORMAL_QUANTILE, RUN_SD, student_quantile
from sepconv.ratio import LogRatio, trim
from sepconv.record import BASE, HEAD

Arms = tuple[list[float], list[float]]  # seconds per call of base and of head, round by round


class Interval(NamedTuple):
    """Of a log ratio: its middle and half its width."""

    centre: float
    half: float


def quotient(of: Callable[[Sequence[float]], float]) -> Callable[[Arms], float]:
    """ln of what `of` says of head ÷ what it says of base, whatever the order of the rounds."""
    return lambda arms: log(of(arms[1]) / of(arms[0]))


OF_A_PASS: dict[str, Callable[[Arms], float]] = {
    "20 %-trimmed mean of the quads": lambda arms: LogRatio.of(*arms).trimmed_mean,
    "mean of the quietest quarter of the quads": lambda arms: LogRatio.of(*arms).quiet_mean,
    "mean of all quads": lambda arms: LogRatio.of(*arms).mean,
    "quotient of medians": quotient(median),
    "quotient of lower quartiles": quotient(lambda seconds: quantiles(seconds, n=4)[0]),
    "quotient of minima": quotient(min),
}


def over_passes(logs: Sequence[float]) -> Interval:
    return Interval(fmean(logs), student_quantile(len(logs) - 1) * stdev(logs) / sqrt(len(logs)))


def trimmed_over_passes(logs: Sequence[float]) -> Interval:
    mean, error, freedom = trim(logs)
    return Interval(mean, student_quantile(freedom) * (error or 0.0))


TOGETHER = {"mean": over_passes, "20 %-trimmed": trimmed_over_passes}


def read(url: str) -> dict[str, list[list[Arms]]]:
    """By case, what each pass of each run holds; by CPU time."""
    found: dict[str, list[list[Arms]]] = defaultdict(list)
    with Store(url, read_only=True) as store:
        for stored in store.runs():
            rings: dict[tuple[int, int], dict[str, list[float]]] = defaultdict(dict)
            labels: dict[int, str] = {}
            for block in store.blocks(stored.run.id or 0):
                if block.arm in (BASE, HEAD) and block.rounds:
                    calls = block.summary.calls
                    seconds = [each.cpu_s / calls for each in block.rounds]
                    rings[block.ring, block.pass_number][block.arm] = seconds
                    if block.arm == HEAD:
                        labels[block.ring] = block.case.label
            passes: dict[str, list[Arms]] = defaultdict(list)
            for (ring, _), arms in rings.items():
                if len(arms) == 2:
                    passes[labels[ring]].append((arms[BASE], arms[HEAD]))
            for label, own in passes.items():
                if len(own) > 1:
                    found[label].append(own)
    return {label: runs for label, runs in found.items() if len(runs) > 2}


def print_row(name: str, together: str, intervals: Sequence[Sequence[Interval]]) -> None:
    """One way to estimate: `intervals` has one per run, for each case."""
    plain = wide = count = 0
    for own in intervals:
        total = sum(each.centre for each in own)
        for each in own:
            off = abs(each.centre - (total - each.centre) / (len(own) - 1))
            plain += off <= each.half
            wide += off <= hypot(each.half, NORMAL_QUANTILE * RUN_SD)
            count += 1
    spread = fmean(stdev([each.centre for each in own]) for own in intervals)
    half = fmean(median([each.half for each in own]) for own in intervals)
    cells = [
        name,
        together,
        f"{spread:.2%}",
        f"±{half:.2%}",
        f"{plain / count:.0%} of {count}",
        f"{wide / count:.0%}",
    ]
    print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", required=True, help="with runs of one suite, rounds and all")
    arguments = parser.parse_args()

    found = read(arguments.store)
    if not found:
        parser.error(f"--store: expected three runs of a case in rings, none in {arguments.store}")
    print(
        "| a pass says | passes | sd between runs | half width | contain the truth "
        "| with the run's share |"
    )
    print("|---|---|---|---|---|---|")
    for name, of_a_pass in OF_A_PASS.items():
        logs = [[list(map(of_a_pass, own)) for own in runs] for runs in found.values()]
        for together, interval_of in TOGETHER.items():
            print_row(name, together, [list(map(interval_of, runs)) for runs in logs])


if __name__ == "__main__":
    main()
