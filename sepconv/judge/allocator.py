"""What memory management costs: the same cases under both policies of the allocator.

glibc's default returns large blocks to the system when they are freed, so that the next call
faults every page in again; the tuned one keeps them. The two runs are minutes apart, so the
ratios here carry the machine's drift; those that are paired in a ring do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, hypot, log, prod
from statistics import median

from sepconv.case import Case
from sepconv.cost.layer import ELEMENT_BYTES
from sepconv.judge.axis import name_of
from sepconv.judge.finding import conv_order
from sepconv.record import Estimate, Measurement
from sepconv.run import Run

TUNED, DEFAULT = "tuned", "default"  # as environments name the policies


@dataclass(frozen=True)
class AllocatorRatio:
    """One case under both policies: how many times as long it takes with the default one."""

    case: Case
    ratio: Estimate  # default ÷ tuned
    tuned_s: float
    default_s: float
    output_bytes: int  # of one call
    tuned_faults: float | None  # minor page faults of one call
    default_faults: float | None


@dataclass(frozen=True)
class AllocatorCost:
    """All cases of one conv type under both policies; `low` and `high` are the extremes over its
    cases, not an interval."""

    name: str
    ratio: float  # median over cases of default ÷ tuned
    low: float
    high: float
    count: int
    tuned_faults: float | None  # minor page faults of one call, median over cases
    default_faults: float | None


def allocator_cost(
    tuned: Sequence[Measurement], default: Sequence[Measurement]
) -> list[AllocatorCost]:
    """Per conv type, in the order of all tables, from the cases that both runs measured."""
    groups: dict[str, list[AllocatorRatio]] = {}
    for found in sorted(allocator_ratios(tuned, default), key=lambda r: conv_order(r.case)):
        groups.setdefault(name_of(found.case), []).append(found)
    return [_summed_up(name, members) for name, members in groups.items()]


def allocator_ratios(
    tuned: Sequence[Measurement], default: Sequence[Measurement]
) -> list[AllocatorRatio]:
    """Every case that has a latency under both policies, smallest output first."""
    of_default = {m.case.identity: m for m in default if _has_latency(m)}
    ratios = []
    for first in tuned:
        second = of_default.get(first.case.identity)
        if second is None or not _has_latency(first):
            continue
        before, after = first.values["latency_s"], second.values["latency_s"]
        ratios.append(
            AllocatorRatio(
                case=first.case,
                ratio=divide(after, before),
                tuned_s=before.value,
                default_s=after.value,
                output_bytes=output_bytes(first.case),
                tuned_faults=_faults(first),
                default_faults=_faults(second),
            )
        )
    return sorted(ratios, key=lambda r: r.output_bytes)


def divide(numerator: Estimate, denominator: Estimate) -> Estimate:
    """The quotient of two independent estimates, its interval from both of theirs.

    In logarithms, where the intervals are symmetric and their half widths add in quadrature.
    """
    value = numerator.value / denominator.value
    widths = [_log_width(estimate) for estimate in (numerator, denominator)]
    if None in widths:
        return Estimate(value)
    width = hypot(*(w for w in widths if w is not None))
    return Estimate(value, value * exp(-width), value * exp(width))


def output_bytes(case: Case) -> int:
    """The size of what one call returns: the same for every conv type of a shape."""
    return prod(case.output_shape) * ELEMENT_BYTES[case.dtype]


def policies(run: Run, others: Iterable[Run]) -> tuple[Run, Run] | None:
    """`run` and its sibling under the other policy, tuned first; None without a sibling.

    Runs of one suite that differ in nothing but the allocator are linked by the uid of the first.
    """
    for other in others:
        by_policy = {each.environment.allocator: each for each in (run, other)}
        if _link(other) == _link(run) and by_policy.keys() == {TUNED, DEFAULT}:
            return (by_policy[TUNED], by_policy[DEFAULT])
    return None


def _link(run: Run) -> str:
    return run.linked_uid or run.uid


def _summed_up(name: str, members: Sequence[AllocatorRatio]) -> AllocatorCost:
    ratios = [member.ratio.value for member in members]
    return AllocatorCost(
        name=name,
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        count=len(ratios),
        tuned_faults=_median([member.tuned_faults for member in members]),
        default_faults=_median([member.default_faults for member in members]),
    )


def _has_latency(measurement: Measurement) -> bool:
    return measurement.is_measured and "latency_s" in measurement.values


def _faults(measurement: Measurement) -> float | None:
    found = measurement.values.get("minor_faults_per_call")
    return found.value if found else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _log_width(estimate: Estimate) -> float | None:
    """Half the interval's width in logarithms; None without an interval above zero."""
    if not estimate.low or not estimate.high:
        return None
    return log(estimate.high / estimate.low) / 2
