"""An event: the changes of many cases that one range of commits explains, and who says what of it.

States and who sets them:

    suspicious ──► confirmed ──► acknowledged (meant) · fixed · ignored (not worth a thought)
        │              ▲              by a person, with a reason
        ▼              │ seen again, or measured again by the paired gate
    refuted ───────────┘ measured again, or not seen any more: nobody was told of it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log
from statistics import fmean
from typing import Literal

from sepconv.case import Case
from sepconv.run import Revision

Direction = Literal["slower", "faster", "changed"]
"""`changed` is what an exact metric does; of a latency, a ratio above 1 is slower."""

ITSELF = "sepconv"  # the author of what follows from measurements alone


class EventState(StrEnum):
    """How much is known of an event, or what somebody has decided about it."""

    SUSPICIOUS = "suspicious"  # seen once: nobody is told
    CONFIRMED = "confirmed"  # seen again, or measured again by the paired gate
    REFUTED = "refuted"  # measured again, or looked at with more nights: it is not there
    ACKNOWLEDGED = "acknowledged"  # it is meant
    FIXED = "fixed"  # a later commit took it back
    IGNORED = "ignored"  # it is real, and nobody will do anything about it


TRIAGED = frozenset({EventState.ACKNOWLEDGED, EventState.FIXED, EventState.IGNORED})


class EventKind(StrEnum):
    """What changed."""

    LATENCY = "latency"  # of a call
    WORKLOAD = "workload"  # an exact metric: parameters, multiply-adds
    ENVIRONMENT = "environment"  # latency, with the same code: torch, kernel, machine


@dataclass(frozen=True)
class Changed:
    """One case of an event: by how much its metric changed."""

    case: Case
    metric: str
    ratio: float  # after ÷ before: 1.05 is 5 % more
    low: float | None = None  # of its 95 % interval; None for an exact metric
    high: float | None = None
    p_value: float | None = None  # of the evidence in this case alone


@dataclass(frozen=True)
class Note:
    """What somebody, or sepconv itself, says of an event: its state from then on, and why."""

    state: EventState
    author: str
    reason: str
    at: str  # UTC, ISO 8601


@dataclass(frozen=True)
class Event:
    """Changes of many cases in one place of the history, and everything said about it."""

    uid: str
    kind: EventKind
    direction: Direction
    machine: str  # key, or the class of machines, of its series
    last_good: Revision | None  # newest commit measured before; None if it has none
    first_bad: Revision | None  # oldest commit measured after; the same one if no code changed
    began_at: str  # UTC: of the first occasion after the change
    last_good_at: str  # UTC: of the last one before
    first_seen_at: str  # UTC: when an analysis found it first
    last_seen_at: str  # UTC: when an analysis found it last
    members: Sequence[Changed]
    commits: Sequence[Revision] = ()  # the range, oldest first, as far as the graph is known
    sightings: int = 1  # measured occasions after the change, when it was seen last
    explanations: Sequence[str] = ()  # what else changed there: "torch 2.12 → 2.13"
    notes: Sequence[Note] = ()  # oldest first
    id: int | None = None  # its number in the store

    @property
    def state(self) -> EventState:
        """What the newest note says."""
        return self.notes[-1].state if self.notes else EventState.SUSPICIOUS

    @property
    def is_alarm(self) -> bool:
        """Whether it is a confirmed slowdown, or changed work, that nobody has spoken about."""
        return (
            self.state is EventState.CONFIRMED
            and self.kind is not EventKind.ENVIRONMENT
            and self.direction != "faster"
        )

    @property
    def mean_ratio(self) -> float:
        """Geometric mean over its cases."""
        return exp(fmean(log(member.ratio) for member in self.members))

    @property
    def conv_types(self) -> Mapping[str, int]:
        """How many of its cases have each conv type, most first."""
        counts = Counter(member.case.conv_type for member in self.members)
        return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))

    @property
    def is_one_commit(self) -> bool:
        """Whether the range is a single commit: that is the one."""
        return len(self.commits) == 1
