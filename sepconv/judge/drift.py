"""How far numbers of the same case differ without any cause: within one run, and between runs.

The interval of a latency knows what one run saw. A shared machine also drifts from run to run,
and that is the larger part: whoever compares two runs has to know it. Changes of the code are in
it too, but seldom in more than half of the cases and nights: medians do not see them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import expm1, log, sqrt
from statistics import median

from sepconv.judge.estimate import NORMAL_QUANTILE
from sepconv.record import Estimate

RECENT = 20  # runs that the floor is told of
QUARTILE = 0.6745  # of the standard normal distribution
LEAST_CASES = 3  # of a run, to say anything of it

Seen = tuple[int, Estimate]
"""A run, by its place, and the latency of the case there."""


@dataclass(frozen=True)
class Drift:
    """What one run can say of its own noise."""

    run: int
    within: float | None  # median over cases of half the 95 % interval: 0.02 is ±2 %
    between: float | None  # median over cases of the change since the run before, either way


@dataclass(frozen=True)
class Floor:
    """The noise of the newest runs."""

    within: float | None
    between: float | None
    runs: int  # that `between` is of

    @property
    def explained(self) -> float | None:
        """What `between` would be if the intervals within a run told all: the median distance of
        two such values."""
        if self.within is None:
            return None
        return self.within / NORMAL_QUANTILE * sqrt(2) * QUARTILE


def find_drift(series: Iterable[Sequence[Seen]]) -> list[Drift]:
    """Run by run, from the histories of many cases, each oldest first."""
    halves: dict[int, list[float]] = defaultdict(list)
    steps: dict[int, list[float]] = defaultdict(list)
    for seen in series:
        for run, latency in seen:
            halves[run] += [] if latency.relative_error is None else [latency.relative_error]
        for (_, before), (run, after) in pairwise(seen):
            steps[run].append(abs(log(after.value / before.value)))
    return [
        Drift(
            run,
            _median(halves[run]),
            None if (step := _median(steps[run])) is None else expm1(step),
        )
        for run in sorted(halves)
    ]


def find_floor(drifts: Sequence[Drift]) -> Floor:
    """The medians over the newest runs."""
    newest = drifts[-RECENT:]
    within = [drift.within for drift in newest if drift.within is not None]
    between = [drift.between for drift in newest if drift.between is not None]
    return Floor(
        within=median(within) if within else None,
        between=median(between) if between else None,
        runs=len(between),
    )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if len(values) >= LEAST_CASES else None
