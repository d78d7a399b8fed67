"""What was measured: rounds, blocks, measurements, and the run, machine and code they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from math import ceil, log, sqrt
from operator import itemgetter
from statistics import fmean, median, stdev
from typing import Any, NamedTuple, Protocol

from sepconv.case import Case

METHOD_VERSION = 2
"""Changes when the harness changes what a number means: a known break in every series."""

QUANTILES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
QUIET_SHARE = 0.25  # of the quads of a pass: what was least disturbed is most alike in all runs
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
class LogRatio:
    """ln(head ÷ base), in seconds per call, over the quads of one pass of one ring.

    A quad is two rounds of each arm, taken in the order base, head, head, base or its mirror
    image, so that a drift within it cancels.
    """

    trimmed_mean: float  # 20 % cut off at each end
    standard_error: float | None  # of the trimmed mean
    mean: float  # untrimmed: a change in the tail alone is only here
    quiet_mean: float  # of the quarter of the quads that took both arms together least

    @classmethod
    def of(cls, base: Sequence[float], head: Sequence[float]) -> LogRatio:
        """The ratio of rounds that were taken in turns.

        A pair in which a clock did not move is left out: some systems count CPU time in ticks.

        Raises:
            ValueError: No pair is left.
        """
        pairs = list(zip(base, head, strict=True))
        quads = [
            [(log(h / b), log(h * b)) for b, h in pairs[i : i + 2] if b > 0 and h > 0]
            for i in range(0, len(pairs), 2)
        ]
        ratios = [fmean(ratio for ratio, _ in quad) for quad in quads if quad]
        if not ratios:
            raise ValueError("expected clocks that move within a round, found none that did")
        together = [fmean(product for _, product in quad) for quad in quads if quad]
        by_time = sorted(zip(together, ratios, strict=True), key=itemgetter(0))
        quiet = [ratio for _, ratio in by_time[: ceil(QUIET_SHARE * len(ratios))]]
        trimmed = trim(ratios)
        return cls(trimmed.mean, trimmed.standard_error, fmean(ratios), fmean(quiet))


class Trimmed(NamedTuple):
    """The mean of values without the outer 20 % at each end, and how sure it is."""

    mean: float
    standard_error: float | None  # None of fewer than two values
    degrees_of_freedom: int


def trim(values: Sequence[float]) -> Trimmed:
    """The 20 %-trimmed mean, its error from the winsorised spread; of four values or fewer, the
    plain ones.

    References:
        K. K. Yuen, "The two-sample trimmed t for unequal population variances",
        Biometrika 61, 1974.
    """
    ordered = sorted(values)
    count = len(ordered)
    cut = int(TRIMMED_SHARE * count)
    kept = ordered[cut : count - cut]
    error = None
    if len(kept) > 1:
        winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
        error = stdev(winsorised) * sqrt((count - 1) / (len(kept) * (len(kept) - 1)))
    return Trimmed(fmean(kept), error, len(kept) - 1)


@dataclass(frozen=True)
class Pair:
    """What one pass of one ring says: head against base, by both clocks."""

    ring: int
    pass_number: int
    base: Case
    head: Case
    count: int  # rounds of each arm
    cpu: LogRatio
    wall: LogRatio
    server: int = 0

    @classmethod
    def of(cls, base: Block, head: Block) -> Pair:
        """The pair of two blocks whose rounds took turns.

        Raises:
            ValueError: A clock did not move in any pair of rounds.
        """
        return cls(
            ring=base.ring,
            pass_number=base.pass_number,
            base=base.case,
            head=head.case,
            count=len(base.rounds),
            cpu=LogRatio.of(base.cpu_latencies_s, head.cpu_latencies_s),
            wall=LogRatio.of(base.latencies_s, head.latencies_s),
            server=base.server,
        )


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
class Machine:
    """A coarse, stable identity: what does not change from one night to the next.

    Volatile facts (clock, load, temperature, driver) belong to the run's `conditions`.
    """

    cpu_model: str
    architecture: str  # instruction set: x86_64, aarch64
    physical_cores: int
    logical_cores: int
    memory_gib: int  # rounded to a power of two, so that a hypervisor's share does not matter
    accelerators: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Hash of all fields."""
        return _key(asdict(self))

    @property
    def label(self) -> str:
        """As people would say it: "AMD EPYC, 2 cores, 24 GiB"."""
        cores = f"{self.logical_cores} core{'s' if self.logical_cores != 1 else ''}"
        parts = [self.cpu_model, cores, f"{self.memory_gib} GiB", *self.accelerators]
        return ", ".join(parts)


@dataclass(frozen=True)
class Environment:
    """What makes runs comparable on one machine: runs with different keys never share a series.

    An explicit list of fields. What is worth knowing but does not part series (kernel,
    libc, load) is in the run's `conditions`.
    """

    python: str  # major.minor
    torch: str
    backends: tuple[str, ...]  # "oneDNN 3.7", "MKL 2024.2", "cuDNN 9.1", …
    cpu_capability: str  # the instruction set that torch dispatches to: "AVX2"
    allocator: str  # "tuned" or "default", or why it could not be tuned
    omp_settings: tuple[str, ...] = ()  # OMP_* and KMP_* variables that were set
    flush_denormals: bool = True
    cuda: str | None = None
    method_version: int = METHOD_VERSION

    @property
    def key(self) -> str:
        """Hash of all fields."""
        return _key(asdict(self))

    @property
    def label(self) -> str:
        """The fields that people look for first."""
        cuda = f", CUDA {self.cuda}" if self.cuda else ""
        return f"torch {self.torch}{cuda}, Python {self.python}, {self.allocator} allocator"


@dataclass(frozen=True)
class Revision:
    """A commit of the repository that the measured conv types come from."""

    commit: str  # full hash
    parents: tuple[str, ...]
    committed_at: str  # UTC, ISO 8601
    authored_at: str
    subject: str


@dataclass(frozen=True)
class Run:
    """One execution of a suite, several passes of it, at one commit on one machine."""

    uid: str  # random, so that stores of different machines can be merged
    suite: str
    started_at: str  # UTC, ISO 8601
    machine: Machine
    environment: Environment
    revision: Revision | None = None
    branch: str | None = None
    dirty: bool | None = None  # None without git
    harness_version: str = ""
    seed: int = 0  # of weights, inputs and the order of the cases
    precision: float = 0.02  # the interval that the suite asked for, as a fraction
    time_budget_s: float | None = None
    passes: int | None = None  # planned over all cases; None before the plan is made
    linked_uid: str | None = None  # the first of the runs of one suite, one per allocator policy
    conditions: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None  # its number in the store
    state: str = "running"  # running, done, interrupted, failed
    finished_at: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)  # seconds by phase, their sum all

    @property
    def commit(self) -> str | None:
        return self.revision.commit if self.revision else None


@dataclass(frozen=True)
class Resumption:
    """What is known of a run that did not come to its end: its plan, and what is done of it."""

    slots: Sequence[Slot]
    passes: int
    kept: frozenset[tuple[int, int]]  # pass and ring of the blocks that are stored
    seen: frozenset[tuple[int, str]]  # pass and identity of every case that has a block in it
    failed: frozenset[str]  # identities of cases that give no block


@dataclass(frozen=True)
class Peak:
    """What this machine can do at best, measured: a roof of the roofline."""

    name: str  # "matmul_flop_per_s", "cache_bytes_per_s" or "memory_bytes_per_s"
    device: str
    dtype: str
    threads: int
    value: float
    measured_at: str  # UTC, ISO 8601


@dataclass(frozen=True)
class Selfcheck:
    """How often the gate cried wolf, and what it found, on one device of one machine."""

    device: str
    checked_at: str  # UTC, ISO 8601
    passed: bool
    detail: Mapping[str, Any]  # false alarms, found slowdowns, what can be resolved


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


def _key(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]


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
