"""What a comparison of two sides says: outcomes with their evidence, case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from sepconv.case import Case
from sepconv.ratio import Pair
from sepconv.record import Block, Facts, Slot, Status
from sepconv.run import Environment, Machine, Revision


class Outcome(StrEnum):
    """What became of a case between base and head."""

    SLOWER = "slower"  # confirmed in fresh processes
    FASTER = "faster"  # confirmed in fresh processes
    SAME = "same"  # any change is smaller than the margin of sameness
    UNDECIDED = "undecided"  # neither could be shown; never a reason to fail
    NEW = "new"  # base has no such case, or could not run it
    MISSING = "missing"  # head has no such case any more
    FAILED = "failed"  # head could not run it
    NOT_COMPARABLE = "not_comparable"  # a side could not be loaded, or the two do not match


class Detail(StrEnum):
    """What an outcome does not say by itself."""

    TAIL_CHANGED = "tail_changed"  # the mean moved, and most calls did not
    WAITS = "waits"  # wall time moved, and CPU time did not
    ALLOCATES_MORE = "allocates_more"  # with the default allocator a call takes more memory
    WORKLOAD_CHANGED = "workload_changed"  # parameters or multiply-adds differ


class Stage(StrEnum):
    """What a pass of a ring is for."""

    SCREEN = "screen"  # of every case: which of them are worth a second look
    CONFIRM = "confirm"  # the second look, in fresh processes; it alone decides
    NULL = "null"  # base against base: what no change looks like here and now


class Purpose(StrEnum):
    """Why a comparison was made."""

    GATE = "gate"  # to judge head: a pull request, or somebody's question
    NIGHTLY = "nightly"  # a point of the ratio series: head by the pinned reference
    CHAIN = "chain"  # an old reference by the new one, so that the series go on
    CONFIRM = "confirm"  # the two commits of an event, measured again
    BISECT = "bisect"  # one step of a search for the commit


DECIDED = frozenset({Outcome.SLOWER, Outcome.FASTER, Outcome.SAME, Outcome.UNDECIDED})


@dataclass(frozen=True)
class Contender:
    """One side of a comparison, as people know it."""

    label: str  # "main~3", "the working tree", "threads=1", "run 12"
    revision: Revision | None = None
    branch: str | None = None
    dirty: bool | None = None
    digest: str | None = None  # of the code that was measured
    note: str | None = None  # why it was chosen, where nobody named it
    environment: Environment | None = None
    settings: Mapping[str, str] = field(default_factory=dict)  # "python", variables, axes

    @property
    def title(self) -> str:
        """The label, with the commit that it means."""
        if self.revision is None:
            return self.label
        commit = self.revision.commit[:10]
        changes = " with uncommitted changes" if self.dirty else ""
        if self.label == commit or self.revision.commit.startswith(self.label):
            return f"{commit}{changes}"
        return f"{self.label} ({commit}{changes})"


@dataclass(frozen=True)
class Acknowledgement:
    """Somebody's word that a change is meant: until base changes, the gate lets it pass."""

    author: str
    reason: str
    at: str  # UTC, ISO 8601: when it was said first
    carried_from: str | None = None  # uid of the comparison in which it was said, if not this one
    is_withdrawn: bool = False


@dataclass(frozen=True)
class Compared:
    """What the passes of one ring say of its case, and how surely."""

    ring: int
    base: Case
    head: Case
    outcome: Outcome
    details: tuple[Detail, ...] = ()
    ratio: float | None = None  # head ÷ base, in seconds per call: 1.05 is 5 % slower
    low: float | None = None  # of the interval at `confidence`
    high: float | None = None
    confidence: float | None = None
    detectable: float | None = None  # change that would be confirmed 9 times in 10: 0.03 is 3 %
    passes: int = 0  # those that the ratio is of
    reason: str | None = None  # why there is no verdict, or what the verdict rests on
    base_latency_s: float | None = None  # wall time of a call in turns, warm
    head_latency_s: float | None = None
    metrics: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    acknowledged: Acknowledgement | None = None

    @property
    def is_alarm(self) -> bool:
        """Whether it is slower, and nobody has said that it is meant to be."""
        return self.outcome is Outcome.SLOWER and self.acknowledged is None


@dataclass(frozen=True)
class LeftOut:
    """A case that was not compared, which is nobody's fault: no time, or no such device."""

    case: Case
    reason: str


@dataclass(frozen=True)
class ComparedPass:
    """What one pass of one ring says, and what it was for."""

    stage: Stage
    pair: Pair  # its server tells which of the comparison's servers forked the workers
    base_latency_s: float  # median round, wall time per call
    head_latency_s: float


@dataclass(frozen=True)
class Comparison:
    """Two sides, measured in turns on one machine, and what became of every case."""

    uid: str
    suite: str
    started_at: str  # UTC, ISO 8601
    machine: Machine
    base: Contender
    head: Contender
    harness_version: str = ""
    seed: int = 0
    budget_s: float | None = None
    method: Mapping[str, Any] = field(default_factory=dict)  # margins, error rates, A/A floor
    conditions: Mapping[str, Any] = field(default_factory=dict)
    cases: Sequence[Compared] = ()
    left_out: Sequence[LeftOut] = ()
    unchanged: Sequence[str] = ()  # conv types that were skipped, as their code is the same
    state: str = "running"  # running, done, interrupted, failed
    finished_at: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    purpose: Purpose = Purpose.GATE
    id: int | None = None  # its number in the store

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many cases have each outcome; all outcomes are there."""
        found = Counter(case.outcome for case in self.cases)
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @property
    def alarms(self) -> Sequence[Compared]:
        """The cases that are slower, without those that somebody has acknowledged."""
        return [case for case in self.cases if case.is_alarm]

    @property
    def acknowledged(self) -> Sequence[Compared]:
        """The cases whose change somebody has acknowledged."""
        return [case for case in self.cases if case.acknowledged is not None]

    @property
    def outcome(self) -> Outcome:
        """The one that decides: what has to be acted upon comes first.

        What is acknowledged decides only where there is nothing else.
        """
        open_ones = {case.outcome for case in self.cases if case.acknowledged is None}
        for outcome in BY_WEIGHT:
            if outcome in open_ones:
                return outcome
        if self.cases:
            return Outcome.SAME
        return Outcome.SAME if self.unchanged else Outcome.FAILED


BY_WEIGHT = (
    Outcome.SLOWER,
    Outcome.NOT_COMPARABLE,
    Outcome.FAILED,
    Outcome.MISSING,
    Outcome.UNDECIDED,
    Outcome.FASTER,
    Outcome.NEW,
    Outcome.SAME,
)


class Umpire(Protocol):
    """Whom a comparison tells what it measures, and asks what to measure next."""

    def keep_plan(self, slots: Sequence[Slot], null_rings: Sequence[int]) -> None:
        """How each ring will be measured; `null_rings` are base against base."""

    def keep_look(self, arm: str, case: Case, facts: Facts) -> None:
        """What one look at a case on that side told, with the default allocator."""

    def keep_failure(self, arm: str, case: Case, status: Status, error: str) -> None:
        """The case cannot be measured on that side; its rings are not asked for again."""

    def keep_pass(self, stage: Stage, base: Block, head: Block) -> bool:
        """One pass of a ring was measured; returns whether it says anything."""

    def lose(self, ring: int, reason: str) -> None:
        """A ring is measured no more: it says nothing."""

    def next_pass(self, time_left: bool) -> tuple[Stage, Sequence[int]] | None:
        """The rings that the next pass should measure; None when all is decided.

        Without `time_left`, what was begun is confirmed, and nothing new is looked into.
        """
