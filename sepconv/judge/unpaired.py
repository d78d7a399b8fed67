"""Two stored runs against each other: what can be said of latencies that never took turns.

The speed of a shared machine drifts by several per cent from run to run, whatever the code
does, and no run can know that of itself. So that drift is part of every interval here: only large
changes are decided, and none is ever shown to be the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, hypot, log, log1p
from statistics import NormalDist

from sepconv.comparison import Compared, LeftOut, Outcome
from sepconv.judge.estimate import NORMAL_QUANTILE
from sepconv.judge.gate import ALPHA, MARGIN
from sepconv.judge.workload import EXACT, details_of
from sepconv.record import TRIED_IN_VAIN, Estimate, Measurement
from sepconv.run import Run

RUN_DRIFT_SD = 0.05
"""What latencies of the same code differ by from run to run, within hours of a shared machine:
1–10 % (`python benchmarks/coverage.py`, docs/method.md)."""
MOST_HALF = 300.0  # of an interval of logarithms: beyond, no number has a place for its ends
UNPAIRED = (
    "unpaired: the two runs did not take turns, so the drift of the machine is in the interval"
)


@dataclass(frozen=True)
class Quotient:
    """One latency by another that it took no turns with, and whether it changed for certain."""

    ratio: float  # head ÷ base: 1.05 takes 5 % longer
    low: float
    high: float
    outcome: Outcome  # slower, faster or undecided: two runs alone never show "same"
    detectable: float  # the smallest change that would have been decided: 0.3 is 30 %


def why_not_comparable(base: Run, head: Run) -> str | None:
    """What differs between the two runs beside the code; None if nothing that we know of."""
    found = []
    if base.machine.key != head.machine.key:
        found.append(f"the machine ({base.machine.label}; {head.machine.label})")
    if base.environment.key != head.environment.key:
        found.append(f"the environment ({base.environment.label}; {head.environment.label})")
    return f"not the same: {' and '.join(found)}" if found else None


def level_of(count: int) -> float:
    """The odds of a false alarm in one of so many cases, by Bonferroni's correction: together
    they are 1 %."""
    return ALPHA / max(1, count)


def divide_latencies(base: Estimate, head: Estimate, level: float) -> Quotient:
    """Head by base, with the interval that is wrong as often as `level` says."""
    centre = log(head.value / base.value)
    error = hypot(_error(base), _error(head), RUN_DRIFT_SD)
    half = min(MOST_HALF, _quantile(level) * error)
    outcome = Outcome.UNDECIDED
    if abs(centre) - half > log1p(MARGIN):
        outcome = Outcome.SLOWER if centre > 0 else Outcome.FASTER
    return Quotient(
        ratio=exp(centre),
        low=exp(centre - half),
        high=exp(centre + half),
        outcome=outcome,
        detectable=exp(log1p(MARGIN) + half) - 1,
    )


def compare_measurements(
    base: Sequence[Measurement], head: Sequence[Measurement], *, reason: str | None
) -> tuple[list[Compared], list[LeftOut]]:
    """Every case of either run, and those that were not tried; with a `reason` none of them is
    comparable."""
    before = {each.case.identity: each for each in base}
    after = {each.case.identity: each for each in head}
    both = [
        identity
        for identity, each in after.items()
        if each.is_measured and identity in before and before[identity].is_measured
    ]
    level = level_of(len(both))
    compared: list[Compared] = []
    left_out: list[LeftOut] = []
    for ring, identity in enumerate(dict.fromkeys([*before, *after]), 1):
        one = _compare(ring, before.get(identity), after.get(identity), reason, level)
        if isinstance(one, Compared):
            compared.append(one)
        else:
            left_out.append(one)
    return compared, left_out


def _compare(
    ring: int,
    base: Measurement | None,
    head: Measurement | None,
    reason: str | None,
    level: float,
) -> Compared | LeftOut:
    known = head or base
    assert known is not None
    case = known.case
    if head is not None and head.status in TRIED_IN_VAIN:
        said = f"head: {head.status}: {head.error or ''}"
        return Compared(ring, case, case, Outcome.FAILED, reason=said)
    if head is None:
        return Compared(ring, case, case, Outcome.MISSING, reason="head did not measure it")
    if not head.is_measured:
        return LeftOut(case, f"head: {head.status}: {head.error or ''}")
    if base is None or not base.is_measured:
        return Compared(ring, case, case, Outcome.NEW, reason="base did not measure it")
    return _judge(ring, base, head, reason, level)


def _judge(
    ring: int, base: Measurement, head: Measurement, reason: str | None, level: float
) -> Compared:
    values = base.values["latency_s"], head.values["latency_s"]
    found = divide_latencies(*values, level)
    metrics = {
        name: (_value(base.values, name), _value(head.values, name))
        for name in EXACT
        if name in base.values or name in head.values
    }
    return Compared(
        ring=ring,
        base=base.case,
        head=head.case,
        outcome=found.outcome if reason is None else Outcome.NOT_COMPARABLE,
        details=details_of(metrics),
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        confidence=1 - level,
        detectable=found.detectable,
        passes=min(base.passes, head.passes),
        reason=f"{reason}; {UNPAIRED}" if reason else UNPAIRED,
        base_latency_s=values[0].value,
        head_latency_s=values[1].value,
        metrics=metrics,
    )


@lru_cache
def _quantile(level: float) -> float:
    """How many standard errors to both sides are exceeded as often as that."""
    return -NormalDist().inv_cdf(level / 2)


def _error(estimate: Estimate) -> float:
    """The standard error of its logarithm, as its 95 % interval tells it; that of two passes may
    reach over orders of magnitude."""
    if estimate.low is None or estimate.high is None or estimate.low <= 0:
        return (estimate.relative_error or 0.0) / NORMAL_QUANTILE
    return log(estimate.high / estimate.low) / 2 / NORMAL_QUANTILE


def _value(values: Mapping[str, Estimate], name: str) -> float | None:
    return values[name].value if name in values else None
