"""How the gate has judged so far: whether it is decided, quiet and fair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sepconv.comparison import DECIDED, Comparison, Detail, Outcome


@dataclass(frozen=True)
class TrackRecord:
    """What became of the cases of many comparisons.

    A gate that only ever says "slower" is a sign of a process that makes false alarms: of
    changes that are none, as many should read as faster.
    """

    comparisons: int
    interrupted: int
    cases: int
    outcomes: Counter[Outcome]
    details: Counter[Detail]
    judged: int  # the cases that both sides could measure
    red: int  # comparisons with a confirmed regression
    floor: float | None  # base against itself, in the median comparison
    worst_floor: float | None
    detectable: float | None  # by the median case
    case_s: float | None  # wall seconds per case


def track_record(comparisons: Sequence[Comparison]) -> TrackRecord:
    """The record of these comparisons; those that were interrupted are only counted."""
    done = [each for each in comparisons if each.state == "done"]
    cases = [case for each in done for case in each.cases]
    outcomes = Counter(case.outcome for case in cases)
    floors = [each.method["floor"] for each in done if each.method.get("floor") is not None]
    shown = [case.detectable for case in cases if case.detectable is not None]
    spent_s = sum(sum(each.timing.values()) for each in done)
    return TrackRecord(
        comparisons=len(done),
        interrupted=len(comparisons) - len(done),
        cases=len(cases),
        outcomes=outcomes,
        details=Counter(detail for case in cases for detail in case.details),
        judged=sum(outcomes[outcome] for outcome in DECIDED),
        red=sum(bool(each.counts[Outcome.SLOWER]) for each in done),
        floor=median(floors) if floors else None,
        worst_floor=max(floors, default=None),
        detectable=median(shown) if shown else None,
        case_s=spent_s / len(cases) if cases else None,
    )
