"""How other systems find changes in a history: their published rules, or their own code.

Each takes values with NaN for missing runs, and gives the places where it sees a change. Rules that
compare single runs go on alarming for a while; the first of each spell is taken, which favours
them. Those of ruptures, asv, Apache Otava and MongoDB are left out unless they can be imported:

    pip install ruptures asv apache-otava signal-processing-algorithms
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
Detector = Callable[[Array], Iterable[int]]

SPELL = 5  # alarms that are no further apart are one


def without_gaps(rule: Detector) -> Detector:
    """Asks `rule` about the runs that have a value, and puts its places back among all."""

    @wraps(rule)
    def detect(values: Array) -> list[int]:
        runs = np.flatnonzero(~np.isnan(values))
        if len(runs) < 4:
            return []
        return [int(runs[place]) for place in rule(values[runs]) if 0 < place < len(runs)]

    return detect


def first_of_each_spell(alarms: Sequence[int]) -> list[int]:
    return [now for before, now in pairwise([-SPELL - 1, *alarms]) if now - before > SPELL]


def github_action_benchmark(threshold: float) -> Detector:
    """benchmark-action/github-action-benchmark: against the run before, either direction."""

    def rule(values: Array) -> list[int]:
        ratios = np.abs(np.diff(np.log(values)))
        return first_of_each_spell((np.flatnonzero(ratios > np.log(threshold)) + 1).tolist())

    return without_gaps(rule)


def bencher_t_test(boundary: float = 0.99, sample: int = 64) -> Detector:
    """Bencher's `t_test` threshold: the newest run against the prediction of the last 64."""

    def rule(values: Array) -> list[int]:
        alarms = []
        for run in range(2, len(values)):
            before = values[max(0, run - sample) : run]
            limit = stdtrit(len(before) - 1, boundary) * before.std()
            if limit > 0 and abs(values[run] - before.mean()) > limit:
                alarms.append(run)
        return first_of_each_spell(alarms)

    return without_gaps(rule)


def bencher_percentage(boundary: float = 0.10, sample: int = 64) -> Detector:
    def rule(values: Array) -> list[int]:
        return first_of_each_spell(
            [
                run
                for run in range(2, len(values))
                if abs(values[run] / values[max(0, run - sample) : run].mean() - 1) > boundary
            ]
        )

    return without_gaps(rule)


def conbench(z: float = 5.0, sample: int = 100) -> Detector:
    """conbench's lookback z-score: distance from the rolling mean, in deviations of the last
    distances."""

    def rule(values: Array) -> list[int]:
        distances = np.full(len(values), np.nan)
        alarms = []
        for run in range(1, len(values)):
            start = max(0, run - sample)
            distances[run] = values[run] - values[start:run].mean()
            before = distances[max(1, start) : run]
            if len(before) > 1 and 0 < z * before.std(ddof=1) < abs(distances[run]):
                alarms.append(run)
        return first_of_each_spell(alarms)

    return without_gaps(rule)


def rustc_perf(sample: int = 30, otherwise: float = 0.002) -> Detector:
    """rustc-perf: a relative change beyond Q3 + 3 IQR of the last 30 relative changes."""

    def rule(values: Array) -> list[int]:
        changes = np.abs(np.diff(values)) / values[:-1]
        alarms = []
        for run in range(1, len(values)):
            limit = otherwise
            if run >= sample:
                first, third = np.percentile(changes[run - sample : run - 1], [25, 75])
                limit = third + 3 * (third - first)
            if changes[run - 1] >= limit and changes[run - 1] > 0:
                alarms.append(run)
        return first_of_each_spell(alarms)

    return without_gaps(rule)


def perfherder(
    threshold: float = 7.0, fore: int = 12, back: tuple[int, int] = (12, 24)
) -> Detector:
    """Mozilla's Perfherder: local maxima of a t statistic whose weights fall linearly."""

    def weighted(window: Array) -> tuple[float, float]:
        weights = np.arange(len(window), 0, -1) / len(window)
        mean = float((window * weights).sum() / weights.sum())
        return mean, float(((window - mean) ** 2).sum() / max(1, len(window) - 1) / len(window))

    def rule(values: Array) -> list[int]:
        t = np.zeros(len(values) + 1)
        since = 0
        for run in range(1, len(values)):
            before = values[max(0, run - min(max(since, back[0]), back[1])) : run][::-1]
            (old, old_error), (new, new_error) = (
                weighted(before),
                weighted(values[run : run + fore]),
            )
            if new != old:
                error = np.sqrt(old_error + new_error)
                t[run] = abs(new - old) / error if error else np.inf
            since = 0 if t[run] > threshold else since + 1
        return [
            run
            for run in range(back[0], len(values) - fore + 1)
            if t[run] > threshold and t[run - 1] <= t[run] >= t[run + 1]
        ]

    return without_gaps(rule)


def asv() -> Detector:
    from asv.step_detect import detect_steps

    def detect(values: Array) -> list[int]:
        steps = detect_steps([None if np.isnan(value) else float(value) for value in values])
        return [step[0] for step in steps[1:]]

    return detect


def ruptures(kernel: str) -> Detector:
    """KernelCPD of ln(values) in robust deviations, penalty 2 ln n."""
    from ruptures import KernelCPD

    def rule(values: Array) -> list[int]:
        logs = np.log(values)
        steps = np.diff(logs)
        scale = 1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2)
        points = (logs / (scale or logs.std() or 1.0)).reshape(-1, 1)
        if len(points) < 6:
            return []
        search = KernelCPD(kernel=kernel, min_size=3).fit(points)
        return list(search.predict(pen=2 * np.log(len(points)))[:-1])

    return without_gaps(rule)


def otava(**options: float) -> Detector:
    from otava.analysis import compute_change_points

    def rule(values: Array) -> list[int]:
        return [found.index for found in compute_change_points(values.tolist(), **options)[0]]

    return without_gaps(rule)


def e_divisive(p_value: float) -> Detector:
    """MongoDB's signal-processing-algorithms; its permutations are drawn from numpy's state."""
    import signal_processing_algorithms.energy_statistics.energy_statistics as energy

    def rule(values: Array) -> list[int]:
        np.random.seed(1)
        return sorted(energy.e_divisive(values, pvalue=p_value, permutations=100))

    return without_gaps(rule)


PEERS: dict[str, Detector] = {
    "github-action-benchmark 150 %": github_action_benchmark(1.5),
    "Bencher t-test 0.99": bencher_t_test(),
    "Bencher 10 %": bencher_percentage(),
    "conbench z = 5": conbench(),
    "rustc-perf fence": rustc_perf(),
    "Perfherder t > 7": perfherder(),
}
if find_spec("asv"):
    PEERS["asv step detection"] = asv()
if find_spec("ruptures"):
    PEERS["ruptures KernelCPD linear"] = ruptures("linear")
    PEERS["ruptures KernelCPD rbf"] = ruptures("rbf")
if find_spec("otava"):
    PEERS["otava as it comes"] = otava()
    PEERS["otava 2 %"] = otava(min_magnitude=0.02)
if find_spec("signal_processing_algorithms"):
    PEERS["E-divisive p = .05"] = e_divisive(0.05)
    PEERS["E-divisive p = .01"] = e_divisive(0.01)
