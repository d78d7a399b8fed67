"""What was measured: rounds, blocks and measurements, and who is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from statistics import fmean, median
from typing import Any, Protocol

from sepconv.case import Case
from sepconv.run import Run

QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
TRIMMED_SHARE = 0.2  # cut off at each end; the estimator with the most power on busy machines
BASE, HEAD = "base", "head"  # the arms of a ring: head is judged by base
ALONE = ""  # the arm of a slot that has its ring to itself


class Status(StrEnum):
    """What became of a case in a run."""

    OK = "ok"  # has a value, and an interval as narrow as the suite asked for
    NOISY = "noisy"  # has a value; the interval is wider than the suite asked for, or there is none
    FAULTING = "faulting"  # has a value; the allocator returns pages to the system on every call
    THROTTLED = "throttled"  # has a value; the device lowered its clock meanwhile
    FAILED = "failed"  # tried: it raised
    CRASHED = "crashed"  # tried: its process died
    TIMED_OUT = "timed_out"  # tried: it did not end in time
    OUT_OF_MEMORY = "out_of_memory"  # tried: memory did not suffice
    UNSUPPORTED = "unsupported"  # not tried: this machine or torch cannot
    SKIPPED = "skipped"  # not tried: the time budget left it out
    MISSING = "missing"  # not tried: the run ended before its turn


MEASURED = frozenset({Status.OK, Status.NOISY, Status.FAULTING, Status.THROTTLED})
TRIED_IN_VAIN = frozenset({Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.OUT_OF_MEMORY})


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; without an interval, `low` and `high` are None."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def relative_error(self) -> float | None:
        """Half the interval's width over the value; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value


@dataclass(frozen=True)
class Round:
    """One timed round of `calls` calls: both clocks, in seconds for the whole round, and what
    disturbed it. A counter that the system cannot give is None."""

    wall_s: float
    cpu_s: float
    queue_s: float | None = None  # ready to run, but waiting for a core
    minor_faults: int | None = None
    involuntary_switches: int | None = None


@dataclass(frozen=True)
class Slot:
    """The place of one case in a plan: how a block of it is measured, the same in every pass.

    Slots with the same `ring` take turns on the same cores: a base and a head, or one alone.
    A case has a slot in every ring that needs it: standard has one for each partner.
    """

    case: Case
    calls: int  # per round
    rounds: int  # per block
    call_s: float  # what one call took in the calibration pass
    visits: int = 1  # into which a pass divides the rounds of the block
    ring: int = 0  # the same number in every pass of a run
    arm: str = ALONE

    @property
    def block_s(self) -> float:
        """The seconds that a block of it should spend inside timed rounds."""
        return self.calls * self.rounds * self.call_s

    def rounds_of(self, visit: int) -> int:
        """How many of the block's rounds belong to a visit, counted from 0."""
        return self.rounds // self.visits + (visit < self.rounds % self.visits)


@dataclass(frozen=True)
class Block:
    """The rounds that one pass gave one case, and what came before them."""

    case: Case
    pass_number: int
    calls: int  # per round
    rounds: tuple[Round, ...]
    first_call_s: float
    warmup_s: float  # all warm-up calls together, the first one included
    started_at: str  # UTC, ISO 8601
    server: int = 0  # which preloaded process the worker was forked from
    ring: int = 0  # blocks of one ring and pass took turns
    arm: str = ALONE
    throttled: str | None = None  # how the system held the device back meanwhile
    clock_mhz: float | None = None  # of an accelerator that tells; not stored

    @property
    def latencies_s(self) -> tuple[float, ...]:
        """Wall seconds per call, one per round."""
        return tuple(r.wall_s / self.calls for r in self.rounds)

    @property
    def cpu_latencies_s(self) -> tuple[float, ...]:
        """CPU seconds per call, one per round."""
        return tuple(r.cpu_s / self.calls for r in self.rounds)

    @property
    def timed_s(self) -> float:
        """Wall seconds inside timed rounds."""
        return sum(r.wall_s for r in self.rounds)

    def and_then(self, later: Block) -> Block:
        """This block with the rounds of a later visit of the same pass."""
        return replace(
            self,
            rounds=self.rounds + later.rounds,
            warmup_s=self.warmup_s + later.warmup_s,
            throttled=self.throttled or later.throttled,
            clock_mhz=_mean([self.clock_mhz, later.clock_mhz]),
        )

    def summary(self) -> Summary:
        """What a store keeps for ever, also when the raw rounds are thinned out."""
        return self._summary

    @cached_property
    def _summary(self) -> Summary:
        return Summary(
            count=len(self.rounds),
            calls=self.calls,
            wall=Spread.of(self.latencies_s),
            cpu=Spread.of(self.cpu_latencies_s),
            timed_s=self.timed_s,
            first_call_s=self.first_call_s,
            warmup_s=self.warmup_s,
            queue_s=_total([r.queue_s for r in self.rounds]),
            minor_faults=_total([r.minor_faults for r in self.rounds]),
            involuntary_switches=_total([r.involuntary_switches for r in self.rounds]),
            faults_per_call=self._faults_per_call(),
        )

    def _faults_per_call(self) -> float | None:
        """In the median round: a heap that still grows faults in the first ones only."""
        counts = [r.minor_faults for r in self.rounds if r.minor_faults is not None]
        return median(counts) / self.calls if len(counts) == len(self.rounds) else None


@dataclass(frozen=True)
class Spread:
    """How one clock's seconds per call were spread over the rounds of a block."""

    quantiles: tuple[float, ...]  # at `QUANTILES`
    trimmed_mean: float
    mean: float

    @property
    def median(self) -> float:
        return self.quantiles[QUANTILES.index(0.5)]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        ordered = sorted(values)
        cut = int(TRIMMED_SHARE * len(ordered))
        return cls(
            quantiles=tuple(_quantile(ordered, share) for share in QUANTILES),
            trimmed_mean=fmean(ordered[cut : len(ordered) - cut]),
            mean=fmean(ordered),
        )


@dataclass(frozen=True)
class Summary:
    """A block without its rounds: both clocks' spread per call, and totals of the counters."""

    count: int  # rounds
    calls: int  # per round
    wall: Spread
    cpu: Spread
    timed_s: float
    first_call_s: float
    warmup_s: float
    queue_s: float | None
    minor_faults: int | None
    involuntary_switches: int | None
    faults_per_call: float | None  # minor page faults per call in the median round


@dataclass(frozen=True)
class Facts:
    """What one look at a case tells that needs no repetition: its allocations, its cost where
    there is no closed form; and for each metric that cannot be had here, the reason."""

    values: Mapping[str, float] = field(default_factory=dict)  # by metric name
    unsupported: Mapping[str, str] = field(default_factory=dict)  # metric name → reason

    def and_also(self, other: Facts) -> Facts:
        """The facts of both."""
        return replace(
            self,
            values={**self.values, **other.values},
            unsupported={**self.unsupported, **other.unsupported},
        )


@dataclass(frozen=True)
class Measurement:
    """All blocks of one case in one run, or the reason why there are none."""

    case: Case
    status: Status
    error: str | None = None
    values: Mapping[str, Estimate] = field(default_factory=dict)  # by metric name
    passes: int = 0
    unsupported: Mapping[str, str] = field(default_factory=dict)  # metric name → reason

    @property
    def is_measured(self) -> bool:
        """Whether there is a latency, however noisy."""
        return self.status in MEASURED


@dataclass(frozen=True)
class Resumption:
    """What is known of a run that did not come to its end: its plan, and what is done of it."""

    slots: Sequence[Slot]
    passes: int
    kept: frozenset[tuple[int, int]]  # pass and ring of the blocks that are stored
    seen: frozenset[tuple[int, str]]  # pass and identity of every case that has a block in it
    failed: frozenset[str]  # identities of cases that give no block


@dataclass(frozen=True)
class Record:
    """A measurement in the run that it belongs to."""

    run: Run
    measurement: Measurement


class Ledger(Protocol):
    """What a sweep tells its keeper as soon as it knows it; bench knows no store and no judge."""

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None:
        """A pass over `slots` begins; number 0 is the calibration."""

    def keep_plan(self, slots: Sequence[Slot], passes: int | None) -> None:
        """How each case will be measured, and in how many passes at least; with None, these
        slots are more of the same plan."""

    def keep_visit(self, case: Case) -> None:
        """A visit is over that did not complete its block: for those who watch."""

    def keep_blocks(self, *blocks: Block) -> None:
        """One pass of a ring was measured, base before head: store it in one transaction."""

    def keep_facts(self, case: Case, facts: Facts) -> None:
        """What the calibration saw of a case beside its time."""

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        """A case gives no block, and leaves the plan."""

    def end_pass(self, number: int) -> None:
        """All blocks of a pass are kept: estimates can be renewed."""

    def unsettled(self) -> Sequence[Case]:
        """The cases whose intervals are still too wide, the widest first."""


def _mean(values: Sequence[float | None]) -> float | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the two neighbours, as numpy's default."""
    if share == 0.5:
        return median(ordered)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _total(counts: Sequence[Any]) -> Any:
    """The sum, or None if the system could not count."""
    return None if any(count is None for count in counts) else sum(counts)
