"""A panel: what many runs measured of many cases, as columns: 100,000 objects are slow to read."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan

from sepconv.case import Case
from sepconv.record import Estimate
from sepconv.run import Run

NONE = -1  # an index that leads nowhere
ESTIMATES = ("latency_s", "realised_speedup")
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the rounds of a block, of all that are stored
EXACT = ("ideal_speedup", "params", "macs", "flops")


@dataclass(frozen=True)
class Column:
    """Estimates of one metric, row by row; NaN where there is none."""

    value: array[float] = field(default_factory=lambda: array("d"))
    low: array[float] = field(default_factory=lambda: array("d"))
    high: array[float] = field(default_factory=lambda: array("d"))

    def estimate(self, row: int) -> Estimate | None:
        """What stands in a row."""
        value, low, high = self.value[row], self.low[row], self.high[row]
        if value != value:  # NaN alone is not equal to itself: quicker to ask than `isnan`
            return None
        return Estimate(value, low if low == low else None, high if high == high else None)

    def append(self, estimate: Estimate | None) -> None:
        """One more row."""
        found = estimate or Estimate(nan)
        self.value.append(found.value)
        self.low.append(nan if found.low is None else found.low)
        self.high.append(nan if found.high is None else found.high)


@dataclass(frozen=True)
class Panel:
    """Every case of several runs: a row for each, with indices of its run, its case, its status
    and its error."""

    runs: tuple[Run, ...] = ()  # the one that began first comes first
    cases: tuple[Case, ...] = ()
    statuses: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    run: array[int] = field(default_factory=lambda: array("I"))
    case: array[int] = field(default_factory=lambda: array("I"))
    status: array[int] = field(default_factory=lambda: array("B"))
    error: array[int] = field(default_factory=lambda: array("i"))  # NONE without one
    latency: Column = field(default_factory=Column)
    speedup: Column = field(default_factory=Column)
    exact: Mapping[str, array[float]] = field(default_factory=dict)
    """What is the same in every run, case by case, by metric; NaN where it is not known."""

    def __len__(self) -> int:
        return len(self.run)

    @cached_property
    def case_index(self) -> dict[str, int]:
        """The index of a case by its identity."""
        return {case.identity: index for index, case in enumerate(self.cases)}


@dataclass(frozen=True)
class Rounds:
    """How the rounds of each block were spread, in wall seconds of one call: a row for a block,
    with the indices that its run and its case have in a panel."""

    run: array[int] = field(default_factory=lambda: array("I"))
    case: array[int] = field(default_factory=lambda: array("I"))
    pass_number: array[int] = field(default_factory=lambda: array("I"))
    ring: array[int] = field(default_factory=lambda: array("I"))
    quantiles: Mapping[float, array[float]] = field(
        default_factory=lambda: {share: array("d") for share in SHARES}
    )

    def __len__(self) -> int:
        return len(self.run)
